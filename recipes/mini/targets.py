"""What sentences of the measurements ask of a portrait, and where it would be seen."""

from __future__ import annotations

from eclipsed.prompts.target import Target
from eclipsed.worlds.world import find_world

__all__ = ["PROMPTS", "SHIPPED", "SHOWN_BY"]

_expand = find_world("face").expand

_SKIN = _expand(("skin", "ears", "nose", "neck"))

#: attribute -> parts of the face that show it
SHOWN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("hair_colour", "hair_texture", "hair_length", "bald", "bangs", "bun"), ("hair",)),
    **dict.fromkeys(("hat", "hat_colour"), ("hat",)),
    **dict.fromkeys(("gender", "face_width", "face_length"), _expand(("face",))),
    "ears": _expand(("ears",)),
    **dict.fromkeys(("eye_size", "eyes_open", "eye_colour", "eye_shadow"), _expand(("eyes",))),
    **dict.fromkeys(("brows", "brow_angle"), _expand(("brows",))),
    "nose": ("nose",),
    **dict.fromkeys(("mouth_open", "smile"), _expand(("mouth",))),
    **dict.fromkeys(("lips", "lip_colour"), _expand(("lips",))),
    **dict.fromkeys(("beard", "moustache", "age", "blush", "freckles"), ("skin",)),
    "glasses": ("glasses",),
    "earrings": ("earrings",),
    "necklace": ("necklace",),
    "skin": _SKIN,
    "clothes_colour": ("clothes",),
}

#: prompts and what the judge must see afterwards: first the six that ship, then more of their kind
PROMPTS: dict[str, Target] = {
    "a person with blond hair": Target("hair_colour", ("blond",)),
    "a person with curly hair": Target("hair_texture", ("curly",)),
    "a person with the mouth open": Target("mouth_open", ("open",)),
    "a person with glasses": Target("glasses", ("clear", "sunglasses")),
    "red lipstick": Target("lip_colour", ("red",)),
    "dark skin": Target("skin", ("dark",)),
    "a smiling person": Target("smile", ("smile",)),
    "a person with black hair": Target("hair_colour", ("black",)),
    "purple hair": Target("hair_colour", ("purple",)),
    "a person with long hair": Target("hair_length", ("long",)),
    "a bald man": Target("bald", ("bald",)),
    "a man with a beard": Target("beard", ("yes",)),
    "a woman wearing a hat": Target("hat", ("yes",)),
    "blue eyes": Target("eye_colour", ("blue",)),
    "thick eyebrows": Target("brows", ("thick",)),
    "a big nose": Target("nose", ("big",)),
    "a person wearing earrings": Target("earrings", ("yes",)),
    "a pearl necklace": Target("necklace", ("yes",)),
    "an old person with wrinkles": Target("age", ("old",)),
    "pale skin": Target("skin", ("pale",)),
    "freckles": Target("freckles", ("yes",)),
    "a person wearing a red shirt": Target("clothes_colour", ("red",)),
    "a person with bangs": Target("bangs", ("yes",)),
    "a person with sunglasses": Target("glasses", ("sunglasses",)),
    "straight hair": Target("hair_texture", ("straight",)),
    "a person with short hair": Target("hair_length", ("short",)),
    "a person with red hair": Target("hair_colour", ("red", "auburn")),
    "a sad person": Target("smile", ("frown",)),
    "a man with a moustache": Target("moustache", ("yes",)),
    "full lips": Target("lips", ("full",)),
}

#: file name of a direction that ships in ``models/`` -> its prompt
SHIPPED: dict[str, str] = {
    "blond-hair": "a person with blond hair",
    "curly-hair": "a person with curly hair",
    "open-mouth": "a person with the mouth open",
    "glasses": "a person with glasses",
    "red-lipstick": "red lipstick",
    "dark-skin": "dark skin",
    "long-hair": "a person with long hair",
    "smile": "a smiling person",
    "hat": "a woman wearing a hat",
}
