"""Every class that the judge of `mini` knows, in two wordings, and sentences of two attributes: what of it is reached?

Run from the checkout: ``python -m benchmarks.vocabulary``. Each sentence of `vocabulary.csv` is trained with the
default settings and judged at alpha = 1 on faces that training never saw; beside it stands what the program itself says
of the direction. What is in the JSON file already is not measured again. Several processes may share the work by
``--part 1/2`` and ``--part 2/2``; ``--sample 5`` takes every fifth sentence, and a last call without either writes the
whole table.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import measuring
from benchmarks.crews import crew_of, crew_options, share
from benchmarks.pages import write_between
from benchmarks.records import FACES, Records, as_share, digest, models_digest, plain, train
from eclipsed import Direction, EclipsedWarning, Editor, TrainConfig
from eclipsed.commands.options import parse_setting
from eclipsed.compute.crew_work import Turn
from eclipsed.directions.verdict import reached
from eclipsed.prompts.target import Target
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.facts import ATTRIBUTES, FAMILY
from recipes.mini.recipe import RECIPE

__all__ = ["Sentence", "judged", "main", "sentences", "summary"]

_TABLE = Path(__file__).with_name("vocabulary.csv")


@dataclass(frozen=True)
class Sentence:
    """One sentence, and all that the judge must see after its edit.

    Args:
        text: the prompt.
        targets: of different attributes; one or two.
        wording: ``"plain"`` or ``"other"``.
    """

    text: str
    targets: tuple[Target, ...]
    wording: str


def sentences() -> list[Sentence]:
    """All sentences of the table, those of one wording after those of the other.

    Raises:
        InputError: the judge does not know a target.
    """
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Sentence(row[wording], _targets(row["target"]), wording) for wording in ("plain", "other") for row in rows]


def _targets(text: str) -> tuple[Target, ...]:
    return tuple(Target.parse(one.replace("|", ","), ATTRIBUTES) for one in text.split())


def judged(editor: Editor, direction: Direction, truths: Sequence[Truth]) -> dict[str, Any]:
    """What a direction does to the faces of some truths, one for each target, at alpha = 1.

    Args:
        editor: of the set that the direction was trained on.
        direction: to judge.
        truths: of the same faces.
    Returns:
        What `benchmarks.records.judge` gives. Of several targets a face counts that lacked any of them, and succeeds
        with all that it lacked; no attribute of a target counts as one that flips.
    """
    after = editor.edit(truths[0].before, direction, 1.0)
    rows = direction.space_of(editor.generator).rows
    found = [
        truth.judge(editor, after, prompt=direction.title, parts=direction.region.parts, rows=rows) for truth in truths
    ]
    together = dict(found[0])
    if len(found) > 1:
        for name in ("success", "strict"):
            values = torch.stack([one[name] for one in found])
            together[name] = torch.where(values.isnan().all(dim=0), torch.nan, values.nan_to_num(1.0).amin(dim=0))
        meant = {f"flip {truth.target.attribute}" for truth in truths}
        together = {name: value for name, value in together.items() if name not in meant}
        flips = torch.stack([value for name, value in together.items() if name.startswith("flip ")])
        together["kept"] = 1 - flips.nanmean(dim=0)
    return plain(together)


def said(direction: Direction) -> dict[str, Any]:
    """What the program says of a direction: the share of faces that it reaches, whether it is weak, and its note."""
    return {"success": reached(direction.scores), "weak": direction.weak, "note": direction.note}


def mean(record: Mapping[str, Any], name: str) -> float:
    """Mean over the faces that count; nan when none does."""
    values = [value for value in record["values"][name] if value is not None]
    return sum(values) / len(values) if values else float("nan")


def ratio(record: Mapping[str, Any]) -> float:
    """Change outside over change inside."""
    return mean(record, "outside") / max(mean(record, "inside"), 1e-9)


def summary(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is wanted of the whole vocabulary, as far as it was measured."""
    success = [mean(one, "success") for one in records]
    known = [(share, one) for share, one in zip(success, records, strict=True) if share == share]
    poor = [one for share, one in known if share < 0.5]
    good = [one for share, one in known if share > 0.8]
    told = [(share, one["said"]["success"]) for share, one in known if one["said"]["success"] is not None]

    def part(count: int, of: Sequence[object]) -> str:
        return f"{as_share(count / len(of))} of {len(of)}" if of else "–"

    return {
        "sentences": str(len(records)),
        "success, mean": as_share(sum(share for share, _ in known) / max(len(known), 1)),
        "success of 70 % or more": part(sum(share >= 0.7 for share, _ in known), known),
        "below 50 %, told weak": part(sum(one["said"]["weak"] for one in poor), poor),
        "above 80 %, told weak": part(sum(one["said"]["weak"] for one in good), good),
        "said within 15 points of the judge": part(sum(abs(a - b) <= 0.15 for a, b in told), known),
        "outside / inside, median": f"{_median([ratio(one) for one in records]):.3f}",
        "leakage, mean": as_share(1 - sum(mean(one, "kept") for one in records) / max(len(records), 1), 1),
    }


def _median(values: Sequence[float]) -> float:
    return float(torch.tensor([value for value in values if value == value]).median()) if values else float("nan")


def line(record: Mapping[str, Any]) -> str:
    """One sentence as a row of the table."""
    program = record["said"]
    cells = (
        record["key"]["prompt"],
        as_share(mean(record, "success")),
        as_share(mean(record, "strict")) if record["coloured"] else "",
        f"{ratio(record):.3f}",
        as_share(1 - mean(record, "kept"), 1),
        "–" if program["success"] is None else as_share(program["success"]),
        "weak" if program["weak"] else "",
    )
    return f"| {' | '.join(cells)} |"


def section(records: Sequence[Mapping[str, Any]], faces: int) -> str:
    """What goes into benchmarks/README.md: the sums, and the sentences from the worst to the best."""
    plain_texts = {one.text for one in sentences() if one.wording == "plain"}
    plain_ones = [one for one in records if one["key"]["prompt"] in plain_texts]
    others = [one for one in records if one["key"]["prompt"] not in plain_texts]
    columns = {"plain wording": plain_ones, "other wording": others, "all": records}
    sums = [summary(some) for some in columns.values()]
    table = [f"| {' | '.join((name, *(one[name] for one in sums)))} |" for name in sums[0]]
    head = "| sentence | success | strict | outside / inside | leakage | the program says | |\n" + "|---" * 7 + "|"
    rows = sorted(records, key=lambda one: (mean(one, "success"), one["key"]["prompt"]))
    return "\n".join([
        f"{faces} held-out faces, alpha = 1, one training each.", "",
        f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *table, "",
        "<details><summary>every sentence</summary>", "", head, *map(line, rows), "", "</details>",
    ])  # fmt: skip


def measured(
    editor: Editor,
    records: Records,
    chosen: Sequence[Sentence],
    config: TrainConfig,
    *,
    faces: Sequence[int],
    models: str,
    folder: Path,
    name: str,
    missing: bool = True,
) -> list[dict[str, Any]]:
    """The records of some sentences; those that are missing are made and kept on the way.

    Args:
        editor: of the set.
        records: what is known.
        chosen: the sentences.
        config: what they are trained with.
        faces: seeds that are judged.
        models: from `models_digest`.
        folder: where directions are kept.
        name: of the setting.
        missing: make what is missing.
    """
    found = []

    @lru_cache(maxsize=4)  # the pictures of a truth are 200 MB, and there are a hundred targets
    def truth(target: Target) -> Truth:
        return Truth.of(editor, target, recipe=RECIPE, seeds=faces)

    for sentence in chosen:
        key = {"prompt": sentence.text, "variant": name, "seed": config.seed, "config": digest(config.to_json())}
        key |= {"models": models, "faces": digest(list(faces))}
        record = records.find(key)
        if record is None:
            if not missing:
                continue
            direction, seconds = train(editor, sentence.text, config, folder=folder, models=models)
            record = {
                "key": key,
                "seconds": round(seconds, 1),
                "said": said(direction),
                "coloured": any(target.attribute in FAMILY for target in sentence.targets),
                "region": list(direction.region.parts),
                "rows": list(direction.space_of(editor.generator).rows),
                **judged(editor, direction, [truth(target) for target in sentence.targets]),
            }
            records.add(record)
            print(line(record), flush=True)
        found.append(record)
    return found


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    return int(number), int(of)


def shared(args: argparse.Namespace) -> Callable[[Sentence, Turn], None]:
    """What a worker does with a sentence: see `measured`."""
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained(args.models, args.device)

    def piece(sentence: Sentence, _: Turn) -> None:
        _measured(args, editor, [sentence], missing=True)

    return piece


def _measured(
    args: argparse.Namespace, editor: Editor, chosen: Sequence[Sentence], *, missing: bool
) -> list[dict[str, Any]]:
    return measured(
        editor,
        Records(args.json),
        chosen,
        TrainConfig(**dict(parse_setting(text) for text in args.set)),
        faces=parse_seeds(args.faces),
        models=models_digest(args.models),
        folder=args.directions,
        name=args.name,
        missing=missing,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--device", default=None)
    parser.add_argument("--sample", type=int, default=1, help="take every so manyth sentence")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="K/N", help="the share of this process")
    parser.add_argument("--prompts", nargs="+", default=None, metavar="PROMPT", help="of the table, these alone")
    parser.add_argument("--name", default="default", help="of the setting, where --set changes it")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="options of training")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/vocabulary.json"))
    parser.add_argument("--directions", type=Path, default=Path("work/benchmarks"), help="where directions are kept")
    parser.add_argument("--known", action="store_true", help="make the table of what was measured, and nothing more")
    parser.add_argument("--readme", type=Path, default=None, help="write the table into this page")
    crew_options(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained(args.models, args.device)
    print(measuring.describe(editor.generator.device))
    chosen = [one for one in sentences() if args.prompts is None or one.text in args.prompts][:: args.sample]
    number, of = args.part
    crew = crew_of(args)
    if crew is not None and not args.known:
        share(partial(shared, args), chosen[number - 1 :: of], crew)
    found = _measured(args, editor, chosen[number - 1 :: of], missing=not args.known)
    text = section(found, len(parse_seeds(args.faces)))
    print(text)
    if args.readme is not None:
        write_between(args.readme, "vocabulary", text)


if __name__ == "__main__":
    main()
