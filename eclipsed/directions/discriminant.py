"""The way across the boundary between faces that have something and faces that lack it, from a verdict on many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Discriminant", "regressed"]

_LEAST = 0.015  # share of the faces that count at least as having what a sentence says, and as lacking it
_FEWEST = 16  # as many of them at least, where a quarter are not fewer
_RIDGE = 6.0  # of the mean variance of w, where there are as many faces as components: more faces need less of it
_DOUBT = 0.25  # of the spread of the verdict: so near the edge between having and lacking, a face counts as between
_APART = 3.0  # how far a bystander that the faces tell of for certain is taken out: a quarter of it stays


@dataclass(frozen=True, eq=False)
class Discriminant:
    """A linear regression of a verdict on where faces are, and what a step is to be spared.

    Args:
        along: where the faces are, beside their mean, (N, K), in double precision on the CPU.
        having: which of them have it, (N,).
        slope: by how much the verdict grows with each coordinate, others held, (K,).
        cost: what steps cost, a symmetric positive form, (K, K); that of the plain length is the identity.
    Source: Fisher 1936 (the linear discriminant); Shen et al. 2020, arXiv:2005.09635, who find boundaries in W with
        the labels of a classifier, and take one attribute out of another by projection; here the projection gives
        way as far as the regression of the bystander can be believed.
    """

    along: Tensor
    having: Tensor
    slope: Tensor
    cost: Tensor

    @classmethod
    def of(cls, along: Tensor, margins: Tensor, *, bystanders: Sequence[Tensor] = ()) -> Discriminant:
        """The regression of a verdict.

        A face of which the judge is in doubt counts as between; what a step would do to the verdicts on bystanders
        costs more than its length.

        Args:
            along: where the faces are, (N, K).
            margins: by how much each has it: positive where the judge says so, (N,).
            bystanders: verdicts on what is to stay, (N,) each.
        """
        margins, along = margins.double().cpu(), along.double().cpu()
        along = along - along.mean(dim=0)
        least = max(round(_LEAST * len(margins)), min(_FEWEST, len(margins) // 4))
        wanted = min(max(int((margins > 0).sum()), least), len(margins) - least)
        ranked = margins.argsort(descending=True, stable=True)
        having = torch.zeros(len(margins), dtype=torch.bool)
        having[ranked[:wanted]] = True
        edge = margins[ranked[wanted - 1]]
        verdict = torch.sigmoid((margins - edge) / (_DOUBT * margins.std()).clamp(min=1e-12))
        others = torch.zeros(len(margins), 0, dtype=torch.float64)
        if bystanders:
            others = torch.stack([one.double().cpu() for one in bystanders], dim=1)
            others = (others - others.mean(dim=0)) / others.std(dim=0).clamp(min=1e-12)
        slopes, spread = _regressed(along, torch.cat([(verdict - verdict.mean())[:, None], others], dim=1))
        slope, normals = slopes[:, 0], slopes[:, 1:]
        believed = 1 - (others - along @ normals).square().mean(dim=0)  # share of the verdict that the place tells
        cost = torch.eye(along.shape[1], dtype=torch.float64)
        cost = cost + _APART * (normals * believed.clamp(0, 1)) @ normals.T * spread
        return cls(along, having, slope, cost)

    def step(self, among: Tensor | None = None) -> Tensor:
        """The step that gains most of the verdict for what it costs, as long as the two groups are apart along it.

        Args:
            among: coordinates that it may use, (K,) bool; None is all.
        Returns:
            (K,).
        """
        used = torch.arange(len(self.slope)) if among is None else among.nonzero()[:, 0]
        normal = torch.zeros_like(self.slope)
        normal[used] = torch.linalg.solve(self.cost[used][:, used], self.slope[used])
        unit = normal / normal.norm().clamp(min=1e-12)
        reach = self.along @ unit
        step: Tensor = unit * (reach[self.having].mean() - reach[~self.having].mean())
        return step


def regressed(along: Tensor, values: Tensor) -> Tensor:
    """By how much values grow with each coordinate, others held.

    Args:
        along: where faces are, (N, K).
        values: of the faces, (N, V).
    Returns:
        (K, V), in double precision.
    """
    along, values = along.double().cpu(), values.double().cpu()
    return _regressed(along - along.mean(dim=0), values - values.mean(dim=0))[0]


def _regressed(along: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes of values about their mean (K, V), and the mean variance of the coordinates."""
    covariance = along.T @ along / len(along)
    spread = covariance.diagonal().mean()
    ridge = _RIDGE * len(covariance) / len(along) * spread * torch.eye(len(covariance), dtype=torch.float64)
    return torch.linalg.solve(covariance + ridge, along.T @ values / len(along)), spread
