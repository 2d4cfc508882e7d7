"""Masks of a region: mixed from before and after an edit, grown, and laid over faces where somebody painted them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.values.checks import not_one_of
from eclipsed.values.choices import MASKS
from eclipsed.values.mask import Mask

__all__ = ["check_count", "edit_mask", "grow_mask", "mean_over_square", "mix_masks", "painted"]


def edit_mask(before: Tensor, after: Tensor, *, how: str, grown: float, background: bool = False) -> Tensor:
    """Where an edit may act: the region before and after it, mixed and grown, without what is protected then.

    Args:
        before: of the unedited pictures the region and what is protected, in [0, 1], (N, 2, H, W).
        after: the same of the edited ones.
        how: see `mix_masks`.
        grown: see `grow_mask`.
        background: the edit may act everywhere but in the grown region, and nothing is protected.
    Returns:
        In [0, 1], (N, 1, H, W).
    Raises:
        InputError: the shapes disagree, or `how` is unknown.
    """
    mask = grow_mask(mix_masks(before[:, :1], after[:, :1], how), grown)
    return 1 - mask if background else mask * (1 - torch.maximum(before[:, 1:], after[:, 1:]))


def mix_masks(before: Tensor, after: Tensor, how: str) -> Tensor:
    """One mask from the region before and after an edit.

    Args:
        before: in [0, 1], (N, 1, H, W).
        after: same shape.
        how: ``"average"``, ``"union"`` (the larger value) or ``"intersection"`` (the smaller).
    Raises:
        InputError: the shapes disagree, or `how` is unknown.
    """
    if before.shape != after.shape:
        raise InputError(f"the masks must share one shape; got {tuple(before.shape)} and {tuple(after.shape)}")
    if how not in MASKS:
        raise not_one_of("mask", how, MASKS)
    if how == "average":
        return (before + after) / 2
    return torch.maximum(before, after) if how == "union" else torch.minimum(before, after)


def grow_mask(mask: Tensor, share: float) -> Tensor:
    """Dilate a mask by a square of ``round(share * width)`` pixels to each side.

    Args:
        mask: in [0, 1], (N, 1, H, W).
        share: of the width; 0 returns the mask itself.
    """
    reach = round(share * mask.shape[-1])
    if reach <= 0:
        return mask
    rows = F.max_pool2d(mask, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return F.max_pool2d(rows, (1, 2 * reach + 1), stride=1, padding=(0, reach))


def mean_over_square(values: Tensor, reach: int) -> Tensor:
    """The mean over a square around each place, at the edges as if the outermost values went on.

    Rows come first and then columns: a square at once would cost its area, which at 1024 px are minutes.

    Args:
        values: (N, C, H, W).
        reach: pixels of the square to each side, from 1.
    Returns:
        The same shape.
    """
    padded, side = F.pad(values, [reach] * 4, mode="replicate"), 2 * reach + 1
    return F.avg_pool2d(F.avg_pool2d(padded, (1, side), stride=1), (side, 1), stride=1)


def painted(mask: Mask, images: Tensor) -> Tensor:
    """A painted mask on some faces.

    Args:
        mask: one for all, or one for each.
        images: (N, 3, H, W), as high as wide.
    Returns:
        0 or 1, (N, 1, H, W), on the device and of the kind of `images`.
    Raises:
        InputError: the pictures are not as high as wide, or there are several masks, and not one for each.
    """
    count, _, height, width = images.shape
    if height != width:
        raise InputError(f"a mask is for aligned faces, which are as high as wide; got {width} x {height} pixels")
    check_count(mask, count)
    return torch.from_numpy(mask.resized(width))[:, None].to(images).expand(count, 1, height, width)


def check_count(mask: Mask, faces: int) -> None:
    """Raise unless there is one mask for all faces, or one for each.

    Raises:
        InputError: there are as many masks neither as one nor as faces.
    """
    if len(mask) not in (1, faces):
        raise InputError(f"give one mask for all faces, or one for each of the {faces}; got {len(mask)} masks")
