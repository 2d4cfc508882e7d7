"""``eclipsed models measure``: how close a set comes to pictures of its own kind, by which photographs are judged."""

from __future__ import annotations

from typing import Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.options import ClassIndex, Device, Json
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import result, result_json

__all__ = ["measure"]


def measure(
    models: Annotated[str, typer.Argument(metavar="SET", help="A model set: a name, or a folder with set.json.")],
    faces: Annotated[int, typer.Option("--faces", metavar="N", help="How many of its own faces are inverted.")] = 16,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Measure how close a set comes to faces of its own.

    Photos that it comes far less close to are refused by `eclipsed photo`. Sets that say it themselves need no
    measuring; others are measured once.
    """
    editor = open_editor(models, device, class_index)
    levels = ("good",) if editor.encoder is None else ("fast", "good")
    with ProgressBar() as bar:
        bar.show("drawing faces", 0, None)
        found = {level: editor.measure_closeness(level=level, count=faces, callback=bar) for level in levels}
    if as_json:
        result_json({"name": editor.name, "faces": faces, "closeness": found})
        return
    for level, closeness in found.items():
        result(f"{level}: {closeness:.1%}")
