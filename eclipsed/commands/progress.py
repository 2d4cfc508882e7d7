"""How long work shows itself in a terminal, in a notebook, and where nobody looks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eclipsed.commands.bars import Lines, NotebookBar, Stand, TerminalBar, View, duration

if TYPE_CHECKING:
    from rich.console import Console

    from eclipsed.inversion.inversion_step import InversionStep
    from eclipsed.training.events import TrainStep

__all__ = ["ProgressBar", "listed", "waiting"]

_MB = 10**6
_PHASES = {
    "survey": "looking at faces",
    "probe": "choosing layers",
    "train": "training",
    "calibrate": "calibrating",
    "latents": "inverting",
    "generator": "tuning",
    "features": "keeping",
}


class ProgressBar:
    """A bar where stderr is a terminal, one output that changes in a notebook, and lines anywhere else.

    Use it as a context manager, and give it as the callback of a training or an inversion, or call `show` after each
    step. A step of another name, or one that falls back, begins another bar. In a notebook no context is needed.

    Args:
        in_bytes: the work is counted in bytes rather than in steps.
        console: where a bar is drawn; None is stderr.
    """

    def __init__(self, *, in_bytes: bool = False, console: Console | None = None) -> None:
        self._in_bytes = in_bytes
        self._name, self._done = "", 0
        self._began, self._from = 0.0, 0  # when this bar began, and how far the work was then
        self._view = _view(console)
        self._open = False

    def __enter__(self) -> ProgressBar:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, step: TrainStep | InversionStep) -> None:
        """Show a step of a training or of an inversion: it is a callback."""
        terms: Mapping[str, float] | None = getattr(step, "terms", None)
        if terms is None:
            figures = f"{getattr(step, 'psnr', math.nan):.1f} dB"
        else:
            figures = "" if step.phase == "calibrate" else listed({"loss": step.loss, **terms})
        left = step.seconds_left if step.step else math.inf
        self.show(_PHASES.get(step.phase, step.phase), step.step, step.steps, figures=figures, seconds_left=left)

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
        self._start()
        fresh = name != self._name or done < self._done or not self._began
        if fresh:
            self._name = name
            self._began, self._from = time.monotonic(), done
        self._done = done
        self._view.draw(
            Stand(name, done, total, self._amount(total), figures, self._left(total, seconds_left), self._in_bytes),
            fresh=fresh,
        )

    def say(self, text: str) -> None:
        """Print a line of its own."""
        self._view.say(text)

    def close(self) -> None:
        """End the bar, as it stands; leaving the context does so, too."""
        if self._open:
            self._view.stop()
        self._open = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        self.close()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        if not self._open:
            self._view.start()
        self._open = True

    def _amount(self, total: int | None) -> str:
        if not self._in_bytes:
            return f"{self._done}/{total}" if total is not None else str(self._done or "")
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
            told.append(f"{duration(seconds_left)} left")
        return "  ".join(told)


@contextmanager
def waiting(what: str, *, at_once: bool = False, console: Console | None = None) -> Iterator[None]:
    """Say what is going on while nobody can count it: ``"loading mini …"``.

    Args:
        what: is being done.
        at_once: say so where nobody looks, too, before it takes a while.
        console: where it is shown; None is stderr.
    """
    view = _view(console, lasting=False, at_once=at_once)
    view.start()
    try:
        view.draw(Stand(what, 0, None), fresh=True)
        yield
    finally:
        view.stop()


def _view(console: Console | None, *, lasting: bool = True, at_once: bool = True) -> View:
    from rich.console import Console  # here, for most commands need no bar

    console = console or Console(stderr=True)
    if console.is_jupyter:
        return NotebookBar(lasting=lasting)
    return TerminalBar(console, lasting=lasting) if console.is_terminal else Lines(at_once=at_once)


def listed(terms: Mapping[str, float]) -> str:
    """Figures by their names in one line, whatever their names are; those that are no numbers are left out.

    >>> listed({"loss": 0.5, "CLIP": 0.25, "locality": float("nan")})
    'loss 0.500  CLIP 0.250'
    """
    return "  ".join(f"{name} {value:.3f}" for name, value in terms.items() if math.isfinite(value))
