"""The library's default against the report's setting, and any variant of it, on twelve sentences about `mini`.

Run from the checkout: ``python -m benchmarks.defaults``. Each sentence is trained with each variant and each training
seed, and judged at alpha = 1 on faces that training never saw, against the exact edit of each face. An idea is tried by
a line in `VARIANTS` and ``--variants default NAME``. What is in the JSON file already is not measured again; directions
are kept in ``--directions``. Several processes may share the work by ``--prompts``; a last call without it writes the
whole table. ``--strips`` draws the default's edits for docs/edits.md.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import measuring
from benchmarks.crews import crew_of, crew_options, share
from benchmarks.pages import save_picture, write_between
from benchmarks.records import FACES, Records, as_share, crossed, digest, judge, models_digest, plain, train
from eclipsed import EclipsedWarning, Editor, TrainConfig
from eclipsed.compute.crew_work import Turn
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS

__all__ = ["SENTENCES", "VARIANTS", "main"]

#: sentence -> file name of its strip; one for every room of the face
SENTENCES = {
    "a person with glasses": "glasses",
    "a woman wearing a hat": "hat",
    "a man with a beard": "beard",
    "a person with the mouth open": "open-mouth",
    "a smiling person": "smile",
    "a person with long hair": "long-hair",
    "a person with curly hair": "curly-hair",
    "a person with blond hair": "blond-hair",
    "a person with black hair": "black-hair",
    "red lipstick": "red-lipstick",
    "dark skin": "dark-skin",
    "blue eyes": "blue-eyes",
}


def _every_field(config: TrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in fields(config)}


#: name -> what is set otherwise than in `TrainConfig()`
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "report": _every_field(TrainConfig.report()),
    "report, calibrated": {**_every_field(TrainConfig.report()), "calibrate": True},
    "similarity": {"clip_loss": "similarity"},
    "directional": {"clip_loss": "directional"},
    "no locality": {"locality_weight": 0.0},
    "score": {"locality_loss": "score"},
    "on features": {"score_layers": "all"},
    "no bystanders": {"keep_weight": 0.0},
    "no fence": {"fence_weight": 0.0, "components": None, "row_cap": None},
    "all rows": {"layers": None},
    "no augmentation": {"augment": False},
    "unit start": {"start": "unit"},
    "plain adam": {"optimiser": "adam"},
}

#: faces in the strips, and their strengths
SHOWN, STRENGTHS = (2000, 2011, 2017, 2023), (-1.0, 0.0, 0.5, 1.0)


def measured(
    editor: Editor,
    records: Records,
    prompts: Sequence[str],
    variants: Iterable[str],
    seeds: Sequence[int],
    *,
    faces: Sequence[int],
    models: str,
    folder: Path,
    steps: int | None,
    again: bool,
) -> list[dict[str, Any]]:
    """The records of all combinations; those that are missing are made and kept on the way."""
    found = []
    for prompt in prompts:
        truth: Truth | None = None
        for variant in ("exact edit", *variants):
            for seed in seeds if variant != "exact edit" else (0,):
                config = TrainConfig(**VARIANTS.get(variant, {})).replace(seed=seed)
                config = config if steps is None else config.replace(steps=steps)
                of = digest(config.to_json()) if variant != "exact edit" else ""
                key = {"prompt": prompt, "variant": variant, "seed": seed, "config": of, "models": models}
                key["faces"] = digest(list(faces))
                record = None if again else records.find(key)
                if record is None:
                    truth = truth or Truth.of(editor, PROMPTS[prompt], recipe=RECIPE, seeds=faces)
                    if variant == "exact edit":
                        record = {"key": key, "seconds": None, **plain(truth.ceiling(editor, prompt=prompt))}
                    else:
                        direction, seconds = train(editor, prompt, config, folder=folder, models=models)
                        record = {"key": key, "seconds": round(seconds, 1), **judge(editor, direction, truth)}
                    records.add(record)
                    print(f"{prompt:30s} {line([record])}", flush=True)
                found.append(record)
    return found


def line(records: Sequence[dict[str, Any]]) -> str:
    """The figures of one sentence and variant in words."""
    cell = row(records)
    return f"{records[0]['key']['variant']:20s} " + "  ".join(f"{name} {text}" for name, text in cell.items())


def row(records: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What the table says of one sentence and variant."""
    mean = {name: crossed([records], name).mean for name in ("success", "strict", "kept", "distance")}
    seconds = [one["seconds"] for one in records if one["seconds"] is not None]
    return {
        "success": as_share(mean["success"]),
        "strict": as_share(mean["strict"]),
        "outside / inside": f"{crossed([records], lambda m: m('outside') / m('inside')).mean:.3f}",
        "leakage": as_share(1 - mean["kept"], 1),
        "distance": f"{mean['distance']:.2f}",
        "seconds": f"{sum(seconds) / len(seconds):.0f}" if seconds else "–",
    }


def table(records: Sequence[dict[str, Any]], prompts: Sequence[str], variants: Sequence[str]) -> str:
    """Markdown: a row for each sentence and variant, and the means of each variant with 95 % intervals."""

    def of(prompt: str, variant: str) -> list[dict[str, Any]]:
        return [one for one in records if one["key"]["prompt"] == prompt and one["key"]["variant"] == variant]

    floors = {prompt: of(prompt, "exact edit") for prompt in prompts}
    names = ("sentence", "setting", *row(floors[prompts[0]]), "worst flip over its floor")
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for prompt in prompts:
        for variant in ("exact edit", *variants):
            cell = of(prompt, variant)
            label = "*exact edit*" if variant == "exact edit" else variant
            first = prompt if variant == "exact edit" else ""
            lines.append(f"| {first} | {label} | {' | '.join(row(cell).values())} | {worst(cell, floors[prompt])} |")
    for variant in ("exact edit", *variants):
        cells = [of(prompt, variant) for prompt in prompts]
        lines.append(f"| **mean of {len(prompts)}** | **{variant}** | {' | '.join(summary(cells))} | |")
    return "\n".join(lines)


def worst(cell: Sequence[dict[str, Any]], floor: Sequence[dict[str, Any]]) -> str:
    """The attribute that flips for most faces beyond what the exact edit does, and by how many more."""
    mean = {name: sum(one["flips"][name] for one in cell) / len(cell) for name in cell[0]["flips"]}
    more = {name: share - floor[0]["flips"][name] for name, share in mean.items()}
    name = max(more, key=lambda name: more[name])
    return "–" if more[name] <= 0 else f"{name} {more[name]:+.0%}"


def summary(cells: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """Means over the sentences with their intervals, in the order of `row`."""

    def shown(measure: Any, form: str) -> str:
        found = crossed(cells, measure)
        return f"**{found.mean:{form}}** {found.low:{form}}…{found.high:{form}}"

    seconds = [one["seconds"] for cell in cells for one in cell if one["seconds"] is not None]
    return [
        shown("success", ".0%"),
        shown("strict", ".0%"),
        shown(lambda mean: mean("outside") / mean("inside"), ".3f"),
        shown(lambda mean: 1 - mean("kept"), ".1%"),
        shown("distance", ".2f"),
        f"{sum(seconds) / len(seconds):.0f}" if seconds else "–",
    ]


def section(records: Sequence[dict[str, Any]], prompts: Sequence[str], variants: Sequence[str], count: int) -> str:
    """What goes into benchmarks/README.md."""
    seeds = len({one["key"]["seed"] for one in records if one["key"]["variant"] != "exact edit"})
    text = (
        f"{seeds} training seed{'s' if seeds > 1 else ''} × {count} held-out faces, alpha = 1. *Strict*: the target is "
        "reached and the region's mean colour lies within 0.2 of that face's exact edit. *Leakage*: other attributes "
        "that flip, of those that can be seen before and after; in the rows of the exact edit it is the classifier's "
        "own floor. *Distance*: Mahalanobis distance of the edited ws, where 1 is an ordinary face. Means with 95 % "
        "intervals over training seeds × faces."
    )
    return f"{text}\n\n{table(records, prompts, variants)}"


def draw_strips(
    editor: Editor, prompts: Sequence[str], *, folder: Path, models: str, steps: int | None, docs: Path
) -> None:
    """One strip for each sentence, of the default's first training seed, and the page that shows them all."""
    config = TrainConfig(seed=0) if steps is None else TrainConfig(seed=0, steps=steps)
    faces = editor.sample(seeds=SHOWN, truncation_psi=1.0)
    rows = [
        "# Twelve edits of `mini`",
        "",
        "One direction for each sentence, learned with the default settings. One face a row, none of which training "
        "saw; the strength stands above each column. `python -m benchmarks.defaults --strips` made them; their "
        "figures, in `benchmarks/README.md`, come from the same directions.",
    ]
    for prompt in prompts:
        direction, _ = train(editor, prompt, config, folder=folder, models=models)
        name = f"edit-{SENTENCES[prompt]}.webp"
        save_picture(editor.strip(faces, direction, alphas=STRENGTHS), docs / "images" / name)
        rows += ["", f"## {prompt}", "", f"![{prompt}: four faces, strengths from −1 to 1](images/{name})"]
    (docs / "edits.md").write_text("\n".join(rows) + "\n", encoding="utf-8")


def shared(args: argparse.Namespace) -> Callable[[tuple[str, str, int], Turn], None]:
    """What a worker does with a sentence, a variant and a training seed: see `measured`."""
    warnings.simplefilter("ignore", EclipsedWarning)
    editor, models, faces = _set(args)

    def piece(task: tuple[str, str, int], _: Turn) -> None:
        prompt, variant, seed = task
        _measured(args, editor, models, faces, [prompt], [variant], [seed])

    return piece


def _set(args: argparse.Namespace) -> tuple[Editor, str, Sequence[int]]:
    return Editor.from_pretrained(args.models, args.device), models_digest(args.models), parse_seeds(args.faces)


def _measured(
    args: argparse.Namespace,
    editor: Editor,
    models: str,
    faces: Sequence[int],
    prompts: Sequence[str],
    variants: Sequence[str],
    seeds: Sequence[int],
    *,
    again: bool | None = None,
) -> list[dict[str, Any]]:
    return measured(
        editor,
        Records(args.json),
        prompts,
        variants,
        seeds,
        faces=faces,
        models=models,
        folder=args.directions,
        steps=args.steps,
        again=args.again if again is None else again,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--device", default=None)
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(SENTENCES), metavar="PROMPT")
    parser.add_argument("--variants", nargs="+", default=["default", "report"], choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="training seeds")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces, such as 2000-2063")
    parser.add_argument("--steps", type=int, default=None, help="of every training, for a short trial")
    parser.add_argument(
        "--again", action="store_true", help="judge anew; directions that are kept are not trained anew"
    )
    parser.add_argument("--strips", action="store_true", help="draw the strips of docs/edits.md")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/defaults.json"))
    parser.add_argument("--directions", type=Path, default=Path("work/benchmarks"), help="where directions are kept")
    parser.add_argument("--readme", type=Path, default=Path("benchmarks/README.md"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    crew_options(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    editor, models, faces = _set(args)
    print(measuring.describe(editor.generator.device))
    crew = crew_of(args)
    if crew is not None:
        share(partial(shared, args), list(product(args.prompts, args.variants, args.seeds)), crew)
    again = args.again and crew is None
    found = _measured(args, editor, models, faces, args.prompts, args.variants, args.seeds, again=again)
    text = section(found, args.prompts, args.variants, len(faces))
    print(text)
    write_between(args.readme, "defaults", text)
    if args.strips:
        draw_strips(editor, args.prompts, folder=args.directions, models=models, steps=args.steps, docs=args.docs)


if __name__ == "__main__":
    main()
