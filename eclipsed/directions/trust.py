"""How far CLIP's verdict on a caption can be believed, told by many faces without a label."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["SeenFaces", "trust"]

_FOLDS = 4
_RIDGE = 0.1  # of the mean variance of w


class SeenFaces(Protocol):
    """Many faces as CLIP sees them: a `Survey`, or what an atlas knows of its own."""

    @property
    def w(self) -> Tensor:
        """Where they are, (N, K)."""

    def margins(self, texts: Tensor) -> Tensor:
        """By how much CLIP prefers a caption to the best of others for each face, in cosines, (N,)."""


def trust(survey: SeenFaces, texts: Tensor, *, scale: float) -> float:
    """How far CLIP's verdict on a caption can be believed: the balanced accuracy that its own odds would give it.

    What a face is, w says; what CLIP sees of it beyond that may be a whim. So CLIP's margin is taken for what it says
    as far as a regression on w, made from other faces, tells it, and where that tells little the regression is
    believed instead. The odds that come of it say how often the verdict is right of the faces that have what the
    caption says, and how often of the others.

    Args:
        survey: many faces as CLIP sees them.
        texts: embeddings of the caption (first) and of those that it does not mean, (T, D).
        scale: what CLIP multiplies cosines by.
    Returns:
        In [0, 1]; about 0.5 where nothing says that CLIP can tell. It ranks captions: where CLIP is surer than it is
        right, it is too high.
    Source: ours.
    """
    margin = scale * survey.margins(texts).double().cpu()
    told = _told(survey.w.double().cpu(), margin)
    together = float(torch.corrcoef(torch.stack([told, margin]))[0, 1])
    share = max(together, 0.0) ** 2 if together == together else 0.0  # no number where nothing varies
    has, verdict = torch.sigmoid(share * margin + (1 - share) * told), margin > 0
    right = [(has * verdict).sum() / has.sum(), ((1 - has) * ~verdict).sum() / (1 - has).sum()]
    return float(torch.stack(right).nan_to_num(0.0).mean())


def _told(w: Tensor, values: Tensor) -> Tensor:
    """Values (N,) as a ridge regression on w tells them, each from the faces of the other folds."""
    along = w - w.mean(dim=0)
    fold = torch.arange(len(w)) % _FOLDS
    out = torch.empty_like(values)
    for one in range(_FOLDS):
        seen = fold != one
        known, mean = along[seen], values[seen].mean()
        covariance = known.T @ known / len(known)
        ridge = _RIDGE * covariance.diagonal().mean() * torch.eye(covariance.shape[0], dtype=covariance.dtype)
        slope = torch.linalg.solve(covariance + ridge, known.T @ (values[seen] - mean) / len(known))
        out[~seen] = along[~seen] @ slope + mean
    return out
