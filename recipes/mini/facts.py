"""What is true of a portrait, read from its values: one class per attribute, or none where it cannot be seen.

The captions, CLIP's training and the judge all speak of these attributes and classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.attributes import COLOURS, INDEX, weights

__all__ = ["ATTRIBUTES", "FAMILY", "FLAGS", "REQUIRES", "STEPS", "UNKNOWN", "class_index", "facts"]

#: attribute -> its classes
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "hair_colour": tuple(COLOURS["hair"]),
    "hair_texture": ("straight", "wavy", "curly"),
    "hair_length": ("short", "medium", "long"),
    "bald": ("hair", "bald"),
    "bangs": ("no", "yes"),
    "bun": ("no", "yes"),
    "hat": ("no", "yes"),
    "hat_colour": tuple(COLOURS["hat"]),
    "gender": ("woman", "man"),
    "face_width": ("narrow", "wide"),
    "face_length": ("short", "long"),
    "ears": ("small", "big"),
    "eye_size": ("small", "big"),
    "eyes_open": ("closed", "open"),
    "eye_colour": tuple(COLOURS["eyes"]),
    "brows": ("thin", "thick"),
    "brow_angle": ("sad", "angry"),
    "nose": ("small", "big"),
    "mouth_open": ("closed", "open"),
    "smile": ("frown", "neutral", "smile"),
    "lips": ("thin", "full"),
    "lip_colour": tuple(COLOURS["lips"]),
    "beard": ("no", "yes"),
    "moustache": ("no", "yes"),
    "glasses": ("no", "clear", "sunglasses"),
    "earrings": ("no", "yes"),
    "necklace": ("no", "yes"),
    "age": ("young", "old"),
    "skin": ("pale", "tanned", "dark"),
    "blush": ("no", "yes"),
    "freckles": ("no", "yes"),
    "eye_shadow": ("no", "yes"),
    "clothes_colour": tuple(COLOURS["clothes"]),
}

#: attribute -> the value whose sign it is
FLAGS: dict[str, str] = {
    "gender": "male",
    **{name: name for name in ("bald", "bangs", "bun", "hat", "beard", "moustache", "earrings", "necklace", "freckles",
                               "eye_shadow")},
}  # fmt: skip

#: attribute -> the values that add up to it, each with its weight, and the gaps that lie between its classes
STEPS: dict[str, tuple[dict[str, float], tuple[tuple[float, float], ...]]] = {
    "hair_texture": ({"curl": 1.0}, ((-0.35, -0.1), (0.35, 0.6))),
    "hair_length": ({"hair_length": 1.0}, ((-0.55, -0.25), (0.4, 0.7))),
    "face_width": ({"face_width": 1.0}, ((-0.5, 0.5),)),
    "face_length": ({"face_length": 1.0}, ((-0.5, 0.5),)),
    "ears": ({"ear_size": 1.0}, ((-0.6, 0.6),)),
    "eye_size": ({"eye_size": 1.0}, ((-0.5, 0.5),)),
    "eyes_open": ({"eye_open": 1.0}, ((-1.3, -0.6),)),
    "brows": ({"brow_thickness": 1.0}, ((-0.4, 0.4),)),
    "brow_angle": ({"brow_angle": 1.0}, ((-0.7, 0.7),)),
    "nose": ({"nose_width": 1.0, "nose_length": 0.5}, ((-0.5, 0.5),)),
    "mouth_open": ({"mouth_open": 1.0}, ((-0.1, 0.5),)),
    "smile": ({"smile": 1.0}, ((-1.0, -0.7), (0.2, 0.6))),
    "lips": ({"lip_thickness": 1.0}, ((-0.5, 0.5),)),
    "age": ({"age": 1.0}, ((0.1, 0.8),)),
    "skin": ({"skin_tone": 1.0}, ((-0.75, -0.45), (0.45, 0.75))),
    "blush": ({"blush": 1.0}, ((-0.2, 0.6),)),
}

#: attribute -> the family of colours that it names
FAMILY: dict[str, str] = {
    "hair_colour": "hair",
    "hat_colour": "hat",
    "eye_colour": "eyes",
    "lip_colour": "lips",
    "clothes_colour": "clothes",
}

_Classes = dict[str, tuple[str, ...]]

_HAIR: _Classes = {"bald": ("hair",)}
_HAIR_IN_VIEW: _Classes = {"bald": ("hair",), "hat": ("no",)}
_EYES_IN_VIEW: _Classes = {"glasses": ("no", "clear")}

#: attribute -> other attribute -> its classes without which `facts` gives none of the first: who is bald has no colour
#: of hair. The ears of hair of medium length are in view or not; they count as in view on short hair only.
REQUIRES: dict[str, _Classes] = {
    "hair_colour": _HAIR,
    "hair_texture": _HAIR,
    "hair_length": _HAIR,
    "bangs": _HAIR_IN_VIEW,
    "bun": _HAIR_IN_VIEW,
    "hat_colour": {"hat": ("yes",)},
    "ears": {"hair_length": ("short",)},
    "eye_size": _EYES_IN_VIEW,
    "eyes_open": _EYES_IN_VIEW,
    "eye_colour": {**_EYES_IN_VIEW, "eyes_open": ("open",)},
    "eye_shadow": _EYES_IN_VIEW,
}

#: the class of an attribute that cannot be seen or lies between two classes
UNKNOWN = -1


def class_index(attribute: str, name: str) -> int:
    """Position of a class in its attribute."""
    return ATTRIBUTES[attribute].index(name)


def _steps(value: Tensor, *bounds: tuple[float, float]) -> Tensor:
    """Class k where the value lies between the k-th and the next gap; unknown inside a gap."""
    out = torch.zeros(len(value), dtype=torch.long)
    for k, (low, high) in enumerate(bounds):
        out = torch.where(value >= high, k + 1, out)
        out = torch.where((value > low) & (value < high), UNKNOWN, out)
    return out


def facts(v: Tensor) -> dict[str, Tensor]:
    """Classes of portraits.

    Args:
        v: semantic values, (N, len(VALUES)).
    Returns:
        attribute -> (N,) int64 positions in `ATTRIBUTES`, `UNKNOWN` where it cannot be told.
    """
    get = {name: v[:, i] for name, i in INDEX.items()}
    flag = {name: _steps(get[name], (-0.25, 0.25)) for name in (*FLAGS.values(), "sunglasses", "glasses")}
    hairy, hatless = flag["bald"] == 0, flag["hat"] == 0
    shades = torch.where(flag["sunglasses"] < 0, UNKNOWN, 1 + flag["sunglasses"])
    eyes_seen = ~((get["glasses"] > -0.25) & (get["sunglasses"] > -0.25))
    visible = {
        **dict.fromkeys(("hair_colour", "hair_texture", "hair_length"), hairy),
        **dict.fromkeys(("bangs", "bun"), hairy & hatless),
        **dict.fromkeys(("eye_size", "eyes_open", "eye_shadow"), eyes_seen),
        "eye_colour": eyes_seen & (get["eye_open"] > -1.2),
        "ears": (get["hair_length"] < 0.2) | (flag["bald"] == 1),
        "hat_colour": flag["hat"] == 1,
    }
    out = {}
    for name in ATTRIBUTES:
        if name == "glasses":
            out[name] = torch.where(flag[name] == 1, shades, flag[name])
            continue
        if name in FLAGS:
            known = flag[FLAGS[name]]
        elif name in STEPS:
            parts, gaps = STEPS[name]
            known = _steps(torch.stack([weight * get[value] for value, weight in parts.items()]).sum(0), *gaps)
        else:
            share, best = weights(v, FAMILY[name]).max(1)
            known = torch.where(share > 0.55, best, UNKNOWN)
        out[name] = torch.where(visible[name], known, UNKNOWN) if name in visible else known
    return out
