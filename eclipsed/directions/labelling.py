"""By how much many faces have an attribute: labels for boundaries, whoever gives them."""

from __future__ import annotations

import csv
import math
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_order import run_in_order
from eclipsed.compute.crew_work import Turn
from eclipsed.directions.margins import Margin
from eclipsed.errors import InputError
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.values.seeds import TRAINING_SEEDS, check_seed

__all__ = ["LABELLED", "check_labels", "label_faces", "labelled_seeds", "read_labels", "w_of_seeds"]

#: As many faces as are labelled when nobody says otherwise.
LABELLED = 2048

_CHUNK = 16  # faces at once


def label_faces(
    generator: Generator,
    margin: Margin,
    seeds: Sequence[int],
    *,
    crew: Crew | None = None,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> tuple[Tensor, Tensor]:
    """Draw faces and ask a judge of each.

    Args:
        generator: whose faces, without truncation.
        margin: the judge; it goes to the workers where there are any.
        seeds: of the faces.
        crew: who asks; None is this process. The result is the same for any number of workers.
        tell: called with how many are labelled, and with how many there are.
    Returns:
        w, (N, w_dim), and scores, (N,).
    Raises:
        InputError: the judge cannot go to other workers, or they cannot be started.
    """
    if crew is not None:
        _check_goes(margin)
    chunks = [tuple(seeds[start : start + _CHUNK]) for start in range(0, len(seeds), _CHUNK)]
    w, scores = [], []
    with closing(run_in_order(partial(_labelling, generator, margin), chunks, crew=crew)) as labelled:
        for done, (some, found) in enumerate(labelled, 1):
            w.append(some)
            scores.append(found)
            tell(min(done * _CHUNK, len(seeds)), len(seeds))
    return torch.cat(w).to(generator.device), torch.cat(scores).to(generator.device)


def _labelling(generator: Generator, margin: Margin) -> Callable[[tuple[int, ...], Turn], tuple[Tensor, Tensor]]:
    """What one worker does with some seeds."""

    @torch.no_grad()
    def label(seeds: tuple[int, ...], _: Turn) -> tuple[Tensor, Tensor]:
        faces = Latent.of_seeds(generator, seeds)
        scores = margin(faces.render(generator, SynthesisOptions()).image).float()
        return faces.ws[:, 0].cpu(), scores.cpu()

    return label


def _check_goes(margin: Margin) -> None:
    try:
        pickle.dumps(margin)
    except (pickle.PicklingError, AttributeError, TypeError):
        raise InputError(
            "a judge that several workers ask must be a function that a module defines, not one made in another "
            f"function; got {getattr(margin, '__qualname__', type(margin).__name__)}"
        ) from None


def labelled_seeds(count: int) -> range:
    """The seeds of faces to be labelled: those of training, so that all below are held out."""
    return range(TRAINING_SEEDS.start, TRAINING_SEEDS.start + count)


def w_of_seeds(generator: Generator, seeds: Sequence[int]) -> Tensor:
    """w of some seeds without truncation, (N, w_dim)."""
    parts = [Latent.of_seeds(generator, seeds[k : k + 1024]).ws[:, 0] for k in range(0, len(seeds), 1024)]
    return torch.cat(parts)


def read_labels(path: str | os.PathLike[str]) -> dict[int, float]:
    """Labels from a CSV file: a seed and a score in each row; a first row of names is passed over.

    Args:
        path: the file.
    Returns:
        seed -> score.
    Raises:
        InputError: the file cannot be read, or a row is something else.
    """
    place = Path(path)
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the labels in {place}: {error}") from None
    if rows and not rows[0][0].strip().isdigit():
        rows = rows[1:]
    labels: dict[int, float] = {}
    for number, row in enumerate(rows, 1):
        try:
            seed, score = row
            labels[check_seed(int(seed))] = float(score)
        except ValueError:
            got = ",".join(row)[:60]
            raise InputError(
                f"{place}: every row holds a seed and a score, such as 17,0.5; got {got!r} (row {number})"
            ) from None
    return check_labels(labels)


def check_labels(labels: Mapping[int, float]) -> dict[int, float]:
    """Labels by seed, if they are that.

    Raises:
        InputError: there are none, a seed is none, or a score is no finite number.
    """
    found = {check_seed(seed): float(score) for seed, score in labels.items()}
    if not found or not all(math.isfinite(score) for score in found.values()):
        raise InputError("labels are a finite score for each of some seeds; got " + ("none" if not found else "others"))
    return found
