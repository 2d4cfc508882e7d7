"""Everything that is particular to ``mini-church``: see `recipes.drawn.recipe.Recipe`."""

from __future__ import annotations

from recipes.church.captions import CAPTIONS
from recipes.church.churches import render
from recipes.church.detail import PATTERNS, detail
from recipes.church.facts import facts
from recipes.church.latent import LATENT
from recipes.church.targets import PROMPTS, SHOWN_BY
from recipes.church.unseen import SENTENCES
from recipes.drawn.recipe import Card, CloseUp, Recipe, Stage, generator_config

__all__ = ["RECIPE"]

RECIPE = Recipe(
    name="church",
    kind="church",
    render=render,
    latent=LATENT,
    facts=facts,
    captions=CAPTIONS,
    unseen=SENTENCES,
    shown_by=SHOWN_BY,
    prompts=PROMPTS,
    shipped={},
    generator=generator_config(128, widest=128, sum_of=6144),
    stages=(
        Stage(32, 600, 32, 0.012, 0.98),
        Stage(64, 1600, 16, 0.010, 0.99),
        Stage(128, 3600, 8, 0.007, 0.998),
        Stage(128, 8000, 8, 0.006, 0.998, seen=0.05, texture=0.2),
    ),
    go_on=(Stage(128, 6000, 8, 0.006, 0.998, seen=0.05, texture=0.2),),
    on_gpu=Stage(128, 4000, 64, 0.008, 0.999, seen=0.05, texture=0.2),
    part_weights={
        "sky": 0.6, "hills": 0.8, "grass": 0.7, "clouds": 0.9, "sun": 1.5, "moon": 2.5, "door": 3, "windows": 3,
        "clock": 3.5, "spire": 1.8, "tower": 1.5, "fence": 1.5,
    },
    patterns=PATTERNS,
    detail=detail,
    rare="clock",
    stubborn={"tower_width": 1.5, "door_size": 1.5, "window_size": 1.5, "roof_material": 1.5},
    close_up=CloseUp(
        (
            "roof_colour", "roof_material", "wall_colour", "wall_material", "door_colour", "door_shape", "window_shape",
            "windows", "season", "time", "weather",
        ),
        down=(0.16, 0.10),
    ),
    set_file={
        "format": 1,
        "name": "mini-church",
        "description": "small churches drawn by a renderer, 128 px; everything in one package, no download",
        "licence": "MIT",
        "draws": "drawings, no photographs",
        "world": "church",
        "generator": "generator.safetensors",
        "parser": "parser.safetensors",
        "clip": "clip",
        "classifier": "classifier.safetensors",
        "truncation_psi": 1.0,
    },
    card=Card(
        picture="church",
        pictures="churches",
        subjects="churches",
        shown="churches",
        album="The mapping network spreads colours, seasons and the like a little further, so that more of them have a "
        "name; what is generated is held against renders of the same churches.",
    ),
)  # fmt: skip
