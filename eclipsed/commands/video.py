"""``eclipsed video``: edit one face of a film and put it back into every frame."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.named_edits import NamedEdits
from eclipsed.commands.options import (
    Alpha,
    AnyGenerator,
    ClassIndex,
    Device,
    Directions,
    Json,
    Level,
    Models,
    StackFile,
)
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["video"]


def video(
    film: Annotated[Path, typer.Argument(metavar="IN", help="A film (.mp4 …), a .gif, or a folder of frames.")],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="The result: .mp4, .gif, or a folder of frames.")],
    directions: Directions = None,
    alpha: Alpha = "1.0",
    level: Level = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Every frame is an aligned face as a whole; none has to be found.")
    ] = False,
    face: Annotated[
        int | None,
        typer.Option("--face", metavar="N", help="Which face, from the left.", show_default="the only one"),
    ] = None,
    stack: StackFile = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Edit a face of a film, and keep its sound.

    The face is followed and smoothed over time; with --level best the generator is tuned once to all frames. Frames
    without the face stay as they are.
    """
    edits = NamedEdits.of(directions, alpha, stack, models, what="the film")
    from eclipsed.photos.films import Film  # brings torch

    Film.open(film).check_target(out)  # before anything is loaded
    editor = open_editor(models, device, class_index)
    with ProgressBar() as bar:
        edited = editor.edit_film(
            film,
            edits.load(),
            out,
            alpha=edits.alpha,
            level=level,
            face=face,
            aligned=aligned,
            any_generator=any_generator,
            tell=lambda phase, done, of: bar.show(phase, done, of or None),
        )
    if as_json:
        result_json({**asdict(edited), "path": str(edited.path)})
        return
    result(str(edited.path))
    if edited.edited < edited.frames:
        note(f"note: {edited.frames - edited.edited} of {edited.frames} frames show no face and stay as they are")
    note(f"outside the edit the face trembles {edited.flicker:.2f} times as much as unedited")
