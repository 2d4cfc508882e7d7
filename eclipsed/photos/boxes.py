"""Boxes as a detector reckons with them: moved, and of several that overlap the best kept."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["best_of", "moved"]


def moved(boxes: Any, shares: Any) -> Any:
    """Boxes with each edge moved.

    Args:
        boxes: left, top, right, bottom, (N, 4).
        shares: by which shares of the box's width (left, right) and height (top, bottom), (N, 4).
    """
    return boxes + shares * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def best_of(boxes: Any, scores: Any, most: float, *, of_smaller: bool = False) -> Any:
    """Which boxes stay when, from the best on, each takes away those that it overlaps too far.

    Args:
        boxes: left, top, right, bottom, (N, 4).
        scores: (N,).
        most: largest share of overlap that may stay.
        of_smaller: whether the share is one of the smaller box's area, rather than of the area that both cover.
    Returns:
        Their numbers, the best first.
    """
    areas = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[left, :2]), np.minimum(boxes[best, 2:], boxes[left, 2:])
        common = np.maximum(high - low, 0).prod(1)
        whole = np.minimum(areas[best], areas[left]) if of_smaller else areas[best] + areas[left] - common
        left = left[common <= most * whole]
    return np.array(kept, dtype=int)
