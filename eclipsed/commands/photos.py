"""``eclipsed photos``: edit the faces on every picture of a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.named_edits import NamedEdits, NamedStacks
from eclipsed.commands.options import (
    Alpha,
    AnyGenerator,
    ClassIndex,
    Cpus,
    Device,
    Directions,
    Gpus,
    Json,
    Level,
    Models,
    RayAddress,
    Workers,
)
from eclipsed.commands.photo import which_face
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET

if TYPE_CHECKING:
    from eclipsed.inversion.edited_photo import EditedPhoto

__all__ = ["photos"]

_BESIDE = ("before", "after")  # pictures of the sheet, too large for an answer


def photos(
    folder: Annotated[
        Path, typer.Argument(metavar="IN_FOLDER", help="Folder of the pictures; or a .parquet or .tar file of them.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT_FOLDER", help="Folder for the results; made if need be.")],
    directions: Directions = None,
    alpha: Alpha = "1.0",
    level: Level = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Every picture is an aligned face as a whole; none has to be found.")
    ] = False,
    face: Annotated[
        str | None,
        typer.Option("--face", metavar="N|all", help="Which face, from the left.", show_default="every face"),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Also take the pictures of the folders inside.")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Also keep faces, and write table.parquet with their latents.")
    ] = False,
    workers: Workers = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    gpus: Gpus = 0.0,
    force: Annotated[
        bool, typer.Option("--force", help="Go on where a picture is not of the kind that the set draws.")
    ] = False,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            metavar="[NAME=]FILE|NAME=DIRECTION[=ALPHA],...",
            help="An edit stack from the studio, instead of directions; or, with a name, one of several.",
            show_default=False,
        ),
    ] = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Edit the faces on every picture of a folder.

    What is done is skipped, so a run that was killed goes on. With --stack NAME=..., once or more, each picture is
    inverted once, and written once for each stack to OUT_FOLDER/NAME. The exit code is 1 when a picture failed.
    """
    from eclipsed.inversion.folder_places import check_places  # brings torch

    edits = _edits(directions, alpha, stack or [], models)
    which = which_face(face)
    check_places(folder, out)
    editor = open_editor(models, device, class_index)
    with ProgressBar() as bar:
        bar.show("editing photos", 0, None)

        def tell(done: int, total: int, row: EditedPhoto) -> None:
            if row.reason:
                bar.say(row.reason)
            bar.show("editing photos", done, total)

        rows = editor.edit_photos(
            folder,
            edits.load(),
            out,
            alpha=edits.alpha if isinstance(edits, NamedEdits) else 1.0,
            level=level,
            aligned=aligned,
            face=which,
            force=force,
            any_generator=any_generator,
            recursive=recursive,
            table=table,
            workers=workers,
            ray=ray,
            cpus=cpus,
            gpus=gpus,
            tell=tell,
        )
    _report(rows, out, as_json, table=table)


def _edits(directions: list[str] | None, alpha: str, stacks: list[str], models: str) -> NamedEdits | NamedStacks:
    """What the command line says: directions, one stack, or several of a name each."""
    if len(stacks) < 2 and not any("=" in text for text in stacks):
        return NamedEdits.of(directions, alpha, Path(stacks[0]) if stacks else None, models, what="the photos")
    if directions or alpha != "1.0":
        raise InputError("a stack holds its own directions and alphas; leave them out")
    return NamedStacks.of(stacks, models)


def _report(rows: list[EditedPhoto], out: Path, as_json: bool, *, table: bool) -> None:
    from eclipsed.inversion.edited_photo import FAILED
    from eclipsed.inversion.folder_report import REPORT_PAGE, REPORT_TABLE, counted
    from eclipsed.inversion.folder_table import TABLE

    listed, page, latents = out / REPORT_TABLE, out / REPORT_PAGE, str(out / TABLE) if table else None
    failed = sum(row.outcome == FAILED for row in rows)
    if as_json:
        told: list[dict[str, Any]] = [
            {key: value for key, value in asdict(row).items() if key not in _BESIDE} for row in rows
        ]
        result_json({"photos": told, "failed": failed, "report": str(listed), "sheet": str(page), "table": latents})
    else:
        result(counted(rows))
        result(str(listed))
        result(str(page))
        if latents is not None:
            result(latents)
    if failed:  # the rows say which, and why
        what = "results" if any(row.stack for row in rows) else "pictures"
        note(f"error: {failed} of {len(rows)} {what} failed; {page} says why")
        raise typer.Exit(1)
