"""The colours of a portrait: skin, hair, eyes, lips and what is worn."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.attributes import COLOURS, VALUES

__all__ = ["Colours"]

#: skin from very light to very dark
SKIN = (
    (0.99, 0.86, 0.77),
    (0.96, 0.78, 0.66),
    (0.87, 0.66, 0.50),
    (0.72, 0.49, 0.34),
    (0.50, 0.32, 0.21),
    (0.31, 0.19, 0.13),
)


def mixed(v: Tensor, family: str) -> Tensor:
    """The colour that a family's scores give, (N, 3)."""
    return VALUES.weights(v, family) @ torch.tensor([c for c, _ in COLOURS[family].values()])


def skin_colour(v: Tensor) -> Tensor:
    """(N, 3) from the skin tone; tone 0 is a light tan."""
    ramp = torch.tensor(SKIN)
    t = torch.sigmoid(1.1 * v[:, VALUES.index["skin_tone"]] - 0.25) * (len(SKIN) - 1)
    low = t.long().clamp(0, len(SKIN) - 2)
    share = (t - low)[:, None]
    colour = ramp[low] * (1 - share) + ramp[low + 1] * share
    warm = v[:, VALUES.index["skin_warmth"], None].clamp(-2.5, 2.5) * torch.tensor([0.012, 0.0, -0.02])
    return (colour + warm).clamp(0.02, 1)


def _shade_of_brown(value: Tensor) -> Tensor:
    """(N, 3) from nearly black to fair; brows and beards have their own, so that an edit of the hair leaves them."""
    t = torch.sigmoid(1.3 * value - 1.2)[:, None]
    return (1 - t) * torch.tensor([[0.13, 0.09, 0.07]]) + t * torch.tensor([[0.62, 0.45, 0.28]])


class Colours:
    """Every colour of N portraits, (N, 3) each."""

    def __init__(self, v: Tensor) -> None:
        self.skin = skin_colour(v)
        self.hair = mixed(v, "hair")
        self.clothes, self.hat, self.iris = mixed(v, "clothes"), mixed(v, "hat"), mixed(v, "eyes")
        lips = VALUES.weights(v, "lips")
        natural = 0.5 * self.skin * torch.tensor([0.90, 0.66, 0.66]) + 0.5 * torch.tensor([0.66, 0.36, 0.34])
        self.lips = mixed(v, "lips") + lips[:, :1] * natural
        self.brow = _shade_of_brown(v[:, VALUES.index["brow_light"]])
        self.beard = _shade_of_brown(v[:, VALUES.index["beard_light"]])
