"""``eclipsed directions from-examples``: a direction from two groups of faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.found import Margin, Name, Out, RegionParts, check_out, keep
from eclipsed.commands.options import ClassIndex, Device, Json, Layers, Models, parse_layers, parse_names
from eclipsed.commands.progress import waiting
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor

__all__ = ["from_examples"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".heic")
_FACE = ".face.safetensors"
_GROUP = "seeds such as 1,2,5-10, a folder of photographs or of saved faces, or one such file"


def from_examples(
    faces_with: Annotated[str, typer.Option("--with", metavar="FACES", help=f"Faces that have it: {_GROUP}.")],
    faces_without: Annotated[str, typer.Option("--without", metavar="FACES", help="Faces that lack it, alike.")],
    out: Out,
    paired: Annotated[
        bool, typer.Option("--paired", help="Both are the same faces in the same order, with it and without.")
    ] = False,
    margin: Margin = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="The sentence that it stands for, which CLIP judges it by.")
    ] = None,
    region: RegionParts = None,
    layers: Layers = None,
    name: Name = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The photographs are aligned faces, so none has to be found.")
    ] = False,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make a direction from two groups of faces.

    It leads from faces that lack something to faces that have it. Where no --margin and no --prompt says what that is,
    CLIP compares with the pictures of both groups. The parts that it changes are measured.
    """
    check_out(out)
    rows, parts = parse_layers(layers), parse_names(region)
    for text in (faces_with, faces_without):
        _check_group(text)
    editor = open_editor(models, device, class_index)
    groups = [_faces(editor, text, aligned=aligned) for text in (faces_with, faces_without)]
    with waiting("locating and calibrating"):
        found = editor.between(
            groups[0],
            groups[1],
            paired=paired,
            margin=margin,
            layers=rows,
            region=parts,
            prompt=prompt,
            name=name or "",
        )
    keep(found, out, as_json=as_json)


def _check_group(text: str) -> None:
    """Raise, before anything is loaded, unless a text names faces."""
    if Path(text).exists():
        _files(Path(text))
    else:
        parse_seeds(text)


def _faces(editor: Editor, text: str, *, aligned: bool) -> Faces:
    """The faces that a text names: seeds, or files."""
    import torch

    if not Path(text).exists():
        with waiting("drawing faces"):
            return editor.sample(seeds=parse_seeds(text))
    files = _files(Path(text))
    saved = [file for file in files if file.name.endswith(_FACE)]
    photos = [file for file in files if not file.name.endswith(_FACE)]
    with waiting(f"reading {len(files)} faces"):
        groups = [editor.load_faces(file) for file in saved]
        groups += [editor.invert(file, level="fast", aligned=aligned) for file in photos]
        return editor.sample(ws=torch.cat([one.ws for one in groups]))


def _files(place: Path) -> list[Path]:
    """The photographs and saved faces of a folder, by name; or the one file."""
    if place.is_file():
        return [place]
    found = [one for one in sorted(place.iterdir()) if one.name.lower().endswith((*_PICTURES, _FACE))]
    if not found:
        raise InputError(f"there is no photograph and no saved face in {place}")
    return found
