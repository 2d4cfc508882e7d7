"""Directions that no sentence trained, found one at a time in the background: of files, and of two groups of faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from eclipsed.errors import EclipsedError, InputError, MissingModelError
from eclipsed.prompts.region import check_prompt
from eclipsed.studio.advice import Advice, of_learned
from eclipsed.studio.descriptions import described
from eclipsed.studio.engine import Engine
from eclipsed.studio.kept_files import KeptFile
from eclipsed.studio.safety import check_numbers
from eclipsed.studio.shelf import shelf_name
from eclipsed.studio.tasks import Task, TaskQueue
from eclipsed.values.checks import whole
from eclipsed.values.seeds import check_seeds

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction

__all__ = ["MOST_MARKED", "Making", "MakingQueue"]

#: faces in each of two groups
MOST_MARKED = 64

Tell = Callable[[int, int], object]


class Wish(Protocol):
    """What a direction shall be made from."""

    def find(self, engine: Engine, tell: Tell) -> Direction:
        """The direction; `tell` is told of every step, and what it raises ends them."""


@dataclass(frozen=True, eq=False)
class _FromFile:
    """A file of another project."""

    file: KeptFile
    prompt: str | None
    index: int | None
    name: str

    def find(self, engine: Engine, tell: Tell) -> Direction:
        from eclipsed.latents.direction import Direction

        editor, file = engine.editor, self.file
        try:
            found = Direction.load_foreign(file.path, generator=editor.generator, index=self.index)
            if len(found) > 1:
                raise InputError(f"{file.name} holds {len(found)} directions; say which one, counted from 0")
            return editor.load_foreign(file.path, prompt=self.prompt, index=self.index, name=self.name, tell=tell)
        except EclipsedError as error:
            raise file.named(error) from error


@dataclass(frozen=True, eq=False)
class _FromFaces:
    """Two groups of faces, by their seeds."""

    faces_with: tuple[int, ...]
    faces_without: tuple[int, ...]
    psi: float | None
    class_index: int | None
    prompt: str | None
    name: str

    def find(self, engine: Engine, tell: Tell) -> Direction:
        groups = [engine.faces(seeds, self.psi, self.class_index) for seeds in (self.faces_with, self.faces_without)]
        return engine.editor.between(groups[0], groups[1], prompt=self.prompt, name=self.name, tell=tell)


@dataclass(eq=False)
class Making(Task):
    """One direction that is to be made.

    Args:
        wish: what from; let go of when it is over.
        asked: name that it shall have on the shelf; "" is its own.
        name: that it got there; "" as long as it is not there.
        advice: what should be known of it.
    """

    wish: Wish | None
    asked: str = ""
    name: str = ""
    advice: Advice = field(default_factory=Advice)


class _Stopped(Exception):
    """Somebody has pressed Stop."""


class MakingQueue(TaskQueue[Making]):
    """Directions are made one after the other, beside the trainings and the pictures, and go to the shelf.

    Args:
        engine: whose editor makes them.
    """

    working = noun = "making"
    waiting = "directions are waiting to be made"
    most_kept = 64

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def from_file(self, path: str, *, prompt: str = "", index: object = None, name: str = "") -> Making:
        """Ask for a direction of another project's file.

        Args:
            path: where the page put it.
            prompt: what it brings, for CLIP to judge its sign and strength by; "" leaves both as they are.
            index: which one, of several in the file, from 0; None where there is only one.
            name: that it shall have on the shelf; "" is made from the file's.
        Returns:
            The task; its token is what `find` takes.
        Raises:
            InputError: the file is of another kind or too large, the rest makes no sense, or too many are waiting.
            MissingModelError: there is a sentence, and no CLIP on this machine.
        """
        asked, which = shelf_name(name), None if index is None else whole("which one", index, 0)
        sentence = self._sentence(prompt)
        file = KeptFile(check_numbers(path))
        return self.put(Making(_FromFile(file, sentence, which, asked), asked))

    def from_faces(
        self,
        faces_with: Sequence[int],
        faces_without: Sequence[int],
        *,
        psi: float | None = None,
        class_index: int | None = None,
        prompt: str = "",
        name: str = "",
    ) -> Making:
        """Ask for a direction from two groups of faces.

        Args:
            faces_with: seeds of faces that have something.
            faces_without: of faces that lack it.
            psi: truncation of all of them; None is the set's own.
            class_index: their class, where the generator has classes; None is the engine's own.
            prompt: the sentence that it stands for, for CLIP to judge it by; "" lets CLIP compare with both groups.
            name: that it shall have on the shelf; "" is made from the sentence, or how it was made.
        Returns:
            The task; its token is what `find` takes.
        Raises:
            InputError: a group is empty or too large, a face is in both, or too many are waiting.
            MissingModelError: there is no CLIP on this machine.
        """
        groups = [tuple(dict.fromkeys(check_seeds(seeds))) if seeds else () for seeds in (faces_with, faces_without)]
        if not all(1 <= len(group) <= MOST_MARKED for group in groups):
            raise InputError(
                f"a direction from faces needs 1 to {MOST_MARKED} faces with it and as many without; got "
                f"{len(groups[0])} with and {len(groups[1])} without"
            )
        both = set(groups[0]) & set(groups[1])
        if both:
            raise InputError(f"a face is with it or without it; seed {min(both)} is in both groups")
        if self.engine.without_clip:
            raise MissingModelError(self.engine.without_clip)
        asked, sentence = shelf_name(name), self._sentence(prompt)
        return self.put(Making(_FromFaces(groups[0], groups[1], psi, class_index, sentence, asked), asked))

    def _sentence(self, prompt: str) -> str | None:
        """A sentence that somebody wrote, or None."""
        if not isinstance(prompt, str) or not prompt.strip():
            return None
        check_prompt(prompt, self.engine.editor.world)
        if self.engine.without_clip:
            raise MissingModelError(self.engine.without_clip)
        return prompt.strip()

    def release(self, task: Making) -> None:
        """The file is not needed any more."""
        task.wish = None

    def do(self, task: Making) -> tuple[str, str]:
        """Make a direction and put it on the shelf; of one that is stopped nothing is kept."""
        assert task.wish is not None
        begun = time.monotonic()

        def tell(done: int, of: int) -> None:
            task.step, task.steps = done, of
            task.seconds_left = (time.monotonic() - begun) / done * (of - done) if done else None
            if task.stopping.is_set():
                raise _Stopped

        try:
            direction = task.wish.find(self.engine, tell)
        except _Stopped:
            return "stopped", "Stopped; nothing was put on the shelf."
        task.name = self.engine.shelf.take(direction, task.asked)
        task.advice = of_learned(direction)
        return "done", described(direction, task.name)
