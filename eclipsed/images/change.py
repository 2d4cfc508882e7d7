"""How much a picture, or a feature map, changed, and where: inside a mask or outside."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.images.conversion import resize
from eclipsed.images.masks import grow_mask, mean_over_square
from eclipsed.images.metrics import weighted_mean
from eclipsed.values.checks import not_one_of
from eclipsed.values.choices import DIFFERENCES

__all__ = [
    "AROUND",
    "SEAM",
    "change_map",
    "localization_score",
    "mean_around",
    "mean_changes",
    "outside_inside_ratio",
    "region_changes",
    "unlike",
]

#: of a picture's width: the seam around a region, which an edit may touch and which counts as neither side
SEAM = 0.05

#: of a picture's width: half of the square over which `mean_around` takes the mean
AROUND = 0.015

_TINY = 1e-12


def _squared(before: Tensor, after: Tensor) -> Tensor:
    return (after - before).square().sum(dim=1, keepdim=True)


def _absolute(before: Tensor, after: Tensor) -> Tensor:
    return (after - before).abs().sum(dim=1, keepdim=True)


def _turned(before: Tensor, after: Tensor) -> Tensor:
    return (1 - F.cosine_similarity(before, after, dim=1, eps=1e-8)).clamp(min=0).unsqueeze(1)


#: every way of `DIFFERENCES`, in that order
_MEASURES = dict(zip(DIFFERENCES, (_squared, _absolute, _turned), strict=True))


def change_map(before: Tensor, after: Tensor, *, difference: str = "l2") -> Tensor:
    """How much each place changed.

    Args:
        before: features or images, (N, C, H, W).
        after: the same of the edited faces, same shape.
        difference: ``"l2"`` squared differences, summed over channels; ``"l1"`` absolute ones; ``"cosine"``,
            1 - cosine of the two channel vectors.
    Returns:
        Change >= 0, (N, 1, H, W).
    Raises:
        InputError: the shapes disagree, or `difference` is unknown.
    """
    if before.shape != after.shape or before.ndim != 4:
        raise InputError(
            f"before and after must share one shape (N, C, H, W); got {tuple(before.shape)} and {tuple(after.shape)}"
        )
    if difference not in _MEASURES:
        raise not_one_of("difference", difference, _MEASURES)
    return _MEASURES[difference](before, after)


def localization_score(before: Tensor, after: Tensor, mask: Tensor, *, difference: str = "l2") -> Tensor:
    """Share of the change between two feature maps that falls inside the mask.

    Args:
        before: features of the unedited faces, (N, C, H, W).
        after: features of the edited faces, same shape.
        mask: region membership in [0, 1], (N, 1, h, w); resized to (H, W).
        difference: see `change_map`.
    Returns:
        Scores in [0, 1], (N,); 0 where nothing changed.
    Raises:
        InputError: the shapes disagree.
    Source: Pajouheshgar et al. 2022, arXiv:2111.12583, the localization score; differs in align_corners=False and
        in an antialiased resize of the mask.
    """
    change = change_map(before, after, difference=difference)
    inside = change * _fit(mask, change)
    return inside.sum(dim=(1, 2, 3)) / (change.sum(dim=(1, 2, 3)) + _TINY)


def mean_changes(before: Tensor, after: Tensor, mask: Tensor, *, difference: str = "l1") -> tuple[Tensor, Tensor]:
    """Mean change of the places inside the mask, and of those outside.

    Args:
        before: images or features, (N, C, H, W).
        after: same shape.
        mask: in [0, 1], (N, 1, h, w); resized to (H, W).
        difference: see `change_map`; here averaged over channels.
    Returns:
        Two tensors (N,): inside, outside; 0 where that side is empty.
    Raises:
        InputError: the shapes disagree.
    """
    change = change_map(before, after, difference=difference)
    if difference != "cosine":
        change = change / before.shape[1]
    weight = _fit(mask, change)
    inside = (change * weight).sum(dim=(1, 2, 3)) / (weight.sum(dim=(1, 2, 3)) + _TINY)
    outside = (change * (1 - weight)).sum(dim=(1, 2, 3)) / ((1 - weight).sum(dim=(1, 2, 3)) + _TINY)
    return inside, outside


def region_changes(before: Tensor, after: Tensor, mask: Tensor, *, grown: float = SEAM) -> tuple[Tensor, Tensor]:
    """Mean absolute change of pictures inside a region and outside it: what every figure means by these words.

    Inside is the region itself. Outside begins where the region, grown by a seam, ends; the seam counts as neither.

    Args:
        before: images, range [-1, 1], (N, C, H, W); values outside are clipped.
        after: the same of the edited faces, same shape.
        mask: the region before or after the edit, in [0, 1], (N, 1, h, w); resized to (H, W).
        grown: width of the seam, of the width of the mask.
    Returns:
        Two tensors (N,): inside, outside; nan where that side has no place, as a hat that is nowhere.
    Raises:
        InputError: the shapes disagree.
    """
    change = change_map(before.clamp(-1, 1), after.clamp(-1, 1), difference="l1") / before.shape[1]
    inside, outside = _fit(mask, change), 1 - _fit(grow_mask(mask, grown), change)
    return weighted_mean(change, inside), weighted_mean(change, outside)


def outside_inside_ratio(
    before: Tensor,
    after: Tensor,
    mask: Tensor,
    *,
    difference: str = "l1",
    floor: float = 0.02,
    bounded: bool = False,
) -> Tensor:
    """Mean change outside the mask over mean change inside.

    Args:
        before: images or features, (N, C, H, W).
        after: same shape.
        mask: in [0, 1], (N, 1, h, w).
        difference: see `change_map`.
        floor: added below the line, so that a small edit is no steep one. Where the mask is empty (a hat that is still
            to come) ten times the floor stands for the change inside: what changes instead of the part is outside,
            but the way to it is not barred.
        bounded: return r / (1 + r), which lies in [0, 1), in place of the ratio r.
    Returns:
        (N,), >= 0.
    Raises:
        InputError: the shapes disagree.
    """
    inside, outside = mean_changes(before, after, mask, difference=difference)
    empty = mask.flatten(1).amax(dim=1) <= 0
    inside = torch.where(empty, 10 * floor, inside)
    return outside / (inside + outside + floor) if bounded else outside / (inside + floor)


def unlike(a: Tensor, b: Tensor, *, above: float) -> Tensor:
    """Where the colours of two pictures are others, on average over a small square around each place.

    Args:
        a: pictures in [-1, 1], (N, 3, H, W).
        b: the same number of others.
        above: mean error of the colours from which they are.
    Returns:
        (N, 1, H, W), bool.
    """
    return mean_around((a.clamp(-1, 1) - b.clamp(-1, 1)).abs().mean(dim=1, keepdim=True)) > above


def mean_around(values: Tensor) -> Tensor:
    """The mean over a square around each place, 3 % of the width wide.

    Args:
        values: (N, C, H, W).
    Returns:
        The same shape.
    """
    return mean_over_square(values, max(1, round(AROUND * values.shape[-1])))


def _fit(mask: Tensor, change: Tensor) -> Tensor:
    if mask.ndim != 4 or mask.shape[:2] != change.shape[:2]:
        raise InputError(f"the mask must have the shape ({change.shape[0]}, 1, h, w); got {tuple(mask.shape)}")
    return resize(mask.to(change.dtype), (change.shape[2], change.shape[3])).clamp(0, 1)
