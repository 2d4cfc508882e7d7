"""What the steps of a recipe share: options, the learning rate, and the state."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import torch

__all__ = ["base_options", "learning_rate", "options", "save"]


def base_options(description: str | None) -> argparse.ArgumentParser:
    """The command line of a step: the recipe's name, and the folder of what is made.

    Args:
        description: what the module does.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of the recipe: mini, church")
    parser.add_argument("--work", type=Path, help="folder of what is made on the way instead of work/RECIPE")
    return parser


def options(description: str | None, *, steps: int, finished: str | None = None) -> argparse.ArgumentParser:
    """The command line of a training.

    Args:
        description: what the module does.
        steps: default of ``--steps``.
        finished: file of a model set that ``--start`` may name; None is no such option.
    """
    parser = base_options(description)
    parser.add_argument("--steps", type=int, default=steps)
    if finished is not None:
        parser.add_argument("--start", type=Path, help=f"a finished {finished} to go on from")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def learning_rate(highest: float, step: int, steps: int, *, warmup: int, floor: float) -> float:
    """A linear rise over ``warmup`` steps, and a cosine down to the share ``floor`` of the highest rate."""
    share = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * step / steps))
    return highest * min(1.0, (step + 1) / warmup) * share


def save(file: Path, **state: Any) -> None:
    """Write a training's state beside its place and move it there."""
    part = file.with_suffix(".part")
    torch.save(state, part)
    part.rename(file)
