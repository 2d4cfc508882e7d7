"""One step down the loss: Adam on the deltas alone, and the return to where the fence lets them be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from eclipsed.errors import TrainingError
from eclipsed.latents.space import Space
from eclipsed.training.batch import Batch
from eclipsed.training.objective import Objective, Terms

__all__ = ["Point", "adam", "advance", "pace"]

BETAS = (0.9, 0.999)  # decay of Adam's two means


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
    rate: float | Tensor,
    betas: tuple[float, float] = BETAS,
    shared: Tensor | None = None,
) -> Point:
    """One step of Adam.

    Args:
        point: where it starts.
        gradient: of the loss in the deltas, (K, …).
        rate: learning rate; or, where the step's number is not to be asked for, what `pace` made of both.
        betas: decay of the two means.
        shared: 1 for the numbers of a delta that take part and 0 for the others, same shape: these share one second
            moment, their mean. The step then runs along the mean gradient, where Adam's own makes numbers that
            matter little move as far as those that matter, and depends on the axes of ws. None is Adam.
    Source: Kingma and Ba 2014, arXiv:1412.6980, algorithm 1, with eps 1e-8.
    """
    length, seen = (rate if isinstance(rate, Tensor) else pace(rate, point.step, betas=betas)).to(gradient.dtype)
    first = torch.lerp(point.first, gradient, 1 - betas[0])
    squares = gradient.square()
    if shared is not None:
        rest = tuple(range(1, squares.ndim))
        mean = (squares * shared).sum(dim=rest, keepdim=True) / shared.sum(dim=rest, keepdim=True).clamp_min(1)
        squares = mean.expand_as(squares)
    second = torch.lerp(point.second, squares, 1 - betas[1])
    deviation = (second / seen).sqrt() + 1e-8
    deltas = point.deltas - length * first / deviation
    return Point(point.step + 1, deltas, first, second)


def pace(rate: float, step: int, *, betas: tuple[float, float] = BETAS) -> Tensor:
    """Adam's learning rate over the bias of its first mean, and the bias of its second, after so many steps, (2,)."""
    sizes = (rate / (1 - betas[0] ** (step + 1)), 1 - betas[1] ** (step + 1))
    return torch.tensor(sizes, dtype=torch.float64)


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
    start, sizes = replace(point, step=0), pace(rate, point.step).to(point.deltas.dtype)
    if objective.recordable:
        key = ("step", objective.config, space.key, shared)
        batches = [_weighted(batch) if objective.bystanders else batch for batch in batches]
        found = objective.recorder(
            key,
            lambda batches, point, rate: _step(objective, batches, space, point, rate=rate, shared=shared),
            batches,
            start,
            sizes,
        )
    else:
        found = _step(objective, batches, space, start, rate=sizes, shared=shared)
    following, seen = found
    loss, clip, locality, sound = seen.tolist()
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} at step {point.step + 1}; what was learned before it is kept: "
            "lower learning_rate or the weights"
        )
    if not sound:
        raise TrainingError(
            f"the gradient was not finite at step {point.step + 1}; what was learned before it is kept: "
            "lower learning_rate or the weights"
        )
    return replace(following, step=point.step + 1), Terms(torch.tensor(loss), clip, locality)


def _step(
    objective: Objective, batches: Iterable[Batch], space: Space, point: Point, *, rate: Tensor, shared: bool
) -> tuple[Point, Tensor]:
    """One step, without asking the device for a number.

    Returns:
        The next point; and the loss, the cosine, the localization score, and 1 where all new numbers are finite, (4,).
    """
    config = objective.config
    deltas = point.deltas.detach().requires_grad_()
    gradient, parts, count = torch.zeros_like(deltas), [], 0
    for batch in batches:
        loss, seen = objective.losses(batch, space, deltas)
        (own,) = torch.autograd.grad(loss, deltas)
        gradient = gradient + own * len(batch)
        parts.append(torch.cat([loss.detach().view(1), seen]) * len(batch))
        count += len(batch)
    gradient = gradient / count
    among = None
    if shared:
        among = space.keep(torch.ones_like(gradient))
        gradient = space.share_rows(gradient, config.row_freedom)
    following = adam(replace(point, deltas=deltas.detach()), gradient, rate=rate, shared=among)
    tamed = space.constrain(
        following.deltas, objective.spread, project=config.components is not None, row_cap=config.row_cap
    )
    sound = torch.isfinite(tamed).all().view(1)
    told = torch.stack(parts).sum(dim=0) / count
    return replace(following, deltas=tamed), torch.cat([told, sound.to(told)])


def _weighted(batch: Batch) -> Batch:
    """A batch whose weight of the bystander loss is an input of the graph, where there is that loss."""
    if batch.embedding is None or isinstance(batch.keep, Tensor):
        return batch
    return replace(batch, keep=torch.tensor(batch.keep, dtype=torch.float32))
