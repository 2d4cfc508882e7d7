"""StyleCLIP's global direction on the twelve sentences about `mini`, beside the trained default.

Run from the checkout: ``python -m benchmarks.styles``. What each style channel does is measured first, unless the
user's cache knows it already; then every sentence is judged on the faces of `benchmarks.defaults`, at alpha = 1, with
the same measures. An idea is tried by a line in `VARIANTS` and ``--variants published NAME``. What is in the JSON file
already is not measured again; several processes may share the work by ``--prompts``, and a last call without it writes
the table. ``--only-table`` writes it of the sentences that are in the file.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import measuring
from benchmarks.defaults import SENTENCES, row, summary
from benchmarks.pages import write_between
from benchmarks.records import FACES, Records, digest, judge, models_digest
from eclipsed import EclipsedWarning, Editor
from eclipsed.directions.global_styles import GlobalStyles
from eclipsed.directions.style_matrix import STYLE_FACES, StyleMatrix
from eclipsed.prompts.reading import read
from recipes.drawn.truth import Truth
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS

__all__ = ["VARIANTS", "main"]

#: name -> what is set otherwise than by default; "contrasts": the neutral texts are what a sentence stands against
VARIANTS: dict[str, dict[str, Any]] = {
    "published": {},
    "against contrasts": {"neutral": "contrasts"},
    "ten channels": {"count": 10},
}


def measured(
    editor: Editor,
    records: Records,
    matrix: StyleMatrix,
    prompts: Sequence[str],
    variants: Sequence[str],
    *,
    faces: Sequence[int],
    models: str,
) -> list[dict[str, Any]]:
    """The records of all combinations; those that are missing are made and kept on the way."""
    found = []
    for prompt in prompts:
        truth: Truth | None = None
        for variant in variants:
            key = {"prompt": prompt, "variant": variant, "options": VARIANTS[variant], "matrix": matrix.faces}
            key |= {"models": models, "faces": digest(list(faces))}
            record = records.find(key)
            if record is None:
                truth = truth or Truth.of(editor, PROMPTS[prompt], recipe=RECIPE, seeds=faces)
                record = {"key": key, **judged(editor, matrix, prompt, variant, truth)}
                records.add(record)
            found.append(record)
            print(f"{prompt:30s} {variant:20s} {row([record])}", flush=True)
    return found


def judged(editor: Editor, matrix: StyleMatrix, prompt: str, variant: str, truth: Truth) -> dict[str, Any]:
    """Find and calibrate one direction, and judge it.

    Returns:
        See `benchmarks.records.judge`; ``"seconds"`` of the processor that finding it took, and ``"calibration"``,
        those of its calibration; ``"channels"``, how many it moves.
    """
    options = dict(VARIANTS[variant])
    if options.get("neutral") == "contrasts":
        known = [one for one in read(prompt).contrasts if not editor.clip.unknown_words(one)]
        options["neutral"] = known or None
    finder = GlobalStyles(generator=editor.generator, clip=editor.clip, prompt=prompt, matrix=matrix, **options)
    replace(finder, prompt="a person with freckles").find()  # parser and tokenizer are loaded once for all sentences
    began = time.process_time()
    channels = finder.find().config["channels"]
    seconds = time.process_time() - began
    began = time.process_time()
    direction = editor.find(finder)
    calibration = time.process_time() - began
    found = {"seconds": round(seconds, 3), "calibration": round(calibration, 1), "channels": channels}
    return {**found, **judge(editor, direction, truth, prompt=prompt)}


def table(records: Sequence[dict[str, Any]], prompts: Sequence[str], variants: Sequence[str]) -> str:
    """Markdown: a row for each sentence and variant, and the means of each variant with 95 % intervals."""

    def of(prompt: str, variant: str) -> list[dict[str, Any]]:
        return [one for one in records if one["key"]["prompt"] == prompt and one["key"]["variant"] == variant]

    names = ("sentence", "setting", *row(records[:1]))
    lines = [f"| {' | '.join((*names, 'channels'))} |", "|" + "---|" * (len(names) + 1)]
    for prompt in prompts:
        for cell in filter(None, (of(prompt, variant) for variant in variants)):
            variant = cell[0]["key"]["variant"]
            figures = {**row(cell), "seconds": _shown(cell[0]["seconds"])}
            lines.append(f"| {prompt} | {variant} | {' | '.join(figures.values())} | {cell[0]['channels']} |")
    for variant in variants:
        cells = [cell for prompt in prompts if (cell := of(prompt, variant))]
        known = [cell[0]["seconds"] for cell in cells if cell[0]["seconds"] is not None]
        means = [*summary(cells)[:-1], _shown(sum(known) / len(known) if known else None)]
        lines.append(f"| **mean of {len(cells)}** | **{variant}** | {' | '.join(means)} | |")
    return "\n".join(lines)


def _shown(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f}"


def section(records: Sequence[dict[str, Any]], prompts: Sequence[str], variants: Sequence[str], count: int) -> str:
    """What goes into benchmarks/README.md."""
    calibration = sum(one["calibration"] for one in records) / len(records)
    some = "" if len(prompts) == len(SENTENCES) else f"{len(prompts)} of {len(SENTENCES)} sentences, "
    text = (
        f"{some}{count} held-out faces, alpha = 1, channels measured on {records[0]['key']['matrix']} faces; "
        "measures as in the table of the default. *Seconds*: of the processor, from the sentence to the delta, once "
        "channels are measured; the strength of alpha = 1 is found afterwards on held-out faces, in "
        f"{calibration:.0f} s of the processor."
    )
    return f"{text}\n\n{table(records, prompts, variants)}"


def write_table(records: Sequence[dict[str, Any]], variants: Sequence[str], readme: Path) -> None:
    """Write the table of the sentences of which something is known."""
    known = {one["key"]["prompt"] for one in records if one["key"]["variant"] in variants}
    prompts = [prompt for prompt in SENTENCES if prompt in known]
    text = section(records, prompts, variants, len(FACES))
    print(text)
    write_between(readme, "styles", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default=None)
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(SENTENCES), metavar="PROMPT")
    parser.add_argument("--variants", nargs="+", default=["published"], choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--matrix-faces", type=int, default=STYLE_FACES, help="faces on which channels are measured")
    parser.add_argument("--only-table", action="store_true", help="measure nothing")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/styles.json"))
    parser.add_argument("--readme", type=Path, default=Path("benchmarks/README.md"))
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    if args.only_table:
        write_table(Records(args.json).all(), args.variants, args.readme)
        return
    editor = Editor.from_pretrained("mini", args.device)
    print(measuring.describe(editor.generator.device))
    began = time.process_time()
    matrix = StyleMatrix.of(
        editor.generator,
        editor.clip,
        faces=args.matrix_faces,
        tell=lambda done, total: print(f"{done} of {total} faces, {time.process_time() - began:.0f} s", flush=True),
    )
    found = measured(
        editor,
        Records(args.json),
        matrix,
        args.prompts,
        args.variants,
        faces=FACES,
        models=models_digest("mini"),
    )
    if args.prompts == list(SENTENCES):
        write_table(found, args.variants, args.readme)


if __name__ == "__main__":
    main()
