"""Pivotal tuning: the weights of a generator are searched for, so that one pivot draws one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from eclipsed.networks.layers import Synthesis
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.tuning import Tuning

__all__ = ["tune", "tune_together"]

_NEARBY = 0.5  # how far from the pivot, in radii of W, faces shall stay as they were
_KEEP = 0.1  # weight of that
_KEEP_EACH = 4  # steps from one look at other faces to the next, which costs more than the rest of a step

#: what a loss is told and gives: images (1, 3, H, W) -> a number
Loss = Callable[[Tensor], Tensor]


def tune(
    generator: Generator,
    ws: Tensor,
    loss: Loss,
    *,
    steps: int,
    rate: float,
    seed: int,
    tell: Callable[[int, float], bool],
) -> tuple[Tuning, bool]:
    """Tune a generator so that one pivot draws what a loss asks for, and other faces stay as they were.

    Args:
        generator: the base.
        ws: the pivot, (1, num_ws, w_dim).
        loss: of the drawn picture.
        steps: of Adam.
        rate: learning rate.
        seed: of the start and of the other faces.
        tell: called with the steps done and the loss; False stops.
    Returns:
        The best difference seen, in half precision, which is zero when nothing was better; and whether Ctrl-C stopped
        the search.
    Source: Roich et al. 2021, arXiv:2106.05744 (pivotal tuning, its locality regularisation included), with
        low-rank differences, Hu et al. 2021, arXiv:2106.09685.
    """
    tuning = Tuning.start(generator, seed=seed)
    best, lowest = tuning.half(), float("inf")
    optimiser = torch.optim.Adam(tuning.numbers(), lr=rate)
    rng = torch.Generator().manual_seed(seed)
    try:
        for step in range(steps + 1):
            weights = tuning.weights(generator)
            near = loss(_draw(generator, weights, ws))
            value = float(near.detach())
            if value < lowest:
                best, lowest = tuning.half(), value
            if step == steps or not tell(step, value):
                break
            optimiser.zero_grad(set_to_none=True)
            near.backward()
            _step(generator, tuning, ws, optimiser, rng, step=step, rate=rate * min(1.0, 3 * (1 - step / steps)))
    except KeyboardInterrupt:
        return best, True
    return best, False


def tune_together(
    generator: Generator,
    ws: Tensor,
    loss: Callable[[Tensor, int], Tensor],
    *,
    steps: int,
    rate: float,
    seed: int,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> Tuning:
    """Tune a generator so that many pivots, such as the frames of a film, draw what a loss asks of each.

    Args:
        generator: the base.
        ws: the pivots, (N, num_ws, w_dim).
        loss: of the drawn picture of a pivot, and its number.
        steps: of Adam, one pivot each, all of them in turn in an order of chance.
        rate: learning rate, which falls to zero.
        seed: of the start, of the order and of the other faces that are to stay as they were.
        tell: called with the steps done, and how many there are.
    Returns:
        The difference, in half precision.
    Source: Tzaban et al. 2022, arXiv:2201.08361 (Stitch it in Time), one tuning for all frames.
    """
    tuning = Tuning.start(generator, seed=seed)
    optimiser = torch.optim.Adam(tuning.numbers(), lr=rate)
    rng = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for step in range(steps):
        tell(step, steps)
        order = order or torch.randperm(len(ws), generator=rng).tolist()
        number = order.pop()
        pivot = ws[number : number + 1]
        optimiser.zero_grad(set_to_none=True)
        loss(_draw(generator, tuning.weights(generator), pivot), number).backward()
        _step(generator, tuning, pivot, optimiser, rng, step=step, rate=rate * min(1.0, 3 * (1 - step / steps)))
    return tuning.half()


def _step(
    generator: Generator,
    tuning: Tuning,
    ws: Tensor,
    optimiser: torch.optim.Optimizer,
    rng: torch.Generator,
    *,
    step: int,
    rate: float,
) -> None:
    """Move the weights once the loss is followed back, now and then with another face, which is to stay as it was."""
    if step % _KEEP_EACH == 0:
        other = _neighbour(generator, ws, rng)
        with torch.no_grad():
            before = generator.synthesis(other).image
        far = (_draw(generator, tuning.weights(generator), other) - before).square().mean()
        torch.autograd.backward(_KEEP * _KEEP_EACH * far)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()


def _draw(generator: Generator, weights: Mapping[str, Tensor], ws: Tensor) -> Tensor:
    drawn: Synthesis = functional_call(generator.network.synthesis, dict(weights), (ws,))
    return drawn.image


@torch.no_grad()
def _neighbour(generator: Generator, ws: Tensor, rng: torch.Generator) -> Tensor:
    """A point on the way from the pivot to a random face."""
    z = torch.randn(1, generator.z_dim, generator=rng).to(generator.device)
    return torch.lerp(ws, generator.mapping(z), _NEARBY)
