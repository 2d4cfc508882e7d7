"""What a visitor takes home: files made from a look, in a folder of their own that Gradio cleans up."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.PngImagePlugin import PngInfo

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.conversion import to_pil
from eclipsed.studio.engine import Engine
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.portraits import FACE_SUFFIX, PhotoLook, face_name, face_stem, short_name
from eclipsed.studio.safety import STACK_KEY, stack_text

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from eclipsed.editing.faces import Faces
    from eclipsed.inversion.people import EditedPeople
    from eclipsed.photos.reading import Photo
    from eclipsed.pretrained.painted_part import PaintedPart

__all__ = [
    "drawn",
    "film",
    "part_file",
    "part_sheet",
    "pasted",
    "pasted_file",
    "picture",
    "saved_face",
    "stack_file",
    "strip",
]

_SHARES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_FRAMES = 17
_SECONDS_KEPT = 600.0


def picture(engine: Engine, look: Stack) -> Path:
    """The edited face as a PNG at full size, which carries its stack."""
    (image,) = to_pil(engine.show(look).images)
    info = PngInfo()
    info.add_itxt(STACK_KEY, stack_text(_full(engine, look)))
    return atomic_write(_place(look, ".png"), lambda place: image.save(place, format="PNG", pnginfo=info))


def stack_file(engine: Engine, look: Stack) -> Path:
    """The stack as JSON."""
    return _full(engine, look).save(_place(look, ".json"))


def strip(engine: Engine, look: Stack) -> Path:
    """One row: all edits at shares of their strengths, from their opposite to in full.

    Raises:
        InputError: there is no edit.
    """
    import torch

    from eclipsed.images import pictures

    faces = [_scaled(engine, look, share) for share in _SHARES]
    columns = [f"{share:+.0%}".replace("+0%", "before") for share in _SHARES]
    title = ", ".join(dict.fromkeys(entry.prompt or entry.direction for entry in look.entries if entry.on))
    page = pictures.strip([torch.cat(faces)], columns=columns, labels=[face_name(look)], title=title)
    return _save(page, _place(look, ".png", "strip"))


def drawn(images: Tensor) -> Path:
    """One picture, (1, 3, H, W) in [-1, 1], as a PNG."""
    return _save(to_pil(images)[0], _place(Stack(), ".png", "cell"))


def film(engine: Engine, look: Stack, suffix: str) -> Path:
    """A film from the face to its edit and back.

    Args:
        suffix: ``".gif"`` or ``".mp4"``.
    Raises:
        InputError: there is no edit, or another suffix.
        MissingExtraError: MP4 without the ``video`` extra.
    """
    import torch

    from eclipsed.images import animation, pictures

    shares = [index / (_FRAMES - 1) for index in range(_FRAMES)]
    images = torch.cat([_scaled(engine, look, share) for share in shares])
    frames = pictures.captioned(images, [f"{share:.0%}" for share in shares])
    return animation.save_animation(frames, _place(look, suffix, "sweep"))


def pasted(engine: Engine, look: Stack, photo: Photo | None = None) -> EditedPeople:
    """The picture that a visitor's face was taken from, at full size, with each face's own edits put back.

    Args:
        engine: the shared half.
        look: of a visitor's own face.
        photo: the picture, when it is read already, or the face was opened without it.
    Raises:
        InputError: the face is one of a seed, or the picture is missing or another one.
    """
    mine = _own(look)
    portrait = mine.portrait
    each = {number: partial(engine.apply, mine.at(portrait, place)) for place, number in enumerate(portrait.numbers)}
    return engine.editor.edit_people(photo or portrait.photo(), each, inverted=portrait.people)


def pasted_file(engine: Engine, look: Stack, given: KeptPicture | None = None) -> Path:
    """What `pasted` gives as a PNG, with the picture's own metadata and colour profile.

    Args:
        engine: the shared half.
        look: of a visitor's own face.
        given: the picture, when the face was opened without it.
    """
    from eclipsed.photos.reading import save_photo

    portrait = _own(look).portrait
    whole = pasted(engine, look, portrait.photo(given)).picture
    return save_photo(whole, _place(look, ".png", "edited", short_name(portrait.name)))


def saved_face(engine: Engine, look: Stack) -> Path:
    """The visitor's own faces as a file that can be opened later, without the picture and without edits.

    Raises:
        InputError: the face is one of a seed.
    """
    mine = _own(look).portrait
    return engine.editor.save_faces(mine.faces, _place(look, FACE_SUFFIX, name=short_name(mine.name)))


def part_file(part: PaintedPart) -> Path:
    """A painted part as its file."""
    return part.save(_new_folder() / f"{part.name}.safetensors")


def part_sheet(engine: Engine, faces: Faces, part: PaintedPart) -> Path:
    """A painted part as it is found on some faces, as a PNG."""
    return _save(engine.editor.part_sheet(faces, part), _new_folder() / f"{part.name}.png")


def _own(look: Stack) -> PhotoLook:
    if not isinstance(look, PhotoLook):
        raise InputError(
            "the face that is shown is not from a picture of yours; make one editable, or take yours again"
        )
    return look


def _scaled(engine: Engine, look: Stack, share: float) -> Tensor:
    if not any(entry.on for entry in look.entries):
        raise InputError("there is no edit to show; add a direction first")
    for index, entry in enumerate(look.entries):
        look = look.changed(index, alpha=entry.alpha * share)
    return engine.show(look).images


def _full(engine: Engine, look: Stack) -> Stack:
    """The look with everything said that a replay elsewhere needs."""
    editor = engine.editor
    psi = editor.truncation_psi if look.truncation_psi is None else look.truncation_psi
    drawn_by = editor.generator.id
    known = look.generator_sketch if look.generator == drawn_by.fingerprint else ""  # equal but for rounding
    return replace(
        look,
        generator=drawn_by.fingerprint,
        generator_name=editor.name,
        generator_sketch=known or drawn_by.sketch,
        truncation_psi=psi,
        class_index=editor.generator.class_index if look.class_index is None else look.class_index,
    )


def _save(image: Image.Image, path: Path) -> Path:
    from eclipsed.images.pictures import save_picture

    return save_picture(image, path)


def _place(look: Stack, suffix: str, what: str = "", name: str = "") -> Path:
    """A new file whose name says what is in it; Gradio takes a copy of it."""
    return _new_folder() / f"{name or face_stem(look)}{'-' + what if what else ''}{suffix}"


def _new_folder() -> Path:
    """A new folder for one file; those of earlier files go when they are old."""
    for old in _folder().iterdir():
        if time.time() - old.stat().st_mtime > _SECONDS_KEPT:
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=_folder()))


@cache
def _folder() -> Path:
    """The folder of this process; it goes with it."""
    folder = tempfile.mkdtemp(prefix="eclipsed-studio-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
