"""``eclipsed directions import`` and ``export``: the files of other projects."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.faces import find_directions, load_directions, open_editor
from eclipsed.commands.found import Margin, Name, Out, check_out, keep
from eclipsed.commands.options import ClassIndex, Device, Json, Layers, Models, Named, parse_layers, parse_names
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import result, result_json
from eclipsed.errors import EclipsedWarning, MissingModelError
from eclipsed.files.atomic import check_writable
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["export_direction", "import_direction"]


def import_direction(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .npy, .npz, .pt or .pkl of another project.")],
    out: Out,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="What it brings: CLIP judges sign and strength.", show_default="nobody"),
    ] = None,
    margin: Margin = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="PARTS", help="Parts that it changes.", show_default="as measured"),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="W|W+|S|Z", help="Where it lives.", show_default="by its shape, never Z"),
    ] = None,
    layers: Layers = None,
    index: Annotated[
        int | None, typer.Option("--index", metavar="N", help="Which, of several in the file, from 0.")
    ] = None,
    name: Name = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make a direction of another project's file.

    Nothing in the file is run. Rows are read off it, and it is measured which parts of the picture change, and whether
    it belongs to this generator at all.
    """
    check_out(out)
    if not file.is_file():
        raise MissingModelError(f"there is no file {file}; check the name")
    rows, parts = parse_layers(layers), parse_names(region)
    editor = open_editor(models, device, class_index)
    with waiting("measuring the direction"), warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)  # the note says it too
        found = editor.load_foreign(
            file,
            prompt=prompt,
            margin=margin,
            region=parts,
            space=space,
            layers=rows,
            index=index,
            name=name or "",
        )
    keep(found, out, as_json=as_json)


def export_direction(
    direction: Named,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write: .npy, .npz or .pt.")],
    models: Models = DEFAULT_SET,
    as_json: Json = False,
) -> None:
    """Write a direction as e4e and InterFaceGAN keep theirs.

    The file holds the full edit, alpha = 1, for all rows alike or for each row of ws.
    """
    check_writable(out)
    (found,) = load_directions(find_directions([direction], models))
    found.export(out)
    if as_json:
        result_json({"path": str(out), "name": found.name, "space": found.space, "layers": list(found.layers)})
        return
    result(str(out))
