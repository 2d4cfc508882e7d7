"""Learning directions one at a time, in the background, in a way that a killed server can take up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.directions.verdict import verdict
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError, MissingModelError, TrainingError
from eclipsed.pretrained.kinship import Kinship, kinship_with
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.store import library
from eclipsed.store import trainings as unfinished
from eclipsed.studio.advice import Advice, of_learned, of_sentence
from eclipsed.studio.engine import Engine
from eclipsed.studio.pace import Pace
from eclipsed.studio.tasks import Task, TaskQueue
from eclipsed.training.config import TrainConfig

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction
    from eclipsed.training.events import TrainStep

__all__ = ["Job", "LearningQueue"]

PREVIEW_EVERY = 5  # steps: as often the state is saved, and what was learned so far is shown


@dataclass(eq=False)
class Job(Task):
    """One sentence that is to be learned.

    Args:
        prompt: the sentence.
        parts: that may change; None finds them in the sentence.
        config: how; None is that of the resumed training.
        face: that previews are shown on.
        state: name of the file that it is saved to, see `eclipsed.store.trainings`.
        resumed: whether that file is there already.
    """

    prompt: str
    parts: tuple[str, ...] | None
    config: TrainConfig | None
    face: Stack
    state: str
    resumed: bool = False
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # step, and its figures by their names
    before: str = ""
    after: str = ""
    after_step: int = 0
    name: str = ""
    advice: Advice = field(default_factory=Advice)


class LearningQueue(TaskQueue[Job]):
    """Sentences are learned one after the other.

    Args:
        engine: whose editor learns.
    """

    working = noun = "learning"
    waiting = "sentences are waiting to be learned"
    most_kept = 64

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.pace = Pace()

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
            MissingModelError: the set's CLIP is not on this machine.
        """
        if self.engine.without_clip:
            raise MissingModelError(self.engine.without_clip)
        world = self.engine.editor.world
        check_prompt(prompt, world)
        named = None if parts is None else Region.from_parts(parts, world=world).parts
        _, advice = of_sentence(self.engine, prompt, by_hand=named is not None)
        config = config or TrainConfig()
        if config.class_index is None and face.class_index is not None:
            config = config.replace(class_index=face.class_index)
        state, _ = unfinished.new_state()
        return self.put(Job(prompt, named, config, face, state, advice=advice))

    def resume(self, state: str, *, face: Stack) -> Job:
        """Go on with a training that was stopped or cut off.

        Raises:
            InputError: there is none of that name, or it is being learned.
        """
        unfinished.state_path(state)  # checks the name
        saved = next((one for one in self.unfinished() if one.name == state), None)
        if saved is None:
            raise InputError("that training cannot be resumed: it is finished, being learned, or was discarded")
        return self.put(Job(saved.prompt, None, None, face, state, resumed=True))

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
        generator = self.engine.editor.generator.id
        busy = self._busy()

        def goes_on(one: unfinished.Unfinished) -> bool:
            return kinship_with(generator, one.generator, one.generator_sketch) is Kinship.SAME

        return [one for one in unfinished.unfinished() if one.name not in busy and goes_on(one)]

    def _busy(self) -> set[str]:
        return {job.state for job in self.unfinished_tasks()}

    def release(self, task: Job) -> None:
        """A visitor's own face goes with the visitor."""
        task.face = Stack()

    def do(self, task: Job) -> tuple[str, str]:
        """Learn a sentence; what was learned goes to the shelf, also when it was stopped or failed."""
        from eclipsed.training.events import BrokenTraining

        editor = self.engine.editor
        place = unfinished.state_path(task.state)
        watch = _Watch(self.engine, task, place, self.pace)
        try:
            direction = editor.train(
                task.prompt,
                region=task.parts,
                config=task.config,
                callback=watch,
                state=place,
                save_every=PREVIEW_EVERY,
                resume=place if task.resumed else None,
            )
        except TrainingError as error:
            if isinstance(error, BrokenTraining) and error.direction is not None:
                self._keep(task, error.direction)
                raise TrainingError(f"{error} (what was learned before is on the shelf as {task.name!r})") from error
            if task.stopping.is_set():
                return "stopped", "Stopped before its first step; nothing was learned."
            raise
        self._keep(task, direction)
        task.advice += of_learned(direction)
        if "stopped_at" in direction.scores:
            at = direction.scores["stopped_at"]
            return "stopped", f"Stopped after step {at}. What was learned is on the shelf; it can be resumed below."
        unfinished.discard(task.state)
        return "done", _sentence(direction)

    def _keep(self, job: Job, direction: Direction) -> None:
        job.name = library.keep_as_new(direction.name, direction.save)


class _Watch:
    """The callback of a training: notes each step, and draws what was learned every few."""

    def __init__(self, engine: Engine, job: Job, place: Path, pace: Pace) -> None:
        self.engine, self.job, self.place, self.pace = engine, job, place, pace

    def __call__(self, step: TrainStep) -> bool:
        job = self.job
        job.phase, job.step, job.steps = step.phase, step.step, step.steps
        job.seconds_left = step.seconds_left
        if job.config is not None and step.phase != "probe":
            self.pace.note(job.config, step)
        if step.phase == "train":
            job.curve.append((step.step, {"loss": step.loss, **step.terms}))
            if step.step % PREVIEW_EVERY == 0:
                self._draw(step.step)
        return not job.stopping.is_set()

    def _draw(self, step: int) -> None:
        from eclipsed.studio.images import to_uris
        from eclipsed.training.state import TrainingState

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
    if direction.note and not direction.weak:
        words += f" Note: {direction.note}."
    told = verdict(scores)
    return f"{words} On held-out faces it {told}." if told.startswith("reaches") else words
