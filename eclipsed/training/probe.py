"""A short trial that finds the rows of ws in which an edit lives: learn in all of them, then see which ones did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.latents.rows import row_groups
from eclipsed.latents.space import Space
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.generator import Generator
from eclipsed.training.batch import Batch
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import Point, advance
from eclipsed.training.objective import Objective, Terms, step_rng

__all__ = ["choose_space", "group_rows"]

_STREAM, _START = 2, 3  # of random numbers, beside those of training
_ALIKE = 0.06  # of the share: parts that differ by no more do as much as each other
_SAVED = 0.06  # of the loss: a trial that saves less has not found anything yet
_JUDGED = 3  # batches on which the groups are compared


def choose_space(objective: Objective, tell: Callable[[int, Terms], None]) -> tuple[Space, dict[str, float]]:
    """Learn for a few steps in all rows that are asked about, then keep the group of them that did the most.

    What a group did is the loss that its rows of the learned delta save alone, as a share of what the whole delta
    saves. Short trials of each group apart mislead: colours move fast, and CLIP can be talked into a hat by them.
    For the same reason the trial's optimiser is Adam, which moves all rows alike.

    Args:
        objective: the loss; its config says which groups and how long.
        tell: called after each step with its number, from 1, and its terms.
    Returns:
        The chosen space, and the share of each group; no shares where there is nothing to choose.
    Raises:
        InputError: the config's styles read none of the groups.
        TrainingError: a loss is not finite.
    """
    config, generator = objective.config, objective.generator
    groups = group_rows(generator, config, objective.resolution)
    every = tuple(sorted(set().union(*groups.values())))
    whole = make_space(config.space, generator, layers=every, styles=config.styles)
    if len(groups) == 1:
        return whole, {}
    start = whole.start(
        config.directions, kind=config.start, scale=config.start_scale, rng=step_rng(config.seed, 0, _START)
    )
    point = Point.start(start)
    for step in range(config.probe_steps):
        batches = objective.batches(step, stream=_STREAM, row=min(every))
        rate = config.learning_rate_at(step, config.probe_steps)
        point, terms = advance(objective, batches, whole, point, rate=rate, shared=False)
        tell(step + 1, terms)
    judged = [objective.batch(config.probe_steps + k, stream=_STREAM) for k in range(_JUDGED)]
    shares = _shares(objective, whole, groups, point.deltas, judged)
    rows = groups[_best(shares, groups, config.probe_share)]
    return make_space(config.space, generator, layers=rows, styles=config.styles), shares


def group_rows(generator: Generator, config: TrainConfig, resolution: int) -> dict[str, tuple[int, ...]]:
    """The rows of each group that is to be compared.

    Args:
        generator: whose rows they are.
        config: which groups.
        resolution: side of the training pictures; rows that only larger ones read are in no group, since nothing
            would be known of what they do.
    Raises:
        InputError: the config's styles read none of the groups.
    """
    known = row_groups(generator.num_ws)
    seen = {layer.row for layer in generator.layers if layer.resolution <= resolution}
    groups: dict[str, tuple[int, ...]] = {}
    for name in config.probe_groups:
        rows = tuple(row for row in known[name] if row in seen)
        if not rows:
            continue
        try:
            make_space(config.space, generator, layers=rows, styles=config.styles)
        except InputError:  # in S, the chosen styles may read no row of the group
            continue
        groups[name] = rows
    if not groups:
        raise InputError(f"the styles {config.styles!r} read no row of the groups {', '.join(config.probe_groups)}")
    return groups


@torch.no_grad()
def _shares(
    objective: Objective, whole: Space, groups: dict[str, tuple[int, ...]], deltas: Tensor, batches: list[Batch]
) -> dict[str, float]:
    """How much of the loss that the deltas save each group saves alone; 0 for all when hardly anything is saved."""

    def loss(space: Space, moved: Tensor) -> float:
        return sum(float(objective.terms(batch, space, moved).loss) for batch in batches)

    before = loss(whole, torch.zeros_like(deltas))
    saved = before - loss(whole, deltas)
    if saved <= _SAVED * abs(before):
        return dict.fromkeys(groups, 0.0)
    return {name: (before - loss(whole.restricted(rows), deltas)) / saved for name, rows in groups.items()}


def _best(shares: Mapping[str, float], groups: Mapping[str, Sequence[int]], least: float) -> str:
    """The part with the largest share; all rows, where they are asked about, when no part does the least share.

    Of parts that do as much as each other the one that begins at the finest row is taken: it has the least say in the
    shape of things. None can do more than all there is to do.
    """
    parts = {name: min(share, 1.0) for name, share in shares.items() if name != "all"}
    alike = [name for name in parts if parts[name] >= max(parts.values()) - _ALIKE]
    best = max(alike, key=lambda name: (groups[name][0], parts[name]))
    return "all" if "all" in shares and parts[best] < least else best
