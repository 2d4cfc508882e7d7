"""The church itself: nave and roof, tower and what crowns it, door, windows and clock."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.church.patterns import boards, bricks, seams, stones, thatch, tiles
from recipes.church.scene import Scene, colour

__all__ = ["Building"]


class Building:
    """A church seen from its long side, with the tower before it.

    Lengths are those of the church: x to the right of its middle, up from its foot.

    Args:
        s: where to draw.
    """

    def __init__(self, s: Scene) -> None:
        self.s, c, g = s, s.canvas, s.g
        self.scale = 1.22 + 0.05 * g["church_size"]
        self.foot = 0.60 + 0.012 * g["church_size"]
        self.middle = 0.05 * g["church_x"]
        self.x, self.up = (c.flat_x - self.middle) / self.scale, (self.foot - c.flat_y) / self.scale
        self.half = 0.52 + 0.035 * g["nave_length"]
        self.eave = 0.30 + 0.025 * g["nave_height"]
        self.ridge = self.eave + (0.24 + 0.055 * g["roof_pitch"]).clamp_min(0.08)
        self.at = 0.37 * torch.tanh(1.2 * g["tower_side"])
        self.wide = 0.130 + 0.020 * g["tower_width"]
        self.top = self.eave + 0.10 + 0.44 * torch.sigmoid(1.6 * g["tower_height"])
        self.door_half = torch.minimum(0.062 * (1 + 0.20 * g["door_size"]), self.wide - 0.025)
        self.door_top = 0.185 * (1 + 0.18 * g["door_size"])
        self.masonry = self._texture(
            "masonry", {"stone": (stones, 0.24), "brick": (bricks, 0.26), "wooden": (boards, 0.34)}
        )
        self.tiling = self._texture(
            "tiling", {"tiled": (tiles, 0.34), "thatched": (thatch, 0.34), "metal": (seams, 0.32)}
        )

    @property
    def door_x(self) -> Tensor:
        """Middle of the door in the picture, (N, 1, 1)."""
        return self.middle + self.at * self.scale

    def _texture(self, family: str, members: dict[str, tuple[object, float]]) -> Tensor:
        """Light and dark of a surface, (N, 1, H, W) around 1."""
        c, out = self.s.canvas, torch.ones_like(self.x)
        for member, (pattern, strength) in members.items():
            assert callable(pattern)
            out = out + strength * self.s.share(family, member) * pattern(c.flat_x, c.flat_y)
        return out[:, None]

    def _cover(self, distance: Tensor, soft: float = 1.0) -> Tensor:
        """Coverage of a shape whose distance is measured in lengths of the church."""
        return self.s.canvas.cover(distance * self.scale, soft)

    def draw(self) -> None:
        """All of it, from the back to the front."""
        self._nave()
        self._roof()
        self._nave_windows()
        self._tower()
        self._crown()
        self._clock()
        self._door()

    def _nave(self) -> None:
        body = torch.maximum(self.x.abs() - self.half, torch.maximum(self.up - self.eave, -self.up))
        shade = 0.90 - 0.10 * (self.up < 0.03)[:, None]
        self.s.lay(self._cover(body), self.s.wall * self.masonry * shade, "wall")

    def _roof(self) -> None:
        t = ((self.up - self.eave) / (self.ridge - self.eave)).clamp(0, 1)
        half = self.half + 0.05 - 0.12 * t
        body = torch.maximum(self.x.abs() - half, torch.maximum(self.up - self.ridge, self.eave - 0.015 - self.up))
        self.s.lay(self._cover(body), self.s.roof * self.tiling * (0.92 + 0.12 * t)[:, None], "roof")
        edge = torch.maximum(body, self.up - self.eave - 0.008)
        self.s.lay(self._cover(edge) * 0.5, self.s.roof * 0.45)
        bumps = 0.016 * torch.sin(34 * self.x)
        snow = torch.maximum(body, self.ridge - 0.085 + bumps - self.up)
        self.s.lay(self._cover(snow, 1.5) * self.s.share("season", "winter"), colour(0.97, 0.98, 1.0))

    def _opening(self, dx: Tensor, dy: Tensor, size: Tensor) -> Tensor:
        """Distance to a window around a place: arched, pointed, square and round ones are mixed.

        Args:
            dx: to the right of its middle.
            dy: above its middle.
            size: how large, 1 is usual.
        """
        half, high = 0.052 * size, 0.088 * size
        straight = torch.maximum(dx.abs() - half, -high - dy)
        square = torch.maximum(straight, dy - 0.8 * high)
        lift = (dy - (high - half)).clamp_min(0)
        arched = torch.maximum(straight, (dx.square() + lift.square()).clamp_min(1e-9).sqrt() - half)
        arc = ((dx.abs() + 1.1 * half).square() + (dy - (high - 1.5 * half)).clamp_min(0).square()).sqrt() - 2.1 * half
        pointed = torch.maximum(straight, arc)
        rose = (dx.square() + dy.square()).clamp_min(1e-9).sqrt() - 1.25 * half
        shapes = {"arched": arched, "pointed": pointed, "square": square, "round": rose}
        return torch.stack([self.s.share("window", name) * shape for name, shape in shapes.items()]).sum(0)

    def _window(self, dx: Tensor, dy: Tensor, size: Tensor, there: Tensor) -> None:
        """Frame, pane and mullions; behind the panes it is dark or the light is on."""
        s, pane, lit = self.s, self._opening(dx, dy, size), self.s.p["lit"]
        s.lay(self._cover(pane - 0.016) * there, s.wall * 0.58 + 0.06)
        glass = colour(0.17, 0.24, 0.38) * s.light.clamp_min(0.6)
        warm = colour(1.0, 0.84, 0.36) * (1.05 - 1.4 * dy.abs())[:, None]
        shown = glass + lit[:, None] * (warm - glass)
        s.canvas.lay(self._cover(pane) * there, shown.clamp(0, 1), "windows")
        bars = torch.minimum(dx.abs(), (dy - 0.01).abs()) - 0.007
        s.canvas.lay(self._cover(torch.maximum(pane, bars)) * there * 0.55, (0.35 * shown).clamp(0, 1))

    def _nave_windows(self) -> None:
        """In a row on either side of the tower, as many as there is room for."""
        size = 1 + 0.17 * self.s.g["window_size"]
        for side in (-1, 1):
            for k in range(4):
                x = self.at + side * (self.wide + 0.105 + 0.175 * k)
                room = ((self.half - 0.045 - x.abs()) / 0.05).clamp(0, 1)
                fit = size * (0.4 + 0.6 * room)
                self._window(self.x - x, self.up - 0.54 * self.eave, fit, (room > 0.35).to(room.dtype))

    def _tower(self) -> None:
        dx = self.x - self.at
        body = torch.maximum(dx.abs() - self.wide, torch.maximum(self.up - self.top, -self.up))
        shade = (1.04 - 0.16 * (dx / self.wide).clamp(-1, 1.2))[:, None]
        self.s.lay(self._cover(body.abs() - 0.006) * 0.55, self.s.wall * 0.42)
        self.s.lay(self._cover(body), self.s.wall * self.masonry * shade, "tower")
        ledge = torch.maximum(dx.abs() - self.wide - 0.018, (self.up - self.top).abs() - 0.014)
        self.s.lay(self._cover(ledge), self.s.wall * 0.72, "tower")
        size = torch.minimum(0.95 + 0.15 * self.s.g["window_size"], 15 * self.wide - 0.6)
        self._window(dx, self.up - self.top + 0.135, size, 1 - self.s.p["clock"])

    def _crown(self) -> None:
        """A spire, a dome, or battlements on a flat top; a cross upon it."""
        s, dx = self.s, self.x - self.at
        spire, dome, flat = (s.share("top", name) for name in ("spire", "dome", "flat"))
        high = spire * (0.36 + 0.075 * s.g["spire_height"]).clamp_min(0.16) + dome * 0.20 + flat * 0.02
        t = ((self.up - self.top) / high).clamp(-0.2, 1.2)
        inside = (1 - t.clamp(0, 1).square()).clamp_min(0).sqrt()
        half = (self.wide + 0.030) * (spire * (1 - t) + dome * inside + flat * 1.0)
        slope = 1 / (1 + (spire * self.wide / high).square()).sqrt()
        body = torch.maximum((dx.abs() - half) * slope, torch.maximum(self.up - self.top - high, self.top - self.up))
        shade = (1.06 - 0.30 * (dx / self.wide).clamp(-1, 1))[:, None]
        crown = self._cover(body) * (spire + dome).clamp(0, 1)
        s.lay(crown, s.roof * self.tiling * shade, "spire")
        snow = torch.maximum(body, self.top + 0.55 * high + 0.01 * torch.sin(50 * dx) - self.up)
        s.lay(self._cover(snow, 1.5) * s.share("season", "winter") * (spire + dome), colour(0.97, 0.98, 1.0))
        teeth = ((dx / (2 * self.wide + 0.036) * 3).remainder(1.0) - 0.5).abs() - 0.29
        merlon = torch.maximum(
            torch.maximum(dx.abs() - self.wide - 0.018, -teeth * 0.09),
            torch.maximum(self.up - self.top - 0.085, self.top - self.up),
        )
        s.lay(self._cover(merlon) * flat, s.wall * self.masonry * 0.92, "tower")
        self._cross(dx, self.top + high)

    def _cross(self, dx: Tensor, foot: Tensor) -> None:
        up = self.up - foot
        post = torch.maximum(dx.abs() - 0.011, torch.maximum(up - 0.105, -up - 0.01))
        arm = torch.maximum(dx.abs() - 0.038, (up - 0.068).abs() - 0.011)
        self.s.lay(self._cover(torch.minimum(post, arm)), colour(0.93, 0.76, 0.26), "spire")

    def _clock(self) -> None:
        s, dx, dy = self.s, self.x - self.at, self.up - self.top + 0.135
        away = (dx.square() + dy.square()).clamp_min(1e-9).sqrt()
        s.lay(self._cover(away - 0.098) * s.p["clock"], colour(0.20, 0.16, 0.12), "clock")
        s.lay(self._cover(away - 0.080) * s.p["clock"], colour(0.98, 0.97, 0.92), "clock")
        minute = torch.maximum((dx - 0.15 * dy).abs() - 0.009, torch.maximum(dy - 0.066, -dy))
        hour = torch.maximum((dy + 0.35 * dx).abs() - 0.011, torch.maximum(dx - 0.048, -dx))
        s.lay(self._cover(torch.minimum(minute, hour)) * s.p["clock"], colour(0.12, 0.10, 0.10))

    def _door(self) -> None:
        s, dx = self.s, self.x - self.at
        arch = torch.sigmoid(2.4 * s.g["door_arch"])
        spring = self.door_top - self.door_half
        lift = (self.up - spring).clamp_min(0)
        round_ = (dx.square() + lift.square()).clamp_min(1e-9).sqrt() - self.door_half
        box = torch.maximum(dx.abs() - self.door_half, self.up - self.door_top)
        shape = torch.maximum((1 - arch) * box + arch * round_, -self.up)
        s.lay(self._cover(shape - 0.020), s.wall * 0.50)
        step = torch.maximum(dx.abs() - self.door_half - 0.03, (self.up + 0.008).abs() - 0.014)
        s.lay(self._cover(step), colour(0.62, 0.60, 0.58))
        planks = 1 - 0.28 * torch.exp(-(((dx / 0.03).remainder(1.0) - 0.5) ** 2) / 0.02)
        s.lay(self._cover(shape), s.door * planks[:, None], "door")
        knob = ((dx - 0.55 * self.door_half).square() + (self.up - 0.08).square()).clamp_min(1e-9).sqrt() - 0.013
        s.lay(self._cover(knob), colour(0.95, 0.80, 0.30))
