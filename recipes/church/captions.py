"""The words for each class of each attribute of a church."""

from __future__ import annotations

from recipes.church.facts import ATTRIBUTES, facts
from recipes.drawn.captions import Captions, Forms, phrases

__all__ = ["CAPTIONS"]

WORDS: dict[tuple[str, str], Forms] = {}


def _say(attribute: str, name: str, **forms: str) -> None:
    WORDS[attribute, name] = phrases(**forms)


def _coloured(attribute: str, things: tuple[str, ...], shades: dict[str, str], **more: str) -> None:
    """Colours of a thing: red roof, roof that is red, make the roof red."""
    plural = things[0].endswith("s")
    article, verb = ("" if plural else "a "), ("are" if plural else "is")
    for name in ATTRIBUTES[attribute]:
        tones = (name, *(tone for tone in shades.get(name, "").split("|") if tone))
        said = [f"{article}{tone} {thing}" for tone in tones for thing in things]
        said = [text.replace("a o", "an o") for text in said]
        extra = {"be": more["be"].format(name)} if "be" in more else {}
        _say(attribute, name, **{
            "with": "|".join([*said, f"{article}{things[0]} that {verb} {name}", f"{article}{name} coloured {things[0]}"]),
            "say": f"the {things[0]} {verb} {name}|make the {things[0]} {name}|paint the {things[0]} {name}|"
                   f"a {name} {things[0]}|colour the {things[0]} {name}", **extra})  # fmt: skip


_coloured("roof_colour", ("roof", "rooftop", "roof and spire"), {
    "red": "bright red|dark red|terracotta|crimson", "brown": "dark brown|chestnut|chocolate brown",
    "grey": "gray|light grey|silver grey|silver", "black": "dark|charcoal|jet black",
    "blue": "bright blue|dark blue|navy", "green": "copper green|dark green|teal|turquoise"}, be="{}-roofed")  # fmt: skip
_say("roof_material", "tiled", **{"with": "a tiled roof|roof tiles|tiles on the roof|a roof of tiles|a clay tile roof|"
     "a shingle roof|a shingled roof|shingles on the roof", "be": "tile-roofed|tiled",
     "say": "the roof is tiled|the roof is made of tiles|tile the roof"})  # fmt: skip
_say("roof_material", "thatched", **{"with": "a thatched roof|a roof of straw|a straw roof|thatch on the roof|a reed roof|"
     "a roof made of straw|a roof of thatch", "be": "thatched", "say": "the roof is thatched|the roof is made of straw|"
     "thatch the roof"})  # fmt: skip
_say("roof_material", "metal", **{"with": "a metal roof|a sheet metal roof|a roof of metal|a tin roof|a roof made of metal|"
     "a copper roof|metal sheets on the roof|a lead roof", "be": "metal-roofed",
     "say": "the roof is metal|the roof is made of metal|the roof is made of tin"})  # fmt: skip
_say("roof_height", "low", **{"with": "a low roof|a flat roof on the nave|a shallow roof|a low-pitched roof|a gently sloping roof",
     "be": "low-roofed", "say": "the roof is low|make the roof lower"})  # fmt: skip
_say("roof_height", "steep", **{"with": "a steep roof|a high roof|a tall roof|a steeply pitched roof|a big roof|a very steep roof",
     "be": "steep-roofed|high-roofed", "say": "the roof is steep|make the roof steeper|make the roof higher"})  # fmt: skip
_TONES = {"white": "whitewashed|bright white|snow white", "grey": "gray|light grey|ash grey",
          "yellow": "golden|cream|cream-coloured|ochre|sandstone", "brown": "dark brown|tan|chestnut",
          "red": "dark red|rust red|brick red", "pink": "light pink|rose|salmon pink"}  # fmt: skip
for _name in ATTRIBUTES["wall_colour"]:
    _tones = (_name, *_TONES[_name].split("|"))
    _say("wall_colour", _name, **{
        "with": "|".join(f"{t} walls" for t in _tones) + f"|a {_name} wall|a {_name} tower|walls that are {_name}|"
        f"{_name} walls and a {_name} tower|walls painted {_name}|a {_name} facade",
        "be": "|".join(_tones) + f"|{_name}-walled|{_name}-painted", "do": f"painted {_name}|in {_name}",
        "say": f"the walls are {_name}|make the walls {_name}|paint the church {_name}|the church is {_name}|"
        f"paint the walls {_name}"})  # fmt: skip
_say("wall_material", "plastered", **{"with": "plastered walls|smooth walls|plaster on the walls|stucco walls|rendered walls|"
     "plain walls|smooth plastered walls", "be": "plastered|stuccoed", "do": "made of plaster",
     "say": "the walls are plastered|the walls are smooth|plaster the walls"})  # fmt: skip
_say("wall_material", "stone", **{"with": "stone walls|walls of stone|rough stone walls|walls made of stone|a stone tower|"
     "fieldstone walls|stone blocks|rubble walls|a tower of stone", "be": "stone|stone-built|stony", "do": "made of stone|"
     "built of stone|of stone|built of stones", "say": "the walls are made of stone|a stone church|build it of stone"})  # fmt: skip
_say("wall_material", "brick", **{"with": "brick walls|walls of brick|walls of bricks|bricks|a brick tower|brickwork|"
     "walls made of bricks", "be": "brick|bricked", "do": "made of brick|made of bricks|built of brick|built of bricks|"
     "of brick", "say": "the walls are made of brick|a brick church|build it of bricks"})  # fmt: skip
_say("wall_material", "wooden", **{"with": "wooden walls|walls of wood|timber walls|wooden boards|a wooden tower|wood siding|"
     "planks|walls made of wood|walls of planks|clapboard walls", "be": "wooden|timber|wood|timbered|clapboard",
     "do": "made of wood|built of wood|of wood|made of timber|built of timber|made of planks",
     "say": "the walls are wooden|the walls are made of wood|a wooden church|build it of wood|a timber church"})  # fmt: skip
_say("nave_length", "short", **{"with": "a short nave|a short building|a short hall|a narrow nave", "be": "short",
     "say": "the church is short|the nave is short|make the nave shorter"})  # fmt: skip
_say("nave_length", "long", **{"with": "a long nave|a long building|a long hall|a wide nave", "be": "long",
     "say": "the church is long|the nave is long|make the nave longer"})  # fmt: skip
_say("tower_height", "short", **{"with": "a short tower|a low tower|a small tower|a stubby tower|a squat tower|a little tower|"
     "a short steeple|a low steeple|a tiny tower|a small steeple",
     "say": "the tower is short|the tower is low|make the tower shorter|lower the tower"})  # fmt: skip
_say("tower_height", "tall", **{"with": "a tall tower|a high tower|a very tall tower|a towering steeple|a lofty tower|"
     "a tall steeple|a high steeple|a big tower|a huge tower|a large tower|a great tower",
     "say": "the tower is tall|the tower is high|make the tower taller|make the tower higher|raise the tower"})  # fmt: skip
_say("tower_width", "narrow", **{"with": "a narrow tower|a thin tower|a slim tower|a slender tower|a thin steeple",
     "say": "the tower is narrow|make the tower thinner|make the tower narrower"})  # fmt: skip
_say("tower_width", "wide", **{"with": "a wide tower|a thick tower|a broad tower|a massive tower|a fat tower|a stout tower",
     "say": "the tower is wide|make the tower wider|make the tower broader"})  # fmt: skip
_say("tower_shape", "spire", **{"with": "a spire|a pointed spire|a tower with a spire|a pointed tower|a pointed steeple|"
     "a spire on the tower|a pointy spire|a tapering spire|a sharp spire|a pyramid on the tower|a spired tower",
     "say": "a spire|the tower has a spire|put a spire on the tower|the tower is pointed|a pointed tower"})  # fmt: skip
_say("tower_shape", "dome", **{"with": "a dome|a round dome|a domed tower|a dome on the tower|a cupola|an onion dome|"
     "a tower with a dome|a rounded tower|a bulbous dome", "be": "domed",
     "say": "a dome|the tower has a dome|put a dome on the tower|a domed church|an onion dome"})  # fmt: skip
_say("tower_shape", "flat", **{"with": "a flat tower|battlements|a tower with battlements|a crenellated tower|"
     "a flat-topped tower|no spire|a tower without a spire|crenellations|merlons|a castellated tower|a tower with a flat top",
     "do": "without a spire|without a dome", "be": "crenellated|castellated",
     "say": "the tower is flat|the tower has battlements|battlements|remove the spire|put battlements on the tower"})  # fmt: skip
_coloured("door_colour", ("door", "front door", "entrance", "doorway", "gate"), {
    "brown": "dark brown|wooden", "red": "bright red|crimson|scarlet", "blue": "bright blue|dark blue|royal blue",
    "green": "bright green|dark green|emerald"}, be="{}-doored")  # fmt: skip
_say("door_shape", "square", **{"with": "a square door|a rectangular door|a straight door|a door with corners|an angular door|"
     "a rectangular doorway", "say": "the door is square|the door is rectangular|make the door square"})  # fmt: skip
_say("door_shape", "arched", **{"with": "an arched door|a round door|a rounded door|a door with an arch|a round-arched door|"
     "an arched doorway|an arch over the door", "say": "the door is arched|the door is round|make the door arched"})  # fmt: skip
_say("door_size", "small", **{"with": "a small door|a little door|a tiny door|a narrow door|a low door",
     "say": "the door is small|make the door smaller"})  # fmt: skip
_say("door_size", "big", **{"with": "a big door|a large door|a huge door|a wide door|a tall door|a great door",
     "say": "the door is big|make the door bigger|make the door larger"})  # fmt: skip
_say("window_shape", "arched", **{"with": "arched windows|round-arched windows|windows with arches|romanesque windows|"
     "rounded windows|windows with round tops", "say": "the windows are arched|make the windows arched"})  # fmt: skip
_say("window_shape", "pointed", **{"with": "pointed windows|gothic windows|lancet windows|windows with pointed arches|"
     "pointed-arch windows|pointy windows", "be": "gothic", "say": "the windows are pointed|the windows are gothic|"
     "make the windows pointed|make the windows gothic"})  # fmt: skip
_say("window_shape", "square", **{"with": "square windows|rectangular windows|angular windows|windows with corners|plain windows",
     "say": "the windows are square|the windows are rectangular|make the windows square"})  # fmt: skip
_say("window_shape", "round", **{"with": "round windows|circular windows|rose windows|portholes|windows like circles|porthole windows",
     "say": "the windows are round|the windows are circles|make the windows round"})  # fmt: skip
_say("window_size", "small", **{"with": "small windows|little windows|tiny windows|narrow windows",
     "say": "the windows are small|make the windows smaller"})  # fmt: skip
_say("window_size", "big", **{"with": "big windows|large windows|huge windows|tall windows",
     "say": "the windows are big|make the windows bigger|make the windows larger"})  # fmt: skip
_say("windows", "dark", **{"with": "dark windows|no lights|the lights off|unlit windows|no light in the windows|black windows",
     "be": "unlit", "do": "without lights", "say": "the lights are off|switch off the lights|turn off the lights|"
     "the windows are dark"})  # fmt: skip
_say("windows", "lit", **{"with": "lit windows|lights in the windows|the lights on|glowing windows|illuminated windows|"
     "lighted windows|yellow windows|bright windows|light in the windows|lights on|shining windows|warm light in the windows",
     "be": "lit|lighted|illuminated|lit up", "do": "where the lights are on", "say": "the lights are on|switch on the lights|"
     "turn on the lights|light up the windows|the windows are lit|lit windows|glowing windows"})  # fmt: skip
_say("clock", "no", **{"with": "no clock|no clock on the tower|a tower without a clock", "do": "without a clock",
     "say": "remove the clock|there is no clock"})  # fmt: skip
_say("clock", "yes", **{"with": "a clock|a clock on the tower|a tower clock|a big clock|a clock tower|a clock face|"
     "a church clock|a clock in the tower|a dial", "do": "that has a clock", "say": "a clock|put a clock on the tower|"
     "the tower has a clock|add a clock|a clock tower"})  # fmt: skip
_say(
    "fence",
    "no",
    **{"with": "no fence|no fence in front|an open meadow", "do": "without a fence", "say": "remove the fence"},
)
_say("fence", "yes", **{"with": "a fence|a wooden fence|a picket fence|a fence in front|pickets|a garden fence|palings|a railing",
     "be": "fenced", "do": "behind a fence|with a fence around it|surrounded by a fence", "say": "a fence|add a fence|"
     "put up a fence|a picket fence"})  # fmt: skip
_say(
    "path",
    "no",
    **{"with": "no path|no path to the door|no way to the door", "do": "without a path", "say": "remove the path"},
)
_say("path", "yes", **{"with": "a path|a path to the door|a footpath|a sandy path|a track|a walkway|a road to the door|a lane|a trail",
     "do": "at the end of a path|at the end of a road", "say": "a path|add a path|a path leads to the door|a footpath"})  # fmt: skip
_say("trees", "no", **{"with": "no trees|no trees around", "be": "treeless", "do": "without trees",
     "say": "remove the trees|there are no trees"})  # fmt: skip
_say("trees", "yes", **{"with": "trees|two trees|trees beside it|trees around it|trees on both sides|a tree|a tree on each side",
     "do": "between trees|among trees|between two trees|surrounded by trees|beside a tree", "say": "trees|add trees|plant trees"})  # fmt: skip
_say("tree_kind", "leafy", **{"with": "leafy trees|broad-leaved trees|round trees|deciduous trees|apple trees|oaks|oak trees|lime trees",
     "do": "between leafy trees|between oaks|among oaks", "say": "the trees are leafy|the trees are round|oak trees"})  # fmt: skip
_say("tree_kind", "fir", **{"with": "fir trees|firs|pine trees|pines|conifers|spruces|evergreens|christmas trees|evergreen trees|spruce trees",
     "do": "between firs|among pines|between fir trees|among pine trees", "say": "the trees are firs|the trees are pines|fir trees|pine trees"})  # fmt: skip
_say("landscape", "hills", **{"with": "hills|rolling hills|hills behind it|gentle hills|low hills|round hills|a hill behind it",
     "do": "in the hills|in front of hills|in a hilly landscape|in gentle hills", "say": "hills|hills in the background"})  # fmt: skip
_say("landscape", "mountains", **{"with": "mountains|mountains behind it|snowy mountains|high mountains|rocky mountains|peaks|a mountain|"
     "snow-capped mountains|mountain peaks|mountains in the background", "do": "in the mountains|in front of mountains|"
     "in the alps|among mountains", "be": "alpine", "say": "mountains|add mountains|mountains in the background"})  # fmt: skip
_say(
    "flowers",
    "no",
    **{"with": "no flowers|plain grass|a plain meadow", "do": "without flowers", "say": "remove the flowers"},
)
_say("flowers", "yes", **{"with": "flowers|flowers in the meadow|wild flowers|wildflowers|a meadow of flowers|blossoms in the grass|poppies|tulips|"
     "a flower meadow", "do": "in a meadow of flowers|among flowers|in a field of flowers|surrounded by flowers|in a flower meadow",
     "say": "flowers|add flowers|flowers in the grass"})  # fmt: skip
_say("season", "spring", **{"with": "blossoming trees and fresh grass|fresh green grass|spring all around it|light green grass",
     "do": "in spring|in the spring|in springtime|on a spring day|in april|in may|during spring", "say": "spring|springtime|it is spring|make it spring"})  # fmt: skip
_say("season", "summer", **{"with": "deep green grass|lush green grass|summer all around it|dark green grass",
     "do": "in summer|in the summer|in summertime|on a summer day|in july|in june|in august|during summer", "say": "summer|summertime|it is summer|make it summer"})  # fmt: skip
_say("season", "autumn", **{"with": "autumn leaves|orange trees|yellow grass|golden grass|fall foliage|autumn colours|autumn colors|brown grass",
     "do": "in autumn|in the autumn|in the fall|in fall|on an autumn day|in october|in november|during autumn", "be": "autumnal",
     "say": "autumn|fall|it is autumn|make it autumn|autumn leaves"})  # fmt: skip
_say("season", "winter", **{"with": "snow on the ground|snow on the roof|white ground|a snowy roof|a snow-covered roof|snow all around it|"
     "a snowy meadow|snowy trees", "do": "in winter|in the winter|in wintertime|in the snow|on a winter day|in january|in december|"
     "covered in snow|covered with snow|during winter|at christmas", "be": "snowy|snow-covered|wintry",
     "say": "winter|it is winter|make it winter|snow on the roof|snow covers the ground"})  # fmt: skip
_say("time", "day", **{"with": "a blue sky|a bright sky|daylight|a light blue sky|a bright blue sky", "do": "by day|during the day|in daylight|in the daytime|"
     "at noon|in broad daylight|in the morning|at midday|at day", "say": "it is day|daytime|day|make it day|a blue sky"})  # fmt: skip
_say("time", "sunset", **{"with": "a red sky|an orange sky|a pink sky|an evening sky|evening light|a sunset|a sunset behind it|a glowing sky|a purple sky",
     "do": "at sunset|at dusk|in the evening|at sunrise|at dawn|in the evening light|in the sunset|in the twilight", "say": "sunset|dusk|it is evening|"
     "a red sky|an orange sky|make it evening|evening"})  # fmt: skip
_say("time", "night", **{"with": "a night sky|a dark sky|stars|a starry sky|a black sky|stars in the sky|moonlight|darkness all around it",
     "do": "at night|by night|in the dark|at midnight|in the night|during the night|under the stars|in moonlight|in the moonlight|after dark", "be": "moonlit|nocturnal",
     "say": "night|it is night|make it night|a night sky|nighttime|a starry night"})  # fmt: skip
_say("weather", "fair", **{"with": "fair weather|good weather|dry weather|clear air|nice weather", "do": "in fair weather|in good weather|in dry weather|on a fine day|"
     "in nice weather|on a dry day", "say": "the weather is good|fair weather|no rain|it is dry"})  # fmt: skip
_say("weather", "rain", **{"with": "rain|pouring rain|heavy rain|raindrops|rainy weather|a rain shower", "do": "in the rain|in rain|in rainy weather|on a rainy day|in bad weather|"
     "in a storm|in a shower|in a rainstorm", "be": "rainy|rain-soaked", "say": "it is raining|rain|make it rain|it rains|rainy weather"})  # fmt: skip
_say("weather", "snowfall", **{"with": "falling snow|snowfall|snowflakes|snow in the air|heavy snowfall|flakes of snow|a flurry of snow", "do": "in a snowstorm|in falling snow|in a blizzard|"
     "while it is snowing|in a snow storm|in a snowfall", "say": "it is snowing|snowfall|let it snow|it snows|snowflakes|falling snow"})  # fmt: skip
_say("weather", "fog", **{"with": "fog|mist|thick fog|haze|a misty background|dense fog|foggy air", "do": "in fog|in the fog|in the mist|on a foggy day|in mist|in thick fog|in foggy weather|in the haze",
     "be": "foggy|misty|hazy", "say": "it is foggy|fog|mist|make it foggy|foggy weather|it is misty"})  # fmt: skip
_say("clouds", "no", **{"with": "a clear sky|a cloudless sky|no clouds|an empty sky", "do": "under a clear sky|without clouds|under a cloudless sky", "say": "the sky is clear|remove the clouds|no clouds|"
     "a clear sky"})  # fmt: skip
_say("clouds", "yes", **{"with": "clouds|a cloudy sky|clouds in the sky|white clouds|big clouds|many clouds|fluffy clouds|an overcast sky", "do": "under clouds|under a cloudy sky|on a cloudy day|"
     "in cloudy weather|below clouds", "say": "clouds|the sky is cloudy|add clouds|it is cloudy"})  # fmt: skip
_say(
    "sun",
    "no",
    **{
        "with": "no sun|no sun in the sky|a hidden sun",
        "do": "without the sun|without a sun",
        "say": "remove the sun|there is no sun",
    },
)
_say("sun", "yes", **{"with": "the sun|a sun|the sun in the sky|a bright sun|sunshine|the sun above it|a shining sun|a yellow sun", "be": "sunny|sunlit", "do": "in the sun|under the sun|in sunshine|"
     "in the sunshine|in sunlight", "say": "the sun is shining|the sun shines|add a sun|sunshine|a sun"})  # fmt: skip
_say(
    "moon",
    "no",
    **{
        "with": "no moon|no moon in the sky|a moonless sky",
        "be": "moonless",
        "do": "without the moon|without a moon",
        "say": "remove the moon|there is no moon",
    },
)
_say("moon", "yes", **{"with": "the moon|a moon|a crescent moon|the moon in the sky|a half moon|a crescent|the moon above it|a bright moon", "do": "under the moon|under a crescent moon|below the moon|"
     "under a moon", "say": "the moon is shining|the moon shines|add a moon|a moon|a crescent moon"})  # fmt: skip

_SUBJECTS = ("a church", "a church", "a church", "a church", "a photo of a church", "a picture of a church", "a drawing of a church",
             "a painting of a church", "a village church", "a view of a church", "a building", "a snapshot of a church")  # fmt: skip

#: training never uses these
_HELD_OUT = (
    "an image of a church",
    "a sketch of a church",
    "this is a church",
    "a country church",
    "an illustration of a church",
)

CAPTIONS = Captions(
    WORDS,
    _SUBJECTS,
    _HELD_OUT,
    general=("a church", "a building"),
    special=("a chapel", "a cathedral"),
    pronoun="that is",
)

assert list(WORDS) == facts.classes
