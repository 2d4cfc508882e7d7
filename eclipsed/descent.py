"""One step down the loss: Adam on the deltas alone, and the return to where the fence lets them be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.errors import TrainingError
from eclipsed.latents import Space
from eclipsed.objective import Batch, Objective, Terms

__all__ = ["Point", "adam", "advance"]


@dataclass(frozen=True, eq=False)
class Point:
    """Where a descent stands; a step makes a new one, so that the last good one is never lost.

    Args:
        step: steps done.
        deltas: (K, …).
        first: Adam's mean of gradients, same shape.
        second: Adam's mean of squared gradients, same shape.
    """

    step: int
    deltas: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def start(cls, deltas: Tensor) -> Point:
        """The point before the first step."""
        return cls(0, deltas.detach(), torch.zeros_like(deltas), torch.zeros_like(deltas))

    def to(self, device: torch.device) -> Point:
        """The same on another device."""
        return Point(self.step, self.deltas.to(device), self.first.to(device), self.second.to(device))


def adam(
    point: Point,
    gradient: Tensor,
    *,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    shared: Tensor | None = None,
) -> Point:
    """One step of Adam.

    Args:
        point: where it starts.
        gradient: of the loss in the deltas, (K, …).
        rate: learning rate.
        betas: decay of the two means.
        shared: 1 for the numbers of a delta that take part and 0 for the others, same shape: these share one second
            moment, their mean. The step then runs along the mean gradient, where Adam's own makes numbers that
            matter little move as far as those that matter, and depends on the axes of ws. None is Adam.
    Source: Kingma and Ba 2014, arXiv:1412.6980, algorithm 1, with eps 1e-8.
    """
    step = point.step + 1
    first = torch.lerp(point.first, gradient, 1 - betas[0])
    squares = gradient.square()
    if shared is not None:
        rest = tuple(range(1, squares.ndim))
        mean = (squares * shared).sum(dim=rest, keepdim=True) / shared.sum(dim=rest, keepdim=True).clamp_min(1)
        squares = mean.expand_as(squares)
    second = torch.lerp(point.second, squares, 1 - betas[1])
    deviation = (second / (1 - betas[1] ** step)).sqrt() + 1e-8
    deltas = point.deltas - rate / (1 - betas[0] ** step) * first / deviation
    return Point(step, deltas, first, second)


def advance(
    objective: Objective, batches: Iterable[Batch], space: Space, point: Point, *, rate: float, shared: bool
) -> tuple[Point, Terms]:
    """One step of training.

    Args:
        objective: the loss.
        batches: the faces of this step, in one piece or in several whose gradients add up.
        space: where the deltas live.
        point: where the descent stands.
        rate: learning rate.
        shared: whether the numbers of a delta share one second moment, and its rows go together as far as the config's
            `row_freedom` says.
    Returns:
        The next point, and the terms of the loss before the step, without gradient.
    Raises:
        TrainingError: the loss, its gradient or the new deltas are not finite.
    """
    deltas = point.deltas.detach().requires_grad_()
    gradient, parts, faces = torch.zeros_like(deltas), [], []
    for batch in batches:
        terms = objective.terms(batch, space, deltas)
        if not math.isfinite(loss := float(terms.loss.detach())):
            raise TrainingError(
                f"the loss became {loss} at step {point.step + 1}; what was learned before it is kept: "
                "lower learning_rate or the weights"
            )
        (own,) = torch.autograd.grad(terms.loss, deltas)
        gradient = gradient + own * len(batch)
        parts.append(terms)
        faces.append(len(batch))
    gradient = gradient / sum(faces)
    config = objective.config
    among = None
    if shared:
        among = space.keep(torch.ones_like(gradient))
        gradient = space.tie(gradient, config.row_freedom)
    following = adam(point, gradient, rate=rate, shared=among)
    tamed = space.tame(
        following.deltas, objective.spread, project=config.components is not None, row_cap=config.row_cap
    )
    if not bool(torch.isfinite(tamed).all()):
        raise TrainingError(
            f"the gradient was not finite at step {point.step + 1}; what was learned before it is kept: "
            "lower learning_rate or the weights"
        )
    seen = _mean(parts, faces)
    return Point(following.step, tamed, following.first, following.second), seen


def _mean(parts: Sequence[Terms], faces: Sequence[int]) -> Terms:
    """The terms of a whole batch from those of its parts."""
    count = sum(faces)
    pairs = list(zip(parts, faces, strict=True))
    loss = torch.stack([terms.loss.detach() * n for terms, n in pairs]).sum() / count
    clip, locality = (sum(getattr(t, name) * n for t, n in pairs) / count for name in ("clip", "locality"))
    return Terms(loss, clip, locality)
