"""Many pictures of a folder, one after the other or side by side in processes of their own."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from eclipsed.errors import InputError
from eclipsed.inversion.edited_photo import FAILED, EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor, edit_one

__all__ = ["edit_many"]

Task = tuple[str, str]  # name of a picture, and path of its result


def edit_many(editor: PhotoEditor, job: FolderJob, tasks: Sequence[Task], *, workers: int = 1) -> Iterator[EditedPhoto]:
    """Edit pictures, each on one thread, so that the results are the same for any number of workers.

    Args:
        editor: does it; it goes to each worker once.
        job: what is done to each.
        tasks: name of each picture, and path of its result.
        workers: processes; 1 is this one.
    Returns:
        What became of each, as it is done.
    Raises:
        InputError: a worker cannot be started.
        KeyboardInterrupt: Ctrl-C; what was being done then is not kept.
    """
    if min(workers, len(tasks)) > 1:
        yield from _side_by_side(editor, job, tasks, min(workers, len(tasks)))
        return
    with _one_thread(), _noting_ctrl_c() as go_on:
        for name, result in tasks:
            yield edit_one(editor, job, name, result, go_on=go_on)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _noting_ctrl_c() -> Iterator[Callable[[], None]]:
    """What raises after Ctrl-C: a search catches it to keep the best so far, which is not what a folder is to hold."""
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


class _Worker:
    """A process that edits one picture at a time."""

    def __init__(self, editor: PhotoEditor, job: FolderJob) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share threads and the GPU
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, editor, job), daemon=True)
        self.process.start()
        theirs.close()
        self.ready, self.task = False, ("", "")

    def take(self, task: Task) -> None:
        """Begin with a picture."""
        self.task = task
        self.connection.send(task)

    def end(self) -> int | None:
        """End the process; gives its exit code."""
        self.connection.close()
        self.process.terminate()
        self.process.join()
        return self.process.exitcode


def _serve(connection: Connection, editor: PhotoEditor, job: FolderJob) -> None:
    """The work of a process, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks
    torch.set_num_threads(1)
    connection.send(None)
    while True:
        try:
            name, result = connection.recv()
        except EOFError:
            return
        connection.send(edit_one(editor, job, name, result))


def _side_by_side(editor: PhotoEditor, job: FolderJob, tasks: Sequence[Task], count: int) -> Iterator[EditedPhoto]:
    waiting, crew = deque(tasks), [_Worker(editor, job) for _ in range(count)]
    try:
        while crew:
            for connection in wait([worker.connection for worker in crew]):
                worker = next(one for one in crew if one.connection is connection)
                try:
                    row = worker.connection.recv()
                except (EOFError, OSError):
                    row = _died(worker, job)
                    crew.remove(worker)
                    if waiting:
                        crew.append(_Worker(editor, job))
                worker.ready = True
                if row is not None:
                    yield row
                if worker in crew and waiting:
                    worker.take(waiting.popleft())
                elif worker in crew:
                    crew.remove(worker)
                    worker.end()
    finally:
        for worker in crew:
            worker.end()


def _died(worker: _Worker, job: FolderJob) -> EditedPhoto:
    """The row of a picture whose worker is gone.

    Raises:
        InputError: it had not begun.
    """
    worker.process.join()
    code = worker.end()
    if not worker.ready:
        raise InputError(
            f"a worker could not be started (exit code {code}); give workers=1, or call this below "
            'if __name__ == "__main__":'
        )
    name = worker.task[0]
    reason = f"{job.folder / name} ended its worker (exit code {code}): it may need more memory than there is"
    return EditedPhoto(name, FAILED, reason=reason)
