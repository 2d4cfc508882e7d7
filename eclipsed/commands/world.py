"""``eclipsed world check``: what is missing or contradictory in a world of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.options import Json
from eclipsed.commands.terminal import note, result, result_json

__all__ = ["app"]

app = typer.Typer(help="Worlds: parts, their words and captions, as data.", no_args_is_help=True)


@app.command()
def check(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="A folder with world.json, lexicon.json, contrasts.json, bystanders.json."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Say all that is missing or contradictory in a world.

    One sentence for each, with the file and the place; exit code 1 where there is any.
    """
    from eclipsed.prompts.world_check import check_world

    found = check_world(folder)
    counts = {
        "parts": found.parts,
        "groups": found.groups,
        "words": found.words,
        "contrasts": found.contrasts,
        "bystanders": found.bystanders,
    }
    place = Path(found.folder)
    if as_json:
        faults = [{"file": one.file, "text": one.text} for one in found.faults]
        result_json({"folder": place, "whole": found.is_whole, **counts, "faults": faults})
    for fault in found.faults:
        if not as_json:
            result(str(place / fault.file) + f": {fault.text}")
    if not found.is_whole:
        many = len(found.faults)
        note(f"error: {many} thing{'s are' if many > 1 else ' is'} wrong in the world {place}")
        raise typer.Exit(1)
    if not as_json:
        told = (f"{count} {name if count != 1 else name.removesuffix('s')}" for name, count in counts.items())
        result(f"{place} is whole: {', '.join(told)}")
