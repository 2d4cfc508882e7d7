"""What the ways to a direction share on the command line: options, strength, and the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.files.atomic import check_writable

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction

__all__ = ["Margin", "Name", "Out", "RegionParts", "check_out", "keep"]

_SUFFIX = ".safetensors"

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Direction file to write.")]
Name = Annotated[
    str | None, typer.Option("--name", help="What the direction is called.", show_default="by how it was made")
]
Margin = Annotated[
    str | None,
    typer.Option(
        "--margin",
        metavar="TARGET",
        help="What the full edit is to reach, in the words of the set's classifier: glasses=clear,sunglasses.",
    ),
]
RegionParts = Annotated[
    str | None,
    typer.Option("--region", metavar="PARTS", help="Parts that it changes: hair,hat …", show_default="measured"),
]


def check_out(out: Path) -> None:
    """Raise unless a direction can be written there."""
    if out.suffix.lower() != _SUFFIX:
        raise InputError(f"a direction file ends in {_SUFFIX}; got {str(out)!r}")
    check_writable(out)


def keep(direction: Direction, out: Path, *, as_json: bool) -> None:
    """Write a direction, and say where it is and how good."""
    from eclipsed.directions.verdict import verdict

    direction.save(out)
    if as_json:
        result_json({"path": str(out), **direction.metadata()})
        return
    told = verdict(direction.scores)
    if told and told not in direction.note:
        note(told)
    if direction.note:
        note(f"note: {direction.note}")
    result(str(out))
