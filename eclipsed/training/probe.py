"""A short trial that finds the rows of ws in which an edit lives: learn in all of them, then see which ones did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from eclipsed.directions.margins import clip_margin
from eclipsed.errors import InputError
from eclipsed.latents.rows import row_groups
from eclipsed.latents.space import Space
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.generator import Generator
from eclipsed.training.batches import Batch, Step, step_rng
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import AdamState, Figures, advance
from eclipsed.training.start import sketched, start, told_change
from eclipsed.training.terms import Loss

__all__ = ["JUDGED", "choose_space", "group_rows"]

#: Batches on which the groups are compared.
JUDGED = 3

_START = 3  # stream of random numbers, beside those of the steps
_ALIKE = 0.06  # of the share: parts that differ by no more do as much as each other
_GAINED = 0.5  # of the spread of CLIP's verdict over faces: a start that gains less does not say where an edit lives
_SAVED = 0.06  # of the loss: a trial that saves less has not found anything yet


def choose_space(
    loss: Loss, tell: Callable[[int, Figures], None], *, plan: Callable[[int], None] = lambda _: None
) -> tuple[Space, dict[str, float]]:
    """Find the group of rows in which an edit lives: of those that are asked about the one that does the most.

    An atlas says the rows itself. Where the descent begins with what the faces tell, that change itself is tried in
    each group: see `_gains`. Where there is none, or it does hardly anything, a trial learns for a few steps in all of
    the rows.

    What a group did is the loss that its rows of the learned delta save alone, as a share of what the whole delta
    saves. Short trials of each group apart mislead: colours move fast, and CLIP can be talked into a hat by them.
    For the same reason the trial's optimiser is Adam, which moves all rows alike.

    Args:
        loss: of the training; its config says which groups and how long.
        tell: called after each step of the trial with its number, from 1, and its figures.
        plan: called with the steps of the trial before it begins.
    Returns:
        The chosen space, and the share of each group; no shares where there is nothing to choose.
    Raises:
        InputError: the config's styles read none of the groups.
        TrainingError: a loss is not finite.
    """
    task = loss.task
    config, generator = task.config, task.generator
    groups = group_rows(generator, config, task.resolution)
    every = tuple(sorted(set().union(*groups.values())))
    whole = make_space(config.space, generator, layers=every, styles=config.styles)
    sketch = sketched(task)
    if sketch is not None and bool(sketch.any()):
        rows = tuple(row for row, delta in enumerate(sketch) if bool(delta.any()))
        return make_space(config.space, generator, layers=rows, styles=config.styles), {}
    if len(groups) == 1:
        return whole, {}
    known = told_change(task, whole)
    deltas = start(whole, [known], task=task, rng=step_rng(config.seed, 0, _START))
    judged = [Step(config.probe_steps + k, config.probe_steps, trial=True) for k in range(JUDGED)]
    if known is not None:
        shares = _gains(loss, whole, groups, known, judged)
        if any(shares.values()):
            return _chosen(config, generator, groups, shares), shares
    plan(config.probe_steps)
    state = AdamState.start(deltas)
    for number, rate in enumerate(config.learning_rates(config.probe_steps)):
        step = Step(number, config.probe_steps, row=min(every), trial=True)
        state, figures = advance(loss, loss.batches.of(step), whole, state, step=step, rate=rate, shared=False)
        tell(number + 1, figures)
    shares = _shares(loss, whole, groups, state.deltas, judged)
    return _chosen(config, generator, groups, shares), shares


def _chosen(
    config: TrainConfig, generator: Generator, groups: Mapping[str, tuple[int, ...]], shares: Mapping[str, float]
) -> Space:
    rows = groups[_best(shares, groups, config.probe_share)]
    return make_space(config.space, generator, layers=rows, styles=config.styles)


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
    seen = {layer.row for layer in generator.layers_up_to(resolution)}
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
def _gains(
    loss: Loss, whole: Space, groups: dict[str, tuple[int, ...]], delta: Tensor, steps: Sequence[Step]
) -> dict[str, float]:
    """How much of what a delta gains in CLIP's verdict each group gains alone; 0 for all where it gains too little.

    The verdict counts up to where CLIP is sure, in units of its spread over faces, and nothing else is asked: what an
    edit does beside does not say where it lives.
    """
    task = loss.task
    margin = clip_margin(task.clip, task.captions, dtype=task.dtype)
    faces = [loss.batches.whole(step) for step in steps]
    before = torch.cat([margin(batch.image) for batch in faces])

    def gained(space: Space) -> float:
        moved = [space.move(batch.latent, delta, 1.0).render(task.generator, task.options) for batch in faces]
        return float((torch.cat([margin(drawn.image) for drawn in moved]) - before).mean())

    every = gained(whole)
    if every <= _GAINED * float(before.std()):
        return dict.fromkeys(groups, 0.0)
    return {name: gained(whole.restricted(rows)) / every for name, rows in groups.items()}


@torch.no_grad()
def _shares(
    loss: Loss, whole: Space, groups: dict[str, tuple[int, ...]], deltas: Tensor, steps: Sequence[Step]
) -> dict[str, float]:
    """How much of the loss that the deltas save each group saves alone; 0 for all when hardly anything is saved."""
    judged: list[tuple[Batch, Tensor]] = [(loss.batches.whole(step), loss.weights(step)) for step in steps]

    def lost(space: Space, moved: Tensor) -> float:
        return sum(float(loss(batch, space, moved, weights)[0]) for batch, weights in judged)

    before = lost(whole, torch.zeros_like(deltas))
    saved = before - lost(whole, deltas)
    if saved <= _SAVED * abs(before):
        return dict.fromkeys(groups, 0.0)
    return {name: (before - lost(whole.restricted(rows), deltas)) / saved for name, rows in groups.items()}


def _best(shares: Mapping[str, float], groups: Mapping[str, Sequence[int]], least: float) -> str:
    """The part with the largest share; all rows, where they are asked about, when no part does the least share.

    Of parts that do as much as each other the one that begins at the finest row is taken: it has the least say in the
    shape of things. None can do more than all there is to do.
    """
    parts = {name: min(share, 1.0) for name, share in shares.items() if name != "all"}
    alike = [name for name in parts if parts[name] >= max(parts.values()) - _ALIKE]
    best = max(alike, key=lambda name: (groups[name][0], parts[name]))
    return "all" if "all" in shares and parts[best] < least else best
