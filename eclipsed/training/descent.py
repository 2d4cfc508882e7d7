"""One step down the loss: Adam on the deltas alone, and the return to where the fence lets them be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from eclipsed.errors import TrainingError
from eclipsed.latents.space import Space
from eclipsed.training.batches import Batch, Step
from eclipsed.training.terms import Loss

__all__ = ["AdamState", "Figures", "adam", "advance", "pace"]

BETAS = (0.9, 0.999)  # decay of Adam's two means


@dataclass(frozen=True, eq=False)
class AdamState:
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
    def start(cls, deltas: Tensor) -> AdamState:
        """The state before the first step."""
        return cls(0, deltas.detach(), torch.zeros_like(deltas), torch.zeros_like(deltas))

    def to(self, device: torch.device) -> AdamState:
        """The same on another device."""
        return AdamState(self.step, self.deltas.to(device), self.first.to(device), self.second.to(device))


@dataclass(frozen=True)
class Figures:
    """What a person wants to see of a step.

    Args:
        loss: before the step.
        terms: name of each term that took part -> what it shows.
    """

    loss: float
    terms: Mapping[str, float]


def adam(
    state: AdamState,
    gradient: Tensor,
    *,
    rate: float | Tensor,
    betas: tuple[float, float] = BETAS,
    shared: Tensor | None = None,
) -> AdamState:
    """One step of Adam.

    Args:
        state: where it starts.
        gradient: of the loss in the deltas, (K, …).
        rate: learning rate; or, where the step's number is not to be asked for, what `pace` made of both.
        betas: decay of the two means.
        shared: 1 for the numbers of a delta that take part and 0 for the others, same shape: these share one second
            moment, their mean. The step then runs along the mean gradient, where Adam's own makes numbers that
            matter little move as far as those that matter, and depends on the axes of ws. None is Adam.
    Source: Kingma and Ba 2014, arXiv:1412.6980, algorithm 1, with eps 1e-8.
    """
    length, seen = (rate if isinstance(rate, Tensor) else pace(rate, state.step, betas=betas)).to(gradient.dtype)
    first = torch.lerp(state.first, gradient, 1 - betas[0])
    squares = gradient.square()
    if shared is not None:
        rest = tuple(range(1, squares.ndim))
        mean = (squares * shared).sum(dim=rest, keepdim=True) / shared.sum(dim=rest, keepdim=True).clamp_min(1)
        squares = mean.expand_as(squares)
    second = torch.lerp(state.second, squares, 1 - betas[1])
    deviation = (second / seen).sqrt() + 1e-8
    deltas = state.deltas - length * first / deviation
    return AdamState(state.step + 1, deltas, first, second)


def pace(rate: float, step: int, *, betas: tuple[float, float] = BETAS) -> Tensor:
    """Adam's learning rate over the bias of its first mean, and the bias of its second, after so many steps, (2,)."""
    sizes = (rate / (1 - betas[0] ** (step + 1)), 1 - betas[1] ** (step + 1))
    return torch.tensor(sizes, dtype=torch.float64)


def advance(
    loss: Loss, batches: Iterable[Batch], space: Space, state: AdamState, *, step: Step, rate: float, shared: bool
) -> tuple[AdamState, Figures]:
    """One step of training.

    Args:
        loss: that is to fall.
        batches: the faces of this step, in one piece or in several whose gradients add up.
        space: where the deltas live.
        state: where the descent stands.
        step: which one it is.
        rate: learning rate.
        shared: whether the numbers of a delta share one second moment, and its rows go together as far as the config's
            `row_freedom` says.
    Returns:
        The next state, and what a person wants to see of the loss before the step.
    Raises:
        TrainingError: the loss, its gradient or the new deltas are not finite.
    """
    start, sizes = replace(state, step=0), pace(rate, state.step).to(state.deltas.dtype)
    weights = loss.weights(step)
    if loss.batches.recordable:
        following, told = loss.task.recorder(
            ("step", loss.task.config, space.key, shared),
            lambda batches, state, sizes, weights: _step(loss, batches, space, state, sizes, weights, shared, True),
            list(batches),
            start,
            sizes,
            weights,
        )
    else:
        following, told = _step(loss, batches, space, start, sizes, weights, shared, False)
    value, *shown, sound = told.tolist()
    if not math.isfinite(value):
        raise TrainingError(
            f"the loss became {value} at step {state.step + 1}; what was learned before it is kept: "
            "lower learning_rate or the weights"
        )
    if not sound:
        raise TrainingError(
            f"the gradient was not finite at step {state.step + 1}; what was learned before it is kept: "
            "lower learning_rate or the weights"
        )
    names = [term.name for term in loss.terms]
    terms = {name: one for name, one, weight in zip(names, shown, weights.tolist(), strict=True) if weight}
    return replace(following, step=state.step + 1), Figures(value, terms)


def _step(
    loss: Loss,
    batches: Iterable[Batch],
    space: Space,
    state: AdamState,
    sizes: Tensor,
    weights: Tensor,
    shared: bool,
    every: bool,
) -> tuple[AdamState, Tensor]:
    """One step; with `every` term computed, without asking the device for a number.

    Returns:
        The next state; and the loss, what each term shows, and 1 where all new numbers are finite, (T + 2,).
    """
    config = loss.task.config
    deltas = state.deltas.detach().requires_grad_()
    gradient, parts, count = torch.zeros_like(deltas), [], 0
    for batch in batches:
        value, shown = loss(batch, space, deltas, weights, every=every)
        (own,) = torch.autograd.grad(value, deltas)
        gradient = gradient + own * len(batch)
        parts.append(torch.cat([value.detach().view(1), shown]) * len(batch))
        count += len(batch)
    gradient = gradient / count
    among = None
    if shared:
        among = space.keep(torch.ones_like(gradient))
        gradient = space.share_rows(gradient, config.row_freedom)
    following = adam(replace(state, deltas=deltas.detach()), gradient, rate=sizes, shared=among)
    constrained = space.constrain(
        following.deltas, loss.task.statistics, project=config.components is not None, row_cap=config.row_cap
    )
    sound = torch.isfinite(constrained).all().view(1)
    told = torch.stack(parts).sum(dim=0) / count
    return replace(following, deltas=constrained), torch.cat([told, sound.to(told)])
