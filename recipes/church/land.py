"""The land: hills or mountains, meadow, path and trees, as the season has them; and the fence in front."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.church.patterns import petals
from recipes.church.scene import Scene, colour, plane

__all__ = ["draw_fence", "draw_land", "draw_path"]

#: in spring, summer, autumn and winter
_GRASS = torch.tensor([[0.60, 0.82, 0.32], [0.25, 0.58, 0.20], [0.76, 0.60, 0.24], [0.95, 0.97, 1.00]])
_HILLS = torch.tensor([[0.48, 0.72, 0.40], [0.22, 0.47, 0.27], [0.66, 0.44, 0.22], [0.80, 0.87, 0.95]])
_LEAVES = torch.tensor([[0.98, 0.70, 0.80], [0.13, 0.44, 0.15], [0.90, 0.46, 0.10], [0.88, 0.93, 0.98]])
_NEEDLES = torch.tensor([[0.16, 0.46, 0.26], [0.09, 0.36, 0.20], [0.14, 0.36, 0.20], [0.84, 0.91, 0.96]])

#: y at which the fence stands, and its height
FENCE_Y, FENCE_HIGH = 0.84, 0.19


def horizon(s: Scene) -> Tensor:
    """Where the meadow begins, (N, 1, 1)."""
    return 0.26 + 0.03 * s.g["horizon"]


def draw_land(s: Scene) -> None:
    """Hills, meadow and trees."""
    c, season = s.canvas, s.shares["season"]
    _hills(s)
    grass = plane(season @ _GRASS) * (1 + 0.05 * s.g["grass_tone"])[:, None]
    below = ((c.flat_y - 0.25) / 0.75).clamp(0, 1)[:, None]
    wave = horizon(s) + 0.015 * torch.sin(2.4 * c.flat_x + s.g["hill_phase"])
    s.lay(c.cover(wave - c.flat_y), grass * (1.04 - 0.18 * below), "grass")
    bloom = petals(c.flat_x, c.flat_y) * (c.flat_y > wave + 0.10) * s.p["flowers"] * (1 - s.share("season", "winter"))
    s.lay(bloom, torch.where((torch.sin(31 * c.flat_x) > 0)[:, None], colour(0.98, 0.30, 0.42), colour(1.0, 0.95, 0.5)))
    _trees(s)


def _hills(s: Scene) -> None:
    """Round hills that grow into mountains with snow on top."""
    c = s.canvas
    rocky = torch.sigmoid(2.4 * s.g["peaks"] - 0.4)
    phase, high = s.g["hill_phase"], 1 + 0.14 * s.g["hill_height"]
    tone = plane(s.shares["season"] @ _HILLS) * (1 + 0.05 * s.g["hill_tone"])[:, None]
    for k, (wide, lift, pale) in enumerate(((2.3, 1.0, 0.20), (3.1, 0.62, 0.0))):
        x = wide * c.flat_x + 1.3 * phase + 2.1 * k
        round_ = 0.17 + 0.09 * torch.sin(x)
        saw = ((x / 3.2).remainder(1.0) * 2 - 1).abs()
        sharp = 0.10 + 0.52 * saw
        top = horizon(s) - lift * high * (round_ + rocky * (sharp - round_))
        rock = colour(0.50, 0.52, 0.60) + 0.10 * (1 - k)
        body = tone + rocky[:, None] * 0.75 * (rock - tone)
        body = body + pale * (colour(0.72, 0.82, 0.92) - body)
        s.lay(c.cover(top - c.flat_y, 1.5), body, "hills")
        cap = torch.maximum(top - c.flat_y, c.flat_y - horizon(s) + lift * high * 0.40)
        s.lay(c.cover(cap, 2) * rocky, colour(0.97, 0.98, 1.0))


def _trees(s: Scene) -> None:
    """A tree on either side, with leaves or with needles."""
    c, season, firs = s.canvas, s.shares["season"], s.p["firs"]
    leaves, needles = (plane(season @ t) * (1 + 0.06 * s.g["tree_tone"])[:, None] for t in (_LEAVES, _NEEDLES))
    for side, foot, scale in ((-1.0, 0.42, 1.0), (1.0, 0.36, 0.86)):
        x, size = side * 0.80 + 0.05 * s.g["tree_x"], scale * (1 + 0.10 * s.g["tree_size"])
        dx, up = c.flat_x - x, (foot - c.flat_y) / size
        trunk = torch.maximum(dx.abs() - 0.030 * size, torch.maximum(-up, up - 0.34) * size)
        s.lay(c.cover(trunk) * s.p["trees"], colour(0.36, 0.24, 0.14), "trees")
        crown = torch.stack([
            c.ellipse(x + ox * size, foot - oy * size, rx * size, ry * size)
            for ox, oy, rx, ry in ((0.0, 0.50, 0.19, 0.22), (-0.12, 0.40, 0.14, 0.13), (0.12, 0.40, 0.14, 0.13))
        ]).amin(0)  # fmt: skip
        shade = 1.06 - 0.26 * ((0.62 - up) / 0.4).clamp(0, 1)
        s.lay(c.cover(crown, 1.5) * s.p["trees"] * (1 - firs), leaves * shade[:, None], "trees")
        for low, high_, half in ((0.12, 0.46, 0.20), (0.30, 0.62, 0.165), (0.48, 0.80, 0.12)):
            inside = (up - low) / (high_ - low)
            skirt = torch.maximum(dx.abs() - half * size * (1 - inside), (low - up) * size)
            tint = (0.86 + 0.28 * inside.clamp(0, 1))[:, None]
            s.lay(c.cover(skirt) * s.p["trees"] * firs, needles * tint, "trees")


def path_middle(s: Scene, foot_x: Tensor, foot_y: Tensor) -> tuple[Tensor, Tensor]:
    """Middle of the path and half its width at every height, (N, H, W) each."""
    t = ((s.canvas.flat_y - foot_y) / (1.05 - foot_y)).clamp(0, 1.2)
    bend = 0.16 * s.g["path_bend"]
    return foot_x * (1 - 0.5 * t) + bend * t * t, 0.065 + 0.13 * t


def draw_path(s: Scene, foot_x: Tensor, foot_y: Tensor) -> None:
    """A path from the door to us.

    Args:
        s: where to draw.
        foot_x: middle of the door's foot, (N, 1, 1).
        foot_y: its height in the picture, the same.
    """
    c = s.canvas
    middle, half = path_middle(s, foot_x, foot_y)
    shape = torch.maximum((c.flat_x - middle).abs() - half, foot_y - c.flat_y)
    sand = colour(0.83, 0.72, 0.52) * (1 + 0.05 * s.g["path_tone"])[:, None]
    s.lay(c.cover(shape, 1.5) * s.p["path"], sand, "path")


def draw_fence(s: Scene, foot_x: Tensor, foot_y: Tensor) -> None:
    """Pickets across the meadow, open where the path would come; the gaps between them belong to the fence."""
    c = s.canvas
    middle, half = path_middle(s, foot_x, foot_y)
    top = FENCE_Y - FENCE_HIGH
    place = ((c.flat_x / 0.125).remainder(1.0) - 0.5).abs() * 0.125
    picket = torch.maximum(place - 0.036, torch.maximum(top + 0.9 * place - c.flat_y, c.flat_y - FENCE_Y))
    rails = torch.minimum((c.flat_y - top - 0.065).abs(), (c.flat_y - top - 0.145).abs()) - 0.016
    opening = half + 0.04 - (c.flat_x - middle).abs()
    shape = torch.maximum(torch.minimum(picket, rails), opening)
    shade = (1.0 - 0.25 * (place / 0.04).clamp(0, 1))[:, None]
    s.lay(c.cover(shape) * s.p["fence"], colour(0.80, 0.60, 0.38) * shade)
    whole = torch.maximum(torch.maximum(top - c.flat_y, c.flat_y - FENCE_Y), opening)
    c.mark((c.cover(whole) * s.p["fence"]) > 0.5, "fence")
