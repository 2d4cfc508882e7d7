"""A parser that was trained for a moment only: mini's recipe, from nothing, with few steps."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from eclipsed.checkpoints.parsing import ParserConfig, write_parser
from recipes.drawn import train_parser
from recipes.drawn.dataset import pictures
from recipes.mini.recipe import RECIPE

__all__ = ["STEPS", "export"]

#: of 16 pictures; mini's own had thousands
STEPS = 150


def export(state: Path, out: Path) -> None:
    """Write a trained parser as safetensors."""
    config = ParserConfig(
        width=train_parser.WIDTH, size=train_parser.SIZE, mean=train_parser.MEAN, std=train_parser.STD
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_parser(out, config, torch.load(state, weights_only=True)["model"], dtype=torch.float16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/worlds"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    train_parser.train(RECIPE, *pictures(args.work), args.work, steps=args.steps, threads=args.threads)
    export(args.work / "parser.pt", args.work / "sets" / "parser-short.safetensors")


if __name__ == "__main__":
    main()
