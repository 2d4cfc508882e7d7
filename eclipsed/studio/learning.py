"""Learning directions one at a time, in the background, in a way that a killed server can take up again."""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed import library, unfinished
from eclipsed.config import TrainConfig
from eclipsed.errors import EclipsedError, InputError, TrainingError
from eclipsed.region import Region, check_prompt
from eclipsed.stack import Stack
from eclipsed.studio.engine import Engine

if TYPE_CHECKING:
    from eclipsed.direction import Direction
    from eclipsed.training import TrainStep

__all__ = ["Job", "LearningQueue"]

PREVIEW_EVERY = 5  # steps: as often the state is saved, and what was learned so far is shown

_MOST_WAITING = 8
_MOST_KEPT = 64  # finished jobs that can still be asked about

_log = logging.getLogger(__name__)


@dataclass
class Job:
    """One sentence that is to be learned.

    Args:
        prompt: the sentence.
        parts: that may change; None finds them in the sentence.
        config: how; None is that of the resumed training.
        face: that previews are shown on.
        state: name of the file that it is saved to, see `eclipsed.unfinished`.
        resumed: whether that file is there already.
    """

    prompt: str
    parts: tuple[str, ...] | None
    config: TrainConfig | None
    face: Stack
    state: str
    resumed: bool = False
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: str = "waiting"  # then learning, and done, stopped or failed
    phase: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    curve: list[tuple[int, float, float, float]] = field(default_factory=list)  # step, loss, CLIP, locality
    before: str = ""
    after: str = ""
    after_step: int = 0
    message: str = ""
    name: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("done", "stopped", "failed")


class LearningQueue:
    """A queue of one: jobs are learned one after the other, whoever asked for them.

    Args:
        engine: whose editor learns.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: queue.Queue[Job] = queue.Queue()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def submit(
        self, prompt: str, *, parts: Sequence[str] | None = None, config: TrainConfig | None = None, face: Stack
    ) -> Job:
        """Ask for a sentence to be learned.

        Args:
            prompt: the sentence.
            parts: that may change; None finds them in the sentence.
            config: how; None is the default.
            face: that previews are shown on.
        Returns:
            The job; its token is what `find` takes.
        Raises:
            InputError: the prompt or a part is not understood, or too many are waiting.
        """
        check_prompt(prompt)
        named = None if parts is None else Region.from_parts(parts).parts
        state, _ = unfinished.new_state()
        return self._put(Job(prompt, named, config or TrainConfig(), face, state))

    def resume(self, state: str, *, face: Stack) -> Job:
        """Go on with a training that was stopped or cut off.

        Raises:
            InputError: there is none of that name, or it is being learned.
        """
        unfinished.state_path(state)  # checks the name
        saved = next((one for one in self.unfinished() if one.name == state), None)
        if saved is None:
            raise InputError("that training cannot be resumed: it is finished, being learned, or was discarded")
        return self._put(Job(saved.prompt, None, None, face, state, resumed=True))

    def discard(self, state: str) -> None:
        """Forget a training that was stopped or cut off.

        Raises:
            InputError: it is being learned, or the name is none.
        """
        unfinished.state_path(state)
        if state in self._busy():
            raise InputError("that training is being learned; stop it first")
        unfinished.discard(state)

    def unfinished(self) -> list[unfinished.Unfinished]:
        """What can be resumed with this generator and is not being learned now."""
        fingerprint = self.engine.editor.generator.fingerprint
        busy = self._busy()
        return [one for one in unfinished.unfinished() if one.generator == fingerprint and one.name not in busy]

    def find(self, token: str) -> Job:
        """The job of a token.

        Raises:
            InputError: there is none.
        """
        with self._lock:
            job = self._jobs.get(token) if isinstance(token, str) else None
        if job is None:
            raise InputError("there is no such learning any more; it may have ended long ago")
        return job

    def ahead(self, job: Job) -> int:
        """How many jobs come before one that waits."""
        with self._lock:
            if job.status != "waiting":
                return 0
            order = [one for one in self._jobs.values() if not one.over]
        return order.index(job) if job in order else 0

    def stop(self, token: str) -> Job:
        """Stop a job; what it learned is kept."""
        job = self.find(token)
        with self._lock:
            job.stopping.set()
            if job.status == "waiting":
                job.status, job.message = "stopped", "Taken out of the queue before it began."
        return job

    def _busy(self) -> set[str]:
        with self._lock:
            return {job.state for job in self._jobs.values() if not job.over}

    def _put(self, job: Job) -> Job:
        with self._lock:
            open_jobs = [one for one in self._jobs.values() if not one.over]
            if len(open_jobs) > _MOST_WAITING:
                raise InputError(f"{len(open_jobs)} sentences are waiting to be learned; try again later")
            for token in [token for token, one in self._jobs.items() if one.over][: -_MOST_KEPT or None]:
                del self._jobs[token]
            self._jobs[job.token] = job
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="eclipsed-learn", daemon=True)
                self._worker.start()
        self._waiting.put(job)
        return job

    def _work(self) -> None:
        while True:
            job = self._waiting.get()
            with self._lock:
                if job.over:
                    continue
                job.status = "learning"
            try:
                self._learn(job)
            except EclipsedError as error:
                job.message, job.status = " ".join(str(error).split()), "failed"
            except Exception as error:
                _log.exception("learning %r failed", job.prompt)
                job.message = f"Learning failed ({type(error).__name__}); the terminal of the studio says more."
                job.status = "failed"
            finally:
                job.face = Stack()  # a visitor's own face goes with the visitor

    def _learn(self, job: Job) -> None:
        editor = self.engine.editor
        place = unfinished.state_path(job.state)
        watch = _Watch(self.engine, job, place)
        try:
            direction = editor.train(
                job.prompt,
                region=job.parts,
                config=job.config,
                callback=watch,
                state=place,
                save_every=PREVIEW_EVERY,
                resume=place if job.resumed else None,
            )
        except TrainingError as error:
            learned: Direction | None = getattr(error, "direction", None)
            if job.stopping.is_set() and learned is None:
                job.message, job.status = "Stopped before its first step; nothing was learned.", "stopped"
                return
            if learned is None:
                raise
            self._keep(job, learned)
            raise TrainingError(f"{error} (what was learned before is on the shelf as {job.name!r})") from error
        self._keep(job, direction)
        if "stopped_at" in direction.scores:
            at = direction.scores["stopped_at"]
            job.message = f"Stopped after step {at}. What was learned is on the shelf; it can be resumed below."
            job.status = "stopped"
        else:
            unfinished.discard(job.state)
            job.message = _sentence(direction)
            job.status = "done"

    def _keep(self, job: Job, direction: Direction) -> None:
        name = library.free_name(direction.name)
        direction.save(library.kept_path(name))
        job.name = name


class _Watch:
    """The callback of a training: notes each step, and draws what was learned every few."""

    def __init__(self, engine: Engine, job: Job, place: Path) -> None:
        self.engine, self.job, self.place = engine, job, place

    def __call__(self, step: TrainStep) -> bool:
        job = self.job
        job.phase, job.step, job.steps = step.phase, step.step, step.steps
        job.seconds_left = step.seconds_left
        if step.phase == "train":
            job.curve.append((step.step, step.loss, step.clip, step.locality))
            if step.step % PREVIEW_EVERY == 0:
                self._draw(step.step)
        return not job.stopping.is_set()

    def _draw(self, step: int) -> None:
        from eclipsed.studio.images import to_uris
        from eclipsed.training_state import TrainingState

        editor = self.engine.editor
        face = self.engine.before(self.job.face)
        learned = TrainingState.load(self.place).direction(editor.generator)
        edited = editor.edit(face, learned, 1.0)
        if not self.job.before:
            (self.job.before,) = to_uris(face.images)
        (self.job.after,) = to_uris(edited.images)
        self.job.after_step = step


def _sentence(direction: Direction) -> str:
    scores: dict[str, Any] = dict(direction.scores)
    words = "Learned. It is on the shelf."
    if direction.note:
        words += f" Note: {direction.note}."
    success = scores.get("clip_success")
    if success is not None:
        words += f" On held-out faces CLIP then chooses the sentence for {success:.0%} of those that lacked it."
    return words
