"""What tells two groups of faces apart, as one change of ws."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from eclipsed.errors import DirectionError, InputError

__all__ = ["MEANS", "PAIRED", "HasWs", "difference"]

#: what a direction file says of how it was made
MEANS, PAIRED = "difference of means", "paired differences"


class HasWs(Protocol):
    """Whatever has ws, (N, num_ws, w_dim): `Faces`, or a `Latent`."""

    @property
    def ws(self) -> Tensor:
        """(N, num_ws, w_dim)."""


def difference(faces_with: HasWs, faces_without: HasWs, *, paired: bool = False) -> Tensor:
    """The change of ws from faces that lack something to faces that have it.

    Args:
        faces_with: N faces that have it.
        faces_without: M faces that lack it; with `paired`, the same N in the same order.
        paired: the direction in which all pairs differ most alike, the first singular vector of their differences, as
            long as they are along it on average; what is of one pair alone, a clumsy edit or an inexact inversion,
            hardly counts. Otherwise the difference of the means.
    Returns:
        (num_ws, w_dim), float32 on the CPU.
    Raises:
        InputError: there are no faces, or pairs do not match.
        DirectionError: both groups are alike.
    Source: Radford et al. 2015, arXiv:1511.06434, section 6.3.2, arithmetic on the means of examples, there of z.
    """
    a, b = (_ws(name, faces) for name, faces in (("faces_with", faces_with), ("faces_without", faces_without)))
    if a.shape[1:] != b.shape[1:]:
        raise InputError(f"both groups must be faces of one generator; got ws of {tuple(a.shape)} and {tuple(b.shape)}")
    if paired and len(a) != len(b):
        raise InputError(f"pairs need as many faces with as without; got {len(a)} and {len(b)}")
    mean = a.mean(dim=0) - b.mean(dim=0)
    delta = _shared((a - b).flatten(1), mean.flatten()).view_as(mean) if paired else mean
    if float(delta.norm()) <= 1e-6 * float(a.norm(dim=(1, 2)).mean()):
        raise DirectionError("the faces with and without it are alike, so that nothing leads from one to the other")
    return delta.float()


def _shared(differences: Tensor, mean: Tensor) -> Tensor:
    """What the rows of differences, (N, D), have in common; along their mean, (D,)."""
    axis = torch.linalg.svd(differences, full_matrices=False).Vh[0]
    reach: Tensor = axis * (mean @ axis)  # the sign of the axis cancels
    return reach


def _ws(name: str, faces: HasWs) -> Tensor:
    ws = getattr(faces, "ws", None)
    if not isinstance(ws, Tensor) or ws.ndim != 3:
        raise InputError(f"{name} must be Faces, which sample, invert and edit give; got {type(faces).__name__}")
    if not len(ws):
        raise InputError(f"{name} must be at least one face; got none")
    return ws.detach().double().cpu()
