"""Turning visitors' pictures into faces, one at a time, in the background, so that sliders stay usable."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eclipsed.errors import EclipsedError, ForeignPictureError, InputError, MissingModelError
from eclipsed.studio.engine import Engine
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.portraits import MOST_FACES, Portrait
from eclipsed.studio.safety import as_sentence, in_plain_words
from eclipsed.studio.tasks import Task, TaskQueue
from eclipsed.values.checks import boolean, is_whole, one_of, shown

if TYPE_CHECKING:
    from eclipsed.inversion.inversion_step import InversionStep
    from eclipsed.inversion.people import EditedPerson
    from eclipsed.photos.alignment import Placement
    from eclipsed.photos.finding import FoundFace
    from eclipsed.photos.reading import Photo

__all__ = ["LEVELS", "InversionJob", "InversionQueue"]

#: see `InversionConfig`
LEVELS = ("fast", "good", "best")


@dataclass(eq=False)
class InversionJob(Task):
    """One picture that is to be inverted.

    Args:
        name: of the picture.
        picture: with the face or faces; let go of when it is over, unless it was foreign.
        level: one of `LEVELS`.
        aligned: the whole picture is an aligned face; None looks whether it is, where no single face is asked for.
        face: which face, see `Editor.invert`.
        force: go on where the picture is not of the kind that the set draws.
        foreign: it is not, and nothing was forced.
        share: of its steps that are done, from 0 to 1.
        left: sentences on faces that are left as they are.
        taken: whether its visitor's page has taken what came of it.
    """

    name: str
    picture: KeptPicture | None = None
    level: str = LEVELS[1]
    aligned: bool | None = False
    face: int | str | None = None
    force: bool = False
    foreign: bool = False
    share: float = 0.0
    psnr: float | None = None
    left: tuple[str, ...] = ()
    portrait: Portrait | None = None
    taken: bool = False

    def to_json(self) -> dict[str, Any]:
        """How it stands, as plain JSON values."""
        return {
            "name": self.name,
            "status": self.status,
            "over": self.over,
            "phase": self.phase,
            "step": self.step,
            "steps": self.steps,
            "share": round(self.share, 4),
            "psnr": None if self.psnr is None else round(self.psnr, 2),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
            "message": self.message,
            "foreign": self.foreign,
            "left": list(self.left),
            "faces": [] if self.portrait is None else [round(value, 2) for value in self.portrait.psnr],
        }


class InversionQueue(TaskQueue[InversionJob]):
    """Pictures are inverted one after the other, beside the trainings: a picture takes seconds, and a training minutes.

    Args:
        engine: whose editor inverts.
    """

    working, noun = "inverting", "inversion"
    waiting = "pictures are waiting to be inverted"
    most_kept, kept_for, most_waiting = 64, 900.0, 24

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def submit(
        self,
        picture: KeptPicture,
        *,
        level: str = "good",
        aligned: bool | None = False,
        face: int | str | None = None,
        force: bool = False,
    ) -> InversionJob:
        """Ask for a picture to be inverted.

        Args:
            picture: with a face.
            level: one of `LEVELS`.
            aligned: the whole picture is an aligned face; None takes it so where it looks like one of the set's own and
                no single face is asked for.
            face: a number from 1, from the left, ``"all"``, or None for the only one.
            force: go on where the picture is not of the kind that the set draws.
        Returns:
            The job; its token is what `find` takes.
        Raises:
            InputError: a value makes no sense, or too many are waiting.
        """
        one_of("level", level, LEVELS)
        if aligned is not None:
            boolean("aligned", aligned)
        boolean("force", force)
        if face not in (None, "all") and not is_whole(face, 1):
            raise InputError(f'face must be a number from 1, "all" or nothing; got {shown(face)}')
        return self.put(InversionJob(picture.name, picture, level, aligned, None if aligned else face, force))

    def submit_file(self, path: str, **options: Any) -> InversionJob:
        """Ask for a file to be inverted, see `submit`; what is wrong with it becomes a job that failed."""
        name = KeptPicture.name_of(path)
        try:
            return self.submit(KeptPicture(path), **options)
        except EclipsedError as error:
            return self.refuse(InversionJob(name), in_plain_words(error))

    def again(self, job: InversionJob) -> InversionJob:
        """Ask once more for a picture that was foreign, and go on all the same.

        Raises:
            InputError: its picture is not kept any more, or too many are waiting.
        """
        if job.picture is None:
            raise InputError(f"{job.name} is not kept any more; choose it again")
        return self.submit(job.picture, level=job.level, aligned=job.aligned, face=job.face, force=True)

    def release(self, task: InversionJob) -> None:
        """The picture is not needed any more, unless somebody may want to go on with it."""
        if not task.foreign:
            task.picture = None

    def do(self, task: InversionJob) -> tuple[str, str]:
        """Find the faces of a picture and invert them; a stop keeps the best so far."""
        assert task.picture is not None
        editor, picture = self.engine.editor, task.picture
        task.phase = "faces"
        photo = picture.read()
        try:
            places = self._places(task, photo)
        except MissingModelError as error:
            raise MissingModelError(self._cannot_look(error)) from error
        if len(places) > MOST_FACES:
            raise InputError(
                f"{photo.name} shows {len(places)} faces; at most {MOST_FACES} are edited together: choose one"
            )
        task.phase, began = "latents", time.monotonic()

        def tell(step: InversionStep) -> bool:
            task.phase, task.step, task.steps = step.phase, step.step, step.steps
            task.psnr, task.share = step.psnr, step.share
            if step.share:
                task.seconds_left = (time.monotonic() - began) * (1 - step.share) / step.share
            return not task.stopping.is_set()

        people = editor.invert_people(photo, where=places, level=task.level, callback=tell, force=task.force)
        inverted = [person for person in people if person.faces is not None]
        if not inverted:
            raise self._nobody(task, people)
        task.left = tuple(
            as_sentence(f"face {person.number} is left as it is: {in_plain_words(_why(person))}")
            for person in people
            if person.faces is None
        )
        portrait = Portrait.of_people(inverted, picture.name, picture, left=task.left)
        task.psnr, task.share = sum(portrait.psnr) / len(portrait.psnr), 1.0
        task.portrait = portrait
        if task.stopping.is_set() and task.level != "fast":
            return "stopped", "Stopped; the best so far was kept."
        return "done", "It can be edited now."

    def _places(self, task: InversionJob, photo: Photo) -> Sequence[Placement | FoundFace]:
        """Where the faces lie that are asked for."""
        from PIL import Image

        from eclipsed.inversion.placing import place_faces
        from eclipsed.photos.finding import find_faces

        editor, aligned = self.engine.editor, task.aligned
        if aligned is None:
            aligned = task.face in (None, "all") and self.engine.likeness.of(Image.fromarray(photo.opaque))
        if task.face == "all" and not aligned:
            return find_faces(editor.finder, photo)
        return place_faces(photo, lambda: editor.finder, aligned=aligned, face=None if aligned else task.face)

    def _nobody(self, task: InversionJob, people: Sequence[EditedPerson]) -> EclipsedError:
        """What is said where no face could be inverted."""
        error = next((one.error for one in people if isinstance(one.error, ForeignPictureError)), people[0].error)
        if isinstance(error, ForeignPictureError):
            task.foreign = True
            return InputError(f"{error.reason}; {self._instead(error)}")
        assert error is not None
        return error

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
            return "choose a face from the left, to have it found"
        return "take another picture"


def _why(person: EditedPerson) -> str:
    return person.error.reason if isinstance(person.error, ForeignPictureError) else person.reason
