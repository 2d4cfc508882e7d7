"""``eclipsed directions``: the shelf of directions, and the ways to new ones that need no sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eclipsed.commands.arithmetic import arithmetic
from eclipsed.commands.boundary import boundary
from eclipsed.commands.channels import channels
from eclipsed.commands.components import components
from eclipsed.commands.exchange import export_direction, import_direction
from eclipsed.commands.from_examples import from_examples
from eclipsed.commands.options import Json, Named
from eclipsed.commands.styles import styles
from eclipsed.commands.terminal import note, result, result_json, result_table
from eclipsed.errors import DirectionError, InputError, MissingModelError, OutputError
from eclipsed.files import header
from eclipsed.files.atomic import atomic_write
from eclipsed.files.kinds import DIRECTION
from eclipsed.store import library
from eclipsed.worlds.world import DEFAULT_WORLD

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show, keep and remove directions, and make new ones."
)

app.command()(arithmetic)
app.command()(from_examples)
app.command()(boundary)
app.command()(channels)
app.command()(styles)
app.command("import")(import_direction)
app.command("export")(export_direction)
app.command()(components)


@app.command("list")
def list_directions(as_json: Json = False) -> None:
    """List the directions that are here.

    Those that ship with the package, and those that you have kept.
    """
    rows: list[dict[str, Any]] = []
    for entry in library.entries():
        try:
            rows.append(_summary(entry))
        except (DirectionError, MissingModelError) as error:
            note(f"warning: {error}")
    if as_json:
        result_json(rows)
        return
    if not rows:
        result("no directions yet; `eclipsed train PROMPT` makes one")
        return
    from rich import box
    from rich.table import Table

    table = Table("name", "prompt", "region", "models", "source", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(
            row["name"],
            row["prompt"] or row["method"],
            _spoken(row),
            row["models"],
            "shipped" if row["shipped"] else "yours",
        )
    result_table(table)


@app.command()
def show(direction: Named, as_json: Json = False) -> None:
    """Show all that a direction file says of itself."""
    path = library.find_direction(direction)
    data = {"path": str(path), **header.read_data(path, DIRECTION)}
    if as_json:
        result_json(data)
        return
    for key, value in data.items():
        if isinstance(value, dict):
            result(f"{key}:")
            for name, item in value.items():
                result(f"  {name}: {_plain(item)}")
        else:
            result(f"{key}: {_plain(value)}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A direction file.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it.", show_default="the file's name")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a direction of that name.")] = False,
) -> None:
    """Keep a direction file under a name.

    Edits can be asked for by that name.
    """
    if not file.is_file():
        raise InputError(f"there is no direction file {file}; check the name")
    header.read_data(file, DIRECTION)
    target = library.kept_path(name or file.stem)
    if target.exists() and not force:
        raise OutputError(f"you have a direction {target.stem!r} already; choose another --name, or use --force")
    data = file.read_bytes()
    atomic_write(target, lambda place: place.write_bytes(data))
    result(str(target))


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Name of a direction you have kept.")]) -> None:
    """Remove a direction that you have kept.

    Those that ship with the package stay.
    """
    result(f"removed {library.remove_direction(name)}")


def _summary(entry: library.Entry) -> dict[str, Any]:
    data = header.read_data(entry.path, DIRECTION)
    try:
        return {
            "name": entry.name,
            "prompt": data["prompt"],
            "method": data.get("method", "trained"),
            "parts": data["region"]["parts"],
            "whole_face": data["region"].get("whole_face", False),
            "world": data["region"].get("world", DEFAULT_WORLD),
            "models": data["generator"]["name"],
            "space": data["space"],
            "shipped": entry.shipped,
            "path": str(entry.path),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DirectionError(f"{entry.path} has damaged metadata ({error!r})") from error


def _spoken(row: dict[str, Any]) -> str:
    """The region of a direction in one line."""
    from eclipsed.prompts.region import Region

    return Region(tuple(row["parts"]), row["whole_face"], world=row["world"]).spoken() or "a mask"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "none"
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
