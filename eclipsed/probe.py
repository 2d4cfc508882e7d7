"""A short trial of which rows of ws to edit, on the same faces for all."""

from __future__ import annotations

import math
from collections.abc import Callable

from eclipsed.config import TrainConfig
from eclipsed.descent import Point, advance
from eclipsed.errors import InputError
from eclipsed.generator import Generator
from eclipsed.latents import Space, make_space
from eclipsed.objective import Objective, Terms, step_rng
from eclipsed.rows import row_groups

__all__ = ["choose_space", "probe_spaces"]

_STREAM, _START = 2, 3  # of random numbers, beside those of training


def probe_spaces(generator: Generator, config: TrainConfig) -> dict[str, Space]:
    """The latent space restricted to each group of rows that is to be tried.

    Raises:
        InputError: the config's styles read none of the groups.
    """
    groups = row_groups(generator.num_ws)
    spaces: dict[str, Space] = {}
    for name in config.probe_groups:
        try:
            spaces[name] = make_space(config.space, generator, layers=groups[name], styles=config.styles)
        except InputError:  # in S, the chosen styles may read no row of the group
            continue
    if not spaces:
        raise InputError(f"the styles {config.styles!r} read no row of the groups {', '.join(config.probe_groups)}")
    return spaces


def choose_space(objective: Objective, tell: Callable[[int, Terms], None]) -> tuple[Space, dict[str, float]]:
    """Train in each group of rows for a few steps and take the one with the lowest loss.

    Args:
        objective: the loss; its config says which groups and how long.
        tell: called after each step with its number, from 1, and the best group's terms.
    Returns:
        The chosen space, and the mean loss of each group over the second half of its trial.
    Raises:
        TrainingError: a loss is not finite.
    """
    config = objective.config
    spaces = probe_spaces(objective.generator, config)
    if len(spaces) == 1:
        return next(iter(spaces.values())), {}
    points = {
        name: Point.start(
            space.start(
                config.directions, kind=config.start, scale=config.start_scale, rng=step_rng(config.seed, 0, _START)
            )
        )
        for name, space in spaces.items()
    }
    losses: dict[str, list[float]] = {name: [] for name in spaces}
    for step in range(config.probe_steps):
        batch = objective.batch(step, stream=_STREAM)
        rate = config.learning_rate_at(step, config.probe_steps)
        seen = []
        for name, space in spaces.items():
            points[name], terms = advance(objective, batch, space, points[name], rate=rate)
            losses[name].append(float(terms.loss))
            seen.append(terms)
        tell(step + 1, min(seen, key=lambda terms: float(terms.loss)))
    half = config.probe_steps // 2
    means = {name: sum(values[half:]) / len(values[half:]) for name, values in losses.items()}
    return spaces[_best(means, config.probe_margin)], means


def _best(losses: dict[str, float], margin: float) -> str:
    """The group of the lowest loss; all rows win only by the margin, for they leak more into what is to stay."""
    parts = {name: loss for name, loss in losses.items() if name != "all"}
    best = min(parts, key=lambda name: parts[name]) if parts else "all"
    return "all" if losses.get("all", math.inf) < parts.get(best, math.inf) * (1 - margin) else best
