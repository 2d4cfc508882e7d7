"""How long work shows itself in the terminal, whatever the work is."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from eclipsed.commands.terminal import note

__all__ = ["ProgressBar", "listed"]

_MB = 10**6
_EVERY = 100 * _MB  # bytes between two lines where nobody knows how many there are


class ProgressBar:
    """A bar where stderr is a terminal, and a line every tenth of the way where it is not.

    Use it as a context manager, and call `show` after each step. A step of another name, or one that falls back,
    begins another bar.

    Args:
        in_bytes: the work is counted in bytes rather than in steps.
        console: where a bar is drawn; None is stderr.
    """

    def __init__(self, *, in_bytes: bool = False, console: Console | None = None) -> None:
        self._in_bytes = in_bytes
        self._name, self._done, self._tenth = "", 0, -1
        self._began, self._from = 0.0, 0  # when this bar began, and how far the work was then
        self._task: TaskID | None = None
        self._bar: Progress | None = None
        console = console or Console(stderr=True)
        if console.is_terminal:
            name, *texts = (
                TextColumn(text, markup=False, table_column=Column(no_wrap=True))
                for text in ("{task.description:<15}", "{task.fields[amount]}", "{task.fields[left]}")
            )
            self._bar = Progress(name, BarColumn(bar_width=20), *texts, _Figures(), console=console)

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(
        self, name: str, done: int, total: int | None, *, figures: str = "", seconds_left: float | None = None
    ) -> None:
        """Show one step.

        Args:
            name: what is being done.
            done: steps, or bytes, that are done.
            total: in all; None where nobody knows.
            figures: what else is to be said, see `listed`.
            seconds_left: until all is done; None reckons it from the time that this name took so far.
        """
        fresh = name != self._name or done < self._done or not self._began
        if fresh:
            self._name, self._tenth = name, -1
            self._began, self._from = time.monotonic(), done
        self._done = done
        if self._bar is not None:
            self._draw(self._bar, fresh, total, figures, self._left(total, seconds_left))
        else:
            self._write(total, figures, seconds_left)

    def say(self, text: str) -> None:
        """Print a line of its own."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            note(text)

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

    def _draw(self, bar: Progress, fresh: bool, total: int | None, figures: str, left: str) -> None:
        fields: dict[str, Any] = {"amount": self._amount(total), "figures": figures, "left": left}
        if not fresh and self._task is not None:
            bar.update(self._task, completed=self._done, total=total, **fields)
            return
        if self._task is not None:
            bar.update(self._task, visible=False)
        self._task = bar.add_task(self._name, completed=self._done, total=total, **fields)

    def _write(self, total: int | None, figures: str, seconds_left: float | None) -> None:
        tenth = 10 * self._done // total if total else self._done // _EVERY
        if tenth != self._tenth:
            told = (f"{self._name} {self._amount(total)}", figures, self._left(total, seconds_left))
            note("  ".join(filter(None, told)))
        self._tenth = tenth

    def _amount(self, total: int | None) -> str:
        if not self._in_bytes:
            return f"{self._done}/{'?' if total is None else total}"
        return f"{self._done / _MB:.1f} MB" if total is None else f"{self._done / _MB:.1f}/{total / _MB:.1f} MB"

    def _left(self, total: int | None, seconds_left: float | None) -> str:
        """Speed and time left, as far as they are known."""
        told = []
        rate = (self._done - self._from) / max(time.monotonic() - self._began, 1e-9)
        if self._in_bytes and rate:
            told.append(f"{rate / _MB:.1f} MB/s")
        if seconds_left is None and total and rate:
            seconds_left = (total - self._done) / rate
        if seconds_left is not None and math.isfinite(seconds_left):
            told.append(f"{_duration(seconds_left)} left")
        return "  ".join(told)


class _Figures(ProgressColumn):
    """The figures on one line; what a narrow terminal has no room for is cut."""

    def render(self, task: Task) -> Text:
        """The text of a step."""
        return Text(str(task.fields["figures"]), no_wrap=True, overflow="ellipsis")


def listed(terms: Mapping[str, float]) -> str:
    """Figures by their names in one line, whatever their names are; those that are no numbers are left out.

    >>> listed({"loss": 0.5, "CLIP": 0.25, "locality": float("nan")})
    'loss 0.500  CLIP 0.250'
    """
    return "  ".join(f"{name} {value:.3f}" for name, value in terms.items() if math.isfinite(value))


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
