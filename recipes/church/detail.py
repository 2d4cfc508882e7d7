"""What is fine in a picture of a church: which patterns the noise maps begin as, and where texture counts most."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.worlds.world import find_world
from recipes.church.patterns import boards, bricks, drops, flakes, petals, seams, stars, stones, thatch, tiles
from recipes.drawn.texture import Pattern

__all__ = ["PATTERNS", "detail"]

_BUILT = find_world("church").labels(("wall", "roof", "tower", "spire"))


def _together(*patterns: Pattern) -> Pattern:
    """Several patterns in one map; training tells them apart where it has to."""
    return lambda x, y: torch.stack([pattern(x, y) for pattern in patterns]).mean(0)


#: layer -> the pattern that its noise map begins with
PATTERNS: dict[str, Pattern] = {
    "b32.conv1": flakes,
    "b64.conv0": petals,
    "b64.conv1": _together(stones, tiles),
    "b128.conv0": _together(bricks, thatch),
    "b128.conv1": _together(boards, seams, drops, stars),
}


def detail(_values: Tensor, labels: Tensor) -> Tensor:
    """How much more texture counts at each pixel: on roofs and walls, which have a material.

    Args:
        labels: (B, H, W).
    Returns:
        (B, 1, H, W).
    """
    built = torch.tensor(_BUILT, device=labels.device)
    return 2.0 * torch.isin(labels, built)[:, None].to(torch.float32)
