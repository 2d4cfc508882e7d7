"""Where a training stands, and how long it will take: its steps and what lies between them."""

from __future__ import annotations

import math
import time
from collections import deque
from types import MappingProxyType

from eclipsed.directions.calibration import LADDER
from eclipsed.directions.survey import SURVEY_CHUNK
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import Figures
from eclipsed.training.events import Callback, StopTraining, TrainStep
from eclipsed.training.probe import JUDGED

__all__ = ["Clock"]

_UNKNOWN = Figures(float("nan"), MappingProxyType({}))  # before the first step
_LOOK = 0.5  # a look at a batch without gradient, in training steps
_PASS = 0.27  # the held-out faces drawn and judged once, in training steps for each of their batches
_SCORED = 4.5  # the figures of a finished direction, in such passes
_RECENT = 20  # steps that say how long one takes


class Clock:
    """Tells the callback where training stands, and estimates what is left.

    How long a step takes is measured in the phase that runs; what others take is reckoned from that. So is what lies
    between the steps: the trial's verdict, and a calibration's first look and last figures.

    Args:
        config: of the training.
        callback: told of every step; None tells nobody.
        faces: that CLIP looks at before the first step; 0 where they are known, or nobody asks for them.
    """

    def __init__(self, config: TrainConfig, callback: Callback | None, *, faces: int = 0) -> None:
        count = config.directions
        groups = len(config.probe_groups) if config.layers == "auto" else 0
        told = config.start in ("faces", "atlas")
        probe = config.probe_steps if groups > 1 and not told else 0  # faces that tell the rows leave nothing to try
        looks = math.ceil(faces / SURVEY_CHUNK)
        ladder = count * len(LADDER) if config.calibrate else 0
        passes = config.calibration_faces / config.batch * _PASS if config.calibrate else 0.0
        self.steps = {"survey": looks, "probe": probe, "train": config.steps, "calibrate": ladder}
        # in training steps of one direction: a step of each phase, what comes before its steps, and what after them
        look = SURVEY_CHUNK / config.batch * _PASS
        self.costs = {"survey": look, "probe": float(count), "train": float(count), "calibrate": passes}
        self.before = {"survey": 0.0, "probe": 0.0, "train": 0.0, "calibrate": passes}
        self.after = {
            "survey": JUDGED * (groups + 1) * _LOOK if groups > 1 else 0.0,
            "probe": JUDGED * (groups + 3) * _LOOK * count if probe else 0.0,
            "train": 0.0,
            "calibrate": _SCORED * passes * count,
        }
        self.callback = callback
        self.began = time.monotonic()
        self.phase = ""
        self.last = _UNKNOWN
        self._pace: float | None = None  # seconds for a cost of 1, as the phase before found
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._first = True  # the next step of the phase is its first, which may have more to do than others
        self._told = self.began

    @property
    def work(self) -> float:
        """What the whole training costs, in training steps of one direction."""
        each = (self.before[name] + self.costs[name] * self.steps[name] + self.after[name] for name in self.steps)
        return sum(cost for cost, name in zip(each, self.steps, strict=True) if self.steps[name])

    @property
    def seconds(self) -> float:
        """Since the training began."""
        return time.monotonic() - self.began

    def begin(self, phase: str, step: int) -> None:
        """Start a phase at a step; the steps before it were done in an earlier run."""
        self._pace = self._measured() if self.phase else None
        self.phase, self._first = phase, True
        self._recent.clear()
        if step:  # resumed: neither the probe nor these steps took any of this run's time
            self.began = time.monotonic()
        self._told = time.monotonic()

    def plan(self, phase: str, steps: int) -> None:
        """Reckon with a phase of so many steps, which nobody could foresee."""
        self.steps[phase] = steps

    def tell(self, step: int, figures: Figures | None = None) -> None:
        """Call back after a step; `figures` are those of the last one when None.

        Raises:
            StopTraining: the callback wants to stop.
        """
        self.last = figures = self.last if figures is None else figures
        self._measure()
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

    def _measure(self) -> None:
        """Take the time since the last step; that of a first step gives way to the others."""
        now = time.monotonic()
        spent, self._told = now - self._told, now
        if self._first:
            self._first = False
            if self._pace is None:
                self._pace = spent / self.costs[self.phase]
        else:
            self._recent.append(spent)

    def _measured(self) -> float:
        """Seconds for a cost of 1."""
        if self._recent:
            return sum(self._recent) / len(self._recent) / self.costs[self.phase]
        return self._pace or 0.0

    def _left(self, step: int) -> float:
        """Seconds until all is done."""
        names = list(self.steps)
        open_ = self.costs[self.phase] * (self.steps[self.phase] - step)
        ends = self.phase == "calibrate" and step == self.steps[self.phase]  # its figures came before the last word
        left = open_ + (0.0 if ends else self.after[self.phase])
        for name in names[names.index(self.phase) + 1 :]:
            if self.steps[name]:
                left += self.before[name] + self.costs[name] * self.steps[name] + self.after[name]
        return self._measured() * max(left, 0.0)
