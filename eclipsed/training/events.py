"""What a training tells while it runs, and how it ends early."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from eclipsed.directions.calibration import LADDER
from eclipsed.errors import TrainingError
from eclipsed.latents.direction import Direction
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import Figures

__all__ = ["BrokenTraining", "Callback", "Clock", "StopTraining", "TrainStep"]

_UNKNOWN = Figures(float("nan"), MappingProxyType({}))  # before the first step


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """What a callback is told after each step.

    Args:
        phase: ``"probe"`` (in which rows the edit lives), ``"train"`` or ``"calibrate"``.
        step: steps of the phase that are done, from 1.
        steps: of the phase.
        loss: of this step.
        terms: name of each term of the loss that took part -> what it shows: of ``"clip"`` the mean cosine of the
            edited pictures and the prompt, of ``"locality"`` the share of the change that fell inside the region, of
            others their mean loss.
        seconds: since the training began.
        seconds_left: until all phases are done, as far as one can tell.
    """

    phase: str
    step: int
    steps: int
    loss: float
    terms: Mapping[str, float] = field(default_factory=dict)
    seconds: float
    seconds_left: float


Callback = Callable[[TrainStep], object]


class StopTraining(Exception):
    """Raise it in a callback, or return False there, to stop early and keep what was learned."""


class BrokenTraining(TrainingError):
    """Training had to stop.

    Attributes:
        direction: what was learned up to the last good step, not calibrated; None when that is nothing.
    """

    direction: Direction | None = None


class Clock:
    """Tells the callback where training stands, and estimates what is left.

    Args:
        config: of the training.
        callback: told of every step; None tells nobody.
    """

    def __init__(self, config: TrainConfig, callback: Callback | None) -> None:
        groups = len(config.probe_groups) if config.layers == "auto" else 0
        probe = config.probe_steps if groups > 1 else 0
        ladder = config.directions * len(LADDER) if config.calibrate else 0
        self.steps = {"probe": probe, "train": config.steps, "calibrate": ladder}
        # what a step of a phase costs; a rendering without gradient is about a third of one with it
        self.costs = {
            "probe": config.directions,
            "train": config.directions,
            "calibrate": config.calibration_faces / config.batch / 3,
        }
        self.callback = callback
        self.began = time.monotonic()
        self.done = 0.0
        self.phase = ""
        self.skipped = 0
        self.last = _UNKNOWN

    @property
    def seconds(self) -> float:
        """Since the training began."""
        return time.monotonic() - self.began

    def begin(self, phase: str, step: int) -> None:
        """Start a phase at a step; the steps before it were done in an earlier run."""
        self.phase, self.skipped = phase, step
        self.done = sum(self.costs[name] * self.steps[name] for name in self._before(phase))
        if step:  # resumed: neither the probe nor these steps took any of this run's time
            self.began = time.monotonic()

    def tell(self, step: int, figures: Figures | None = None) -> None:
        """Call back after a step; `figures` are those of the last one when None.

        Raises:
            StopTraining: the callback wants to stop.
        """
        self.last = figures = self.last if figures is None else figures
        if self.callback is None:
            return
        event = TrainStep(
            phase=self.phase,
            step=step,
            steps=self.steps[self.phase],
            loss=figures.loss,
            terms=figures.terms,
            seconds=self.seconds,
            seconds_left=self._left(step),
        )
        if self.callback(event) is False:
            raise StopTraining

    def _left(self, step: int) -> float:
        spent = self.done * (not self.skipped) + self.costs[self.phase] * (step - self.skipped)
        total = sum(self.costs[name] * self.steps[name] for name in self.steps)
        return self.seconds / max(spent, 1e-9) * max(total - self.done - self.costs[self.phase] * step, 0.0)

    def _before(self, phase: str) -> list[str]:
        names = list(self.steps)
        return names[: names.index(phase)]
