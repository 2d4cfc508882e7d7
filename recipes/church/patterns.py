"""Patterns that go on without end: bricks, stones, boards, tiles, thatch, seams, and what falls from the sky.

Each gives light and dark in [−1, 1], or how much there is in [0, 1], at places of the picture in [−1, 1]; at 128 px a
pixel is 1/64 wide. They lie fixed in the picture, so that a generator's noise maps can hold them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["boards", "bricks", "drops", "flakes", "petals", "seams", "stars", "stones", "thatch", "tiles"]

#: one pixel at 128 px
PIXEL = 1 / 64


def _joint(place: Tensor, period: float, width: float) -> Tensor:
    """1 on the joints of a row of equal things, 0 between, soft by about half a pixel."""
    away = ((place / period + 0.5).remainder(1.0) - 0.5).abs() * period
    return ((width + 0.5 * PIXEL - away) / PIXEL).clamp(0, 1)


def _courses(x: Tensor, y: Tensor, *, high: float, wide: float, joint: float) -> Tensor:
    """Joints of courses whose blocks are shifted by half from one to the next, [0, 1]."""
    odd = (y / high).floor().remainder(2.0)
    return torch.maximum(_joint(y, high, joint), _joint(x + 0.5 * wide * odd, wide, joint))


def bricks(x: Tensor, y: Tensor) -> Tensor:
    """Light joints between bricks, [−1, 1]."""
    return 2 * _courses(x, y, high=4 * PIXEL, wide=9 * PIXEL, joint=0.45 * PIXEL) - 0.5


def stones(x: Tensor, y: Tensor) -> Tensor:
    """Uneven blocks with dark joints, some lighter than others, [−1, 1]."""
    across, down = x + 0.016 * torch.sin(11 * y), y + 0.010 * torch.sin(13 * x)
    joints = _courses(across, down, high=7 * PIXEL, wide=10 * PIXEL, joint=0.4 * PIXEL)
    shade = torch.sin(29 * x + 3.1 * torch.sin(17 * y)) * torch.sin(23 * y + 1.3)
    return 0.55 * shade * (1 - joints) - 0.95 * joints


def boards(x: Tensor, y: Tensor) -> Tensor:
    """Upright boards with dark gaps and a little grain, [−1, 1]."""
    gap = _joint(x, 6 * PIXEL, 0.5 * PIXEL)
    grain = torch.sin(x * math.tau / (2.6 * PIXEL) + 1.7 * torch.sin(5 * y))
    return 0.28 * grain * (1 - gap) - 1.2 * gap


def tiles(x: Tensor, y: Tensor) -> Tensor:
    """Rows of round tiles, dark where one row lies upon the next, [−1, 1]."""
    high, wide = 6 * PIXEL, 6 * PIXEL
    odd = (y / high).floor().remainder(2.0)
    across = ((x + 0.5 * wide * odd) / wide).remainder(1.0) - 0.5
    edge = (y / high).remainder(1.0) - (0.62 + 0.3 * (1 - 4 * across.square()))
    return 0.35 - 1.3 * (edge * high / PIXEL + 0.5).clamp(0, 1)


def thatch(x: Tensor, y: Tensor) -> Tensor:
    """Straw in layers that hang over each other, frayed below, [−1, 1]."""
    straw = torch.sin(x * math.tau / (3.0 * PIXEL) + 2.2 * torch.sin(9 * y) + 1.5 * torch.sin(13 * x))
    frayed = y + 0.012 * torch.sin(x * math.tau / (5.3 * PIXEL) + 2 * torch.sin(11 * x))
    fall = (frayed / (10 * PIXEL)).remainder(1.0)
    return 0.45 * straw + 0.55 - 1.1 * fall.square()


def seams(x: Tensor, y: Tensor) -> Tensor:
    """Upright seams of sheet metal, light beside dark, [−1, 1]."""
    period = 8 * PIXEL
    shine = 0.35 * torch.sin(2.2 * (x + y))
    return shine + _joint(x, period, 0.5 * PIXEL) - 0.8 * _joint(x - 1.4 * PIXEL, period, 0.5 * PIXEL)


def _dots(x: Tensor, y: Tensor, *, period: float, radius: float, turn: float = 0.6) -> Tensor:
    """Round dots on a turned grid, each moved off its place, [0, 1]."""
    u = (x * math.cos(turn) + y * math.sin(turn)) / period
    v = (y * math.cos(turn) - x * math.sin(turn)) / period
    i, j = u.floor(), v.floor()
    du = u - i - 0.5 - 0.28 * torch.sin(12.9 * i + 78.2 * j)
    dv = v - j - 0.5 - 0.28 * torch.sin(39.3 * i + 11.1 * j)
    away = (du.square() + dv.square()).clamp_min(1e-9).sqrt() * period
    return ((radius - away) / PIXEL + 0.5).clamp(0, 1)


def stars(x: Tensor, y: Tensor) -> Tensor:
    """Few small dots, [0, 1]."""
    return _dots(x, y, period=17 * PIXEL, radius=0.75 * PIXEL)


def flakes(x: Tensor, y: Tensor) -> Tensor:
    """Flakes of snow of two sizes, [0, 1]."""
    near = _dots(x, y, period=15 * PIXEL, radius=1.5 * PIXEL, turn=0.4)
    return torch.maximum(near, 0.8 * _dots(x + 0.3, y, period=10 * PIXEL, radius=0.8 * PIXEL, turn=1.1))


def drops(x: Tensor, y: Tensor) -> Tensor:
    """Slanting streaks of rain, [0, 1]."""
    across = x + 0.28 * y
    column = (across / (6 * PIXEL)).floor()
    line = _joint(across - 3 * PIXEL, 6 * PIXEL, 0.3 * PIXEL)
    along = (y / (22 * PIXEL) + 0.37 * column + 0.31 * torch.sin(4.7 * column)).remainder(1.0)
    return line * (along < 0.55)


def petals(x: Tensor, y: Tensor) -> Tensor:
    """Flowers in a meadow, [0, 1]."""
    return _dots(x, y, period=10 * PIXEL, radius=1.45 * PIXEL, turn=0.25)
