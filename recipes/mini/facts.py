"""What is true of a portrait: its attributes, the values that they are read from, and what can hide them."""

from __future__ import annotations

from torch import Tensor

from recipes.drawn.facts import Facts, Steps, there
from recipes.mini.attributes import COLOURS, VALUES

__all__ = ["ATTRIBUTES", "FAMILY", "FLAGS", "REQUIRES", "STEPS", "facts"]

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
STEPS: dict[str, Steps] = {
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

#: attribute -> other attribute -> its classes without which the first has none: who is bald has no colour
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


def _in_view(v: Tensor) -> dict[str, Tensor]:
    """Where what may be hidden can be seen."""
    get = {name: v[:, i] for name, i in VALUES.index.items()}
    hairy, hatless = there(get["bald"]) == 0, there(get["hat"]) == 0
    eyes = ~((get["glasses"] > -0.25) & (get["sunglasses"] > -0.25))
    return {
        **dict.fromkeys(("hair_colour", "hair_texture", "hair_length"), hairy),
        **dict.fromkeys(("bangs", "bun"), hairy & hatless),
        **dict.fromkeys(("eye_size", "eyes_open", "eye_shadow"), eyes),
        "eye_colour": eyes & (get["eye_open"] > -1.2),
        "ears": (get["hair_length"] < 0.2) | (there(get["bald"]) == 1),
        "hat_colour": there(get["hat"]) == 1,
    }


#: values (N, V) to the class of each attribute
facts = Facts(
    VALUES,
    ATTRIBUTES,
    flags=FLAGS,
    steps=STEPS,
    families=FAMILY,
    pairs={"glasses": ("glasses", "sunglasses")},
    requires=REQUIRES,
    in_view=_in_view,
)
