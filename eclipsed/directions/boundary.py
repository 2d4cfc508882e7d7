"""A direction from labels: straight across the boundary between faces that have an attribute and those that lack it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eclipsed.directions.plane import Plane
from eclipsed.errors import DirectionError, InputError, MissingExtraError
from eclipsed.latents.direction import Direction
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region
from eclipsed.values.extras import pip_line
from eclipsed.worlds.world import find_world

__all__ = ["EXTREMES", "Boundary", "Fit", "fit_boundary"]

#: Share of all faces that count as having the attribute for certain, and as many as lacking it.
EXTREMES = 0.1

_TRAINED = 0.7  # of the extremes; the others validate
_LEAST = 10  # faces in a group
_C = 0.01  # of the SVM: in 128 to 512 dimensions a few hundred faces are few, and a wide margin errs least


@dataclass(frozen=True, eq=False)
class Fit:
    """A boundary, and how well it tells faces apart.

    Args:
        plane: the boundary in w.
        samples: faces that were labelled.
        extremes: faces of each group that it was fitted to and validated on.
        validation: share of held-back extremes on the right side of it.
        rest: share of the other faces on the right side, told by whether their score is nearer to the mean of the one
            group or the other; None where there are none.
    """

    plane: Plane
    samples: int
    extremes: int
    validation: float
    rest: float | None


def fit_boundary(
    w: Tensor, scores: Tensor, *, statistics: WStatistics, extremes: float = EXTREMES, seed: int = 0
) -> Fit:
    """Fit a linear support vector machine between the faces of the highest and of the lowest scores.

    It is fitted in the kept principal components of w, each over its standard deviation, where faces lie alike in every
    direction.

    Args:
        w: of the faces, (N, w_dim).
        scores: by how much each has the attribute, (N,); those that are not finite are left out.
        statistics: of the generator's w.
        extremes: share of the faces in each of the two groups, in (0, 0.5].
        seed: of the choice of those that validate, and of the order in which the machine sees the others.
    Raises:
        InputError: too few faces, or all of one score.
        MissingExtraError: scikit-learn is not here.
    Source: Shen et al. 2020, arXiv:2005.09635; there C = 1, w as it is, and the offset is thrown away.
    """
    if not 0 < extremes <= 0.5:
        raise InputError(f"the share of extremes must be in (0, 0.5]; got {extremes}")
    known = torch.isfinite(scores)
    w, scores = w[known].double().cpu(), scores[known].double().cpu()
    size = int(extremes * len(w))
    if size < _LEAST:
        raise InputError(
            f"a boundary needs at least {_LEAST} faces of each kind; {extremes:.0%} of {len(w)} are {size}"
        )
    order = scores.argsort(descending=True, stable=True)
    if float(scores[order[size - 1]]) <= float(scores[order[-size]]):
        raise InputError("the labels do not tell the faces apart; too many have the same score")
    basis = statistics.basis[:, : statistics.kept].double().cpu()
    deviation = statistics.variance[: statistics.kept].double().cpu().clamp(min=1e-12).sqrt()
    mean = statistics.mean.double().cpu()
    along = (((w - mean) @ basis) / deviation).numpy()
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(part.numpy()) for part in (order[:size], order[-size:])]
    cut = round(_TRAINED * size)
    machine = _machine(seed)
    machine.fit(*_labelled(along, [part[:cut] for part in groups]))
    held, truth = _labelled(along, [part[cut:] for part in groups])
    middle = float(scores[order[:size]].mean() + scores[order[-size:]].mean()) / 2
    rest = order[size:-size].numpy()
    right = machine.predict(along[rest]) == (scores[rest].numpy() > middle) if len(rest) else None
    normal = basis @ (torch.from_numpy(machine.coef_[0]) / deviation)  # (w_dim,)
    offset = (float(machine.intercept_[0]) - float(normal @ mean)) / float(normal.norm())
    unit = normal / normal.norm()
    sides = w @ unit + offset
    return Fit(
        Plane(tuple(unit.tolist()), offset, float(sides.std())),
        samples=len(w),
        extremes=size,
        validation=float((machine.predict(held) == truth).mean()),
        rest=None if right is None else float(right.mean()),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Boundary:
    """Finds the way straight across the boundary between faces that have an attribute and faces that lack it.

    It takes anybody's labels and what is certain of them alone, and gives a plane: how well it tells faces apart is
    known, and so is how far from it each face is. `Survey.boundary`, with which a training begins, is another thing: it
    gives a way without a plane, from CLIP's doubtful verdict on every face, and leaves bystanders out, which only
    captions can name.

    Args:
        generator: whose faces they are.
        w: of the faces, (N, w_dim).
        scores: by how much each has the attribute, (N,).
        labels: who says so, for the file: ``"classifier"``.
        extremes: see `fit_boundary`.
        layers: rows of ws, or names of layers, that it may change; None is all.
        region: the parts that it changes; None is left for `Editor.find` to measure.
        prompt: the sentence that it stands for, if there is one.
        name: what it is called.
        seeds: of the faces.
    """

    generator: Generator
    w: Tensor
    scores: Tensor
    labels: str
    extremes: float = EXTREMES
    layers: Sequence[int | str] | None = None
    region: Region | None = None
    prompt: str | None = None
    name: str = ""
    seeds: Collection[int] = ()

    method = "linear boundary"

    def find(self) -> Direction:
        """The normal of the boundary in W, as long as faces spread along it; its plane is in the config."""
        statistics = WStatistics.of_generator(self.generator)
        fit = fit_boundary(self.w, self.scores, statistics=statistics, extremes=self.extremes)
        found = Direction.of(
            self.generator,
            torch.tensor(fit.plane.normal) * fit.plane.deviation,
            method=self.method,
            space="W",
            layers=self.layers,
            region=self.region or Region(find_world().whole, True),
            prompt=self.prompt,
            name=self.name,
        )
        if not float(found.deltas.norm()):
            raise DirectionError("the boundary has no normal; give more faces")
        scores: dict[str, Any] = {"samples": fit.samples, "extremes": fit.extremes, "validation": fit.validation}
        seeds = {"seeds": list(self.seeds)} if len(self.seeds) else {}
        return replace(
            found,
            config={**seeds, "labels": self.labels, "plane": fit.plane.to_json()},
            scores={**scores, "rest": fit.rest},
        )


def _labelled(along: NDArray[Any], groups: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The places of two groups, and whether each has the attribute."""
    return along[np.concatenate(groups)], np.repeat([True, False], [len(part) for part in groups])


def _machine(seed: int) -> Any:
    try:
        from sklearn.svm import LinearSVC
    except ImportError:
        raise MissingExtraError(f"a boundary needs scikit-learn: {pip_line(extra='boundary')}") from None
    return LinearSVC(C=_C, dual="auto", max_iter=20_000, random_state=seed)
