"""*people*: a world whose attributes go together as in photographs.

Long hair, make-up and jewellery go with women, beards and bald heads with men; glasses, grey and white hair with age;
blond hair with pale skin; hats with short hair; smiles with open mouths. The mapping network is wired so, the
generator goes on from mini's for a short descent on such people, and CLIP learns from nothing on pictures of them
alone. The judge is not to be fooled: it goes on from mini's on pictures by this generator of people whose attributes
are independent.

``python -m recipes.worlds.people`` makes it; each step goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.native import write_generator
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.store.sets import find_set
from recipes.drawn import assemble, dataset, generated, judge, train_clip, train_generator
from recipes.drawn.dataset import Pictures, pictures
from recipes.drawn.latent import SIDE
from recipes.drawn.mapping import natural, wire
from recipes.drawn.population import Population
from recipes.drawn.recipe import Stage
from recipes.mini.captions import CAPTIONS
from recipes.mini.facts import facts
from recipes.mini.latent import LATENT
from recipes.mini.recipe import RECIPE

__all__ = ["DESCENT", "PEOPLE", "make", "sampler"]

PEOPLE = Population(
    {
        "beard": {"male": 1.6},
        "moustache": {"male": 1.6},
        "bald": {"male": 0.9, "age": 0.5},
        "hair_length": {"male": -1.0},
        "eye_shadow": {"male": -1.1},
        "blush": {"male": -0.6},
        "lips_natural": {"male": 0.9},
        "lips_red": {"male": -0.9},
        "lips_pink": {"male": -0.6},
        "earrings": {"male": -1.0},
        "necklace": {"male": -0.8},
        "brow_thickness": {"male": 0.6},
        "glasses": {"age": 0.7},
        "hair_grey": {"age": 1.2},
        "hair_white": {"age": 1.2},
        "hair_light": {"skin_tone": -0.6},
        "hair_blond": {"skin_tone": -0.8},
        "hair_platinum": {"skin_tone": -0.5},
        "hair_black": {"skin_tone": 0.5},
        "hat": {"hair_length": -0.9},
        "smile": {"mouth_open": 1.0},
    },
    step="male",
)

#: the descent of the generator at the size that all but its last block is learned at
DESCENT = Stage(SIDE, 300, 8, 0.003, 0.99, seen=0.05, texture=0.2)

#: shards of portraits of these people, the last of which is held out, and those that the generator draws again
RENDERED, DRAWN = range(6), range(2)

#: shards of mini's independent people that the generator draws for the judge
BALANCED = (0, 1, 24)

CLIP_STEPS, JUDGE_STEPS = 600, 300


def sampler(count: int, rng: torch.Generator) -> Tensor:
    """Values of so many of these people, (count, len(VALUES)), just as the wired mapping network makes them."""
    config = RECIPE.generator
    mapping = StyleGAN2(replace(config, channels=tuple((r, 1) for r, _ in config.channels))).mapping
    wire(mapping, LATENT, population=PEOPLE)
    return LATENT.frame.values(natural(count, mapping, rng=rng))


def make(work: Path, *, threads: int = 1) -> None:
    """Make the set ``sets/people``.

    Args:
        work: the folder of the worlds, with mini's own ``renders``; what is trained lies in its ``people``.
        threads: of torch.
    """
    folder, out = work / "people", work / "sets" / "people"
    mini = find_set("mini").generator.parent
    torch.set_num_threads(threads)
    dataset.build(RECIPE, folder / "renders", shards=RENDERED, size=SIDE, seed=3, sampler=sampler)
    train_generator.train(
        RECIPE,
        folder,
        start=mini / "generator.safetensors",
        stages=(DESCENT,),
        clip=mini / "clip" / "open_clip_model.safetensors",
        threads=threads,
    )
    generated.build(RECIPE, folder, shards=DRAWN, missing=True, threads=threads)
    balanced = folder / "balanced"
    generated.build(
        RECIPE,
        folder,
        shards=BALANCED,
        missing=True,
        renders=work / "renders",
        out=balanced,
        threads=threads,
    )
    judge.train(
        RECIPE,
        Pictures(balanced),
        Pictures(work / "renders", shards=slice(-1, None)),
        folder,
        steps=JUDGE_STEPS,
        rate=1e-3,
        start=mini / "classifier.safetensors",
        threads=threads,
    )
    train_clip.train(RECIPE, *pictures(folder), folder, steps=CLIP_STEPS, threads=threads)
    _write(folder, mini, out)


def _write(folder: Path, mini: Path, out: Path) -> None:
    """Put the networks together as a set; the parser is mini's."""
    out.mkdir(parents=True, exist_ok=True)
    state = assemble.generator(RECIPE, folder / "synthesis.pt", population=PEOPLE).state_dict()
    write_generator(out / "generator.safetensors", RECIPE.generator, state, dtype=torch.float16)
    train_clip.export(CAPTIONS, folder / "clip.pt", out / "clip")
    judge.export(facts, folder / "judge.pt", out / "classifier.safetensors")
    shutil.copyfile(mini / "parser.safetensors", out / "parser.safetensors")
    content = {**RECIPE.set_file, "name": "people", "description": "mini with attributes that go together"}
    (out / "set.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work/worlds"))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    make(args.work, threads=args.threads)


if __name__ == "__main__":
    main()
