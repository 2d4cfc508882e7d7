"""Where one face of a film lies in each frame, without the jitter of a finder that looks at each frame alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eclipsed.errors import InputError
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder, FoundFace
from eclipsed.photos.reading import Photo

__all__ = ["runs_of", "smooth", "track"]

#: standard deviation of the window over which places and latents are smoothed, in frames
SMOOTHED = 1.5

_FAR = 0.5  # of a face's side: how far it may go from one frame to the next
_GAP = 8  # frames without the face that are bridged
_REACH = 3  # of the window, in standard deviations


def track(finder: FaceFinder, frames: Iterable[Photo], *, face: int | None = None) -> list[Placement | None]:
    """Follow a face through a film.

    Args:
        finder: looks at each frame.
        frames: in order.
        face: its number in the first frame that shows faces, from 1, from the left; None is the only one.
    Returns:
        Its smoothed place in each frame; None where it is away for more than a few.
    Raises:
        InputError: no frame shows a face, several and none was chosen, or no such number.
    """
    numbers: list[NDArray[np.float64] | None] = []
    last: NDArray[np.float64] | None = None
    for photo in frames:
        found = [place for one in finder.find(photo) if (place := _place(one, photo)) is not None]
        near = None
        if last is not None:
            near = _nearest(found, last)
        elif found:
            near = _chosen(found, photo, face)
        numbers.append(near)
        last = last if near is None else near
    if all(one is None for one in numbers):
        raise InputError("no frame shows a face from the front; give a film that does")
    return _smoothed(numbers)


def runs_of(places: Sequence[object | None]) -> list[range]:
    """The stretches of frames that are not None."""
    runs, start = [], None
    for number, place in enumerate([*places, None]):
        if place is not None and start is None:
            start = number
        if place is None and start is not None:
            runs.append(range(start, number))
            start = None
    return runs


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values over time, (T, …), without what trembles: a Gaussian window, cut off and renewed at both ends."""
    reach = int(_REACH * SMOOTHED)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHED) ** 2)
    out = np.empty_like(values)
    for k in range(len(values)):
        low, high = max(0, k - reach), min(len(values), k + reach + 1)
        near = min(k - low, high - 1 - k)  # as far to both sides, so that a steady movement is not held back
        some = weights[reach - near : reach + near + 1]
        out[k] = np.tensordot(some / some.sum(), values[k - near : k + near + 1], axes=1)
    return out


def _place(face: FoundFace, photo: Photo) -> NDArray[np.float64] | None:
    """Centre and half a side, (4,); None where the face cannot be aligned."""
    try:
        place = face.placement(photo)
    except InputError:
        return None
    return np.array([*place.centre, *place.across])


def _chosen(found: Sequence[NDArray[np.float64]], photo: Photo, face: int | None) -> NDArray[np.float64]:
    if face is None and len(found) > 1:
        raise InputError(f"{photo.name} shows {len(found)} faces; choose one by its number from the left")
    number = 1 if face is None else face
    if not 1 <= number <= len(found):
        raise InputError(f"{photo.name} has no face {number}: {len(found)} found, counted from the left")
    return found[number - 1]


def _nearest(found: Sequence[NDArray[np.float64]], last: NDArray[np.float64]) -> NDArray[np.float64] | None:
    side = 2 * float(np.hypot(*last[2:]))
    away = [float(np.hypot(*(one[:2] - last[:2]))) for one in found]
    return found[int(np.argmin(away))] if away and min(away) <= _FAR * side else None


def _smoothed(numbers: list[NDArray[np.float64] | None]) -> list[Placement | None]:
    known = [k for k, one in enumerate(numbers) if one is not None]
    for before, after in pairwise(known):
        if 1 < after - before <= _GAP + 1:
            for k in range(before + 1, after):
                share = (k - before) / (after - before)
                one, other = numbers[before], numbers[after]
                numbers[k] = None if one is None or other is None else (1 - share) * one + share * other
    out: list[Placement | None] = [None] * len(numbers)
    for run in runs_of(numbers):
        there = np.stack([one for one in numbers[run.start : run.stop] if one is not None])
        for k, (x, y, across_x, across_y) in zip(run, smooth(there), strict=True):
            out[k] = Placement((float(x), float(y)), (float(across_x), float(across_y)))
    return out
