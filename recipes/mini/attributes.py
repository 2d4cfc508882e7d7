"""The semantic values of a portrait: what they are called, how they are distributed, and which ws rows carry them.

A portrait is one vector ``v`` of standardised values. Three kinds:

- ``gauss``: continuous, standard normal (face width, smile, skin tone …);
- ``flag``: bimodal, near −1 (absent) or +1 (present), with the share of present ones given (glasses, hat …);
- ``logit``: one of a family of scores; the family's softmax mixes named colours (hair, lips, eyes, clothes, hat).

All of them saturate in the renderer, so that a constant step along one leads every face to the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from recipes.mini.population import MINI, Population

__all__ = ["COLOURS", "FAMILIES", "GROUPS", "INDEX", "VALUES", "Value", "appearance", "from_normal", "presence",
           "sample", "weights"]  # fmt: skip

#: row groups: which attributes live where; ``rows_of_group`` in train_generator.py maps them to rows of ws
GROUPS = ("coarse", "middle", "fine")


@dataclass(frozen=True)
class Value:
    """One semantic value: its name, row group, kind, and for flags the share of portraits that have it."""

    name: str
    group: str
    kind: str = "gauss"
    share: float = 0.0


#: family -> name -> (sRGB colour, prior score): the softmax of the scores mixes the colours
COLOURS: dict[str, dict[str, tuple[tuple[float, float, float], float]]] = {
    "hair": {
        "black": ((0.07, 0.06, 0.07), 1.3),
        "brown": ((0.33, 0.20, 0.12), 1.5),
        "auburn": ((0.47, 0.19, 0.12), 0.2),
        "red": ((0.80, 0.34, 0.11), 0.3),
        "blond": ((0.90, 0.73, 0.38), 1.2),
        "platinum": ((0.95, 0.92, 0.80), -0.4),
        "grey": ((0.58, 0.58, 0.60), 0.1),
        "white": ((0.93, 0.93, 0.95), -0.2),
        "blue": ((0.16, 0.34, 0.82), -0.5),
        "green": ((0.18, 0.62, 0.28), -0.5),
        "pink": ((0.95, 0.45, 0.68), -0.5),
        "purple": ((0.50, 0.22, 0.70), -0.5),
    },
    "lips": {
        "natural": ((0.0, 0.0, 0.0), 2.2),  # the colour is taken from the skin
        "red": ((0.82, 0.05, 0.10), 0.4),
        "pink": ((0.96, 0.38, 0.60), 0.4),
        "plum": ((0.40, 0.07, 0.25), -0.2),
    },
    "eyes": {
        "brown": ((0.36, 0.19, 0.08), 1.0),
        "blue": ((0.20, 0.48, 0.90), 0.6),
        "green": ((0.22, 0.62, 0.30), 0.2),
        "grey": ((0.55, 0.60, 0.66), 0.0),
    },
    "clothes": {
        "red": ((0.78, 0.12, 0.14), 0.0),
        "blue": ((0.15, 0.30, 0.72), 0.3),
        "green": ((0.14, 0.50, 0.26), 0.0),
        "yellow": ((0.95, 0.80, 0.22), 0.0),
        "black": ((0.10, 0.10, 0.12), 0.3),
        "white": ((0.94, 0.94, 0.93), 0.3),
        "grey": ((0.50, 0.51, 0.54), 0.0),
        "pink": ((0.93, 0.55, 0.70), 0.0),
    },
    "hat": {
        "red": ((0.80, 0.15, 0.16), 0.0),
        "blue": ((0.18, 0.34, 0.74), 0.0),
        "green": ((0.16, 0.46, 0.26), 0.0),
        "black": ((0.12, 0.12, 0.14), 0.0),
        "white": ((0.92, 0.92, 0.90), 0.0),
        "brown": ((0.48, 0.32, 0.18), 0.0),
    },
}

#: how strongly hair_light (dark − … light +) pulls the score of each hair colour
HAIR_LIGHT = (-1.9, -0.9, -0.5, 0.2, 1.5, 1.3, 0.1, 0.5, -0.3, 0.0, 0.3, -0.3)

#: sharpness of the softmax of each family
SHARPNESS = {"hair": 1.9, "lips": 2.2, "eyes": 2.2, "clothes": 2.6, "hat": 2.6}

_COARSE = [
    "yaw", "roll", "pitch", "size", "face_width", "face_length", "jaw", "hair_length", "hair_volume", "parting",
    "ear_size", "neck_length", "shoulders", "hat_brim",
]  # fmt: skip
_MIDDLE = [
    "eye_size", "eye_spacing", "eye_open", "brow_thickness", "brow_height", "brow_angle", "nose_length",
    "nose_width", "mouth_width", "smile", "mouth_open", "lip_thickness", "glasses_shape", "collar", "curl", "age",
]  # fmt: skip
_FINE = [
    "hair_light", "brow_light", "beard_light", "skin_tone", "skin_warmth", "blush", "background_light",
    "background_a", "background_b", "frame_light", "light_x",
]  # fmt: skip
_FLAGS = {
    "coarse": {"male": 0.5, "bald": 0.06, "bangs": 0.3, "bun": 0.12, "hat": 0.18},
    "middle": {"beard": 0.22, "moustache": 0.18, "glasses": 0.3, "sunglasses": 0.35, "earrings": 0.3, "necklace": 0.25},
    "fine": {"freckles": 0.2, "eye_shadow": 0.2},
}

VALUES: tuple[Value, ...] = (
    *(Value(n, "coarse") for n in _COARSE),
    *(Value(n, "coarse", "flag", p) for n, p in _FLAGS["coarse"].items()),
    *(Value(n, "middle") for n in _MIDDLE),
    *(Value(n, "middle", "flag", p) for n, p in _FLAGS["middle"].items()),
    *(Value(n, "fine") for n in _FINE),
    *(Value(n, "fine", "flag", p) for n, p in _FLAGS["fine"].items()),
    *(Value(f"{family}_{name}", "fine", "logit") for family, names in COLOURS.items() for name in names),
)
INDEX: dict[str, int] = {value.name: i for i, value in enumerate(VALUES)}

#: family -> positions of its scores in v
FAMILIES: dict[str, list[int]] = {f: [INDEX[f"{f}_{name}"] for name in names] for f, names in COLOURS.items()}

_FLAG = torch.tensor([v.kind == "flag" for v in VALUES])
_SHARE = torch.tensor([v.share for v in VALUES])


def sample(n: int, *, rng: torch.Generator, wide: float = 0.0) -> Tensor:
    """Draw the values of ``n`` portraits.

    Args:
        n: how many.
        rng: the only source of randomness.
        wide: share of portraits with some values far out of the usual range. The generator learns from them that
            values saturate, so that an edit which overshoots still gives a face.
    Returns:
        v, (n, len(VALUES)).
    """
    z = torch.randn(n, len(VALUES), generator=rng)
    v = from_normal(z)
    stretch = torch.rand(n, 1, generator=rng) < wide
    picked = torch.rand(n, len(VALUES), generator=rng) < 0.15
    far = (torch.rand(n, len(VALUES), generator=rng) * 2 - 1) * 3.5
    return torch.where(stretch & picked, far, v)


def from_normal(z: Tensor, population: Population = MINI) -> Tensor:
    """Values from standard normal numbers: flags become bimodal, and a few depend on others as in people.

    Args:
        z: (N, len(VALUES)), standard normal.
        population: which depend on which.
    Returns:
        v, same shape.
    """
    shift = torch.tensor([NormalDist().inv_cdf(1 - v.share) if v.kind == "flag" else 0.0 for v in VALUES])
    matrix, step = (part.to(z) for part in population.mixing(INDEX))
    z = z @ matrix.T + torch.tanh(4 * z[:, INDEX["male"], None]) * step
    flags = torch.tanh(8 * (z - shift)) + 0.08 * z
    return torch.where(_FLAG.to(z.device), flags, z)


def presence(v: Tensor) -> Tensor:
    """How far a flag is there, [0, 1]: a smooth step from −0.9 to 0.5."""
    t = ((v + 0.9) / 1.4).clamp(0, 1)
    return t * t * (3 - 2 * t)


def appearance(v: Tensor) -> Tensor:
    """What a portrait shows, as numbers near [−1, 1]: values that no longer change the picture are cut off.

    Args:
        v: semantic values, (N, len(VALUES)).
    Returns:
        Half of each continuous value, the presence of each flag, the shares of the colours; (N, len(VALUES)).
    """
    flags = 2 * presence(v) - 1
    out = torch.where(_FLAG.to(v.device), flags, 0.5 * v.clamp(-2.6, 2.6))
    for family, places in FAMILIES.items():
        out[:, places] = 2 * weights(v, family) - 1
    return out


def weights(v: Tensor, family: str) -> Tensor:
    """Shares of the named colours of a family, (N, colours), summing to 1."""
    prior = torch.tensor([p for _, p in COLOURS[family].values()], device=v.device)
    score = v[:, FAMILIES[family]] + prior
    if family == "hair":
        score = score + 0.8 * v[:, INDEX["hair_light"], None] * torch.tensor(HAIR_LIGHT, device=v.device)
    return (SHARPNESS[family] * score).softmax(-1)
