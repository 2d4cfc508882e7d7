"""Everything that is particular to ``mini``: see `recipes.drawn.recipe.Recipe`."""

from __future__ import annotations

from recipes.drawn.recipe import Card, CloseUp, Recipe, Stage, generator_config
from recipes.mini.captions import CAPTIONS
from recipes.mini.detail import PATTERNS, detail
from recipes.mini.facts import facts
from recipes.mini.latent import LATENT
from recipes.mini.portraits import render
from recipes.mini.targets import PROMPTS, SHIPPED, SHOWN_BY
from recipes.mini.unseen import SENTENCES

__all__ = ["RECIPE"]

#: strands, lashes and rims: the last block
_FINEST = Stage(256, 3000, 8, 0.006, 0.998, texture=0.2)

RECIPE = Recipe(
    name="mini",
    kind="face",
    render=render,
    latent=LATENT,
    facts=facts,
    captions=CAPTIONS,
    unseen=SENTENCES,
    shown_by=SHOWN_BY,
    prompts=PROMPTS,
    shipped=SHIPPED,
    generator=generator_config(256, widest=128, sum_of=6144),
    stages=(
        Stage(32, 450, 32, 0.012, 0.98),
        Stage(64, 900, 16, 0.010, 0.99),
        Stage(64, 900, 16, 0.008, 0.99),
        Stage(128, 3600, 8, 0.007, 0.998),
        Stage(128, 8000, 8, 0.006, 0.998, seen=0.05, texture=0.2),
        _FINEST,
    ),
    go_on=(
        Stage(64, 2400, 16, 0.010, 0.99),
        Stage(128, 6000, 8, 0.007, 0.998, seen=0.05),
        Stage(128, 8000, 8, 0.006, 0.998, seen=0.05, texture=0.2),
        _FINEST,
    ),
    on_gpu=Stage(128, 4000, 64, 0.008, 0.999, seen=0.05, texture=0.2),
    part_weights={
        "background": 0.5, "clothes": 0.8, "left_eye": 6, "right_eye": 6, "upper_lip": 4, "lower_lip": 4, "mouth": 4,
        "left_brow": 3, "right_brow": 3, "nose": 2, "glasses": 2.5, "earrings": 3, "necklace": 3, "left_ear": 2,
        "right_ear": 2, "hat": 1.2,
    },
    patterns=PATTERNS,
    detail=detail,
    rare="freckles",
    stubborn={"hair_colour": 3.0, "lip_colour": 2.0, "smile": 1.5, "nose": 1.5},
    close_up=CloseUp(
        (
            "gender", "eye_size", "eyes_open", "eye_colour", "brow_angle", "nose", "mouth_open", "smile", "lips",
            "lip_colour", "beard", "moustache", "glasses", "age", "skin", "blush", "freckles", "eye_shadow",
        ),
        down=(0.10, 0.12),
    ),
    set_file={
        "format": 1,
        "name": "mini",
        "description": "small faces drawn by a renderer, 256 px; everything in one package, no download",
        "licence": "MIT",
        "draws": "avatars, no photographs",
        "photographs": "ffhq",
        "generator": "generator.safetensors",
        "parser": "parser.safetensors",
        "clip": "clip",
        "classifier": "classifier.safetensors",
        "truncation_psi": 1.0,
    },
    card=Card(
        picture="portrait",
        pictures="portraits",
        subjects="people",
        shown="faces",
        album="The mapping network gives more of its people red, pink or plum lips, dyed or grey hair and green or "
        "grey eyes, so that what is generated is held against renders of the same people.",
    ),
)  # fmt: skip
