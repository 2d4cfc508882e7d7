"""Put what was trained together as the model set that ships, in ``checkpoints/NAME``."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import torch

from eclipsed.checkpoints.native import write_generator
from eclipsed.checkpoints.parsing import ParserConfig, write_parser
from eclipsed.networks.stylegan2 import StyleGAN2
from recipes.drawn import judge, train_clip, train_parser
from recipes.drawn.latent import CENTRE
from recipes.drawn.mapping import wire
from recipes.drawn.population import Population
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import base_options
from recipes.drawn.weights import move_centre

__all__ = ["generator", "write"]


def generator(recipe: Recipe, file: Path, *, population: Population | None = None) -> StyleGAN2:
    """The distilled synthesis network behind the wired mapping network of a population.

    Training feeds ws without their centre; here the centre moves into the affine layers, where it is one constant.
    """
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = StyleGAN2(recipe.generator)
    network.synthesis.load_state_dict(deepcopy(torch.load(file, weights_only=True)["average"]))
    move_centre(network.synthesis, CENTRE)
    wire(network.mapping, recipe.latent, population=population)
    return network.eval().requires_grad_(False)


def write(recipe: Recipe, work: Path, out: Path) -> None:
    """Write every file of the set."""
    out.mkdir(parents=True, exist_ok=True)
    network = generator(recipe, work / "synthesis.pt")
    write_generator(out / "generator.safetensors", recipe.generator, network.state_dict(), dtype=torch.float16)
    config = ParserConfig(
        width=train_parser.WIDTH, size=train_parser.SIZE, mean=train_parser.MEAN, std=train_parser.STD
    )
    state = torch.load(work / "parser.pt", weights_only=True)["model"]
    write_parser(out / "parser.safetensors", config, state, world=recipe.world, dtype=torch.float16)
    train_clip.export(recipe.captions, work / "clip-polished.pt", out / "clip")
    judge.export(recipe.facts, work / "judge.pt", out / "classifier.safetensors")
    (out / "set.json").write_text(json.dumps(recipe.set_file, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--out", type=Path, help="folder of the set instead of checkpoints/RECIPE")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    write(recipe, args.work or recipe.work, args.out or recipe.set_folder)


if __name__ == "__main__":
    main()
