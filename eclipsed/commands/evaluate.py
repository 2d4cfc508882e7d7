"""``eclipsed evaluate``: what a direction, or a whole suite of sentences, does to faces that no training saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import bound, check_picture, load_directions, open_editor
from eclipsed.commands.options import (
    AnyGenerator,
    ClassIndex,
    Clips,
    Device,
    Json,
    MaskFile,
    Models,
    Witness,
    parse_setting,
    refuse,
)
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.evaluation.protocol import ALPHAS, EQUAL_SUCCESS, SEEDS
from eclipsed.store import library
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.training.config import TrainConfig
from eclipsed.values.alphas import parse_alphas
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.editor import Editor

__all__ = ["evaluate"]

_SEEDS, _ALPHAS = f"{SEEDS[0]}-{SEEDS[-1]}", ",".join(f"{alpha:g}" for alpha in ALPHAS)
_SHOWN = 4  # faces on the picture sheet


def evaluate(
    direction: Annotated[
        str | None,
        typer.Argument(
            metavar="DIRECTION", help="A direction file, or a name such as blond-hair.", show_default="a suite"
        ),
    ] = None,
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
    judge: Annotated[
        Path | None,
        typer.Option(
            "--judge",
            metavar="FILE",
            help="A classifier from `eclipsed judge train` to judge by.",
            show_default="the set's own",
        ),
    ] = None,
    mask: MaskFile = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="Also draw the first faces at these strengths; of a suite the folder of its directions and figures.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="NAME",
            help="Learn and judge a whole suite of sentences instead: standard, by which the field compares.",
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="Of a suite the sentences of a kind, such as 'hair colour'; may be repeated.",
            show_default="all",
        ),
    ] = None,
    equal: Annotated[
        float, typer.Option("--equal", metavar="SHARE", help="Success at which a suite compares methods.")
    ] = EQUAL_SUCCESS,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A training option of a suite; may be repeated."),
    ] = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    clip: Clips = None,
    witness: Witness = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure a direction on faces that it never saw.

    Gain, locality, success, leakage and cost, with 95 % intervals over the faces. With --suite standard fifty sentences
    are learned, each written as soon as it is there; what lies in the folder already is taken as it is.
    """
    numbers, strengths = parse_seeds(seeds), parse_alphas(alphas)
    if suite is not None:
        others = {
            "DIRECTION": direction,
            "--attribute": attribute,
            "--prompt": prompt,
            "--extra": extras,
            "--judge": judge,
            "--mask": mask,
        }
        refuse({**others, "--any-generator": any_generator or None}, f"with --suite {suite}")
        config = TrainConfig().replace(**dict(parse_setting(text) for text in settings)) if settings else None
        folder = Path(f"suite-{suite}") if out is None else out
        editor = open_editor(models, device, class_index, clip=clip, witness=witness)
        _suite(editor, suite, folder, config, kinds, numbers, equal, as_json=as_json)
        return
    refuse({"--kind": kinds, "--set": settings}, "without --suite")
    if direction is None:
        raise InputError("expected a direction to measure, or --suite standard; got neither")
    if out is not None:
        check_picture(out)
    path = library.find_direction(direction, models=models)
    editor = open_editor(models, device, class_index, clip=clip, witness=witness)
    from eclipsed.evaluation.evaluate import evaluate as measure
    from eclipsed.evaluation.evaluate import judged_faces
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
            judge=judge,
            region=mask,
            tell=lambda done: bar.show("faces", done, len(numbers)),
        )
    if out is not None:
        with waiting("drawing the picture"):
            faces = judged_faces(editor, learned, numbers[:_SHOWN])
            save_picture(editor.strip(faces, learned, alphas=[one.alpha for one in found.strengths]), out)
    size = path.stat().st_size
    if as_json:
        result_json({**found.to_json(), "file": str(path), "file_size": size, "judge": judge, "sheet": out})
        return
    result(str(found))
    result(f"{path}: {size / 1024:.0f} kB")
    for text in found.notes:
        note(f"note: {text}")
    if out is not None:
        result(str(out))


def _suite(
    editor: Editor,
    name: str,
    folder: Path,
    config: TrainConfig | None,
    kinds: Sequence[str] | None,
    seeds: Sequence[int],
    equal: float,
    *,
    as_json: bool,
) -> None:
    """Learn and judge a suite, with one line a sentence, and show its table."""
    from eclipsed.evaluation.suite import evaluate_suite

    with ProgressBar() as bar:
        found = evaluate_suite(
            editor,
            name,
            folder=folder,
            config=config,
            only=kinds,
            seeds=seeds,
            equal_success=equal,
            tell=lambda done, total, sentence: note(f"{done + 1}/{total} {sentence.prompt!r}"),
            callback=bar,
        )
    if as_json:
        result_json({**found.to_json(), "folder": str(folder)})
        return
    result(str(found))
    result(str(folder))
