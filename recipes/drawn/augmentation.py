"""Small changes of training pictures that leave every fact as it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["augment", "zoom"]


def augment(images: Tensor, *, rng: torch.Generator, flip: bool = True) -> Tensor:
    """Shift, scale, blur, noise, brightness and mirror, each picture by its own amount.

    Args:
        images: (N, 3, H, W) in [−1, 1].
        rng: the only source of randomness.
        flip: mirror half of the pictures; off where left and right matter.
    Returns:
        Same shape.
    """
    n = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=rng) * (high - low) + low

    scale = uniform(0.88, 1.08)
    mirror = torch.where(torch.rand(n, generator=rng) < (0.5 if flip else 0.0), -1.0, 1.0)
    zero = torch.zeros(n)
    row_x = torch.stack([scale * mirror, zero, uniform(-0.06, 0.06)], 1)
    row_y = torch.stack([zero, scale, uniform(-0.06, 0.06)], 1)
    grid = F.affine_grid(torch.stack([row_x, row_y], 1), list(images.shape), align_corners=False)
    out = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    soft = F.avg_pool2d(F.pad(out, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = uniform(-0.6, 1.0).clamp_min(0)[:, None, None, None]
    out = out + share * (soft - out)
    bright = uniform(0.93, 1.07)[:, None, None, None]
    out = (out + 1) * bright - 1
    noise = uniform(-0.04, 0.04).clamp_min(0)[:, None, None, None]
    return (out + noise * torch.randn(out.shape, generator=rng)).clamp(-1, 1)


def zoom(images: Tensor, where: Tensor, *, down: tuple[float, float], rng: torch.Generator) -> Tensor:
    """Enlarge the middle of some pictures by 1.25 to 2 times, so that what is small can first be learned large.

    Args:
        images: (N, 3, H, W).
        where: which of them, (N,) bool.
        down: how far below the middle of the picture theirs lies: from, and up to how much more.
        rng: the only source of randomness.
    """
    n = len(images)
    share, zero, one = (torch.rand(n, generator=rng) for _ in range(3))
    scale = torch.where(where, 0.5 + 0.3 * share, torch.ones(n))
    lower = torch.where(where, down[0] + down[1] * one, torch.zeros(n))
    aside = torch.where(where, 0.1 * (zero - 0.5), torch.zeros(n))
    blank = torch.zeros(n)
    matrix = torch.stack([torch.stack([scale, blank, aside], 1), torch.stack([blank, scale, lower], 1)], 1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
