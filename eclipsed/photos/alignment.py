"""Where a face lies in a photograph: the square that FFHQ cuts out, there and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.images.conversion import from_uint8, resize
from eclipsed.images.masks import mean_over_square
from eclipsed.photos.reading import Photo

__all__ = ["Placement", "anchors"]

Point = tuple[float, float]

_SOFT = 0.02  # of the square's side: how far what is mirrored beyond the photo's edge is blurred
_LEAST_SIDE = 32.0  # of the square in the photo, in pixels

#: number of landmarks -> points of the left eye, right eye, left and right corner of the mouth, as on the picture
_SCHEMES: dict[int, tuple[range, range, int, int]] = {
    5: (range(1), range(1, 2), 3, 4),  # RetinaFace, InsightFace, MTCNN
    68: (range(36, 42), range(42, 48), 48, 54),  # iBUG
    98: (range(60, 68), range(68, 76), 76, 82),  # WFLW
}


def anchors(landmarks: Any) -> tuple[Any, Any, Any, Any]:
    """The four points that the alignment rests on.

    Args:
        landmarks: 5 (left and right eye, nose, left and right corner of the mouth, as they lie on the picture), 68
            (iBUG) or 98 (WFLW) points, (K, 2).
    Returns:
        Centre of the left and of the right eye, left and right corner of the mouth, as they lie on the picture.
    Raises:
        InputError: another number of points, another order, or points that are not finite.
    """
    points = _points(landmarks)
    left, right, mouth_left, mouth_right = _SCHEMES[len(points)]
    found = points[list(left)].mean(0), points[list(right)].mean(0), points[mouth_left], points[mouth_right]
    between, below = found[1] - found[0], (found[2] + found[3]) / 2 - (found[0] + found[1]) / 2
    if between[0] * below[1] < between[1] * below[0]:  # seen from the mouth, the left eye lies on the right
        raise InputError(
            f"the {len(points)} landmarks are in another order: expected the left eye before the right one as they lie "
            "on the picture, then nose and mouth; reorder them"
        )
    return found


def _points(landmarks: Any) -> Any:
    """Landmarks as an array of one of the known numbers of finite points."""
    try:
        points = np.asarray(landmarks, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):  # rows of unequal lengths, words, tensors of other devices
        raise InputError(
            f"landmarks must be 5, 68 or 98 finite points (x, y); got {type(landmarks).__name__} of other things"
        ) from None
    if points.ndim != 2 or points.shape[1] != 2 or len(points) not in _SCHEMES:
        raise InputError(f"landmarks must be 5, 68 or 98 finite points (x, y); got an array {points.shape}")
    if not np.isfinite(points).all():
        raise InputError(f"landmarks must be 5, 68 or 98 finite points (x, y); some of the {len(points)} are not")
    return points


@dataclass(frozen=True)
class Placement:
    """A square in a photograph, turned and placed as the face is.

    A point (u, v) of the square, in [0, 1] from its upper left corner, lies at ``centre + (2u - 1) across +
    (2v - 1) down`` in pixels of the photograph, whose first pixel reaches from 0 to 1.

    Args:
        centre: of the square.
        across: from the centre to the middle of the right side.
    Raises:
        InputError: the numbers are not finite, or the square is smaller than 32 pixels.
    """

    centre: Point
    across: Point

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (*self.centre, *self.across)):
            raise InputError(f"the place of a face must be finite; got {self.centre} and {self.across}")
        if self.side < _LEAST_SIDE:
            raise InputError(
                f"the face is too small: its square is {self.side:.0f} pixels wide, at least {_LEAST_SIDE:.0f} are "
                "needed; take a larger picture"
            )

    @classmethod
    def of_landmarks(cls, landmarks: Any) -> Placement:
        """The square that FFHQ cuts out for a face.

        Args:
            landmarks: see `anchors`.
        Raises:
            InputError: they are no landmarks, lie all in one place, or the face is too small.
        Source: Karras et al. 2019, arXiv:1812.04948, appendix A: the horizontal axis is the mean of the line between
            the eyes and of the one from eyes to mouth, turned by a right angle.
        """
        left, right, mouth_left, mouth_right = anchors(landmarks)
        eyes, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
        between, below = right - left, mouth - eyes
        axis = between + np.array([below[1], -below[0]])  # the line from eyes to mouth, turned to the right
        length = float(np.hypot(*axis))
        if length < 1e-6:
            raise InputError("eyes and mouth lie in one place, which is no face")
        axis = axis / length * max(np.hypot(*between) * 2.0, np.hypot(*below) * 1.8)
        centre = eyes + 0.1 * below
        return cls((float(centre[0]), float(centre[1])), (float(axis[0]), float(axis[1])))

    @classmethod
    def of_box(cls, left: float, top: float, right: float, bottom: float) -> Placement:
        """An upright square.

        Raises:
            InputError: the box is no square or too small.
        """
        if abs((right - left) - (bottom - top)) > 1e-6 * max(1.0, abs(right - left)):
            raise InputError(
                f"an aligned picture is a square; got {right - left:g} x {bottom - top:g}: cut it to a square, or let "
                "the face be found"
            )
        return cls(((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, 0.0))

    @property
    def down(self) -> Point:
        """From the centre to the middle of the lower side."""
        return (-self.across[1], self.across[0])

    @property
    def side(self) -> float:
        """Length of a side, in pixels of the photograph."""
        return 2 * math.hypot(*self.across)

    @property
    def corners(self) -> Any:
        """Upper left, lower left, lower right and upper right corner, (4, 2)."""
        return self.points(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]))

    def points(self, uv: Any) -> Any:
        """Points of the square, (K, 2), in the photograph."""
        across, down = np.array(self.across), np.array(self.down)
        turned = 2 * np.asarray(uv, dtype=np.float64) - 1
        return np.array(self.centre) + turned[..., :1] * across + turned[..., 1:] * down

    def uv(self, points: Any) -> Any:
        """Points of the photograph, (K, 2), in the square."""
        away = np.asarray(points, dtype=np.float64) - np.array(self.centre)
        across, down = np.array(self.across), np.array(self.down)
        turned = np.stack([away @ across, away @ down], axis=-1) / (self.side / 2) ** 2
        return (turned + 1) / 2

    def bounds(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The pixels of a photograph that the square may touch: left, top, right, bottom; empty when it is outside."""
        low, high = self.corners.min(0), self.corners.max(0)
        left, top = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
        return left, top, max(left, min(width, math.ceil(high[0]))), max(top, min(height, math.ceil(high[1])))

    def inside(self, width: int, height: int) -> float:
        """Share of the square that lies within a photograph, to about one per cent."""
        steps = (np.arange(64) + 0.5) / 64
        xy = self.points(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))
        within = (xy[:, 0] >= 0) & (xy[:, 0] < width) & (xy[:, 1] >= 0) & (xy[:, 1] < height)
        return float(within.mean())

    def inner_sides(self, width: int, height: int) -> tuple[bool, bool, bool, bool]:
        """Beyond which of its sides a photograph goes on: left, top, right, bottom."""
        along, beyond = (np.arange(64) + 0.5) / 64, np.full(64, 0.01)
        sides = [(-beyond, along), (along, -beyond), (1 + beyond, along), (along, 1 + beyond)]
        found = []
        for u, v in sides:
            x, y = self.points(np.stack([u, v], axis=-1)).T
            found.append(bool(((x >= 0) & (x < width) & (y >= 0) & (y < height)).any()))
        return found[0], found[1], found[2], found[3]

    def crop(self, photo: Photo, size: int) -> Tensor:
        """Cut the square out; what lies beyond the photo's edge is mirrored and blurred.

        Args:
            photo: where from.
            size: side of the result, in pixels.
        Returns:
            (1, 3, size, size), float32, range [-1, 1].
        """
        whole = (0.0, 0.0, float(photo.width), float(photo.height))
        if self.across[1] == 0 and np.allclose([*self.corners[0], *self.corners[2]], whole, atol=1e-6):
            return resize(from_uint8(photo.opaque), size).clamp(-1, 1)
        margin = math.ceil(0.02 * self.side) + 2
        low = np.floor(self.corners.min(0)).astype(int) - margin
        high = np.ceil(self.corners.max(0)).astype(int) + margin
        region, beyond = _region(photo, low, high)
        factor = max(1.0, self.side / size)
        if factor > 1:
            small = (max(1, round(region.shape[2] / factor)), max(1, round(region.shape[3] / factor)))
            region, beyond = resize(region, small), resize(beyond, small)
        region = _soften(region, beyond, max(1, round(_SOFT * self.side / factor)))
        steps = (np.arange(size) + 0.5) / size
        xy = self.points(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))
        grid = 2 * (xy - low) / (high - low) - 1
        where = torch.from_numpy(grid.astype(np.float32)).view(1, size, size, 2)
        cut = F.grid_sample(region, where, mode="bilinear", padding_mode="border", align_corners=False)
        return cut.clamp(-1, 1)


def _region(photo: Photo, low: Any, high: Any) -> tuple[Tensor, Tensor]:
    """The pixels from low to high, mirrored beyond the edges, and 1 where they are beyond."""
    columns, rows = (np.arange(a, b) for a, b in zip(low, high, strict=True))
    inner = photo.opaque[_mirrored(rows, photo.height)][:, _mirrored(columns, photo.width)]
    out_rows, out_columns = (rows < 0) | (rows >= photo.height), (columns < 0) | (columns >= photo.width)
    beyond = out_rows[:, None] | out_columns[None, :]
    return from_uint8(inner), torch.from_numpy(beyond.astype(np.float32))[None, None]


def _mirrored(places: Any, length: int) -> Any:
    """Places along one axis, those beyond its ends mirrored at the ends."""
    period = places % (2 * length)
    return np.where(period < length, period, 2 * length - 1 - period)


def _soften(region: Tensor, beyond: Tensor, reach: int) -> Tensor:
    """Blur what lies beyond the photo's edge, so that nobody takes it for more of the picture."""
    if not bool((beyond > 0).any()):
        return region
    soft = mean_over_square(mean_over_square(region, reach), reach)
    share = mean_over_square(beyond, reach) * beyond
    return torch.lerp(region, soft, share)
