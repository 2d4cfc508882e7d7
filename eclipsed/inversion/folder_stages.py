"""The stages of one picture: read, found, drawn (inverted, edited, pasted back) and written, or a sentence."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.compute.memory import is_out_of_memory
from eclipsed.editing.faces import Faces
from eclipsed.errors import EclipsedError, EclipsedWarning, InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.metrics import psnr
from eclipsed.inversion.edited_photo import EDITED, FAILED, EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_places import inside
from eclipsed.inversion.folder_record import write_record
from eclipsed.inversion.placing import goals_of, place_faces
from eclipsed.inversion.saving import save_faces
from eclipsed.inversion.thumbnail import face_thumbnail, thumbnail
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.reading import Photo, decode_photo, read_photo, save_photo
from eclipsed.pretrained.generator import Generator

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Passing", "draw_stage", "edit_one", "find_stage", "read_stage", "write_stage"]


@dataclass(eq=False)
class Passing:
    """A picture on its way from stage to stage, perhaps from process to process.

    Args:
        name: of the picture in its source.
        result: path in the folder of results; "" where another picture has it.
        row: what became of it so far.
        over: whether there is nothing left to do.
        key: what tells it and the edit from any other.
        content: bytes of its file, where it goes to another process.
        photo: the picture; read again from `content`, or from its source, where it came to another process.
        places: of its faces.
        faces: what a file of its faces holds; empty where they are not kept.
        picture: what is to be written.
        told: what was warned of.
        seconds: that it took.
    """

    name: str
    result: str
    row: EditedPhoto
    over: bool = False
    key: str = ""
    content: bytes | None = None
    photo: Photo | None = None
    places: Sequence[Placement] = ()
    faces: bytes = b""
    picture: Image.Image | None = None
    told: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, name: str, result: str) -> Passing:
        """A picture with which nothing was done yet."""
        return cls(name, result, EditedPhoto(name, FAILED))

    def __getstate__(self) -> dict[str, Any]:
        """Without pixels that can be had again, and without anything where nothing is left to do."""
        drawn = self.over or self.picture is not None
        return {**self.__dict__, "photo": None, **({"content": None, "places": ()} if drawn else {})}

    def seen(self, job: FolderJob) -> Photo:
        """The photo, read where it is not there."""
        if self.photo is None and self.content is not None:
            self.photo = decode_photo(self.content, job.source.called(self.name))
        if self.photo is None:
            self.photo = job.source.photo(self.name)
        return self.photo


def edit_one(
    editor: PhotoEditor, job: FolderJob, name: str, result: str, *, go_on: Callable[[], object] = lambda: None
) -> EditedPhoto:
    """Edit one picture and write the result; whatever is wrong with it becomes a sentence.

    Args:
        editor: does it.
        job: what is done.
        name: of the picture in its source.
        result: path in the folder of results; "" where another picture has it.
        go_on: called before anything is written; may raise.
    Returns:
        What became of it; also kept for the next run where it was edited.
    """
    passing = read_stage(job, Passing.of(name, result))
    passing = find_stage(job, lambda: editor.finder, passing)
    passing = draw_stage(job, editor, passing)
    go_on()
    return write_stage(job, passing).row


def read_stage(job: FolderJob, passing: Passing, *, pass_on: bool = False) -> Passing:
    """Read a picture.

    Args:
        job: what is done.
        passing: the picture.
        pass_on: whether another process has the next stage.
    """

    def read() -> None:
        if pass_on:
            passing.content = job.source.content(passing.name)
        passing.key = job.key(job.source.digest(passing.name))
        _target(job, passing)
        photo = passing.seen(job)
        passing.row = replace(passing.row, before=thumbnail(photo.opaque))

    return _stage(job, passing, read)


def find_stage(job: FolderJob, finder: Callable[[], FaceFinder], passing: Passing) -> Passing:
    """Find its faces.

    Args:
        job: what is done.
        finder: gives what finds faces, if it is needed.
        passing: the picture.
    """

    def find() -> None:
        passing.places = place_faces(passing.seen(job), finder, aligned=job.aligned, face=job.face)

    return _stage(job, passing, find)


def draw_stage(job: FolderJob, editor: PhotoEditor, passing: Passing) -> Passing:
    """Invert its faces, edit them, and put them back.

    Args:
        job: what is done.
        editor: does it.
        passing: the picture.
    """

    def draw() -> None:
        photo, several = passing.seen(job), "all" if job.face == "all" else None
        found = editor.invert(
            photo,
            where=passing.places,
            face=several,
            class_index=job.class_index,
            config=job.config,
            force=job.force,
        )
        goals, drawn = goals_of(editor.generator, found)
        (passing.picture,) = editor.paste(job.edit(editor, found))
        if job.keep_faces:
            passing.faces = _file_of(found, editor.generator)
        place = found.origins[0].placement
        passing.row = replace(
            passing.row,
            faces=len(found),
            closeness=round(float(psnr(drawn, goals).min()), 2),
            before=face_thumbnail(photo, place),
            after=face_thumbnail(read_photo(passing.picture), place),
        )

    return _stage(job, passing, draw)


def write_stage(job: FolderJob, passing: Passing) -> Passing:
    """Write the result, and keep what became of it.

    Args:
        job: what is done.
        passing: the picture.
    """

    def write() -> None:
        began = time.monotonic()
        assert passing.picture is not None
        target = _target(job, passing)
        target.parent.mkdir(parents=True, exist_ok=True)
        save_photo(passing.picture, target)
        if job.keep_faces:
            atomic_write(job.face_file(passing.result), lambda place: place.write_bytes(passing.faces))
        seconds = round(passing.seconds + time.monotonic() - began, 2)
        row = replace(passing.row, outcome=EDITED, result=passing.result, seconds=seconds, note=_note(passing))
        write_record(job.out, row, passing.key)
        passing.row, passing.over, passing.picture, passing.faces = row, True, None, b""

    return _stage(job, passing, write)


def _stage(job: FolderJob, passing: Passing, work: Callable[[], None]) -> Passing:
    """Do one stage; what is wrong ends the picture, and none beside it."""
    if passing.over:
        return passing
    began, reason = time.monotonic(), ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", EclipsedWarning)
        try:
            work()
        except EclipsedError as error:
            reason = str(error)
        except Exception as error:  # what nobody thought of
            reason = f"{type(error).__name__}: {error} (unexpected; please report it)"
            if is_out_of_memory(error):
                name = job.source.called(passing.name)
                reason = f"{name} does not fit into memory; make it smaller, or take fewer workers"
    passing.seconds += time.monotonic() - began
    passing.told += [_line(str(one.message)) for one in told]
    if reason:
        seconds, before = round(passing.seconds, 2), passing.row.before
        passing.row = EditedPhoto(
            passing.name, FAILED, seconds=seconds, reason=_line(reason), note=_note(passing), before=before
        )
        passing.over, passing.picture, passing.faces = True, None, b""
    return passing


def _target(job: FolderJob, passing: Passing) -> Path:
    """Where the result of a picture goes.

    Raises:
        InputError: to another picture's place, or beyond the folder of results.
    """
    if not passing.result:
        name = job.source.called(passing.name)
        raise InputError(f"{name} would be written over the result of {name}.png; rename one of them")
    target = job.out / passing.result
    if not inside(target, job.out):
        raise InputError(f"{target} is a link that leads out of {job.out}; nothing was written there, remove it")
    return target


def _file_of(faces: Faces, generator: Generator) -> bytes:
    """What a file of faces holds."""
    with tempfile.TemporaryDirectory() as folder:
        return save_faces(faces, generator, Path(folder) / "faces").read_bytes()


def _note(passing: Passing) -> str:
    """What was warned of, each once."""
    return "; ".join(dict.fromkeys(passing.told))


def _line(text: str) -> str:
    """A message as one line that any terminal and file takes: what cannot be shown in a name is written as a number."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))
