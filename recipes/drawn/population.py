"""How the values of pictures go together: which value follows which, and how closely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Population"]


@dataclass(frozen=True)
class Population:
    """Values that depend on others; what is not named depends on nothing.

    A value's standard normal number becomes its own one plus the drivers' times their pulls, brought back to the
    deviation that it had, so that shares of flags and spreads of measures stay as they are.

    Args:
        follows: value -> driver -> pull. A driver that follows others itself must come before.
        step: the driver that is felt as a step, −1 without it and 1 with it, rather than as a measure.
    """

    follows: Mapping[str, Mapping[str, float]]
    step: str | None = None

    def mixing(self, index: Mapping[str, int]) -> tuple[Tensor, Tensor]:
        """What each value takes of all standard normal numbers, and of the step.

        Args:
            index: value -> position.
        Returns:
            Two tensors, float64, (V, V) and (V,).
        Raises:
            ValueError: a driver follows others and comes after what follows it.
        """
        matrix, step = torch.eye(len(index), dtype=torch.float64), torch.zeros(len(index), dtype=torch.float64)
        open_yet = set(self.follows)
        for name, drivers in self.follows.items():
            i = index[name]
            row, felt = matrix[i].clone(), 0.0
            for driver, pull in drivers.items():
                if driver in open_yet:
                    raise ValueError(f"{name!r} follows {driver!r}, which follows others and must come before it")
                if driver == self.step:
                    felt += pull
                else:
                    row += pull * matrix[index[driver]]
                    felt += pull * float(step[index[driver]])
            norm = math.sqrt(float(row.square().sum()) + felt**2)
            matrix[i], step[i] = row / norm, felt / norm
            open_yet.remove(name)
        return matrix, step
