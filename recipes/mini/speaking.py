"""A head that turns and speaks: frames of one portrait whose pose and mouth move."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from recipes.mini.attributes import VALUES
from recipes.mini.portraits import render

__all__ = ["SPEAKING_FPS", "speaking"]

#: frames per second of a film of it
SPEAKING_FPS = 24.0


def speaking(seed: int, frames: int, size: int = 128) -> Iterator[Tensor]:
    """Draw somebody who turns the head to both sides, nods, and opens and closes the mouth.

    Args:
        seed: of the portrait.
        frames: how many; one turn takes 48, a syllable eight.
        size: width and height in pixels.
    Returns:
        (1, 3, size, size) each, in [-1, 1].
    """
    values = VALUES.sample(1, rng=torch.Generator().manual_seed(seed))
    for frame in range(frames):
        turn = 2 * math.pi * frame / 48
        moved = values.clone()
        moving = {
            "yaw": 1.2 * math.sin(turn),
            "roll": 0.8 * math.sin(2 * turn),
            "pitch": 0.6 * math.cos(turn),
            "mouth_open": 1.5 * math.sin(6 * turn),
        }
        for name, value in moving.items():
            moved[:, VALUES.index[name]] = value
        yield render(moved, size)[0]
