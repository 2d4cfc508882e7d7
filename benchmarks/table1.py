"""The report's Table 1 again, with honest statistics: one factor at a time, each with intervals.

Run from the checkout: ``python -m benchmarks.table1``. A base is trained with each of a few sentences and training
seeds, then with one thing changed: the sentence extended, one training face instead of random ones, W instead of W+,
another weight of the locality loss. ``--preset`` chooses the base: the library's default, the report's setting, or
both. What is in the JSON file already is not measured again. Several processes may share the work by ``--prompts``; a
last call without it writes the whole section.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measuring
from benchmarks.crews import crew_of, crew_options, share
from benchmarks.pages import write_between
from benchmarks.records import (
    FACES,
    Records,
    crossed,
    digest,
    grid,
    judge,
    models_digest,
    train,
)
from eclipsed import EclipsedWarning, Editor, TrainConfig
from eclipsed.compute.crew_work import Turn
from eclipsed.images.metrics import Interval
from eclipsed.prompts.target import Target
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.recipe import RECIPE

__all__ = ["SENTENCES", "SETTINGS", "Setting", "main"]

#: prompt as it is -> the same extended to a sentence, and what the judge must see
SENTENCES: dict[str, tuple[str, Target]] = {
    "blond hair": ("a photo of a person with blond hair", Target("hair_colour", ("blond",))),
    "glasses": ("a photo of a person with glasses", Target("glasses", ("clear", "sunglasses"))),
    "open mouth": ("a photo of a person with an open mouth", Target("mouth_open", ("open",))),
    "dark skin": ("a photo of a person with dark skin", Target("skin", ("dark",))),
}


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Args:
        name: of the row.
        changes: what is set otherwise than in the base.
        extended: train on the extended sentence.
        single: train on one face alone.
        own: judge on that face instead of the held-out ones.
        report: CLIP similarities of the report's own table: with its base and with this change; None for the base.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    extended: bool = False
    single: bool = False
    own: bool = False
    report: tuple[float, float] | None = None


#: The rows. The report's figures are those of its Table 1: "a photo of a person with curly hair", layers 3 and 4,
#: alpha 6 or 7, one picture of one seed a row, so that its base has another figure in each comparison.
SETTINGS = (
    Setting("base: prompt as it is, random seeds, W+, locality 0.05"),
    Setting("prompt extended", extended=True, report=(0.192, 0.177)),
    Setting("single seed, judged on others", single=True, report=(0.207, 0.193)),
    Setting("single seed, judged on itself", single=True, own=True, report=(0.188, 0.205)),
    Setting("W", {"space": "W"}, report=(0.213, 0.201)),
    Setting("locality 0", {"locality_weight": 0.0}, report=(0.201, 0.204)),
    Setting("locality 0.2", {"locality_weight": 0.2}, report=(0.201, 0.174)),
)

PRESETS: dict[str, Callable[[], TrainConfig]] = {"default": TrainConfig, "report": TrainConfig.report}

#: single training faces are sought from here on, far from those that are judged
_SINGLE = 3000


@dataclass(frozen=True)
class Column:
    """One measure: its name, how it is made of means, how it is shown, and whether more is better."""

    name: str
    measure: Any
    form: str
    more: bool


COLUMNS = (
    Column("CLIP gain", "clip_gain", ".3f", True),
    Column("success", "success", ".0%", True),
    Column("strict", "strict", ".0%", True),
    Column("locality", "localization", ".2f", True),
    Column("outside / inside", lambda mean: mean("outside") / mean("inside"), ".3f", False),
    Column("leakage", lambda mean: 1 - mean("kept"), ".1%", False),
)


def single_face(editor: Editor, target: Target, seed: int) -> int:
    """The face that a single-seed training takes: the next from `_SINGLE` + 100 · seed that lacks the attribute."""
    assert editor.classifier is not None
    seeds = range(_SINGLE + 100 * seed, _SINGLE + 100 * seed + 32)
    labels = editor.classifier.labels(editor.sample(seeds=seeds, truncation_psi=1.0).images)
    seen = editor.classifier.seen(labels)[target.attribute]
    lacks = seen & ~target.reached(labels, editor.classifier.attributes)
    return seeds[int(lacks.nonzero()[0])]


class Measurement:
    """Makes the records of one call, or finds them in the file.

    Args:
        editor: of the set.
        records: the file.
        faces: held-out faces.
        models: from `models_digest`.
        folder: where directions are kept.
        steps: of every training; None is the preset's.
        again: judge anew.
    """

    def __init__(
        self,
        editor: Editor,
        records: Records,
        *,
        faces: Sequence[int],
        models: str,
        folder: Path,
        steps: int | None,
        again: bool,
    ) -> None:
        self.editor, self.records, self.faces, self.models = editor, records, tuple(faces), models
        self.folder, self.steps, self.again = folder, steps, again
        self.truths: dict[tuple[Target, tuple[int, ...]], Truth] = {}

    def record(self, preset: str, prompt: str, setting: Setting, seed: int) -> dict[str, Any]:
        """Train one direction and judge it; CLIP compares with the extended sentence in every row."""
        extended, target = SENTENCES[prompt]
        config = PRESETS[preset]().replace(seed=seed, **setting.changes)
        config = config if self.steps is None else config.replace(steps=self.steps)
        faces = self.faces
        if setting.single:
            face = single_face(self.editor, target, seed)
            config = config.replace(seeds=(face,))
            faces = (face,) if setting.own else faces
        key = {"preset": preset, "prompt": prompt, "setting": setting.name, "seed": seed, "models": self.models}
        key |= {"config": digest(config.to_json()), "faces": digest(list(faces))}
        found = None if self.again else self.records.find(key)
        if found is not None:
            return found
        words = extended if setting.extended else prompt
        direction, seconds = train(self.editor, words, config, folder=self.folder, models=self.models)
        if (target, faces) not in self.truths:
            self.truths[target, faces] = Truth.of(self.editor, target, recipe=RECIPE, seeds=faces)
        made = judge(self.editor, direction, self.truths[target, faces], prompt=extended)
        record = {"key": key, "seconds": round(seconds, 1), **made}
        self.records.add(record)
        print(f"{preset:8s} {prompt:12s} {setting.name[:30]:30s} {seed} {_words([[record]])}", flush=True)
        return record


def _words(cells: Sequence[Sequence[dict[str, Any]]]) -> str:
    return "  ".join(f"{column.name} {crossed(cells, column.measure).mean:{column.form}}" for column in COLUMNS)


def section(
    preset: str, rows: dict[str, list[list[dict[str, Any]]]], prompts: Sequence[str], seeds: int, faces: int
) -> str:
    """The table of one preset and what follows from it."""
    intervals = {name: [crossed(cells, column.measure) for column in COLUMNS] for name, cells in rows.items()}
    head = ("", *(column.name for column in COLUMNS), THEIRS, "ours: CLIP gain over the base's")
    theirs = {setting.name: setting.report for setting in SETTINGS}
    base = next(iter(intervals.values()))[0].mean
    title = "The library's default as the base" if preset == "default" else "The report's setting as the base"
    lines = [
        f"**{title}.** Means over {len(prompts)} sentences ({', '.join(prompts)}), {seeds} training seeds and "
        f"{faces} held-out faces, alpha = 1.",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for name, found in intervals.items():
        shown = [_shown(one, column.form) for one, column in zip(found, COLUMNS, strict=True)]
        lines.append(f"| {name} | {' | '.join([*shown, *_beside(theirs.get(name), found[0].mean - base)])} |")
    return "\n".join([*lines, "", *verdicts(intervals), *clip_verdict(rows)])


def _beside(report: tuple[float, float] | None, ours: float) -> tuple[str, str]:
    """What the report found with its base and with the change, and how our CLIP gain differs from our base's."""
    if report is None:
        return "–", "–"
    with_base, changed = report
    return f"{with_base:.3f} → {changed:.3f} ({changed - with_base:+.3f})", f"{ours:+.3f}"


def _shown(found: Interval, form: str) -> str:
    return "–" if found.mean != found.mean else f"{found.mean:{form}} ({found.low:{form}}…{found.high:{form}})"


#: the column of the report's own figures
THEIRS = "the report's: CLIP similarity, its base → this change"

#: what the report chose, which rows say whether it holds, and where the first row should be the better one
CLAIMS = (
    ("The prompt is best taken as it is", SETTINGS[0].name, SETTINGS[1].name),
    ("Random training seeds serve other faces better than a single one", SETTINGS[0].name, SETTINGS[2].name),
    ("A single seed serves its own face better than other faces", SETTINGS[3].name, SETTINGS[2].name),
    ("W+ is better than W", SETTINGS[0].name, SETTINGS[4].name),
    ("Locality 0.05 is better than none", SETTINGS[0].name, SETTINGS[5].name),
    ("Locality 0.05 is better than 0.2", SETTINGS[0].name, SETTINGS[6].name),
)


def verdicts(intervals: dict[str, list[Interval]]) -> list[str]:
    """One line for each of `CLAIMS`: on which measures the first row's interval lies beyond the second's."""
    lines = []
    for claim, first, second in CLAIMS:
        if first not in intervals or second not in intervals:
            continue
        better: list[str] = []
        worse: list[str] = []
        for column, a, b in zip(COLUMNS, intervals[first], intervals[second], strict=True):
            if a.low > b.high:
                (better if column.more else worse).append(column.name)
            elif a.high < b.low:
                (worse if column.more else better).append(column.name)
        lines.append(f"- *{claim}*: {_verdict(better, worse)}.")
    return lines


def _verdict(better: Sequence[str], worse: Sequence[str]) -> str:
    parts = [f"better in {', '.join(better)}"] * bool(better) + [f"worse in {', '.join(worse)}"] * bool(worse)
    if not parts:
        return "cannot be told from these figures; all intervals overlap"
    name = "mixed" if better and worse else "holds" if better else "does not hold"
    return f"{name}; {'; '.join(parts)}; elsewhere the intervals overlap"


def clip_verdict(rows: dict[str, list[list[dict[str, Any]]]]) -> list[str]:
    """Whether CLIP's gain ranks trainings as strict success does."""
    records = [one for cells in rows.values() for cell in cells for one in cell if len(one["values"]["inside"]) > 1]
    gain, strict = (np.array([np.nanmean(grid([one], name)) for one in records]) for name in ("clip_gain", "strict"))
    known = np.isfinite(gain) & np.isfinite(strict)
    if known.sum() < 3:
        return []
    rng, found = np.random.default_rng(0), []
    pairs = np.stack([gain[known], strict[known]])
    for picked in [np.arange(pairs.shape[1]), *rng.integers(0, pairs.shape[1], (2000, pairs.shape[1]))]:
        found.append(spearman(*pairs[:, picked]))
    value = found[0]
    if not np.isfinite(value):
        return ["- *CLIP is an unreliable metric to report results by*: nothing varies that could be compared."]
    low, high = np.nanquantile(found[1:], (0.025, 0.975))
    if low > 0.5:
        verdict = "does not hold here: it ranks trainings much as the judge does"
    elif high < 0.5:
        verdict = "holds: it does not rank trainings as the judge does"
    else:
        verdict = "cannot be told from these figures"
    return [
        f"- *CLIP is an unreliable metric to report results by*: {verdict}; rank correlation of CLIP gain and strict "
        f"success over {int(known.sum())} trainings {value:.2f} ({low:.2f}…{high:.2f})."
    ]


def spearman(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Rank correlation, tied values sharing their mean rank; nan where one of them never varies."""
    a, b = (np.array([(v < one).sum() + ((v == one).sum() - 1) / 2 for one in v]) for v in (x, y))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else float("nan")


INTRODUCTION = (
    "Each row changes one thing of the base. *CLIP gain* is the rise of CLIP's cosine with the extended sentence, in "
    "every row, so that rows can be compared; *strict* also wants the region's mean colour within 0.2 of that face's "
    "exact edit. Means with 95 % intervals over training seeds × faces; a verdict needs intervals that do not overlap. "
    "The column of the report's own table has CLIP's cosine of one edited picture a row ('a photo of a person with "
    "curly hair', layers 3 and 4, alpha 6 or 7), of another generator and another CLIP: only the signs of the "
    "differences can be compared, and one picture has no interval. Below each table stands what the report chose or "
    "said, as far as this project knows it, and whether it holds here. The single-seed rows that are judged on their "
    "own face have one face to a training, so their intervals say little."
)


def shared(args: argparse.Namespace) -> Callable[[tuple[str, str, int, int], Turn], None]:
    """What a worker does with a preset, a sentence, the number of a setting and a training seed."""
    warnings.simplefilter("ignore", EclipsedWarning)
    measurement = _measurement(args, Editor.from_pretrained(args.models, args.device), again=args.again)

    def piece(task: tuple[str, str, int, int], _: Turn) -> None:
        preset, prompt, setting, seed = task
        measurement.record(preset, prompt, SETTINGS[setting], seed)

    return piece


def _measurement(args: argparse.Namespace, editor: Editor, *, again: bool) -> Measurement:
    return Measurement(
        editor,
        Records(args.json),
        faces=parse_seeds(args.faces),
        models=models_digest(args.models),
        folder=args.directions,
        steps=args.steps,
        again=again,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--device", default=None)
    parser.add_argument("--preset", choices=[*PRESETS, "both"], default="both")
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(SENTENCES), metavar="PROMPT")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="training seeds")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces, such as 2000-2063")
    parser.add_argument("--steps", type=int, default=None, help="of every training, for a short trial")
    parser.add_argument(
        "--again", action="store_true", help="judge anew; directions that are kept are not trained anew"
    )
    parser.add_argument("--json", type=Path, default=Path("benchmarks/table1.json"))
    parser.add_argument("--directions", type=Path, default=Path("work/benchmarks"), help="where directions are kept")
    parser.add_argument("--readme", type=Path, default=Path("benchmarks/README.md"))
    crew_options(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained(args.models, args.device)
    print(measuring.describe(editor.generator.device))
    crew, presets = crew_of(args), tuple(PRESETS) if args.preset == "both" else (args.preset,)
    if crew is not None:
        share(partial(shared, args), list(product(presets, args.prompts, range(len(SETTINGS)), args.seeds)), crew)
    measurement = _measurement(args, editor, again=args.again and crew is None)
    parts = [INTRODUCTION]
    for preset in presets:
        rows = {
            setting.name: [[measurement.record(preset, p, setting, s) for s in args.seeds] for p in args.prompts]
            for setting in SETTINGS
        }
        parts.append(section(preset, rows, args.prompts, len(args.seeds), len(measurement.faces)))
    text = "\n\n".join(parts)
    print(text)
    write_between(args.readme, "table1", text)


if __name__ == "__main__":
    main()
