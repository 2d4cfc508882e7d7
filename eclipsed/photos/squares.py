"""Squares in a picture, turned any way, cut out small: many at once, and smoothly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Squares", "halvings"]

_SMALLEST = 32  # shorter side of a picture that is not halved any more, in pixels


def halvings(image: Tensor) -> list[Tensor]:
    """A picture, and each time half as large, by exact means.

    Args:
        image: (1, 3, H, W).
    """
    found = [image]
    while min(found[-1].shape[2:]) >= 2 * _SMALLEST:
        found.append(F.avg_pool2d(found[-1], 2, ceil_mode=True, count_include_pad=False))
    return found


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares in a picture, in its pixels; they may reach beyond it.

    Args:
        centres: x and y, (N, 2).
        across: from the centre to the middle of the right side, (N, 2).
    """

    centres: Any
    across: Any

    @classmethod
    def around(cls, boxes: Any) -> Squares:
        """The upright squares around the centres of boxes (N, 4), whose side is the box's longer one."""
        half = (boxes[:, 2:] - boxes[:, :2]).max(1) / 2
        return cls((boxes[:, :2] + boxes[:, 2:]) / 2, np.stack([half, np.zeros_like(half)], axis=1))

    def __len__(self) -> int:
        return len(self.centres)

    def __getitem__(self, which: Any) -> Squares:
        return Squares(self.centres[which], self.across[which])

    @property
    def halves(self) -> Any:
        """Half their sides, (N,)."""
        return np.hypot(self.across[:, 0], self.across[:, 1])

    def at_most(self, halves: Any) -> Squares:
        """The same ones, none larger than these halves of sides (N,)."""
        return Squares(self.centres, self.across * np.minimum(1, halves / np.maximum(self.halves, 1e-9))[:, None])

    def places(self, uv: Any) -> Any:
        """Points of the squares, in [0, 1] from the upper left corner, (N, K, 2), in the picture."""
        across = self.across[:, None]
        down = np.stack([-across[..., 1], across[..., 0]], axis=-1)
        turned = 2 * uv - 1
        return self.centres[:, None] + turned[..., :1] * across + turned[..., 1:] * down

    def cut(self, pictures: list[Tensor], size: int) -> Tensor:
        """Cut the squares out; beyond the picture everything is 0.

        Each is taken from the picture whose pixels are nearest in size to half of the result's, at four places a pixel.

        Args:
            pictures: from `halvings`.
            size: side of the result, in pixels.
        Returns:
            (N, 3, size, size).
        """
        steps = (np.arange(2 * size) + 0.5) / (2 * size)
        uv = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
        level = np.log2(np.maximum(2 * self.halves / size, 1.0)).astype(int).clip(0, len(pictures) - 1)
        found = pictures[0].new_empty(len(self), 3, size, size)
        for number in np.unique(level):
            which, picture = np.nonzero(level == number)[0], pictures[number]
            extent = np.array([picture.shape[3], picture.shape[2]]) * 2.0**number
            grid = 2 * self[which].places(uv) / extent - 1
            where = torch.from_numpy(grid.astype(np.float32)).view(1, -1, 2 * size, 2).to(picture)
            fine = F.grid_sample(picture, where, mode="bilinear", padding_mode="zeros", align_corners=False)
            cells = F.avg_pool2d(fine, 2).view(3, len(which), size, size)
            found[torch.from_numpy(which).to(found.device)] = cells.transpose(0, 1)
        return found
