"""How far the boundary that many faces tell points beside the exact edit: in `mini` and harder worlds, nothing trained.

Run from the checkout: ``python -m benchmarks.boundaries --worlds mini big --faces 2048 512 --work work``. For each of
the twelve sentences the change with which a descent begins is read as a change of the portrait's own values and parted
into what the exact edit changes and what lies beside it; that of a colour may change all scores of its family. *Beside*
is the length of the latter over that of the former: 0 is the exact edit. ``--ways survey extremes`` puts the boundary
between the extremes of CLIP's same verdicts (`eclipsed.directions.boundary`) beside that of the start.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.defaults import SENTENCES
from eclipsed import TrainConfig
from eclipsed.directions.boundary import fit_boundary
from eclipsed.directions.survey import Survey
from eclipsed.prompts.reading import read
from eclipsed.prompts.target import Target
from eclipsed.training.task import Task
from recipes.drawn.truth import exact_values
from recipes.mini.attributes import VALUES
from recipes.mini.facts import FAMILY, facts
from recipes.mini.targets import PROMPTS
from recipes.worlds.catalogue import HarderWorld, Place, load, named

__all__ = ["WAYS", "Aim", "aims", "beside", "main", "table"]

#: with what the descent begins, and what `eclipsed directions boundary` finds
WAYS = ("survey", "extremes")


@dataclass(frozen=True)
class Aim:
    """What a boundary found in some faces of a world changes beside what was asked for."""

    world: str
    faces: int
    text: str
    beside: float
    way: str = "survey"


def beside(found: Tensor, exact: Tensor, target: Target) -> float:
    """Length of what a change does beside the exact edit, over the length of what it does of that.

    Args:
        found: change of the values, (V,).
        exact: the mean change of those that lacked it, (V,).
        target: what was asked for.
    """
    unit = exact / exact.norm()
    along = float(found @ unit)
    rest = found - along * unit
    if target.attribute in FAMILY:
        family = FAMILY[target.attribute]
        rest[VALUES.scores(family)] = 0.0
        if family == "hair":
            rest[VALUES.index["hair_light"]] = 0.0
    return float(rest.norm()) / along if along > 0 else float("inf")


def aims(
    world: HarderWorld, sentences: Sequence[str], counts: Sequence[int], ways: Sequence[str] = WAYS[:1]
) -> list[Aim]:
    """The boundaries of some sentences, each in some ways from as many of the first faces as are asked for."""
    editor, out = world.editor, []
    for text in sentences:
        reading = read(text, world=editor.world)
        config = TrainConfig(start_faces=max(counts))
        task = Task.of(
            reading,
            generator=editor.generator,
            parser=editor.parser,
            clip=editor.clip,
            region=reading.region,
            config=config,
        )
        survey, target = task.survey(), PROMPTS[text]
        values = world.frame.values(survey.w)
        change = exact_values(values, target, facts) - values
        exact = change[(change != 0).any(dim=1)].mean(dim=0)
        kept = task.bystanders if task.local else ()
        for count in counts:
            some = replace(survey, w=survey.w[:count], embedding=survey.embedding[:count])
            for way in ways:
                found = _change(world, some, task, kept, way)
                out.append(Aim(world.name, count, text, beside(found, exact, target), way))
    return out


def _change(world: HarderWorld, survey: Survey, task: Task, kept: Sequence[Tensor], way: str) -> Tensor:
    (texts,) = task.captions
    if way == "survey":
        step = survey.boundary(texts, task.statistics, bystanders=kept)
    else:
        plane = fit_boundary(survey.w, survey.margins(texts), statistics=task.statistics).plane
        step = (torch.tensor(plane.normal) * plane.deviation).to(survey.w)
    return (world.frame.values(survey.w + step) - world.frame.values(survey.w)).mean(dim=0)


def table(found: Sequence[Aim]) -> str:
    """Markdown: a row for each sentence, a column for each world and number of faces, and the means."""
    columns = list(dict.fromkeys((one.world, one.faces, one.way) for one in found))
    known = {((one.world, one.faces, one.way), one.text): one.beside for one in found}
    texts = list(dict.fromkeys(one.text for one in found))
    rows = [[text, *(known[column, text] for column in columns)] for text in texts]
    means = [sum(known[column, text] for text in texts) / len(texts) for column in columns]
    said = {"survey": "", "extremes": ", between the extremes"}
    head = ["beside the exact edit", *(f"*{world}*, {faces:,} faces{said[way]}" for world, faces, way in columns)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, *figures in [*rows, ["**mean**", *means]]:
        lines.append("| " + " | ".join([str(name), *(f"{figure:.2f}" for figure in figures)]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", metavar="WORLD", default=["mini", "big"])
    parser.add_argument("--prompts", nargs="+", metavar="PROMPT", choices=list(SENTENCES), default=list(SENTENCES))
    parser.add_argument("--faces", type=int, nargs="+", default=[2048], help="how many faces CLIP looks at")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS[:1]))
    parser.add_argument("--work", type=Path, default=Path("work"), help="where harder worlds are kept")
    parser.add_argument("--device")
    args = parser.parse_args()
    place, found = Place(args.work, args.device), []
    for name in named(args.worlds):
        found += aims(load(name, place), args.prompts, args.faces, args.ways)
    print(table(found))


if __name__ == "__main__":
    main()
