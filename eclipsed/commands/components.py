"""``eclipsed directions components``: directions that nobody asked for, to look at and to keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import check_picture, open_editor, tell_replaced
from eclipsed.commands.found import Name, check_out, keep
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
    refuse,
)
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import result, result_json
from eclipsed.errors import InputError
from eclipsed.files.atomic import atomic_write, check_writable
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.directions.components import Components
    from eclipsed.editor import Editor

__all__ = ["components"]

_PAGE = ".html"
_METHODS = ("pca", "features", "sefa")


def components(
    method: Annotated[
        str,
        typer.Option(
            "--method",
            metavar="pca|features|sefa",
            help="Components of w, of the features of an early layer, or what layers respond to most.",
        ),
    ] = "pca",
    feature_layer: Annotated[
        str | None,
        typer.Option("--feature-layer", metavar="NAME", help="Whose features.", show_default="the first"),
    ] = None,
    count: Annotated[int, typer.Option("--count", help="Components on the sheet.")] = 8,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE", help="Draw the components by groups of rows: a picture, or .html."),
    ] = None,
    component: Annotated[
        int | None, typer.Option("--component", metavar="N", help="The component to keep, from 0.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Direction file to write.")] = None,
    layers: Layers = None,
    seed: Annotated[str, typer.Option("--seed", help="Face of the sheet.")] = "1",
    step: Annotated[float, typer.Option("--step", help="Standard deviations on the sheet, to both sides.")] = 2.5,
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
    """Find directions without words or examples.

    --sheet draws the first of them, each in the coarse, middle, fine and all rows: in one picture, or, where the file
    ends in .html, as a page with a slider. --component and --out keep one. Its strength counts standard deviations of
    faces.
    """
    if method not in _METHODS:
        raise InputError(f"the method must be pca, features or sefa; got {method!r}")
    if feature_layer is not None and method != "features":
        raise InputError(f"--feature-layer goes with --method features; got {method!r}")
    if method == "sefa":
        refuse({"--workers": workers, "--ray": ray}, "with --method sefa, which draws nothing")
    if (component is None) != (out is None) or (out is None and sheet is None):
        raise InputError("give --sheet with a picture to draw, or --component with a number and --out with a file")
    rows, faces = parse_layers(layers), parse_seeds(seed)
    if sheet is not None:
        _check_sheet(sheet)
    if out is not None:
        check_out(out)
    editor = open_editor(models, device, class_index)
    from eclipsed.directions.components import components_of_features, components_of_w, sefa

    most = max(count, 0 if component is None else component + 1)
    crew = crew_of(workers, ray, cpus, gpus)
    with waiting("finding components"):
        if method == "sefa":
            found = sefa(editor.generator, rows=rows, count=most)
        elif method == "features":
            found = components_of_features(editor.generator, layer=feature_layer, count=most, crew=crew)
        else:
            found = components_of_w(editor.generator, count=most, crew=crew)
    if sheet is not None and sheet.suffix.lower() == _PAGE:
        words = ["eclipsed directions components", *([f"--method {method}"] if method != "pca" else [])]
        words += [f"--feature-layer {feature_layer}"] if feature_layer else []
        words += [f"--models {models}"] if models != DEFAULT_SET else []
        _draw_page(editor, found, sheet, count=count, seed=faces[0], step=step, command=" ".join(words))
    elif sheet is not None:
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


def _draw_page(
    editor: Editor, found: Components, page: Path, *, count: int, seed: int, step: float, command: str
) -> None:
    from eclipsed.directions.component_sheet import component_page

    with ProgressBar() as bar:
        bar.show("drawing the page", 0, None)
        text = component_page(
            editor.generator,
            found,
            count=count,
            seed=seed,
            step=step,
            keep=lambda index, rows: _kept_by(command, found, index, rows),
            tell=lambda done, total: bar.show("drawing the page", done, total),
        )
    atomic_write(page, lambda place: place.write_text(text, encoding="utf-8"))


def _kept_by(command: str, found: Components, index: int, rows: tuple[int, ...]) -> str:
    """How a component is kept for some rows; the command line cannot where SeFa looked at other rows than these."""
    if found.rows is not None and rows != found.rows:
        looked = list(found.rows)
        chosen = f"layers=range({rows[0]}, {rows[-1] + 1})"
        return f"in Python: sefa(generator, rows={looked}).direction({index}, generator=generator, {chosen})"
    span = f"{rows[0]}-{rows[-1]}" if len(rows) > 1 else f"{rows[0]}"
    return f"{command} --component {index} --layers {span} --out component-{index}.safetensors"


def _check_sheet(sheet: Path) -> None:
    """Raise unless a picture or a page can be written there."""
    if sheet.suffix.lower() == _PAGE:
        check_writable(sheet)
        tell_replaced(sheet)
    else:
        check_picture(sheet)
