"""How a training shows itself in the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from eclipsed.commands.terminal import note

if TYPE_CHECKING:
    from eclipsed.training.train import TrainStep

__all__ = ["TrainingProgress"]

_PHASES = {"probe": "choosing layers", "train": "training", "calibrate": "calibrating"}


class TrainingProgress:
    """Shows training steps: a bar where stderr is a terminal, a line every tenth of the way where it is not.

    Use it as a context manager and as the callback of a training.
    """

    def __init__(self) -> None:
        self.last: TrainStep | None = None
        self._tenth: tuple[str, int] | None = None
        self._task: TaskID | None = None
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description:<15}"), BarColumn(bar_width=24), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[figures]}"), console=console)

    def __enter__(self) -> TrainingProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, step: TrainStep) -> None:
        """Show one step."""
        if self._bar is not None:
            self._show(self._bar, step)
        else:
            self._print(step)
        self.last = step

    def _show(self, bar: Progress, step: TrainStep) -> None:
        if self._task is None or self.last is None or self.last.phase != step.phase:
            if self._task is not None:
                bar.update(self._task, visible=False)
            self._task = bar.add_task(_PHASES.get(step.phase, step.phase), total=step.steps, figures="")
        bar.update(self._task, completed=step.step, total=step.steps, figures=_figures(step))

    def _print(self, step: TrainStep) -> None:
        tenth = (step.phase, 10 * step.step // max(step.steps, 1))
        if tenth != self._tenth:
            note(f"{_PHASES.get(step.phase, step.phase)} {step.step}/{step.steps}  {_figures(step)}")
        self._tenth = tenth


def _figures(step: TrainStep) -> str:
    shown = (("loss", step.loss), ("CLIP", step.clip), ("locality", step.locality))
    figures = [f"{name} {value:.3f}" for name, value in shown if math.isfinite(value) and step.phase != "calibrate"]
    if math.isfinite(step.seconds_left):
        figures.append(f"{_duration(step.seconds_left)} left")
    return "  ".join(figures)


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
