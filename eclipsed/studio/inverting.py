"""Turning visitors' pictures into faces, one at a time, in the background, so that sliders stay usable."""

from __future__ import annotations

import logging
import math
import queue
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.engine import Engine
from eclipsed.studio.portraits import MOST_FACES, KeptPicture, Portrait

if TYPE_CHECKING:
    from eclipsed.photos.inversion import InversionStep

__all__ = ["LEVELS", "InversionJob", "InversionQueue"]

#: see `InversionConfig`
LEVELS = ("fast", "good", "best")

_MOST_WAITING = 8
_MOST_KEPT, _KEPT_FOR = 16, 900.0  # results that nobody has fetched, and for how many seconds

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class InversionJob:
    """One picture that is to be inverted.

    Args:
        picture: with the face or faces.
        level: one of `LEVELS`.
        aligned: the whole picture is an aligned face.
        face: which face, see `Editor.invert`.
    """

    picture: KeptPicture | None
    level: str
    aligned: bool
    face: int | str | None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: str = "waiting"  # then inverting, and done, stopped or failed
    phase: str = ""  # then faces, latents and generator
    step: int = 0
    steps: int = 0
    psnr: float | None = None
    seconds_left: float | None = None
    message: str = ""
    portrait: Portrait | None = None
    ended: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("done", "stopped", "failed")

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
            "faces": [] if self.portrait is None else [round(value, 2) for value in self.portrait.psnr],
        }


class InversionQueue:
    """A queue of one, beside that of the trainings: a picture takes seconds, and a training minutes.

    Args:
        engine: whose editor inverts.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: queue.Queue[InversionJob] = queue.Queue()
        self._jobs: dict[str, InversionJob] = {}
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def submit(
        self, picture: KeptPicture, *, level: str = "good", aligned: bool = False, face: int | str | None = None
    ) -> InversionJob:
        """Ask for a picture to be inverted.

        Args:
            picture: with a face.
            level: one of `LEVELS`.
            aligned: the whole picture is an aligned face.
            face: a number from 1, from the left, ``"all"``, or None for the only one.
        Returns:
            The job; its token is what `find` takes.
        Raises:
            InputError: a value makes no sense, or too many are waiting.
        """
        if level not in LEVELS:
            raise InputError(f"level must be one of {', '.join(LEVELS)}; got {str(level)[:20]!r}")
        if not isinstance(aligned, bool):
            raise InputError(f"aligned is true or false; got {str(aligned)[:20]!r}")
        number = isinstance(face, int) and not isinstance(face, bool) and face >= 1
        if face not in (None, "all") and not number:
            raise InputError(f'face must be a number from 1, "all" or nothing; got {str(face)[:20]!r}')
        job = InversionJob(picture, level, aligned, None if aligned else face)
        with self._lock:
            self._sweep()
            open_jobs = sum(not one.over for one in self._jobs.values())
            if open_jobs > _MOST_WAITING:
                raise InputError(f"{open_jobs} pictures are waiting to be inverted; try again later")
            self._jobs[job.token] = job
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="eclipsed-invert", daemon=True)
                self._worker.start()
        self._waiting.put(job)
        return job

    def find(self, token: str) -> InversionJob:
        """The job of a token.

        Raises:
            InputError: there is none.
        """
        with self._lock:
            job = self._jobs.get(token) if isinstance(token, str) else None
        if job is None:
            raise InputError("there is no such inversion any more; it may have ended long ago")
        return job

    def ahead(self, job: InversionJob) -> int:
        """How many jobs come before one that waits."""
        with self._lock:
            order = [one for one in self._jobs.values() if not one.over]
            return order.index(job) if job.status == "waiting" and job in order else 0

    def stop(self, token: str) -> InversionJob:
        """Stop a job; the best so far is kept."""
        job = self.find(token)
        with self._lock:
            job.stopping.set()
            if job.status == "waiting":
                self._end(job, "stopped", "Taken out of the queue before it began.")
        return job

    def forget(self, token: str) -> None:
        """Drop a job and what came of it; one that runs is stopped. Nothing happens when there is none."""
        with self._lock:
            job = self._jobs.pop(token, None)
            if job is not None:
                job.stopping.set()
                if job.status == "waiting":
                    self._end(job, "stopped", "")

    def _sweep(self) -> None:
        """Drop results that were not fetched in time, or are too many."""
        over = [(token, job) for token, job in self._jobs.items() if job.over]
        late = {token for token, job in over if time.monotonic() - job.ended > _KEPT_FOR}
        for token in late | {token for token, _ in over[: -_MOST_KEPT or None]}:
            del self._jobs[token]

    def _work(self) -> None:
        while True:
            job = self._waiting.get()
            with self._lock:
                if job.over:
                    continue
                job.status = "inverting"
            try:
                self._invert(job)
            except EclipsedError as error:
                self._end(job, "failed", " ".join(str(error).split()))
            except Exception as error:
                _log.exception("inverting a picture failed")
                text = f"Inverting failed ({type(error).__name__}); the terminal of the studio says more."
                self._end(job, "failed", text)
            del job  # while nobody waits, no picture is held

    def _end(self, job: InversionJob, status: str, message: str) -> None:
        job.picture, job.ended = None, time.monotonic()
        job.message, job.status = message[:1].upper() + message[1:], status

    def _invert(self, job: InversionJob) -> None:
        from eclipsed.photos.faces import place_faces

        assert job.picture is not None
        editor, picture = self.engine.editor, job.picture
        job.phase = "faces"
        photo = picture.read()
        places = place_faces(photo, lambda: editor.finder, aligned=job.aligned, face=job.face)
        if len(places) > MOST_FACES:
            raise InputError(
                f"{photo.name} shows {len(places)} faces; at most {MOST_FACES} are edited together: choose one"
            )
        job.phase = "latents"

        def tell(step: InversionStep) -> bool:
            job.phase, job.step, job.steps = step.phase, step.step, step.steps
            job.psnr, job.seconds_left = step.psnr, step.seconds_left
            return not job.stopping.is_set()

        faces = editor.invert(photo, level=job.level, where=places, callback=tell)
        portrait = Portrait.of(faces, picture.name, picture)
        job.psnr = sum(portrait.psnr) / len(portrait.psnr)
        job.portrait = portrait
        if job.stopping.is_set() and job.level != "fast":
            self._end(job, "stopped", "Stopped; the best so far was kept.")
        else:
            self._end(job, "done", "Inverted.")
