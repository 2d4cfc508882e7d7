"""``eclipsed region``: how a prompt is read, and which parts of the picture it is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.options import Models
from eclipsed.commands.terminal import note, one_line, result, result_json
from eclipsed.errors import EclipsedError, InputError
from eclipsed.files.lines import read_lines
from eclipsed.store.sets import DEFAULT_SET, find_set
from eclipsed.worlds.world import World

if TYPE_CHECKING:
    from eclipsed.prompts.reading import Reading

__all__ = ["region"]

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout; with --file JSON Lines, one object for each prompt.")
]


def region(
    prompt: Annotated[str | None, typer.Argument(help="A sentence about a picture, such as a face.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read prompts from a file, one a line; - is standard input.")
    ] = None,
    models: Models = DEFAULT_SET,
    as_json: Json = False,
) -> None:
    """Say which parts of the picture a prompt is about.

    The words that say so are named, too, and how the prompt is read where it is a command, asks that something go, or
    speaks of several attributes.
    """
    if (prompt is None) == (file is None):
        raise InputError("give one prompt, or --file with a list of them")
    world = find_set(models).world
    if file is not None:
        for line in read_lines(file):
            _answer(world, line, as_json=as_json)
        return
    assert prompt is not None
    error = _answer(world, prompt, as_json=as_json)
    if error is not None and not as_json:
        raise error
    if error is not None:  # said in JSON already
        note(f"error: {one_line(error)}")
        raise typer.Exit(1)


def _answer(world: World, prompt: str, *, as_json: bool) -> EclipsedError | None:
    """Print how one prompt is read; its error is returned, so that a list goes on after it."""
    from eclipsed.prompts.reading import read

    try:
        found = read(prompt, world=world)
    except EclipsedError as error:
        if as_json:
            result_json({"prompt": prompt, "error": one_line(error), "kind": type(error).__name__})
        elif prompt:
            note(f"error: {prompt[:60]!r}: {one_line(error)}")
        return error
    if as_json:
        result_json(_describe(found))
    else:
        _explain(found)
    return None


def _describe(reading: Reading) -> dict[str, Any]:
    region = reading.region
    return {
        "prompt": reading.prompt,
        "parts": list(region.parts),
        "whole_face": region.whole_face,
        "matches": {word: list(parts) for word, parts in region.matches.items()},
        "warning": region.warning,
        "caption": reading.caption,
        "removes": reading.removes.caption if reading.removes else None,
        "statements": [
            {
                "caption": one.caption,
                "removes": one.removes.caption if one.removes else None,
                "parts": list(one.region.parts),
            }
            for one in reading.statements
        ],
        "unknown": list(reading.unknown),
        "note": reading.note,
    }


def _explain(reading: Reading) -> None:
    region = reading.region
    result(reading.prompt)
    result(f"  region: {region.spoken(reading.world)}")
    for word, parts in region.matches.items():
        result(f"  {word}: {', '.join(parts)}")
    if len(reading.statements) > 1:
        result(f"  speaks of: {'; '.join(one.caption for one in reading.statements)}")
    if reading.note:
        result(f"  {reading.note}")
    if region.warning:
        note(f"warning: {one_line(region.warning)}")
