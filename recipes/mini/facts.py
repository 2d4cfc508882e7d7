"""What is true of a portrait, read from its values: one class per attribute, or none where it cannot be seen.

The captions, CLIP's training and the judge all speak of these attributes and classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.attributes import COLOURS, INDEX, weights

__all__ = ["ATTRIBUTES", "UNKNOWN", "class_index", "facts"]

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


def _colour(v: Tensor, family: str, visible: Tensor) -> Tensor:
    share, best = weights(v, family).max(1)
    return torch.where(visible & (share > 0.55), best, UNKNOWN)


def facts(v: Tensor) -> dict[str, Tensor]:
    """Classes of portraits.

    Args:
        v: semantic values, (N, len(VALUES)).
    Returns:
        attribute -> (N,) int64 positions in `ATTRIBUTES`, `UNKNOWN` where it cannot be told.
    """
    get = {name: v[:, i] for name, i in INDEX.items()}
    flag = {
        name: _steps(get[name], (-0.25, 0.25))
        for name in ("bald", "bangs", "bun", "hat", "beard", "moustache", "earrings", "necklace", "freckles",
                     "eye_shadow", "sunglasses", "glasses", "male")
    }  # fmt: skip
    hairy, bare = flag["bald"] == 0, torch.full_like(flag["bald"], UNKNOWN)
    worn = flag["glasses"] == 1
    shades = torch.where(flag["sunglasses"] < 0, UNKNOWN, 1 + flag["sunglasses"])
    eyes_seen = ~((get["glasses"] > -0.25) & (get["sunglasses"] > -0.25))
    eyes_wide = eyes_seen & (get["eye_open"] > -1.2)
    nose = get["nose_width"] + 0.5 * get["nose_length"]
    lips_seen = torch.ones_like(hairy)
    ears_seen = (get["hair_length"] < 0.2) | (flag["bald"] == 1)
    out = {
        "hair_colour": _colour(v, "hair", hairy),
        "hair_texture": torch.where(hairy, _steps(get["curl"], (-0.35, -0.1), (0.35, 0.6)), bare),
        "hair_length": torch.where(hairy, _steps(get["hair_length"], (-0.55, -0.25), (0.4, 0.7)), bare),
        "bald": flag["bald"],
        "bangs": torch.where(hairy & (flag["hat"] == 0), flag["bangs"], bare),
        "bun": torch.where(hairy & (flag["hat"] == 0), flag["bun"], bare),
        "hat": flag["hat"],
        "hat_colour": _colour(v, "hat", flag["hat"] == 1),
        "gender": flag["male"],
        "face_width": _steps(get["face_width"], (-0.5, 0.5)),
        "face_length": _steps(get["face_length"], (-0.5, 0.5)),
        "ears": torch.where(ears_seen, _steps(get["ear_size"], (-0.6, 0.6)), bare),
        "eye_size": torch.where(eyes_seen, _steps(get["eye_size"], (-0.5, 0.5)), bare),
        "eyes_open": torch.where(eyes_seen, _steps(get["eye_open"], (-1.3, -0.6)), bare),
        "eye_colour": _colour(v, "eyes", eyes_wide),
        "brows": _steps(get["brow_thickness"], (-0.4, 0.4)),
        "brow_angle": _steps(get["brow_angle"], (-0.7, 0.7)),
        "nose": _steps(nose, (-0.5, 0.5)),
        "mouth_open": _steps(get["mouth_open"], (-0.1, 0.5)),
        "smile": _steps(get["smile"], (-1.0, -0.7), (0.2, 0.6)),
        "lips": _steps(get["lip_thickness"], (-0.5, 0.5)),
        "lip_colour": _colour(v, "lips", lips_seen),
        "beard": flag["beard"],
        "moustache": flag["moustache"],
        "glasses": torch.where(worn, shades, torch.where(flag["glasses"] == 0, 0, UNKNOWN)),
        "earrings": flag["earrings"],
        "necklace": flag["necklace"],
        "age": _steps(get["age"], (0.1, 0.8)),
        "skin": _steps(get["skin_tone"], (-0.75, -0.45), (0.45, 0.75)),
        "blush": _steps(get["blush"], (-0.2, 0.6)),
        "freckles": flag["freckles"],
        "eye_shadow": torch.where(eyes_seen, flag["eye_shadow"], bare),
        "clothes_colour": _colour(v, "clothes", torch.ones_like(hairy)),
    }
    assert set(out) == set(ATTRIBUTES)
    return out
