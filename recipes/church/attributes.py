"""The semantic values of a church in its landscape, and which row group has them."""

from __future__ import annotations

from recipes.drawn.population import Population
from recipes.drawn.values import Family, Value, Values

__all__ = ["COLOURS", "VALUES"]

_Colour = tuple[float, float, float]

#: family -> name -> sRGB colour: the softmax of the scores mixes the colours
COLOURS: dict[str, dict[str, _Colour]] = {
    "roof": {
        "red": (0.76, 0.18, 0.13),
        "brown": (0.44, 0.27, 0.15),
        "grey": (0.52, 0.55, 0.60),
        "black": (0.15, 0.15, 0.18),
        "blue": (0.16, 0.34, 0.72),
        "green": (0.20, 0.55, 0.42),
    },
    "wall": {
        "white": (0.95, 0.94, 0.91),
        "grey": (0.62, 0.63, 0.64),
        "yellow": (0.95, 0.82, 0.46),
        "brown": (0.57, 0.38, 0.23),
        "red": (0.72, 0.31, 0.22),
        "pink": (0.95, 0.68, 0.70),
    },
    "door": {
        "brown": (0.36, 0.20, 0.10),
        "red": (0.78, 0.12, 0.12),
        "blue": (0.14, 0.32, 0.78),
        "green": (0.12, 0.48, 0.24),
    },
}

_COARSE = (
    "church_x", "church_size", "horizon", "nave_length", "nave_height", "roof_pitch", "tower_side", "tower_width",
    "tower_height", "spire_height", "hill_height", "hill_phase", "peaks", "tree_size", "tree_x", "path_bend",
)  # fmt: skip
_MIDDLE = ("window_size", "door_size", "door_arch", "cloudiness", "cloud_x", "sun_height")
_FINE = ("sky_tone", "grass_tone", "hill_tone", "wall_tone", "roof_tone", "tree_tone", "path_tone")
_FLAGS = {
    "coarse": {"trees": 0.65, "firs": 0.4, "path": 0.65},
    "middle": {"clock": 0.3, "fence": 0.35, "sun": 0.55, "sun_left": 0.5},
    "fine": {"lit": 0.35, "flowers": 0.25},
}

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
        "top": Family({"spire": 0.6, "dome": 0.0, "flat": -0.1}, 3.0, "coarse"),
        "window": Family({"arched": 0.2, "pointed": 0.1, "square": 0.0, "round": -0.2}, 3.0, "middle"),
        "roof": Family({"red": 0.5, "brown": 0.1, "grey": 0.2, "black": 0.0, "blue": -0.1, "green": -0.1}, 3.0),
        "wall": Family({"white": 0.4, "grey": 0.1, "yellow": 0.1, "brown": 0.0, "red": 0.0, "pink": -0.3}, 3.0),
        "door": Family({"brown": 0.4, "red": 0.0, "blue": 0.0, "green": 0.0}, 3.0),
        "tiling": Family({"tiled": 0.3, "thatched": 0.0, "metal": 0.0}, 3.2),
        "masonry": Family({"plastered": 0.2, "stone": 0.1, "brick": 0.1, "wooden": 0.1}, 3.2),
        "season": Family({"spring": 0.0, "summer": 0.3, "autumn": 0.0, "winter": 0.0}, 3.2),
        "time": Family({"day": 0.9, "sunset": -0.2, "night": 0.0}, 3.4),
        "weather": Family({"fair": 1.5, "rain": -0.3, "snowfall": -0.3, "fog": -0.4}, 3.4),
    },
    Population({}),
)
