"""A queue of one: tasks that visitors ask for are done one after the other, in the background."""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.safety import as_sentence, in_plain_words

__all__ = ["Task", "TaskQueue"]

_log = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Task:
    """What was asked for, and how it stands; only its own visitor knows the token."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: str = "waiting"  # then the queue's `working`, and done, stopped or failed
    phase: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    message: str = ""
    ended: float = 0.0  # by the monotonic clock
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("done", "stopped", "failed")


T = TypeVar("T", bound=Task)


class TaskQueue(ABC, Generic[T]):
    """Does tasks one after the other, whoever asked for them. A subclass says how, and how it speaks of them.

    Its `working` is the status of the task that is being done ("learning"), `noun` names what it does ("learning"),
    `waiting` says what a full queue is full of, and `most_kept` and `kept_for` bound the tasks that are over and can
    still be asked about: how many, and for how many seconds; `most_waiting` bounds those that are not over.
    """

    working: ClassVar[str]
    noun: ClassVar[str]
    waiting: ClassVar[str]
    most_kept: ClassVar[int]
    most_waiting: ClassVar[int] = 8
    kept_for: ClassVar[float] = float("inf")

    def __init__(self) -> None:
        self._waiting: queue.Queue[T] = queue.Queue()
        self._tasks: dict[str, T] = {}
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    @abstractmethod
    def do(self, task: T) -> tuple[str, str]:
        """Do a task, and watch its `stopping`; gives the last status and the sentence that goes with it."""

    def release(self, task: T) -> None:
        """Let go of what a task that is over needs no more."""

    def put(self, task: T) -> T:
        """Let a task wait for its turn.

        Raises:
            InputError: too many are waiting.
        """
        with self._lock:
            self._sweep()
            ahead = len(self._open())
            if ahead > self.most_waiting:
                raise InputError(f"{ahead} {self.waiting}; try again later")
            self._tasks[task.token] = task
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name=f"eclipsed-{self.noun}", daemon=True)
                self._worker.start()
        self._waiting.put(task)
        return task

    def refuse(self, task: T, message: str) -> T:
        """Note a task that cannot be done, with the sentence that says why."""
        with self._lock:
            self._sweep()
            self._tasks[task.token] = task
            self._end(task, "failed", message)
        return task

    def find(self, token: str) -> T:
        """The task of a token.

        Raises:
            InputError: there is none.
        """
        with self._lock:
            task = self._tasks.get(token) if isinstance(token, str) else None
        if task is None:
            raise InputError(f"there is no such {self.noun} any more; it may have ended long ago")
        return task

    def unfinished_tasks(self) -> list[T]:
        """Those that wait or are being done, in their order."""
        with self._lock:
            return self._open()

    def ahead(self, task: T) -> int:
        """How many tasks come before one that waits."""
        with self._lock:
            order = self._open()
            return order.index(task) if task.status == "waiting" and task in order else 0

    def stop(self, token: str) -> T:
        """Stop a task; what it came to is kept.

        Raises:
            InputError: there is none of that token.
        """
        task = self.find(token)
        with self._lock:
            task.stopping.set()
            if task.status == "waiting":
                self._end(task, "stopped", "Taken out of the queue before it began.")
        return task

    def forget(self, token: str) -> None:
        """Drop a task and what came of it; one that is being done is stopped. Nothing happens when there is none."""
        with self._lock:
            task = self._tasks.pop(token, None)
            if task is not None:
                task.stopping.set()
                if task.status == "waiting":
                    self._end(task, "stopped", "")

    def _open(self) -> list[T]:
        return [task for task in self._tasks.values() if not task.over]

    def _sweep(self) -> None:
        """Drop tasks that are over and were not asked about in time, or are too many."""
        over = [(token, task) for token, task in self._tasks.items() if task.over]
        late = {token for token, task in over if time.monotonic() - task.ended > self.kept_for}
        for token in late | {token for token, _ in over[: -self.most_kept]}:
            del self._tasks[token]

    def _work(self) -> None:
        while True:
            task = self._waiting.get()
            with self._lock:
                if task.over:
                    continue
                task.status = self.working
            try:
                status, message = self.do(task)
            except EclipsedError as error:
                status, message = "failed", in_plain_words(error)
            except Exception as error:
                _log.exception("%s failed", self.working)
                name = type(error).__name__
                status, message = "failed", f"{self.working} failed ({name}); the terminal of the studio says more."
            self._end(task, status, message)
            del task  # while nobody waits, nothing of a visitor is held

    def _end(self, task: T, status: str, message: str) -> None:
        self.release(task)
        task.ended, task.message = time.monotonic(), as_sentence(message)
        task.status = status  # last: whoever sees it finds the rest
