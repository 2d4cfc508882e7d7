"""Sentences sketched in the atlas of `mini`, and trained from there, beside the trained default.

Run from the checkout: ``python -m benchmarks.atlas``. Same faces, measures and judge as `benchmarks.defaults`, whose
rows of the default stand beside these. An idea is tried by a line in `VARIANTS` and ``--variants sketch NAME``. What is
in the JSON file already is not measured again; several processes may share the work by ``--prompts``, and a last call
without it writes the table. ``--can`` ranks forty sentences, of which `mini` draws thirty, by what the atlas expects.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import measuring
from benchmarks.crews import crew_of, crew_options, share
from benchmarks.defaults import SENTENCES, row, summary
from benchmarks.pages import save_picture, write_between
from benchmarks.records import FACES, Records, digest, judge, models_digest, train
from benchmarks.ways import default_rows
from eclipsed import EclipsedWarning, Editor, TrainConfig
from eclipsed.compute.crew_work import Turn
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS

__all__ = ["CANNOT", "DRAWN", "VARIANTS", "auc", "main"]

#: name -> how it is trained, or None for the sketch itself
VARIANTS: dict[str, TrainConfig | None] = {"sketch": None, "from the atlas, 24 steps": TrainConfig.from_atlas()}

#: what `mini` draws, in wordings that are none of the twelve
DRAWN = (
    "a person wearing sunglasses", "a person with round glasses", "a person with a hat", "a bald person",
    "a person with short hair", "a person with straight hair", "a person with red hair", "a person with brown hair",
    "a person with grey hair", "a person with bangs", "a bearded man", "a man with a moustache", "a woman", "a man",
    "an old person", "a young person", "a person with green eyes", "a person with brown eyes", "big eyes",
    "a person with thick brows", "a big nose", "full lips", "pink lips", "pale skin", "freckles", "rosy cheeks",
    "earrings", "a necklace", "a person in blue clothes", "a sad person",
)  # fmt: skip

#: what it does not
CANNOT = (
    "an alien", "a truck", "a cat", "a person with three eyes", "a person with wings", "a horse on a meadow",
    "a robot", "a person with a scar", "a church", "a person smoking a cigar",
)  # fmt: skip


def measured(
    editor: Editor,
    records: Records,
    prompts: Sequence[str],
    variants: Sequence[str],
    *,
    seeds: Sequence[int],
    faces: Sequence[int],
    folder: Path,
    models: str,
) -> list[dict[str, Any]]:
    """The records of all combinations, of a sketch one for all seeds; those that are missing are made and kept."""
    atlas, found = editor.atlas(), []
    for prompt in prompts:
        truth: Truth | None = None
        for variant, seed in ((one, seed) for one in variants for seed in (seeds if VARIANTS[one] else (0,))):
            config = VARIANTS[variant]
            config = None if config is None else config.replace(seed=seed)
            of = "" if config is None else digest(config.to_json())
            key = {"prompt": prompt, "variant": variant, "seed": seed, "config": of, "atlas": len(atlas.along)}
            key |= {"models": models, "faces": digest(list(faces))}
            record = records.find(key)
            if record is None:
                truth = truth or Truth.of(editor, PROMPTS[prompt], recipe=RECIPE, seeds=faces)
                record = {"key": key, **_judged(editor, prompt, config, truth, folder=folder, models=models)}
                records.add(record)
            found.append(record)
            print(f"{prompt:30s} {variant:24s} {seed} {row([record])} {record['at_once']}", flush=True)
    return found


def _judged(
    editor: Editor, prompt: str, config: TrainConfig | None, truth: Truth, *, folder: Path, models: str
) -> dict[str, Any]:
    """Find one direction, and judge it; see `benchmarks.records.judge`.

    Returns:
        With ``"seconds"``, that finding it took, of a sketch ``"at_once"``, those without trying strengths, and
        ``"rows"``, those that it changes.
    """
    at_once = None
    if config is None:
        editor.sketch("a person with freckles")  # parser and tokenizer are loaded once for all sentences
        began = time.perf_counter()
        editor.sketch(prompt, try_strengths=False)
        at_once = round(time.perf_counter() - began, 2)
        began = time.perf_counter()
        direction = editor.sketch(prompt)
        seconds = time.perf_counter() - began
    else:
        direction, seconds = train(editor, prompt, config, folder=folder, models=models)
    facts = {"seconds": round(seconds, 2), "at_once": at_once, "rows": list(direction.layers)}
    return {**facts, **judge(editor, direction, truth, prompt=prompt)}


def table(
    records: Sequence[dict[str, Any]], prompts: Sequence[str], variants: Sequence[str], defaults: Mapping[str, Any]
) -> str:
    """Markdown: a row for each sentence and variant below the default's, and the means with 95 % intervals."""
    cells: dict[str, list[list[dict[str, Any]]]] = {"trained default": [[defaults[prompt]] for prompt in prompts]}
    for variant in variants:
        mine = [one for one in records if one["key"]["variant"] == variant]
        cells[variant] = [[one for one in mine if one["key"]["prompt"] == prompt] for prompt in prompts]
    names = ("sentence", "setting", *row(cells["trained default"][0]))
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for index, prompt in enumerate(prompts):
        for name, column in cells.items():
            figures = {**row(column[index]), "seconds": f"{_seconds(column[index]):.1f}"}
            lines.append(f"| {prompt if name == 'trained default' else ''} | {name} | {' | '.join(figures.values())} |")
    for name, column in cells.items():
        means = [*summary(column)[:-1], f"{sum(map(_seconds, column)) / len(column):.1f}"]
        lines.append(f"| **mean of {len(prompts)}** | **{name}** | {' | '.join(means)} |")
    return "\n".join(lines + _spread(records, variants))


def _seconds(records: Sequence[dict[str, Any]]) -> float:
    return float(sum(one["seconds"] for one in records) / len(records))


def _spread(records: Sequence[dict[str, Any]], variants: Sequence[str]) -> list[str]:
    """Means of each training seed, and of how many sentences all seeds change the same rows."""
    lines = []
    for variant in variants:
        mine = [one for one in records if one["key"]["variant"] == variant]
        seeds = sorted({one["key"]["seed"] for one in mine})
        if len(seeds) < 2:
            continue
        for seed in seeds:
            means = summary([[one] for one in mine if one["key"]["seed"] == seed])[:-1]
            lines.append(f"| *seed {seed}* | {variant} | {' | '.join(means)} | |")
        rows = {(one["key"]["prompt"], tuple(one["rows"])) for one in mine if "rows" in one}
        prompts = {one["key"]["prompt"] for one in mine}
        same = sum(len({found for prompt, found in rows if prompt == text}) == 1 for text in prompts)
        lines += ["", f"The {len(seeds)} seeds change the same rows in {same} of {len(prompts)} sentences."]
    return lines


def auc(editor: Editor) -> tuple[float, list[tuple[float, str, bool]]]:
    """How well what the atlas expects tells sentences that are drawn from others: the area under the ROC curve.

    Returns:
        The area, in [0, 1], and (reach, sentence, whether it is drawn), the best first.
    """
    atlas = editor.atlas()
    asked = [(text, True) for text in DRAWN] + [(text, False) for text in CANNOT]
    found = sorted(((editor.prospect(text, atlas=atlas).reach, text, drawn) for text, drawn in asked), reverse=True)
    pairs = [
        1.0 if can > cannot else 0.5 if can == cannot else 0.0
        for can, _, drawn in found
        for cannot, _, other in found
        if drawn and not other
    ]
    return sum(pairs) / len(pairs), found


def timed(editor: Editor, prompts: Sequence[str]) -> None:
    """Print what each sentence takes: trained as by default, from the atlas, and sketched, one after the other.

    Seconds are those of the processor, all threads together, so that neighbours on the machine do not count.
    """

    def seconds(do: Callable[[], object]) -> float:
        began = time.process_time()
        do()
        return time.process_time() - began

    editor.train("a person with freckles", config=TrainConfig(steps=2))  # everything is loaded, for all alike
    editor.sketch("a person with freckles")
    took = []
    for text in prompts:
        plain = seconds(lambda text=text: editor.train(text))  # type: ignore[misc]
        there = seconds(lambda text=text: editor.train(text, config=TrainConfig.from_atlas()))  # type: ignore[misc]
        at_once = seconds(lambda text=text: editor.sketch(text, try_strengths=False))  # type: ignore[misc]
        sketch = seconds(lambda text=text: editor.sketch(text))  # type: ignore[misc]
        print(
            f"{text:30s} default {plain:.1f} s, from the atlas {there:.1f} s ({there / plain:.0%}), "
            f"sketch {at_once:.2f} s, with its strength {sketch:.2f} s",
            flush=True,
        )
        took.append((plain, there, sketch))
    means = [sum(one) / len(took) for one in zip(*took, strict=True)]
    print(
        f"mean of {len(took)}: default {means[0]:.1f} s, from the atlas {means[1] / means[0]:.0%} of it, "
        f"sketch with its strength {means[2] / means[0]:.1%}"
    )


#: what the picture of the documents shows
_SHOWN = (
    "a person with glasses", "a smiling person", "a person with blond hair", "a person with long hair", "red lipstick",
    "a man with a beard", "dark skin", "blue eyes",
)  # fmt: skip


def picture(editor: Editor, seeds: Sequence[int] = (3, 5, 8), side: int = 128) -> Image.Image:
    """A row for each face: as it is, and with each of eight sketches at alpha = 1."""
    faces = editor.sample(seeds=seeds)
    columns = [faces.pil(), *(editor.edit(faces, editor.sketch(text), 1.0).pil() for text in _SHOWN)]
    sheet = Image.new("RGB", (side * len(columns), side * len(seeds)))
    for across, column in enumerate(columns):
        for down, face in enumerate(column):
            sheet.paste(face.resize((side, side)), (side * across, side * down))
    return sheet


def shared(args: argparse.Namespace) -> Callable[[tuple[str, str, int], Turn], None]:
    """What a worker does with a sentence, a variant and a training seed: see `measured`."""
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained("mini", args.device)

    def piece(task: tuple[str, str, int], _: Turn) -> None:
        prompt, variant, seed = task
        _measured(args, editor, [prompt], [variant], [seed])

    return piece


def _measured(
    args: argparse.Namespace, editor: Editor, prompts: Sequence[str], variants: Sequence[str], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    return measured(
        editor,
        Records(args.json),
        prompts,
        variants,
        seeds=seeds,
        faces=parse_seeds(args.faces),
        folder=args.directions,
        models=models_digest("mini"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default=None)
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(SENTENCES), metavar="PROMPT")
    parser.add_argument("--variants", nargs="+", default=["sketch"], choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--seeds", default="0", help="of trainings, such as 0-2")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces, such as 2000-2063")
    parser.add_argument("--can", action="store_true", help="rank forty sentences instead")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/atlas.json"))
    parser.add_argument("--defaults", type=Path, default=Path("benchmarks/defaults.json"))
    parser.add_argument("--directions", type=Path, default=Path("work/benchmarks"), help="where directions are kept")
    parser.add_argument("--readme", type=Path, default=None, help="write the table into this page")
    parser.add_argument("--time", action="store_true", help="say what each sentence takes instead")
    parser.add_argument("--picture", type=Path, default=None, help="draw that of the documents instead")
    crew_options(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained("mini", args.device)
    print(measuring.describe(editor.generator.device))
    if args.picture is not None:
        save_picture(picture(editor), args.picture)
        return
    if args.time:
        timed(editor, args.prompts)
        return
    if args.can:
        area, found = auc(editor)
        for reach, text, drawn in found:
            print(f"{reach:5.2f}  {'drawn' if drawn else 'not':5s}  {text}")
        print(f"AUC {area:.3f}")
        return
    faces, models, seeds, crew = parse_seeds(args.faces), models_digest("mini"), parse_seeds(args.seeds), crew_of(args)
    if crew is not None:
        share(partial(shared, args), list(product(args.prompts, args.variants, seeds)), crew)
    found_records = _measured(args, editor, args.prompts, args.variants, seeds)
    if args.prompts == list(SENTENCES):
        defaults = default_rows(args.defaults, args.prompts, "default", models=models, faces=faces)
        text = table(found_records, args.prompts, args.variants, defaults)
        print(text)
        if args.readme is not None:
            write_between(args.readme, "atlas", text)


if __name__ == "__main__":
    main()
