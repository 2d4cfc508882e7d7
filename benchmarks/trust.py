"""Does trust that needs no labels rank captions as the truth does? For forty captions, in `mini` and in a harder world.

Run from the checkout: ``python -m benchmarks.trust --worlds mini witness --work work``. The captions are every second
of the sentences of one attribute in `vocabulary.csv` of which some faces of the survey have what they say and some have
not; the truth is the balanced accuracy of CLIP's verdict on those faces, which `recipes.mini` knows all about.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.table1 import spearman
from benchmarks.vocabulary import Sentence, sentences
from eclipsed import EclipsedWarning, TrainConfig
from eclipsed.directions.trust import trust
from eclipsed.prompts.reading import read
from eclipsed.training.task import Task
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.worlds.catalogue import HarderWorld, Place, load, named

__all__ = ["Ranked", "main", "ranked", "table"]

_FEWEST = 8  # faces that have it, and that lack it
_CAPTIONS = 40


@dataclass(frozen=True)
class Ranked:
    """A caption, what it is trusted, and the balanced accuracy of CLIP's verdict on it by the truth."""

    text: str
    trust: float
    accuracy: float


def ranked(world: HarderWorld, some: list[Sentence]) -> list[Ranked]:
    """The captions of which enough faces of the survey are of either kind."""
    editor, out = world.editor, []
    for sentence in some:
        reading = read(sentence.text, world=editor.world)
        task = Task.of(
            reading,
            generator=editor.generator,
            parser=editor.parser,
            clip=editor.clip,
            region=reading.region,
            config=TrainConfig(),
        )
        (texts,) = task.asked
        survey = task.survey()
        found = facts(world.frame.values(survey.w))
        (target,) = sentence.targets
        classes = torch.tensor([ATTRIBUTES[target.attribute].index(one) for one in target.classes])
        known = found[target.attribute] >= 0
        has, verdict = torch.isin(found[target.attribute], classes), survey.margins(texts) > 0
        of_those, of_others = verdict[known & has], ~verdict[known & ~has]
        if min(len(of_those), len(of_others)) >= _FEWEST:
            accuracy = float(of_those.double().mean() + of_others.double().mean()) / 2
            out.append(Ranked(sentence.text, trust(survey, texts, scale=editor.clip.logit_scale), accuracy))
    return out


def table(world: str, found: list[Ranked]) -> str:
    """Markdown: the rank correlation of all captions and of the forty, and the ten that are trusted least."""
    forty = found[::2][:_CAPTIONS]
    lines = [
        f"**{world}**: rank correlation of trust and accuracy {_correlation(forty):.2f} over {len(forty)} captions,"
    ]
    lines += [
        f"{_correlation(found):.2f} over all {len(found)}.",
        "",
        "| least trusted | trust | accuracy |",
        "|---|---|---|",
    ]
    least = sorted(found, key=lambda one: one.trust)[:10]
    return "\n".join([*lines, *(f"| {one.text} | {one.trust:.2f} | {one.accuracy:.2f} |" for one in least)])


def _correlation(found: list[Ranked]) -> float:
    return spearman(np.array([one.trust for one in found]), np.array([one.accuracy for one in found]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=["mini", "witness"], metavar="WORLD")
    parser.add_argument("--work", type=Path, default=Path("work"), help="where worlds are kept")
    parser.add_argument("--device", default=None)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    place = Place(args.work, args.device)
    plain = [one for one in sentences() if one.wording == "plain" and len(one.targets) == 1]
    for name in named(args.worlds):
        print(table(name, ranked(load(name, place), plain)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
