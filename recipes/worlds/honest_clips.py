"""CLIPs that are unreliable for honest reasons: few pairs, captions that are wrong or missing, another architecture.

All begin from nothing and learn as mini's does, but shorter. ``python -m recipes.worlds.honest_clips NAME`` trains one,
goes on where it stopped, and writes ``sets/clip-NAME``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from recipes.drawn import train_clip
from recipes.drawn.dataset import Pictures, pictures
from recipes.drawn.facts import UNKNOWN
from recipes.mini.captions import CAPTIONS
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.recipe import RECIPE

__all__ = ["LESSONS", "Lesson", "clouded", "export", "train"]

#: pairs of a picture and its captions that mini's own CLIP learned from, the portraits alone
PAIRS = 36_000


@dataclass(frozen=True)
class Lesson:
    """How a CLIP is taught.

    Args:
        pairs: how many pictures it sees; None is all that were made.
        wrong: share of what the captions say that is false.
        missing: share that they leave out.
        vision: the image tower, a name of `recipes.drawn.clip_architecture.VISION`.
        steps: of 64 pictures.
    """

    pairs: int | None = None
    wrong: float = 0.0
    missing: float = 0.0
    vision: str = "resnet"
    steps: int = 600


LESSONS = {
    "tenth": Lesson(pairs=PAIRS // 10),
    "noisy": Lesson(wrong=1 / 6, missing=1 / 6),
    "vit": Lesson(vision="vit"),
}


def clouded(classes: Mapping[str, Tensor], *, wrong: float, missing: float, rng: torch.Generator) -> dict[str, Tensor]:
    """What careless captions say: some of it false, some left out; each picture keeps its own errors.

    Args:
        classes: the truth, as `recipes.mini.facts.facts` gives it.
        wrong: share of the known classes that become another one of the same attribute.
        missing: share of them that become unknown.
        rng: the only source of randomness.
    Returns:
        The same form.
    """
    out = {}
    for attribute, label in classes.items():
        chance = torch.rand(len(label), generator=rng)
        count = len(ATTRIBUTES[attribute])
        other = (label + torch.randint(1, count, (len(label),), generator=rng)) % count
        said = torch.where(chance < wrong, other, label)
        said = torch.where((chance >= wrong) & (chance < wrong + missing), UNKNOWN, said)
        out[attribute] = torch.where(label == UNKNOWN, UNKNOWN, said)
    return out


def train(name: str, work: Path, *, steps: int | None = None, threads: int = 1) -> Path:
    """Train a CLIP of `LESSONS` on the pictures in a folder, from where the last run stopped.

    Args:
        name: of the lesson.
        work: holds ``renders`` and ``generated``; the state goes there.
        steps: instead of the lesson's.
        threads: of torch.
    Returns:
        The file of the state.
    """
    lesson = LESSONS[name]
    data, held_out = pictures(work)
    if lesson.pairs is not None:
        data = data.only(torch.randperm(len(data), generator=torch.Generator().manual_seed(1))[: lesson.pairs])
    train_clip.train(
        RECIPE,
        data,
        held_out,
        work,
        name=f"clip-{name}",
        steps=lesson.steps if steps is None else steps,
        vision=lesson.vision,
        said=_said(lesson, data),
        threads=threads,
    )
    return work / f"clip-{name}.pt"


def _said(lesson: Lesson, data: Pictures) -> dict[str, Tensor] | None:
    if not lesson.wrong and not lesson.missing:
        return None
    rng = torch.Generator().manual_seed(2)
    return clouded(facts(data.values), wrong=lesson.wrong, missing=lesson.missing, rng=rng)


def export(name: str, state: Path, folder: Path) -> None:
    """Write a trained CLIP as a folder that open_clip reads."""
    train_clip.export(CAPTIONS, state, folder, vision=LESSONS[name].vision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(LESSONS))
    parser.add_argument("--work", type=Path, default=Path("work/worlds"))
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    state = train(args.name, args.work, steps=args.steps, threads=args.threads)
    export(args.name, state, args.work / "sets" / f"clip-{args.name}")


if __name__ == "__main__":
    main()
