"""Churches drawn from signed distance fields, with the exact parser label of every pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.worlds.world import find_world
from recipes.church.building import Building
from recipes.church.land import draw_fence, draw_land, draw_path
from recipes.church.scene import Scene
from recipes.church.sky import draw_sky, draw_weather
from recipes.drawn.canvas import Canvas

__all__ = ["render"]

_WORLD = find_world("church")


def render(v: Tensor, size: int = 128) -> tuple[Tensor, Tensor]:
    """Draw churches.

    Args:
        v: semantic values, (N, len(VALUES)); any real numbers, everything saturates.
        size: width and height in pixels.
    Returns:
        images (N, 3, size, size) in [−1, 1] and labels (N, size, size) uint8, positions in the parts of the world of
        churches.
    """
    s = Scene(Canvas(_WORLD, len(v), size), v)
    draw_sky(s)
    draw_land(s)
    church = Building(s)
    draw_path(s, church.door_x, church.foot)
    church.draw()
    draw_fence(s, church.door_x, church.foot)
    draw_weather(s)
    return s.canvas.image.clamp(0, 1) * 2 - 1, s.canvas.labels.to(torch.uint8)
