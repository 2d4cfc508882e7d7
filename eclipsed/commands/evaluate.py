"""``eclipsed evaluate``: what a direction does to faces that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.faces import bound, check_picture, load_directions, open_editor
from eclipsed.commands.options import AnyGenerator, ClassIndex, Device, Json, Models, Named
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.evaluation.protocol import ALPHAS, SEEDS
from eclipsed.store import library
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.alphas import parse_alphas
from eclipsed.values.seeds import parse_seeds

__all__ = ["evaluate"]

_SEEDS, _ALPHAS = f"{SEEDS[0]}-{SEEDS[-1]}", ",".join(f"{alpha:g}" for alpha in ALPHAS)
_SHOWN = 4  # faces on the picture sheet


def evaluate(
    direction: Named,
    seeds: Annotated[str, typer.Option("--seeds", metavar="LIST", help="Held-out faces, such as 1,2,5-10.")] = _SEEDS,
    alphas: Annotated[str, typer.Option("--alphas", help="Strengths.")] = _ALPHAS,
    attribute: Annotated[
        str | None,
        typer.Option(
            "--attribute",
            metavar="NAME=CLASS[,…]",
            help="What counts as success, such as hair_colour=blond.",
            show_default="found in the prompt",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="SENTENCE",
            help="What the edit should look like, for a direction that no sentence made.",
            show_default="the direction's own",
        ),
    ] = None,
    extras: Annotated[
        list[str] | None,
        typer.Option(
            "--extra",
            metavar="NAME",
            help="lpips or identity (ArcFace), which need weights of their own; may be repeated.",
            show_default="those that are on this machine",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also draw the first faces at these strengths.")
    ] = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure a direction on faces that it never saw.

    Gain, locality, success, leakage and cost, with 95 % intervals over the faces.
    """
    numbers, strengths = parse_seeds(seeds), parse_alphas(alphas)
    if out is not None:
        check_picture(out)
    path = library.find_direction(direction, models=models)
    editor = open_editor(models, device, class_index)
    from eclipsed.evaluation.evaluate import evaluate as measure
    from eclipsed.images.pictures import save_picture

    (learned,) = bound(load_directions([path]), editor, any_generator)
    with ProgressBar() as bar:
        bar.show("faces", 0, len(numbers))
        found = measure(
            editor,
            learned,
            seeds=numbers,
            alphas=strengths,
            target=attribute,
            prompt=prompt,
            extras=extras,
            tell=lambda done: bar.show("faces", done, len(numbers)),
        )
    if out is not None:
        with waiting("drawing the picture"):
            faces = editor.sample(seeds=numbers[:_SHOWN])
            save_picture(editor.strip(faces, learned, alphas=[one.alpha for one in found.strengths]), out)
    size = path.stat().st_size
    if as_json:
        result_json({**found.to_json(), "file": str(path), "file_size": size, "sheet": out})
        return
    result(str(found))
    result(f"{path}: {size / 1024:.0f} kB")
    for text in found.notes:
        note(f"note: {text}")
    if out is not None:
        result(str(out))
