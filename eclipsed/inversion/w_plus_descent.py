"""A descent in W+ for some faces side by side, first with small pictures, then with full ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from eclipsed.images import metrics
from eclipsed.images.conversion import resize
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator

__all__ = ["descend"]

_WARM = 5  # steps over which the rate rises

T = TypeVar("T")


def descend(
    generator: Generator,
    start: Tensor,
    goals: Tensor,
    *,
    look: Callable[[Tensor], T],
    loss: Callable[[Tensor, Tensor, Tensor, T], Tensor],
    steps: int,
    rate: float,
    coarse: float,
    checkpointing: bool,
    tell: Callable[[int, Tensor, Tensor], bool],
) -> tuple[Tensor, bool]:
    """Adam in W+; every face goes its own way, and the best of each is kept, of full pictures where any were drawn.

    Args:
        generator: that draws.
        start: where to begin, (N, num_ws, w_dim).
        goals: the full pictures that are to be drawn, (N, 3, H, W).
        look: what of the goals is compared; called once for each size of picture.
        loss: of ws, the drawn pictures, the goals of that size, and what `look` gave for them; (N,).
        steps: of Adam.
        rate: the highest learning rate.
        coarse: share of the steps for which pictures of half of the side are drawn.
        checkpointing: recompute activations for the gradient, for less memory and more time.
        tell: called with the steps done, the losses and the best PSNR so far, (N,) each; False stops.
    Returns:
        The ws, and whether Ctrl-C stopped the search.
    """
    ws = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([ws], lr=rate, betas=(0.9, 0.99))
    best, lowest, psnr = start.clone(), torch.full((len(ws),), math.inf), torch.zeros(len(ws))
    sides, side = generator.config.resolutions[-2:], 0
    try:
        for step in range(steps + 1):
            wanted = sides[0] if step < coarse * steps else sides[-1]
            if wanted != side:
                side, goal, lowest = wanted, resize(goals, wanted), torch.full_like(lowest, math.inf)
                with torch.no_grad():
                    seen = look(goal)
            drawn = generator.synthesis(ws, SynthesisOptions(resolution=side, checkpointing=checkpointing)).image
            losses = loss(ws, drawn, goal, seen)
            found = losses.detach().cpu()
            better = found < lowest
            lowest = torch.where(better, found, lowest)
            best = torch.where(better.to(ws.device)[:, None, None], ws.detach(), best)
            psnr = torch.where(better, metrics.psnr(drawn.detach(), goal).cpu(), psnr)
            if step == steps or not tell(step, found, psnr):
                break
            (ws.grad,) = torch.autograd.grad(losses.sum(), ws)
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / _WARM) * _fall(step / steps)
            optimiser.step()
    except KeyboardInterrupt:
        return best, True
    return best, False


def _fall(share: float) -> float:
    """A cosine from 1 to 0.05."""
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share))
