"""What a training tells while it runs, and how it ends early."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eclipsed.errors import TrainingError
from eclipsed.latents.direction import Direction

__all__ = ["BrokenTraining", "Callback", "StopTraining", "TrainStep"]


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """What a callback is told after each step.

    Args:
        phase: ``"survey"`` (CLIP looks at many faces, once for all sentences), ``"probe"`` (in which rows the edit
            lives, where the faces do not tell), ``"train"`` or ``"calibrate"``.
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
