"""Shows how far downloads are: a bar with speed and time left on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as SpeedColumn

from eclipsed.commands.terminal import note
from eclipsed.pretrained.fetch_network import FetchStep

__all__ = ["TransferProgress"]

_PHASES = {
    "waiting": "waiting for another process that fetches it",
    "hub": "fetching into open_clip's cache, with its own loader",
    "verify": "verifying",
    "convert": "converting to safetensors",
}


class TransferProgress:
    """Use it as a context manager and as the callback of a fetch."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), SpeedColumn())
            self._bar = Progress(*columns, TimeRemainingColumn(), console=console)
        self._task: TaskID | None = None
        self._last = ("", "")
        self._tenth = -1
        self._began = (0.0, 0)  # when the transfer began, and with how many bytes

    def __enter__(self) -> TransferProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        if self._bar is not None:
            self._bar.stop()
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.start()

    def __call__(self, step: FetchStep) -> None:
        """Show one step."""
        new = (step.network, step.phase) != self._last
        self._last = (step.network, step.phase)
        if step.phase != "transfer":
            if new:
                self._say(f"{step.network}: {_PHASES.get(step.phase, step.phase)}")
        elif self._bar is not None:
            if new or self._task is None:
                self._task = self._bar.add_task(step.network, total=step.total, completed=step.done)
            self._bar.update(self._task, completed=step.done, total=step.total)
        else:
            self._line(step, new)

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            note(text)

    def _line(self, step: FetchStep, new: bool) -> None:
        now = time.monotonic()
        if new:
            self._began, self._tenth = (now, step.done), -1
        tenth = 10 * step.done // step.total if step.total else step.done // 10**8
        if tenth == self._tenth:
            return
        self._tenth = tenth
        text = f"{step.network}: {step.done / 1e6:.1f} MB"
        if step.total:
            text = f"{step.network}: {step.done / 1e6:.1f} of {step.total / 1e6:.1f} MB"
        speed = (step.done - self._began[1]) / max(now - self._began[0], 1e-9)
        if step.done > self._began[1]:
            text += f", {speed / 1e6:.1f} MB/s"
            if step.total and step.done < step.total:
                text += f", {(step.total - step.done) / speed:.0f} s left"
        note(text)
