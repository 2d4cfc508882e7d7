"""One picture of a folder: read, inverted, edited, pasted back and written, or a sentence that says why not."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eclipsed.compute.memory import is_out_of_memory
from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, EclipsedWarning, InputError
from eclipsed.images.metrics import psnr
from eclipsed.inversion.edited_photo import EDITED, FAILED, EditedPhoto
from eclipsed.inversion.folder_places import inside
from eclipsed.inversion.folder_record import file_digest, write_record
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.placing import goals_of
from eclipsed.inversion.saving import save_faces
from eclipsed.inversion.thumbnail import face_thumbnail, thumbnail
from eclipsed.latents.direction import Direction
from eclipsed.photos.reading import Photo, read_photo, save_photo
from eclipsed.pretrained.generator import Generator

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FACE_SUFFIX", "FolderJob", "PhotoEditor", "edit_one"]

#: what the name of a file of faces ends in
FACE_SUFFIX = ".face.safetensors"


class PhotoEditor(Protocol):
    """What of an `eclipsed.Editor` edits photographs."""

    name: str
    generator: Generator

    def sample(self, *, seeds: int, class_index: int | None = None) -> Faces:
        """Make a face."""

    def invert(
        self,
        photo: Photo,
        *,
        aligned: bool,
        face: int | str | None,
        class_index: int | None,
        config: InversionConfig,
        force: bool,
    ) -> Faces:
        """Turn the faces of a photograph into latents."""

    def edit(self, faces: Faces, direction: Any, alpha: Any = 1.0, *, any_generator: bool = False) -> Faces:
        """Move faces."""

    def paste(self, faces: Faces) -> list[Image.Image]:
        """Put faces back."""


@dataclass(frozen=True, eq=False)
class FolderJob:
    """What is done to every picture of a folder.

    Args:
        folder: of the pictures.
        out: of the results.
        edits: directions, or a stack.
        alphas: one for each direction; none of a stack.
        config: of the inversion.
        aligned: every picture is an aligned face as a whole.
        face: which face, see `eclipsed.photos.finding.choose_faces`.
        force: take pictures of another kind than the generator draws, too.
        any_generator: take directions of generators that are no relatives, too.
        networks: what tells the other networks that take part from any others, see `networks_digest`.
        keep_faces: also write the faces as they were found, beside each result.
        class_index: class of the faces; None is the generator's own, or there are none.
    """

    folder: Path
    out: Path
    edits: Sequence[Direction] | Stack
    alphas: tuple[float, ...]
    config: InversionConfig
    aligned: bool
    face: int | str | None
    force: bool
    any_generator: bool
    networks: str
    keep_faces: bool = False
    class_index: int | None = None

    def face_file(self, result: str) -> Path:
        """Where the faces of a result are kept."""
        return self.out / f"{result}{FACE_SUFFIX}"

    def edit(self, editor: PhotoEditor, faces: Faces) -> Faces:
        """Edit faces as this says."""
        if isinstance(self.edits, Stack):
            return editor.edit(faces, self.edits, any_generator=self.any_generator)
        alpha = self.alphas if len(self.alphas) > 1 else self.alphas[0]
        return editor.edit(faces, self.edits, alpha, any_generator=self.any_generator)

    def _class_of(self, editor: PhotoEditor) -> int | None:
        return editor.generator.class_index if self.class_index is None else self.class_index

    def key(self, editor: PhotoEditor, name: str) -> str:
        """What tells a picture's bytes and this edit from any other; "" where the picture cannot be read."""
        picture = file_digest(self.folder / name)
        if not picture:
            return ""
        stack = isinstance(self.edits, Stack)
        edits = self.edits.to_json() if isinstance(self.edits, Stack) else [one.digest for one in self.edits]
        facts: dict[str, Any] = {
            "picture": picture,
            "generator": [editor.generator.fingerprint, self._class_of(editor)],
            "networks": self.networks,
            "stack" if stack else "directions": edits,
            "alphas": self.alphas,
            "config": asdict(self.config),
            "options": [self.aligned, self.face, self.force, self.any_generator],
        }
        if self.keep_faces:
            facts["keep_faces"] = True
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def edit_one(
    editor: PhotoEditor, job: FolderJob, name: str, result: str, *, go_on: Callable[[], object] = lambda: None
) -> EditedPhoto:
    """Edit one picture of a folder and write the result; whatever is wrong with it becomes a sentence.

    Args:
        editor: does it.
        job: what is done.
        name: path of the picture in the folder.
        result: path in the folder of results; "" where another picture has it.
        go_on: called before anything is written; may raise.
    Returns:
        What became of it; also kept for the next run where it was edited.
    """
    began, row = time.monotonic(), EditedPhoto(name, FAILED)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", EclipsedWarning)
        try:
            key = job.key(editor, name)
            target = _target(job, name, result)
            photo = read_photo(job.folder / name)
            row = replace(row, before=thumbnail(photo.opaque))
            found = editor.invert(
                photo,
                aligned=job.aligned,
                face=job.face,
                class_index=job.class_index,
                config=job.config,
                force=job.force,
            )
            goals, drawn = goals_of(editor.generator, found)
            (picture,) = editor.paste(job.edit(editor, found))
            go_on()
            target.parent.mkdir(parents=True, exist_ok=True)
            save_photo(picture, target)
            if job.keep_faces:
                save_faces(found, editor.generator, job.face_file(result))
            place, changed = found.origins[0].placement, read_photo(picture)
            row = EditedPhoto(
                name,
                EDITED,
                result,
                len(found),
                round(float(psnr(drawn, goals).min()), 2),
                round(time.monotonic() - began, 2),
                note=_sentences(told),
                before=face_thumbnail(photo, place),
                after=face_thumbnail(changed, place),
            )
            write_record(job.out, row, key)
        except EclipsedError as error:
            return _failed(row, began, str(error), told)
        except Exception as error:  # what nobody thought of ends this picture, and none beside it
            text = f"{type(error).__name__}: {error} (unexpected; please report it)"
            if is_out_of_memory(error):
                text = f"{job.folder / name} does not fit into memory; make it smaller, or take fewer workers"
            return _failed(row, began, text, told)
    return row


def _target(job: FolderJob, name: str, result: str) -> Path:
    """Where the result of a picture goes.

    Raises:
        InputError: to another picture's place, or beyond the folder of results.
    """
    if not result:
        raise InputError(
            f"{job.folder / name} would be written over the result of {job.folder / name}.png; rename one of them"
        )
    target = job.out / result
    if not inside(target, job.out):
        raise InputError(f"{target} is a link that leads out of {job.out}; nothing was written there, remove it")
    return target


def _failed(row: EditedPhoto, began: float, reason: str, told: Sequence[warnings.WarningMessage]) -> EditedPhoto:
    seconds = round(time.monotonic() - began, 2)
    return EditedPhoto(
        row.name, FAILED, seconds=seconds, reason=_line(reason), note=_sentences(told), before=row.before
    )


def _sentences(told: Sequence[warnings.WarningMessage]) -> str:
    """What was warned of, each once."""
    return "; ".join(dict.fromkeys(_line(str(one.message)) for one in told))


def _line(text: str) -> str:
    """A message as one line that any terminal and file takes: what cannot be shown in a name is written as a number."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))
