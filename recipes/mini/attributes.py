"""The semantic values of a portrait: what they are called, how they are distributed, and which row group has them."""

from __future__ import annotations

from recipes.drawn.values import Family, Value, Values
from recipes.mini.population import MINI

__all__ = ["COLOURS", "VALUES"]

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
_HAIR_LIGHT = (-1.9, -0.9, -0.5, 0.2, 1.5, 1.3, 0.1, 0.5, -0.3, 0.0, 0.3, -0.3)

#: sharpness of the softmax of each family
_SHARPNESS = {"hair": 1.9, "lips": 2.2, "eyes": 2.2, "clothes": 2.6, "hat": 2.6}

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

#: colours that nature makes rare but an album of faces should have
_ALBUM = {
    "hair_red": 0.5, "hair_auburn": 0.4, "hair_platinum": 0.5, "hair_grey": 0.4, "hair_white": 0.3, "hair_blue": 0.4,
    "hair_green": 0.4, "hair_pink": 0.4, "hair_purple": 0.4, "lips_red": 0.3, "lips_pink": 0.3, "lips_plum": 0.3,
    "eyes_green": 0.3, "eyes_grey": 0.3,
}  # fmt: skip

VALUES = Values(
    (
        *(Value(n, "coarse") for n in _COARSE),
        *(Value(n, "coarse", "flag", p) for n, p in _FLAGS["coarse"].items()),
        *(Value(n, "middle") for n in _MIDDLE),
        *(Value(n, "middle", "flag", p) for n, p in _FLAGS["middle"].items()),
        *(Value(n, "fine") for n in _FINE),
        *(Value(n, "fine", "flag", p) for n, p in _FLAGS["fine"].items()),
    ),
    {
        family: Family(
            {name: prior for name, (_, prior) in colours.items()},
            _SHARPNESS[family],
            pull=("hair_light", tuple(0.8 * by for by in _HAIR_LIGHT)) if family == "hair" else None,
        )
        for family, colours in COLOURS.items()
    },
    MINI,
    album=_ALBUM,
)
