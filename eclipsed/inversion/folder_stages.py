"""The stages of one picture: read, found, drawn (inverted, edited, pasted back) and written, or a sentence."""

from __future__ import annotations

import copy
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.compute.memory import give_back, is_out_of_memory
from eclipsed.editing.faces import Faces
from eclipsed.errors import EclipsedError, EclipsedWarning, InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.metrics import psnr
from eclipsed.inversion.edited_photo import EDITED, FAILED, EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_places import inside
from eclipsed.inversion.folder_record import OF_FACES, done_before, write_record
from eclipsed.inversion.folder_stacks import FolderStack
from eclipsed.inversion.placing import goals_of, place_faces
from eclipsed.inversion.saving import save_faces
from eclipsed.inversion.thumbnail import face_thumbnail, thumbnail
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.reading import Photo, decode_photo, read_photo, save_photo
from eclipsed.pretrained.generator import Generator

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Passing", "Task", "draw_stage", "edit_one", "find_stage", "read_stage", "write_stage"]


@dataclass(frozen=True)
class Task:
    """What is wanted of a picture.

    Args:
        name: of the picture in its source.
        result: path of its result in the folder of results, of one stack without a name; "" where another picture
            has it.
        stacks: names of those whose results are missing.
    """

    name: str
    result: str
    stacks: tuple[str, ...]


@dataclass(eq=False)
class Passing:
    """A picture on its way from stage to stage, perhaps from process to process; from the edits on, one for each stack.

    Args:
        task: what is wanted.
        row: what became of it so far.
        less_memory: it did not fit into memory before.
        over: whether there is nothing left to do.
        digest: SHA-256 of its bytes.
        kept: what an earlier run says of its faces, where they lie in the folder of results.
        content: bytes of its file, where it goes to another process.
        photo: the picture; read again from `content`, or from its source, where it came to another process.
        places: of its faces.
        faces: what a file of its faces holds; empty where they are not to be written.
        found: what is to be said of that file.
        picture: what is to be written.
        told: what was warned of.
        seconds: that it took.
    """

    task: Task
    row: EditedPhoto
    less_memory: bool = False
    over: bool = False
    digest: str = ""
    kept: EditedPhoto | None = None
    content: bytes | None = None
    photo: Photo | None = None
    places: Sequence[Placement] = ()
    faces: bytes = b""
    found: EditedPhoto | None = None
    picture: Image.Image | None = None
    told: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, task: Task, *, less_memory: bool = False) -> Passing:
        """A picture with which nothing was done yet."""
        return cls(task, EditedPhoto(task.name, FAILED), less_memory)

    def of_stack(self, name: str) -> Passing:
        """The same on its way to the result of one stack."""
        one = copy.copy(self)
        one.row, one.told = replace(self.row, stack=name), list(self.told)
        return one

    def __getstate__(self) -> dict[str, Any]:
        """Without pixels that can be had again, and without anything where nothing is left to do."""
        drawn = self.over or self.picture is not None
        return {**self.__dict__, "photo": None, **({"content": None, "places": ()} if drawn else {})}

    def seen(self, job: FolderJob) -> Photo:
        """The photo, read where it is not there."""
        if self.photo is None and self.content is not None:
            self.photo = decode_photo(self.content, job.source.called(self.task.name))
        if self.photo is None:
            self.photo = job.source.photo(self.task.name)
        return self.photo


def edit_one(
    editor: PhotoEditor,
    job: FolderJob,
    task: Task,
    *,
    less_memory: bool = False,
    go_on: Callable[[], object] = lambda: None,
) -> list[EditedPhoto]:
    """Edit one picture and write its results; whatever is wrong with it becomes a sentence.

    Args:
        editor: does it.
        job: what is done.
        task: the picture, and what is wanted of it.
        less_memory: it did not fit into memory before.
        go_on: called before anything is written; may raise.
    Returns:
        What became of it, of each stack; also kept for the next run where it was edited.
    """
    passing = read_stage(job, Passing.of(task, less_memory=less_memory))
    passing = find_stage(job, lambda: editor.finder, passing)
    rows = []
    for one in draw_stage(job, editor, passing):
        go_on()
        rows.append(write_stage(job, one).row)
    return rows


def read_stage(job: FolderJob, passing: Passing, *, pass_on: bool = False) -> Passing:
    """Read a picture, and look whether its faces are known.

    Args:
        job: what is done.
        passing: the picture.
        pass_on: whether another process has the next stage.
    """

    def read(_: bool) -> None:
        task = passing.task
        if pass_on:
            passing.content = job.source.content(task.name)
        passing.digest = job.source.digest(task.name)
        for name in task.stacks:
            _target(job, task, job.stack(name).place(task.result))
        photo = passing.seen(job)
        passing.row = replace(passing.row, before=thumbnail(photo.opaque))
        place, key = job.face_place(task.result), job.face_key(passing.digest)
        if key:
            passing.kept = done_before(job.out, task.name, place, lambda: key, stack=OF_FACES)

    return _stage(job, passing, read)


def find_stage(job: FolderJob, finder: Callable[[], FaceFinder], passing: Passing) -> Passing:
    """Find its faces, where they are not known.

    Args:
        job: what is done.
        finder: gives what finds faces, if it is needed.
        passing: the picture.
    """

    def find(_: bool) -> None:
        if passing.kept is None:
            passing.places = place_faces(passing.seen(job), finder, aligned=job.aligned, face=job.face)

    return _stage(job, passing, find)


def draw_stage(job: FolderJob, editor: PhotoEditor, passing: Passing) -> Iterator[Passing]:
    """Invert its faces once, edit them as each stack says, and put them back.

    Args:
        job: what is done.
        editor: does it.
        passing: the picture.
    Returns:
        It with the result of each stack, one after the other, so that one result at a time is in memory.
    """
    inverted: list[Faces] = []

    def invert(less_memory: bool) -> None:
        inverted[:] = [_inverted(job, editor, passing, less_memory=less_memory)]

    passing = _stage(job, passing, invert)
    if passing.found is not None:
        passing.found = replace(passing.found, note=_note(passing))
    for name in passing.task.stacks:
        one = passing.of_stack(name)
        yield _stage(job, one, partial(_edit, job, editor, inverted, job.stack(name), one))
        passing.seconds = 0.0  # the first stack bears what all share
        if not one.over:
            passing.faces, passing.found = b"", None  # written with the first result


def _inverted(job: FolderJob, editor: PhotoEditor, passing: Passing, *, less_memory: bool) -> Faces:
    """The faces of a picture: those of an earlier run, or found now."""
    photo, kept = passing.seen(job), passing.kept
    if kept is not None:
        found = editor.load_faces(job.out / kept.result)
        passing.told += kept.note.split("; ") if kept.note else []
        closeness = kept.closeness
    else:
        found = editor.invert(
            photo,
            where=passing.places,
            face="all" if job.face == "all" else None,
            class_index=job.class_index,
            config=job.config.replace(low_memory=True) if less_memory else job.config,
            force=job.force,
        )
        goals, drawn = goals_of(editor.generator, found)
        closeness = round(float(psnr(drawn, goals).min()), 2)
    before = face_thumbnail(photo, found.origins[0].placement)
    passing.row = replace(passing.row, faces=len(found), closeness=closeness, before=before)
    if job.keep_faces and kept is None:
        passing.faces = _file_of(found, editor.generator)
        passing.found = replace(passing.row, outcome=EDITED, stack=OF_FACES, before="")
    return found


def _edit(
    job: FolderJob, editor: PhotoEditor, inverted: Sequence[Faces], stack: FolderStack, passing: Passing, _: bool
) -> None:
    """Edit the faces of a picture as a stack says, and put them back."""
    (found,), photo = inverted, passing.seen(job)
    (passing.picture,) = editor.paste(job.edit(editor, found, stack), photo)
    place = found.origins[0].placement
    passing.row = replace(passing.row, after=face_thumbnail(read_photo(passing.picture), place))


def write_stage(job: FolderJob, passing: Passing) -> Passing:
    """Write the result of a stack, and keep what became of it.

    Args:
        job: what is done.
        passing: the picture.
    """

    def write(_: bool) -> None:
        began, task, stack = time.monotonic(), passing.task, job.stack(passing.row.stack)
        assert passing.picture is not None
        if passing.found is not None:
            place = job.face_place(task.result)
            file = _place(job, task, place)
            atomic_write(file, lambda at: at.write_bytes(passing.faces))
            write_record(job.out, replace(passing.found, result=place), job.face_key(passing.digest))
        result = stack.place(task.result)
        save_photo(passing.picture, _place(job, task, result))
        seconds = round(passing.seconds + time.monotonic() - began, 2)
        row = replace(passing.row, outcome=EDITED, result=result, seconds=seconds, note=_note(passing))
        write_record(job.out, row, job.key(passing.digest, stack))
        passing.row, passing.over, passing.picture, passing.faces = row, True, None, b""

    return _stage(job, passing, write)


def _stage(job: FolderJob, passing: Passing, work: Callable[[bool], None]) -> Passing:
    """Do one stage; what is wrong ends the picture, and none beside it. `work` is told whether to take less memory."""
    if passing.over:
        return passing
    began, reason = time.monotonic(), ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", EclipsedWarning)
        try:
            _within_memory(work, passing)
        except EclipsedError as error:
            reason = str(error)
        except Exception as error:  # what nobody thought of
            reason = f"{type(error).__name__}: {error} (unexpected; please report it)"
            if is_out_of_memory(error):
                name = job.source.called(passing.task.name)
                reason = (
                    f"{name} does not fit into memory, with low_memory either; make it smaller or take fewer workers"
                )
    passing.seconds += time.monotonic() - began
    passing.told += [_line(str(one.message)) for one in told]
    if reason:
        seconds, row = round(passing.seconds, 2), passing.row
        passing.row = replace(
            EditedPhoto(row.name, FAILED, before=row.before, stack=row.stack),
            seconds=seconds,
            reason=_line(reason),
            note=_note(passing),
        )
        passing.over, passing.picture, passing.faces = True, None, b""
    return passing


def _within_memory(work: Callable[[bool], None], passing: Passing) -> None:
    """Work, and where memory runs out once more with less of it."""
    if not passing.less_memory:
        try:
            return work(False)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        passing.less_memory = True  # also what follows
        give_back()  # here, where the error no longer holds what was being worked on
    return work(True)


def _target(job: FolderJob, task: Task, result: str) -> Path:
    """Where a result of a picture goes.

    Raises:
        InputError: to another picture's place, or beyond the folder of results.
    """
    if not result:
        name = job.source.called(task.name)
        raise InputError(f"{name} would be written over the result of {name}.png; rename one of them")
    target = job.out / result
    if not inside(target, job.out):
        raise InputError(f"{target} is a link that leads out of {job.out}; nothing was written there, remove it")
    return target


def _place(job: FolderJob, task: Task, result: str) -> Path:
    """The same, with a folder for it."""
    target = _target(job, task, result)
    target.parent.mkdir(parents=True, exist_ok=True)
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
