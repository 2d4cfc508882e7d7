"""What is true of a church: its attributes, the values that they are read from, and what can hide them."""

from __future__ import annotations

from torch import Tensor

from recipes.church.attributes import VALUES
from recipes.drawn.facts import Facts, Steps, there

__all__ = ["ATTRIBUTES", "facts"]


def _members(family: str) -> tuple[str, ...]:
    return tuple(VALUES.families[family].members)


#: attribute -> its classes
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "roof_colour": _members("roof"),
    "roof_material": _members("tiling"),
    "roof_height": ("low", "steep"),
    "wall_colour": _members("wall"),
    "wall_material": _members("masonry"),
    "nave_length": ("short", "long"),
    "tower_height": ("short", "tall"),
    "tower_width": ("narrow", "wide"),
    "tower_shape": _members("top"),
    "door_colour": _members("door"),
    "door_shape": ("square", "arched"),
    "door_size": ("small", "big"),
    "window_shape": _members("window"),
    "window_size": ("small", "big"),
    "windows": ("dark", "lit"),
    "clock": ("no", "yes"),
    "fence": ("no", "yes"),
    "path": ("no", "yes"),
    "trees": ("no", "yes"),
    "tree_kind": ("leafy", "fir"),
    "landscape": ("hills", "mountains"),
    "flowers": ("no", "yes"),
    "season": _members("season"),
    "time": _members("time"),
    "weather": _members("weather"),
    "clouds": ("no", "yes"),
    "sun": ("no", "yes"),
    "moon": ("no", "yes"),
}

_FLAGS = {"windows": "lit", "clock": "clock", "fence": "fence", "path": "path", "trees": "trees", "tree_kind": "firs",
          "flowers": "flowers", "sun": "sun", "moon": "sun"}  # fmt: skip

_STEPS: dict[str, Steps] = {
    "roof_height": ({"roof_pitch": 1.0}, ((-0.5, 0.5),)),
    "nave_length": ({"nave_length": 1.0}, ((-0.5, 0.5),)),
    "tower_height": ({"tower_height": 1.0}, ((-0.4, 0.4),)),
    "tower_width": ({"tower_width": 1.0}, ((-0.5, 0.5),)),
    "door_shape": ({"door_arch": 1.0}, ((-0.35, 0.35),)),
    "door_size": ({"door_size": 1.0}, ((-0.5, 0.5),)),
    "window_size": ({"window_size": 1.0}, ((-0.5, 0.5),)),
    "landscape": ({"peaks": 1.0}, ((-0.15, 0.5),)),
    "clouds": ({"cloudiness": 1.0}, ((-0.6, 0.1),)),
}

_FAMILIES = {"roof_colour": "roof", "roof_material": "tiling", "wall_colour": "wall", "wall_material": "masonry",
             "tower_shape": "top", "door_colour": "door", "window_shape": "window", "season": "season", "time": "time",
             "weather": "weather"}  # fmt: skip

_Classes = dict[str, tuple[str, ...]]

_LIGHT: _Classes = {"time": ("day", "sunset")}

#: attribute -> other attribute -> its classes without which the first has none
_REQUIRES: dict[str, _Classes] = {
    "tree_kind": {"trees": ("yes",)},
    "flowers": {"season": ("spring", "summer", "autumn")},
    "sun": _LIGHT,
    "moon": {"time": ("night",)},
}


def _in_view(v: Tensor) -> dict[str, Tensor]:
    """Where what may be hidden can be seen."""
    night = VALUES.weights(v, "time")[:, ATTRIBUTES["time"].index("night")]
    winter = VALUES.weights(v, "season")[:, ATTRIBUTES["season"].index("winter")]
    return {
        "tree_kind": there(v[:, VALUES.index["trees"]]) == 1,
        "flowers": winter < 0.45,
        "sun": night < 0.45,
        "moon": night > 0.55,
    }


facts = Facts(VALUES, ATTRIBUTES, flags=_FLAGS, steps=_STEPS, families=_FAMILIES, requires=_REQUIRES, in_view=_in_view)
