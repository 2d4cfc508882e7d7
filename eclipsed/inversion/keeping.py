"""What of a picture a generator cannot draw: where that is, and feature maps that draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.images.change import AROUND, mean_around, unlike
from eclipsed.images.masks import grow_mask
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser

__all__ = ["begin_to_keep", "keep", "strange_places"]

_SCALE = 4  # of the picture's side over that of the maps that are kept
_GROWN = 0.01  # of the width: how far what is kept reaches beyond where it was seen


def strange_places(parser: Parser | None, goal: Tensor, drawn: Tensor, *, above: float) -> Tensor:
    """Where a drawing is not what is to be seen: its colours are others, or the parser sees another part there.

    Args:
        parser: finds the parts; None compares colours alone.
        goal: what is to be seen, (1, 3, H, W), range [-1, 1].
        drawn: the drawing, of the same shape.
        above: mean error of the colours from which a place is strange, of pictures in [-1, 1].
    Returns:
        (1, 1, H, W) in [0, 1], with soft edges.
    """
    strange = unlike(goal, drawn, above=above).to(goal)
    if parser is not None:
        other = (parser.labels(goal) != parser.labels(drawn))[:, None].to(goal)
        strange = torch.maximum(strange, (mean_around(other) > 0.5).to(goal))
    return mean_around(grow_mask(strange, _GROWN + AROUND))


@torch.no_grad()
def begin_to_keep(generator: Generator, ws: Tensor) -> KeptFeatures:
    """The generator's own feature maps of one face, everywhere, at a middle resolution: a quarter of the picture's.

    Args:
        generator: that draws.
        ws: of the face, (1, num_ws, w_dim).
    """
    network = generator.network.synthesis
    wanted = max(network.layers[0].resolution, generator.resolution // _SCALE)
    depth = sum(layer.resolution <= wanted for layer in network.layers[:-1])
    styles = network.styles(ws)
    begun: SynthesisPrefix = network.begin(styles, depth)
    side = network.layers[depth - 1].resolution
    share = torch.ones(1, 1, side, side, device=ws.device)
    return KeptFeatures(depth, share, begun.x.clone(), None if begun.image is None else begun.image.clone())


def keep(
    generator: Generator,
    ws: Tensor,
    places: Tensor,
    loss: Callable[[Tensor], Tensor],
    *,
    steps: int,
    rate: float,
    tell: Callable[[int, float], bool],
) -> tuple[KeptFeatures | None, bool]:
    """Search for the feature maps that draw in some places what a loss asks for; the generator stays as it is.

    Args:
        generator: that draws the rest.
        ws: of the face, (1, num_ws, w_dim).
        places: how much of each is kept, (1, 1, H, W).
        loss: of the drawn picture.
        steps: of Adam.
        rate: learning rate, in deviations of the generator's own numbers.
        tell: called with the steps done and the loss; False stops.
    Returns:
        The best maps seen, in half precision on the CPU, or None where nothing was better than none; and whether Ctrl-C
        stopped the search.
    Source: Cao et al. 2023, arXiv:2301.12141 (what is out of the generator's domain, in feature maps).
    """
    network, own = generator.network.synthesis, begin_to_keep(generator, ws)
    styles, side = network.styles(ws), own.share.shape[-1]
    begun = SynthesisPrefix(own.depth, own.x, own.image)
    start = replace(own, share=F.adaptive_avg_pool2d(places, side))
    given = [one for one in (start.x, start.image) if one is not None]
    units = [one.std() for one in given]
    moves = [torch.zeros_like(one).requires_grad_() for one in given]
    optimiser = torch.optim.Adam(moves, lr=rate, betas=(0.9, 0.99))
    best, lowest = None, float("inf")
    try:
        for step in range(steps + 1):
            x, *image = (one + unit * move for one, unit, move in zip(given, units, moves, strict=True))
            now = replace(start, x=x, image=image[0] if image else None)
            drawn: SynthesisPrefix = network.run(network.layers[now.depth :], styles, now.put(begun))
            assert drawn.image is not None  # every picture ends with colours
            value = loss(drawn.image)
            if float(value.detach()) < lowest:
                best, lowest = now.half() if step else None, float(value.detach())
            if step == steps or not tell(step, float(value.detach())):
                break
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, 3 * (1 - step / steps))
            optimiser.step()
    except KeyboardInterrupt:
        return best, True
    return best, False
