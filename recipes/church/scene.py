"""What all parts of a picture share: the canvas, the values as numbers and shares, and the light of the hour."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.church.attributes import COLOURS, VALUES
from recipes.drawn.canvas import Canvas
from recipes.drawn.values import presence

__all__ = ["Scene", "colour", "plane"]

#: what daylight, the evening sun and the moon leave of a colour
_LIGHT = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.80, 0.66], [0.52, 0.57, 0.76]])

_FLAGS = [value.name for value in VALUES if value.kind == "flag"]


def colour(red: float, green: float, blue: float) -> Tensor:
    """One colour, (1, 3, 1, 1)."""
    return torch.tensor([red, green, blue])[None, :, None, None]


def plane(colours: Tensor) -> Tensor:
    """Colours (N, 3) as planes, (N, 3, 1, 1)."""
    return colours[:, :, None, None]


class Scene:
    """A canvas with what is to be drawn on it.

    Args:
        canvas: to draw on.
        v: semantic values, (N, len(VALUES)).
    """

    def __init__(self, canvas: Canvas, v: Tensor) -> None:
        self.canvas = canvas
        #: measures, (N, 1, 1) each
        self.g = {name: v[:, i, None, None].clamp(-2.6, 2.6) for name, i in VALUES.index.items()}
        #: how far a flag is there, (N, 1, 1) each
        self.p = {name: presence(v[:, VALUES.index[name]])[:, None, None] for name in _FLAGS}
        #: family -> shares, (N, members)
        self.shares = {family: VALUES.weights(v, family) for family in VALUES.families}
        mixed = {f: plane(self.shares[f] @ torch.tensor(list(table.values()))) for f, table in COLOURS.items()}
        self.roof = mixed["roof"] * (1 + 0.05 * self.g["roof_tone"])[:, None]
        self.wall = mixed["wall"] * (1 + 0.035 * self.g["wall_tone"])[:, None]
        self.door = mixed["door"]
        self.light = plane(self.shares["time"] @ _LIGHT)

    def share(self, family: str, member: str) -> Tensor:
        """The share of one member, (N, 1, 1)."""
        place = list(VALUES.families[family].members).index(member)
        return self.shares[family][:, place, None, None]

    def lay(self, alpha: Tensor, tone: Tensor, part: str | None = None) -> None:
        """Blend a colour over the picture as it looks in the light of the hour; see `Canvas.lay`."""
        self.canvas.lay(alpha, (tone * self.light).clamp(0, 1), part)
