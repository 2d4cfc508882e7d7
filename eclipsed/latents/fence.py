"""The fence: how far from the data edited faces may go, and which strength of a delta takes them there."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.latents.w_statistics import WStatistics

__all__ = ["FENCE", "fence_strength"]

#: Edited faces are at the fence where they are this far from the data's mean, where 1 is an ordinary face.
FENCE = 1.2

_LEAST, _MOST = 2.0**-20, 2.0**20  # times a delta: one that has not reached the fence by then moves nothing


@torch.no_grad()
def fence_strength(space: Space, latent: Latent, delta: Tensor, statistics: WStatistics) -> float:
    """The strength that brings faces to the fence.

    Args:
        space: that the delta lives in.
        latent: the faces.
        delta: one, as the space has it.
        statistics: of the generator's w.
    Returns:
        How many times the delta; the most that is tried where it moves nothing.
    """

    def inside(strength: float) -> bool:
        moved = space.move(latent, delta, strength)
        return float(space.distance(moved, statistics).mean()) <= FENCE

    high = _LEAST
    while high < _MOST and inside(high):
        high *= 2
    low = high / 2
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) else (low, middle)
    return low
