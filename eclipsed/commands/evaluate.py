"""``eclipsed evaluate``: what a direction does to faces that it was not trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import bound, check_picture, open_editor
from eclipsed.commands.options import AnyGenerator, Device, Json, Models, Named
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.evaluation.protocol import ALPHAS, SEEDS
from eclipsed.store import library
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.alphas import parse_alphas
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.evaluation.results import Evaluation
    from eclipsed.images.metrics import Interval

__all__ = ["evaluate"]

_SEEDS, _ALPHAS = f"{SEEDS[0]}-{SEEDS[-1]}", ",".join(f"{alpha:g}" for alpha in ALPHAS)
_SHOWN = 4  # faces on the picture sheet
_LEAKS = 5  # attributes that are named

#: rows of the table: what they are called, field of a `Strength`, digits (None for shares)
_ROWS: tuple[tuple[str, str, int | None], ...] = (
    ("success", "success", None),
    ("others kept", "kept", None),
    ("CLIP gain", "clip_gain", 2),
    ("CLIP rank", "clip_rank", 1),
    ("locality", "localization", 2),
    ("inside", "inside", 3),
    ("outside", "outside", 3),
    ("PSNR, dB", "psnr", 1),
    ("SSIM", "ssim", 3),
    ("LPIPS", "lpips", 3),
    ("identity", "identity", 2),
)


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
    from eclipsed.commands.progress import ProgressBar
    from eclipsed.evaluation.evaluate import evaluate as measure
    from eclipsed.images.pictures import save_picture
    from eclipsed.latents.direction import Direction

    loaded = Direction.load(path)
    editor = open_editor(models, device)
    (learned,) = bound([loaded], editor, any_generator)
    with ProgressBar() as bar:
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
        faces = editor.sample(seeds=numbers[:_SHOWN])
        save_picture(editor.strip(faces, learned, alphas=[one.alpha for one in found.strengths]), out)
    size = path.stat().st_size
    if as_json:
        result_json({**found.to_json(), "file": str(path), "file_size": size, "sheet": out})
        return
    _print(found, size)
    if out is not None:
        result(str(out))


def _print(found: Evaluation, size: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"{found.prompt} · {len(found.seeds)} faces"
    if found.target is not None:
        title += f" · success is {found.target.attribute} = {' or '.join(found.target.classes)}"
    table = Table("", title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for one in found.strengths:
        table.add_column(f"{one.alpha:+g}", justify="right", no_wrap=True)
    for name, field, digits in _ROWS:
        values: list[Interval | None] = [getattr(one, field) for one in found.strengths]
        show = _share if digits is None else lambda value, digits=digits: _number(value, digits)
        if any(value is not None for value in values):
            table.add_row(name, *(show(value).replace(" ", "\n", 1) for value in values))
    Console().print(table)
    strongest = min(found.strengths, key=lambda one: abs(one.alpha - 1))
    counted = [item for item in strongest.flips.items() if item[1].count]
    leaks = sorted(counted, key=lambda item: -item[1].mean)[:_LEAKS]
    if leaks:
        result(f"flips most at {strongest.alpha:+g}: " + ", ".join(f"{n} {i.mean:.0%}" for n, i in leaks))
    result(f"CLIP rises, or stays, with every strength for {found.monotone.mean:.0%} of the faces")
    memory = "" if found.peak_memory is None else f", {found.peak_memory / 2**20:.0f} MB at the most"
    trained = "" if found.training_seconds is None else f", trained in {found.training_seconds:.0f} s"
    result(f"{1000 * found.seconds_per_edit:.1f} ms an edit{memory}, {size / 1024:.0f} kB{trained}")
    for text in found.notes:
        note(f"note: {text}")


def _number(value: Interval | None, digits: int) -> str:
    if value is None or not math.isfinite(value.mean):
        return "–"
    return f"{value.mean:.{digits}f} {value.low:.{digits}f}…{value.high:.{digits}f}"


def _share(value: Interval | None) -> str:
    if value is None or not value.count:
        return "–"
    return f"{value.mean:.0%} {value.low:.0%}…{value.high:.0%}"
