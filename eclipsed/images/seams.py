"""Seams: masks that fade out around what they cover, or within it."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.images.masks import grow_mask, mean_over_square

__all__ = ["feathered", "feathered_inwards"]

_FEATHER = 0.02  # of the image's width: half of the way from the region's edge to where a blended edit ends


def feathered(mask: Tensor, *, half: float = _FEATHER) -> Tensor:
    """Widen a mask by a seam.

    Args:
        mask: 0 or 1, (N, 1, H, W).
        half: of the seam, as a share of the width.
    Returns:
        1 on the mask, 0 from a whole seam beyond it, 4 % of the width, and a straight ramp between.
    """
    return _feathered(mask, max(1, round(half * mask.shape[-1])))


def feathered_inwards(mask: Tensor) -> Tensor:
    """Give a mask a seam inside it, so that nothing changes beyond it.

    Args:
        mask: 0 or 1, (N, 1, H, W).
    Returns:
        0 beyond the mask, 1 from 4 % of the width within it, and a straight ramp between. The seam of a thin mask is
        narrower, so that at least half of what was painted is taken.
    """
    soft, outside, reach = mask, 1 - mask, 1
    goal = mask.mean(dim=(1, 2, 3), keepdim=True) / 2
    while reach <= _reach(mask):
        wider = 1 - _feathered(outside, reach)
        soft = torch.where(wider.mean(dim=(1, 2, 3), keepdim=True) >= goal, wider, soft)
        reach += 1
    return soft


def _reach(mask: Tensor) -> int:
    return max(1, round(_FEATHER * mask.shape[-1]))


def _feathered(mask: Tensor, reach: int) -> Tensor:
    wide = grow_mask(mask, reach / mask.shape[-1])
    soft = mean_over_square(wide, reach)
    return torch.where(mask > 0, torch.ones_like(soft), soft)
