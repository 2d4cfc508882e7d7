"""Sentences about churches that `captions` cannot make: how well CLIP understands wordings that it never read.

Every class is said in three ways. The nouns and adjectives are those of a church, which CLIP knows; the sentences
around them are new.
"""

from __future__ import annotations

from recipes.church.facts import ATTRIBUTES

__all__ = ["SENTENCES"]

#: attribute -> sentences with a place for the class's own name
_OF_A_NAME = {
    "roof_colour": ("the colour of the roof is {}", "some church whose roof is {}", "this roof looks {}"),
    "wall_colour": ("the colour of the walls is {}", "some church whose walls are {}", "these walls look {}"),
    "door_colour": ("the colour of the door is {}", "some church whose door is {}", "this door looks {}"),
    "season": ("this church in {}", "the season here is {}", "{} has come to this church"),
}

_OTHERS: dict[str, dict[str, str]] = {
    "roof_material": {
        "tiled": "there are tiles on this roof|this roof is tiled|some church whose roof has tiles",
        "thatched": "there is straw on this roof|this roof is thatched|some church whose roof is of straw",
        "metal": "there is metal on this roof|this roof is a sheet of metal|some church whose roof is of metal",
    },
    "roof_height": {
        "low": "this roof is low|some church whose roof is low|how low the roof is",
        "steep": "this roof is steep|some church whose roof is very steep|how steep the roof is",
    },
    "wall_material": {
        "plastered": "these walls are plastered|some church whose walls are smooth|the tower is plastered",
        "stone": "these walls are of stone|some church whose walls are stone|the tower is built of stone",
        "brick": "these walls are of brick|some church whose walls are brick|the tower is built of bricks",
        "wooden": "these walls are of wood|some church whose walls are wooden|the tower is built of wood",
    },
    "nave_length": {
        "short": "this nave is short|some church whose nave is short|how short the building is",
        "long": "this nave is long|some church whose nave is long|how long the building is",
    },
    "tower_height": {
        "short": "this tower is low|some church whose tower is short|how short the tower is",
        "tall": "this tower is high|some church whose tower is tall|how tall the tower is",
    },
    "tower_width": {
        "narrow": "this tower is slender|some church whose tower is narrow|how thin the tower is",
        "wide": "this tower is massive|some church whose tower is wide|how broad the tower is",
    },
    "tower_shape": {
        "spire": "there is a spire on this tower|some church whose tower is pointed|this church has a spire",
        "dome": "there is a dome on this tower|some church whose tower has a dome|this church has a dome",
        "flat": "there are battlements on this tower|some church whose tower is flat|this church has no spire",
    },
    "door_shape": {
        "square": "this door is rectangular|some church whose door is square|the door has corners",
        "arched": "this door has an arch|some church whose door is arched|the doorway is round",
    },
    "door_size": {
        "small": "this door is small|some church whose door is tiny|how small the door is",
        "big": "this door is big|some church whose door is huge|how large the door is",
    },
    "window_shape": {
        "arched": "these windows have arches|some church whose windows are arched|the windows are rounded",
        "pointed": "these windows are gothic|some church whose windows are pointed|the windows have pointed arches",
        "square": "these windows are rectangular|some church whose windows are square|the windows have corners",
        "round": "these windows are circular|some church whose windows are round|the windows are like circles",
    },
    "window_size": {
        "small": "these windows are small|some church whose windows are tiny|how small the windows are",
        "big": "these windows are big|some church whose windows are huge|how large the windows are",
    },
    "windows": {
        "dark": "there is no light in these windows|some church whose windows are dark|all the lights are off",
        "lit": "there is light in these windows|some church whose windows are lit|all the lights are on",
    },
    "clock": {
        "no": "there is no clock on this tower|some church whose tower has no clock|this tower is without a clock",
        "yes": "there is a clock on this tower|some church whose tower has a clock|this tower has a clock face",
    },
    "fence": {
        "no": "there is no fence in front of it|this church has no fence|some church that has no fence",
        "yes": "there is a fence in front of it|this church has a fence|some church that is behind pickets",
    },
    "path": {
        "no": "there is no path to this door|this church has no path|some church that has no path",
        "yes": "there is a path to this door|this church has a path|some church where a path leads to the door",
    },
    "trees": {
        "no": "there are no trees around it|this church has no trees|some church where no trees are",
        "yes": "there are trees around it|this church has trees beside it|some church that is between two trees",
    },
    "tree_kind": {
        "leafy": "these trees are leafy|some church where the trees are oaks|the trees here are round",
        "fir": "these trees are firs|some church where the trees are pines|the trees here are conifers",
    },
    "landscape": {
        "hills": "there are hills behind it|some church where the hills are gentle|these are rolling hills",
        "mountains": "there are mountains behind it|some church where the mountains are high|these are snowy mountains",
    },
    "flowers": {
        "no": "there are no flowers in the grass|some church where no flowers are|this meadow has no flowers",
        "yes": "there are flowers in the grass|some church where flowers are|this meadow has many flowers",
    },
    "time": {
        "day": "this church by day|the sky is blue and it is day|some church in the daylight",
        "sunset": "this church at sunset|the sky is red and it is evening|some church in the light of the sunset",
        "night": "this church at night|the sky is dark and it is night|some church in the dark of the night",
    },
    "weather": {
        "fair": "this church in fair weather|the weather here is good|some church where it is dry",
        "rain": "this church in the rain|the weather here is rainy|some church where it is raining",
        "snowfall": "this church in falling snow|here it is snowing|some church where it is snowing",
        "fog": "this church in the fog|the weather here is foggy|some church where it is misty",
    },
    "clouds": {
        "no": "there are no clouds in the sky|some church where the sky is clear|this sky is without clouds",
        "yes": "there are clouds in the sky|some church where the sky is cloudy|this sky has many clouds",
    },
    "sun": {
        "no": "there is no sun in this sky|some church where no sun is|this sky is without the sun",
        "yes": "there is a sun in this sky|some church where the sun is shining|this sky has a bright sun",
    },
    "moon": {
        "no": "there is no moon in this sky|some church where no moon is|this sky is without the moon",
        "yes": "there is a moon in this sky|some church where the moon is shining|this sky has a bright crescent moon",
    },
}


def _sentences() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for attribute, classes in ATTRIBUTES.items():
        for name in classes:
            if attribute in _OF_A_NAME:
                found[attribute, name] = tuple(text.format(name) for text in _OF_A_NAME[attribute])
            else:
                found[attribute, name] = tuple(_OTHERS[attribute][name].split("|"))
    return found


#: (attribute, class) -> three sentences
SENTENCES = _sentences()
