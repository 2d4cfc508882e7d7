"""Schedules of the learning rate: which share of the highest rate each step has."""

from __future__ import annotations

import math
from collections.abc import Callable

from eclipsed.values.registry import Registry

__all__ = ["SCHEDULES", "Schedule", "constant", "cosine", "halved"]

#: what a schedule is told, a step from 0 and the number of steps; and gives, the factor of the learning rate
Schedule = Callable[[int, int], float]


def constant(step: int, steps: int) -> float:
    """The same at every step."""
    return 1.0


def halved(step: int, steps: int) -> float:
    """Halved after each quarter of the steps, as in the eCLIPsed report (EPFL 2023)."""
    return float(0.5 ** (4 * step // steps))


def cosine(step: int, steps: int) -> float:
    """Half a cosine, from 1 down to almost 0.

    Source: Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5, without restarts.
    """
    return 0.5 * (1 + math.cos(math.pi * step / steps))


#: every schedule by its name
SCHEDULES: Registry[Schedule] = Registry(
    "schedule", {name: f"{__name__}:{name}" for name in ("constant", "halved", "cosine")}
)
