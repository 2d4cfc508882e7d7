"""``eclipsed directions components``: directions that nobody asked for, to look at and to keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import check_picture, open_editor
from eclipsed.commands.found import Name, check_out, keep
from eclipsed.commands.options import Device, Json, Layers, Models, parse_layers
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import result, result_json
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.directions.components import Components
    from eclipsed.editor import Editor

__all__ = ["components"]

_METHODS = ("pca", "sefa")


def components(
    method: Annotated[
        str, typer.Option("--method", metavar="pca|sefa", help="Components of w, or what layers respond to most.")
    ] = "pca",
    count: Annotated[int, typer.Option("--count", help="Components on the sheet.")] = 8,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Draw the components by groups of rows.")
    ] = None,
    component: Annotated[
        int | None, typer.Option("--component", metavar="N", help="The component to keep, from 0.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Direction file to write.")] = None,
    layers: Layers = None,
    seed: Annotated[str, typer.Option("--seed", help="Face of the sheet.")] = "1",
    step: Annotated[float, typer.Option("--step", help="Standard deviations on the sheet, to both sides.")] = 2.5,
    name: Name = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Find directions without words or examples.

    --sheet draws the first of them in one picture, each in the coarse, middle, fine and all rows; --component and --out
    keep one. Its strength counts standard deviations of faces.
    """
    if method not in _METHODS:
        raise InputError(f"the method must be pca or sefa; got {method!r}")
    if (component is None) != (out is None) or (out is None and sheet is None):
        raise InputError("give --sheet with a picture to draw, or --component with a number and --out with a file")
    rows, faces = parse_layers(layers), parse_seeds(seed)
    if sheet is not None:
        check_picture(sheet)
    if out is not None:
        check_out(out)
    editor = open_editor(models, device)
    from eclipsed.directions.components import components_of_w, sefa

    most = max(count, 0 if component is None else component + 1)
    with waiting("finding components"):
        if method == "sefa":
            found = sefa(editor.generator, rows=rows, count=most)
        else:
            found = components_of_w(editor.generator, count=most)
    if sheet is not None:
        _draw(editor, found, sheet, count=count, seed=faces[0], step=step)
    if component is not None and out is not None:
        direction = found.direction(component, generator=editor.generator, layers=rows, name=name or "")
        keep(direction, out, as_json=as_json)
    elif as_json:
        result_json({"sheet": str(sheet), "method": found.method, "deviations": found.deviation[:count].tolist()})
    if sheet is not None and not as_json:
        result(str(sheet))


def _draw(editor: Editor, found: Components, sheet: Path, *, count: int, seed: int, step: float) -> None:
    from eclipsed.directions.component_sheet import component_sheet
    from eclipsed.images.pictures import save_picture

    with waiting("drawing the sheet"):
        save_picture(component_sheet(editor.generator, found, count=count, seed=seed, step=step), sheet)
