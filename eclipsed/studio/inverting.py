"""Turning visitors' pictures into faces, one at a time, in the background, so that sliders stay usable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eclipsed.errors import ForeignPictureError, InputError, MissingModelError
from eclipsed.studio.engine import Engine
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.portraits import MOST_FACES, Portrait
from eclipsed.studio.tasks import Task, TaskQueue
from eclipsed.values.checks import boolean, is_whole, one_of, shown

if TYPE_CHECKING:
    from eclipsed.inversion.inverter import InversionStep

__all__ = ["LEVELS", "InversionJob", "InversionQueue"]

#: see `InversionConfig`
LEVELS = ("fast", "good", "best")


@dataclass(eq=False)
class InversionJob(Task):
    """One picture that is to be inverted.

    Args:
        picture: with the face or faces.
        level: one of `LEVELS`.
        aligned: the whole picture is an aligned face.
        face: which face, see `Editor.invert`.
        force: go on where the picture is not of the kind that the set draws.
        foreign: it is not, and nothing was forced.
    """

    picture: KeptPicture | None
    level: str
    aligned: bool
    face: int | str | None
    force: bool = False
    foreign: bool = False
    psnr: float | None = None
    portrait: Portrait | None = None

    def to_json(self) -> dict[str, Any]:
        """How it stands, as plain JSON values."""
        left = self.seconds_left
        return {
            "status": self.status,
            "over": self.over,
            "phase": self.phase,
            "step": self.step,
            "steps": self.steps,
            "psnr": None if self.psnr is None else round(self.psnr, 2),
            "seconds_left": None if left is None or not math.isfinite(left) else round(left, 1),
            "message": self.message,
            "foreign": self.foreign,
            "faces": [] if self.portrait is None else [round(value, 2) for value in self.portrait.psnr],
        }


class InversionQueue(TaskQueue[InversionJob]):
    """Pictures are inverted one after the other, beside the trainings: a picture takes seconds, and a training minutes.

    Args:
        engine: whose editor inverts.
    """

    working, noun = "inverting", "inversion"
    waiting = "pictures are waiting to be inverted"
    most_kept, kept_for = 16, 900.0

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def submit(
        self,
        picture: KeptPicture,
        *,
        level: str = "good",
        aligned: bool = False,
        face: int | str | None = None,
        force: bool = False,
    ) -> InversionJob:
        """Ask for a picture to be inverted.

        Args:
            picture: with a face.
            level: one of `LEVELS`.
            aligned: the whole picture is an aligned face.
            face: a number from 1, from the left, ``"all"``, or None for the only one.
            force: go on where the picture is not of the kind that the set draws.
        Returns:
            The job; its token is what `find` takes.
        Raises:
            InputError: a value makes no sense, or too many are waiting.
        """
        one_of("level", level, LEVELS)
        boolean("aligned", aligned)
        boolean("force", force)
        if face not in (None, "all") and not is_whole(face, 1):
            raise InputError(f'face must be a number from 1, "all" or nothing; got {shown(face)}')
        return self.put(InversionJob(picture, level, aligned, None if aligned else face, force))

    def release(self, task: InversionJob) -> None:
        """The picture is not needed any more."""
        task.picture = None

    def do(self, task: InversionJob) -> tuple[str, str]:
        """Find the faces of a picture and invert them; a stop keeps the best so far."""
        from eclipsed.inversion.placing import place_faces

        assert task.picture is not None
        editor, picture = self.engine.editor, task.picture
        task.phase = "faces"
        photo = picture.read()
        try:
            places = place_faces(photo, lambda: editor.finder, aligned=task.aligned, face=task.face)
        except MissingModelError as error:
            raise MissingModelError(self._cannot_look(error)) from error
        if len(places) > MOST_FACES:
            raise InputError(
                f"{photo.name} shows {len(places)} faces; at most {MOST_FACES} are edited together: choose one"
            )
        task.phase = "latents"

        def tell(step: InversionStep) -> bool:
            task.phase, task.step, task.steps = step.phase, step.step, step.steps
            task.psnr, task.seconds_left = step.psnr, step.seconds_left
            return not task.stopping.is_set()

        try:
            faces = editor.invert(photo, level=task.level, where=places, callback=tell, force=task.force)
        except ForeignPictureError as error:
            task.foreign = True
            raise InputError(f"{error.reason}; {self._instead(error)}") from error
        portrait = Portrait.of(faces, picture.name, picture)
        task.psnr = sum(portrait.psnr) / len(portrait.psnr)
        task.portrait = portrait
        if task.stopping.is_set() and task.level != "fast":
            return "stopped", "Stopped; the best so far was kept."
        return "done", "It can be edited now."

    def _cannot_look(self, error: MissingModelError) -> str:
        """What is said where nothing can look for faces: a set of drawn ones has no need of it."""
        kind = self.engine.kind
        if not kind.photographs:
            return str(error)
        draws = f" ({kind.draws})" if kind.draws else ""
        return (
            f"{self.engine.editor.name!r} does not look for faces in photographs{draws}; for photographs take another "
            f"set: eclipsed models fetch {kind.photographs}; or say that the picture is one face as the set draws them"
        )

    def _instead(self, error: ForeignPictureError) -> str:
        if error.photographs:
            return f"for photographs take another set: eclipsed models fetch {error.photographs}"
        if error.whole:
            return "untick that the whole picture is one face, to have the face found"
        return "take another picture"
