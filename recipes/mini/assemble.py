"""Put what was trained together as the model set that ships: ``checkpoints/mini``."""

from __future__ import annotations

import argparse
import json
from copy import deepcopy
from pathlib import Path

import torch

from eclipsed.checkpoints.native import write_generator
from eclipsed.checkpoints.parsing import ParserConfig, write_parser
from eclipsed.networks.stylegan2 import StyleGAN2
from recipes.mini import judge, train_clip, train_parser
from recipes.mini.latent import CENTRE
from recipes.mini.mapping import wire
from recipes.mini.population import MINI, Population
from recipes.mini.train_generator import CONFIG
from recipes.mini.weights import move_centre

__all__ = ["SET", "generator", "write"]

SET = {
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
}


def generator(file: Path, *, population: Population = MINI) -> StyleGAN2:
    """The distilled synthesis network behind the wired mapping network of a population.

    Training feeds ws without their centre; here the centre moves into the affine layers, where it is one constant.
    """
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = StyleGAN2(CONFIG)
    network.synthesis.load_state_dict(deepcopy(torch.load(file, weights_only=True)["average"]))
    move_centre(network.synthesis, CENTRE)
    wire(network.mapping, population=population)
    return network.eval().requires_grad_(False)


def write(work: Path, out: Path) -> None:
    """Write every file of the set."""
    out.mkdir(parents=True, exist_ok=True)
    write_generator(
        out / "generator.safetensors", CONFIG, generator(work / "synthesis.pt").state_dict(), dtype=torch.float16
    )
    config = ParserConfig(
        width=train_parser.WIDTH, size=train_parser.SIZE, mean=train_parser.MEAN, std=train_parser.STD
    )
    state = torch.load(work / "parser.pt", weights_only=True)["model"]
    write_parser(out / "parser.safetensors", config, state, dtype=torch.float16)
    train_clip.export(work / "clip-polished.pt", out / "clip")
    judge.export(work / "judge.pt", out / "classifier.safetensors")
    (out / "set.json").write_text(json.dumps(SET, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/mini"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini"))
    args = parser.parse_args()
    write(args.work, args.out)


if __name__ == "__main__":
    main()
