"""``eclipsed directions boundary``: a direction from labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.found import Margin, Name, Out, RegionParts, check_out, keep
from eclipsed.commands.options import (
    ClassIndex,
    Cpus,
    Device,
    Gpus,
    Json,
    Layers,
    Models,
    RayAddress,
    Workers,
    crew_of,
    parse_layers,
    parse_names,
)
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import note
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["boundary"]


def boundary(
    out: Out,
    margin: Margin = None,
    captions: Annotated[
        list[str] | None,
        typer.Option("--caption", help="Twice, for CLIP: what faces show that have it, and that lack it."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="A seed and a score in each row, of faces without truncation."),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", help="Faces that are labelled.", show_default="2048")] = None,
    extremes: Annotated[
        float | None,
        typer.Option("--extremes", help="Share of them in each of the two groups.", show_default="0.1"),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="The sentence that it stands for.")] = None,
    region: RegionParts = None,
    layers: Layers = None,
    name: Name = None,
    workers: Workers = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    gpus: Gpus = 0.0,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make a direction from labels.

    It leads straight across the boundary between faces that have an attribute and faces that lack it. The set's
    classifier (--margin), CLIP (two --caption) or a table (--labels) says which have it.
    """
    check_out(out)
    rows, parts = parse_layers(layers), parse_names(region)
    if captions and len(captions) != 2:
        raise InputError(f"CLIP labels faces by two captions, what has it and what lacks it; got {len(captions)}")
    if (margin is not None) + bool(captions) + (labels is not None) != 1:
        raise InputError("expected just one of --margin, two --caption, and --labels, which say what faces have")
    from eclipsed.directions.boundary import EXTREMES
    from eclipsed.directions.labelling import LABELLED, read_labels

    known = None if labels is None else read_labels(labels)
    editor = open_editor(models, device, class_index)
    with ProgressBar() as bar:
        bar.show("labelling faces", 0, None)
        found = editor.boundary(
            captions=(captions[0], captions[1]) if captions else None,
            margin=margin,
            labels=known,
            count=LABELLED if count is None else count,
            extremes=EXTREMES if extremes is None else extremes,
            layers=rows,
            region=parts,
            prompt=prompt,
            name=name or "",
            crew=crew_of(workers, ray, cpus, gpus),
            tell=lambda done, total: bar.show("labelling faces", done, total),
        )
    scores = found.scores
    note(
        f"{scores['samples']} faces, {scores['extremes']} of each kind; "
        f"{scores['validation']:.0%} of those held back lie on their side"
    )
    keep(found, out, as_json=as_json)
