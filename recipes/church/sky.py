"""The sky: its colours, stars, sun or moon, and clouds; and the weather between us and the church."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.church.patterns import drops, flakes, stars
from recipes.church.scene import Scene, colour, plane

__all__ = ["draw_sky", "draw_weather"]

#: by day, in the evening and at night: the sky above, and where it meets the land
_ABOVE = torch.tensor([[0.30, 0.56, 0.90], [0.34, 0.33, 0.62], [0.03, 0.05, 0.17]])
_BELOW = torch.tensor([[0.76, 0.89, 0.98], [1.00, 0.62, 0.32], [0.15, 0.20, 0.42]])

#: the disc: sun by day, evening sun, moon
_DISC = torch.tensor([[1.00, 0.88, 0.25], [1.00, 0.46, 0.16], [0.98, 0.97, 0.84]])

#: clouds by day, in the evening and at night
_CLOUD = torch.tensor([[0.98, 0.98, 1.00], [0.96, 0.68, 0.62], [0.30, 0.34, 0.48]])


def draw_sky(s: Scene) -> None:
    """Everything above the land."""
    c, time = s.canvas, s.shares["time"]
    down = ((c.flat_y + 1) / 1.35).clamp(0, 1)[:, None]
    tone = (1 + 0.05 * s.g["sky_tone"])[:, None]
    sky = (plane(time @ _ABOVE) * (1 - down) + plane(time @ _BELOW) * down) * tone
    grey = sky.mean(1, keepdim=True) * colour(0.92, 0.95, 1.0)
    dull = 0.75 * (s.share("weather", "rain") + s.share("weather", "snowfall"))
    sky = sky + dull[:, None] * (0.9 * grey - sky)
    c.image = sky.clamp(0, 1).expand_as(c.image)
    c.labels = torch.full_like(c.labels, c.world.label("sky"))
    c.lay(stars(c.flat_x, c.flat_y) * (c.flat_y < 0.2) * s.share("time", "night") ** 2 * 0.9, colour(1.0, 1.0, 0.95))
    _disc(s, sky)
    _clouds(s)


def _disc(s: Scene, sky: Tensor) -> None:
    """Sun or moon, high in one of the corners; at night a crescent."""
    c, night, there = s.canvas, s.share("time", "night"), s.p["sun"]
    x = 0.76 - 1.52 * s.p["sun_left"]
    y = -0.74 + 0.04 * s.g["sun_height"]
    disc = c.ellipse(x, y, 0.155, 0.155)
    tone = plane(s.shares["time"] @ _DISC)
    glow = torch.exp(-((disc.clamp_min(0) / 0.12) ** 2)) * (0.42 - 0.30 * night)
    c.lay(glow * there, tone)
    dark = c.cover(c.ellipse(x + 0.075, y - 0.035, 0.135, 0.135)) * night * night
    shape = c.cover(disc) * (1 - dark)
    c.lay(shape * there, tone)
    for part, share in (("sun", 1 - night), ("moon", night)):
        c.mark((shape * there > 0.5) & (share > 0.5), part)


def _clouds(s: Scene) -> None:
    """Three clouds, each of four balls, that grow with the cloudiness; none where the sky is clear."""
    c = s.canvas
    much = ((s.g["cloudiness"] + 0.75) / 1.6).clamp(0, 1)
    size = 0.55 + 0.55 * much
    tone = plane(s.shares["time"] @ _CLOUD)
    drift = 0.10 * s.g["cloud_x"]
    for k, (x, y, scale) in enumerate(((-0.42, -0.42, 1.0), (0.50, -0.34, 0.85), (0.08, -0.74, 0.75))):
        at, r = x + drift * (1 + 0.3 * k), size * scale
        balls = [
            c.ellipse(at + dx * r, y + dy * r, rx * r, ry * r)
            for dx, dy, rx, ry in ((-0.20, 0.02, 0.17, 0.10), (0.0, -0.05, 0.19, 0.15), (0.20, 0.0, 0.19, 0.11),
                                   (0.0, 0.05, 0.36, 0.07))
        ]  # fmt: skip
        shape = torch.stack(balls).amin(0)
        shade = 1 - 0.16 * ((c.flat_y - y) / (0.12 * r)).clamp(0, 1)
        c.lay(c.cover(shape, 2) * (2.2 * much).clamp(0, 1) * 0.96, tone * shade[:, None], "clouds")


def draw_weather(s: Scene) -> None:
    """Fog, and rain or snow that falls."""
    c = s.canvas
    far = 0.76 - 0.52 * ((c.flat_y + 0.55) / 1.4).clamp(0, 1)
    mist = colour(0.86, 0.88, 0.90) * s.light.clamp(0.42, 1)
    c.lay(s.share("weather", "fog") * far, mist)
    rain, snow = s.share("weather", "rain"), s.share("weather", "snowfall")
    c.image = c.image * (1 - 0.14 * rain)[:, None]
    c.lay(drops(c.flat_x, c.flat_y) * rain * 0.65, colour(0.80, 0.88, 0.98))
    c.lay(flakes(c.flat_x, c.flat_y) * snow * 0.95, colour(1.0, 1.0, 1.0))
