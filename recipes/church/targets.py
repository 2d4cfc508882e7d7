"""What sentences of the measurements ask of a church, and where it would be seen."""

from __future__ import annotations

from eclipsed.prompts.target import Target
from eclipsed.worlds.world import find_world

__all__ = ["PROMPTS", "SHOWN_BY"]

_WORLD = find_world("church")
_ROOFS, _WALLS = _WORLD.expand(("roofs",)), _WORLD.expand(("walls",))

#: attribute -> parts of the picture that show it
SHOWN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("roof_colour", "roof_material"), _ROOFS),
    "roof_height": ("roof",),
    **dict.fromkeys(("wall_colour", "wall_material"), _WALLS),
    "nave_length": ("wall", "roof"),
    **dict.fromkeys(("tower_height", "tower_width", "tower_shape"), ("tower", "spire")),
    **dict.fromkeys(("door_colour", "door_shape", "door_size"), ("door",)),
    **dict.fromkeys(("window_shape", "window_size", "windows"), ("windows",)),
    "clock": ("clock",),
    "fence": ("fence",),
    "path": ("path",),
    **dict.fromkeys(("trees", "tree_kind"), ("trees",)),
    "landscape": ("hills",),
    "flowers": ("grass",),
    "season": _WORLD.expand(("land",)),
    **dict.fromkeys(("time", "weather"), _WORLD.expand(("picture",))),
    "clouds": ("clouds",),
    "sun": ("sun",),
    "moon": ("moon",),
}

#: sentences and what the judge must see afterwards
PROMPTS: dict[str, Target] = {
    "a church with a red roof": Target("roof_colour", ("red",)),
    "a church in winter": Target("season", ("winter",)),
    "a church at night": Target("time", ("night",)),
    "a wooden church": Target("wall_material", ("wooden",)),
    "a church with a tall tower": Target("tower_height", ("tall",)),
    "a church with lit windows": Target("windows", ("lit",)),
    "a church with a blue door": Target("door_colour", ("blue",)),
    "a church with a dome": Target("tower_shape", ("dome",)),
    "a church with a clock": Target("clock", ("yes",)),
    "a church in the rain": Target("weather", ("rain",)),
    "a church with a fence": Target("fence", ("yes",)),
    "a church with gothic windows": Target("window_shape", ("pointed",)),
}
