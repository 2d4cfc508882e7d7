"""``eclipsed photo``: edit the face on a photograph and put it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.faces import check_picture, find_directions, load_directions, open_editor
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
from eclipsed.commands.people import edit_people
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.files.atomic import check_writable
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.alphas import parse_alpha

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor

__all__ = ["photo", "which_face"]

_SAVED = ".face.safetensors"


def photo(
    picture: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="A picture with a face, or a saved face (.face.safetensors).")
    ],
    directions: Directions = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Picture to write (.png, .jpg, .webp).", show_default=False),
    ] = None,
    alpha: Alpha = "1.0",
    edit: Annotated[
        list[str] | None,
        typer.Option(
            "--edit",
            metavar="N:WHAT",
            help="What face N gets, from the left: 2:smile=0.7,glasses or 2:stack.json; once for each face.",
            show_default=False,
        ),
    ] = None,
    level: Level = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The whole picture is an aligned face; none has to be found.")
    ] = False,
    face: Annotated[
        str | None,
        typer.Option("--face", metavar="N|all", help="Which face, from the left.", show_default="the only one"),
    ] = None,
    save_face: Annotated[
        Path | None,
        typer.Option("--save-face", metavar="FILE", help="Also keep the inverted face, to edit it later."),
    ] = None,
    from_face: Annotated[
        Path | None,
        typer.Option("--from-face", metavar="FILE", help="A face of this photo that was saved; nothing is inverted."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on where the picture is not of the kind that the set draws.")
    ] = False,
    stack: StackFile = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Edit the face on a photo and put it back.

    The rest of the photo stays as it is. Ctrl-C keeps the best so far.
    """
    if edit:
        others = (directions, stack, face, save_face, from_face, alpha != "1.0", aligned)
        if any(one for one in others) or picture.name.endswith(_SAVED):
            raise InputError(
                "--edit says what each face of a photo gets: directions, --alpha, --stack, --face, --aligned and saved "
                "faces do not go with it"
            )
        if out is None:
            raise InputError("say where the result goes: --out FILE")
        _check_result(out, picture)
        edit_people(
            picture,
            edit,
            out,
            level=level,
            force=force,
            any_generator=any_generator,
            class_index=class_index,
            models=models,
            device=device,
            as_json=as_json,
        )
        return
    saved = picture if picture.name.endswith(_SAVED) else from_face
    alone = picture.name.endswith(_SAVED)
    if out is None and save_face is None:
        raise InputError("say where the result goes: --out FILE, --save-face FILE or both")
    if out is not None:
        if not directions and stack is None:
            raise InputError("name a direction to edit the photo with, such as blond-hair; `eclipsed directions list`")
        _check_result(out, picture, saved)
    if save_face is not None:
        check_writable(save_face)
        if not save_face.name.lower().endswith(_SAVED):
            raise InputError(f"a saved face ends in {_SAVED}; got {str(save_face)!r}")
    if stack is not None and (directions or alpha != "1.0" or out is None):
        raise InputError("a stack holds its own directions and alphas, and is applied to what --out names")
    alphas = parse_alpha(alpha, directions=len(directions or ()))
    edits = None if stack is None else Stack.load(stack)
    which = which_face(face)
    if saved is not None and (aligned or which is not None or level is not None or save_face is not None or force):
        raise InputError(
            "a saved face is inverted already: --level, --aligned, --face, --force and --save-face do not go with it"
        )
    files = find_directions(directions or [], models)
    editor = open_editor(models, device, class_index)
    learned = load_directions(files)
    if saved is not None:
        faces = editor.load_faces(saved, any_generator=any_generator)
    else:
        with ProgressBar() as bar:
            bar.show("finding the face", 0, None)
            faces = editor.invert(picture, level=level, aligned=aligned, face=which, force=force, callback=bar)
    summary: dict[str, Any] = {"faces": len(faces)}
    summary |= {"alpha": list(alphas)} if edits is None else {"stack": edits.to_json()}
    if save_face is not None:
        summary["face"] = str(editor.save_faces(faces, save_face))
    if out is not None:
        with waiting("putting the face back"):
            if edits is None:
                strength = alphas if len(alphas) > 1 else alphas[0]
                edited = editor.edit(faces, learned, strength, any_generator=any_generator)
            else:
                edited = editor.edit(faces, edits, any_generator=any_generator)
            _write(editor, edited, None if alone else picture, out)
        summary["path"] = str(out)
    if as_json:
        result_json(summary)
        return
    for name in ("face", "path"):
        if name in summary:
            result(summary[name])


def _check_result(out: Path, *pictures: Path | None) -> None:
    """Raise unless a picture can be written there, and replaces none of those that it is made of."""
    if out.exists() and any(one is not None and one.exists() and out.samefile(one) for one in pictures):
        raise InputError(f"the result would replace {out} itself; give --out another name")
    check_picture(out)


def which_face(face: str | None) -> int | str | None:
    """Read which face of a photograph is meant: a number from 1, ``"all"``, or None.

    Raises:
        InputError: it is anything else.
    """
    if face is None or face == "all":
        return face
    if not face.isascii() or not face.isdigit() or int(face) < 1:
        raise InputError(f"--face takes a number from 1, or all; got {face[:20]!r}")
    return int(face)


def _write(editor: Editor, edited: Faces, picture: Path | None, out: Path) -> None:
    from eclipsed.photos.reading import save_photo

    if picture is None:
        if len(edited) != 1:
            raise InputError(f"this file holds {len(edited)} faces; give the photo, and the file with --from-face")
        note("the photo was not given, so the aligned face is written")
        save_photo(edited.pil()[0], out)
        return
    save_photo(editor.paste(edited, picture)[0], out)
