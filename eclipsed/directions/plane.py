"""A boundary in w as a plane: on which side of it faces are, and how far from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eclipsed.errors import DirectionError
from eclipsed.latents.direction import Direction

__all__ = ["Plane", "alphas_to_reach"]


@dataclass(frozen=True)
class Plane:
    """Where ``⟨w, normal⟩ + offset`` is 0.

    Args:
        normal: of length 1, towards those that have the attribute.
        offset: see above.
        deviation: standard deviation of faces across it, the unit of distances.
    """

    normal: tuple[float, ...]
    offset: float
    deviation: float

    def distance(self, w: Tensor) -> Tensor:
        """How far beyond the boundary w is, in standard deviations of faces; negative before it.

        Args:
            w: (…, w_dim).
        Returns:
            (…).
        """
        return (w.double() @ torch.tensor(self.normal, dtype=torch.float64, device=w.device) + self.offset) / (
            self.deviation
        )

    def to_json(self) -> dict[str, Any]:
        """The plane as a plain dict, ready for `json.dumps`; its normal is the direction's."""
        return {"offset": self.offset, "deviation": self.deviation}


def alphas_to_reach(direction: Direction, ws: Tensor, distance: float) -> list[float]:
    """The strength that brings each face to one distance from a direction's boundary.

    Args:
        direction: that a boundary gave, in W.
        ws: of the faces, (N, num_ws, w_dim); the mean over the rows that the direction changes is where they are.
        distance: beyond the boundary, in standard deviations of faces; a negative one is on the side of those that lack
            it.
    Returns:
        An alpha for each face.
    Raises:
        DirectionError: the direction knows of no boundary.
    Source: Shen et al. 2020, arXiv:2005.09635, w + (d − ⟨w, n⟩) n; the offset counts here.
    """
    plane = direction.config.get("plane")
    if not isinstance(plane, dict) or direction.space != "W" or len(direction) != 1:
        raise DirectionError(f"direction {direction.name!r} has no boundary to be brought to; one from labels has")
    try:
        offset, deviation = float(plane["offset"]), float(plane["deviation"])
    except (KeyError, TypeError, ValueError):
        offset, deviation = math.nan, math.nan
    if not (math.isfinite(offset) and math.isfinite(deviation) and deviation > 0):
        raise DirectionError(f"the boundary of direction {direction.name!r} is damaged; make it again")
    step = direction.deltas[0].double() * direction.scale
    unit = step / step.norm()
    there = Plane(tuple(unit.tolist()), offset, deviation).distance(ws[:, list(direction.layers)].mean(dim=1).cpu())
    return [float(alpha) for alpha in (distance - there) * deviation / step.norm()]
