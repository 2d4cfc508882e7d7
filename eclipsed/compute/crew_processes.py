"""Workers of this machine: this process itself, and processes of `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch

from eclipsed.compute.crew_work import Death, Make, Turn

__all__ = ["Here", "LocalProcess", "one_place", "without_ctrl_c"]

H = TypeVar("H")

_REAPED = 5.0  # seconds until the system has said how a process ended

_made: dict[str, Any] = {}  # in a worker's process, the function that does its work


@contextmanager
def one_place(hire: Callable[[], H], count: int) -> Iterator[tuple[Callable[[], H], int]]:
    """A machine that is there already: how to have a worker, and how many there are to be."""
    yield hire, count


class Here:
    """This process; a piece of work is done as it is taken.

    Args:
        make: see `eclipsed.compute.crew.run_many`.
        threads: of torch's, while work is done.
    """

    def __init__(self, make: Make[Any, Any], threads: int) -> None:
        self._threads, self._work = threads, make()
        self.ready: Future[Any] = Future()
        self.ready.set_result(None)

    def take(self, task: object, turn: Turn) -> Future[Any]:
        """Do it; what goes wrong, Ctrl-C excepted, is in the future."""
        future: Future[Any] = Future()
        with _threads(self._threads), _noting_ctrl_c() as go_on:
            try:
                future.set_result(self._work(task, replace(turn, go_on=go_on)))
            except Exception as error:
                future.set_exception(error)
        return future

    def death(self, error: BaseException) -> Death | None:
        """None: it would not be here to tell."""
        return None

    def end(self) -> None:
        """Go on with something else."""


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _noting_ctrl_c() -> Iterator[Callable[[], None]]:
    """What raises after Ctrl-C: a search catches it to keep the best so far, which is not what is to be written."""
    pressed: list[bool] = []

    def go_on() -> None:
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # where Ctrl-C does not come
        yield go_on
        return

    def note(*_: Any) -> None:
        pressed.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield go_on
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """A process that is started here does without Ctrl-C from its first moment; here it waits until that is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "pthread_sigmask"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)


class LocalProcess:
    """A process that does one piece of work at a time.

    Each has a pool to itself: of a pool of several nobody could say which of them ended, and all would.

    Args:
        make: see `eclipsed.compute.crew.run_many`.
        threads: of torch's.
    """

    def __init__(self, make: Make[Any, Any], threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share threads and the GPU
        before = set(multiprocessing.active_children())
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare, initargs=(threads,))
        with without_ctrl_c():
            self.ready: Future[Any] = self._pool.submit(_begin, make)
        self._process = max(set(multiprocessing.active_children()) - before, key=lambda one: one.pid or 0, default=None)

    def take(self, task: object, turn: Turn) -> Future[Any]:
        """Hand a piece of work over."""
        return self._pool.submit(_do, task, turn.less_memory)

    def death(self, error: BaseException) -> Death | None:
        """How the process ended, if it did."""
        if not isinstance(error, BrokenExecutor):
            return None
        code = None
        if self._process is not None:
            ended = time.monotonic() + _REAPED
            while (code := self._process.exitcode) is None and time.monotonic() < ended:
                self._process.join(0.02)  # returns at once while the pool's own thread asks how it ended
        return Death(f"exit code {code}", memory=code == -getattr(signal, "SIGKILL", 9))  # so ends who takes too much

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _prepare(threads: int) -> None:
    """Make a new process ready for work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    torch.set_num_threads(threads)


def _end_with_the_parent() -> None:
    """A pool does not notice that its owner was killed: its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _begin(make: Make[Any, Any]) -> None:
    _made["work"] = make()


def _do(task: object, less_memory: bool) -> object:
    return _made["work"](task, Turn(less_memory=less_memory))
