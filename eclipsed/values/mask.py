"""A painted region: where in the picture somebody said that an edit may act."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eclipsed.errors import EmptyMaskError, InputError
from eclipsed.values.checks import is_whole, shown

__all__ = ["KEPT_SIDE", "Mask"]

#: Side, in pixels, beyond which a mask is kept smaller in files.
KEPT_SIDE = 256

_SIDES = (16, 4096)
_GREYS = 0.4  # share of values that are neither light nor dark, beyond which a picture is no mask
_DARK, _LIGHT = 0.1, 0.9

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Mask:
    """Where an edit may act, painted on aligned faces: one for all of them, or one for each.

    Args:
        inside: (H, W), or (N, H, W) or (N, 1, H, W) for one mask for each face, as high as wide, 16 to 4096 pixels.
            Truth values, whole numbers from 0 to 255, or floats in [0, 1]; from half on a place belongs to the mask.
            It is kept as truth values, (N, H, W). A picture is read by `eclipsed.read_mask`.
    Raises:
        InputError: it has another shape, numbers out of range or not finite, is empty, covers everything, or is full of
            greys, as a photograph is.
    """

    inside: Numbers

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", _checked(self.inside))

    def __len__(self) -> int:
        return int(self.inside.shape[0])

    def __getitem__(self, faces: slice) -> Mask:
        """The masks of some faces; one for all is for these too."""
        return self if len(self) == 1 else _made(self.inside[faces])

    def __or__(self, other: Mask) -> Mask:
        """Where either is, at the side of the larger."""
        if not isinstance(other, Mask):
            return NotImplemented
        side = max(self.side, other.side)
        return _made(self.resized(side) | other.resized(side))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and np.array_equal(self.inside, other.inside)

    def __hash__(self) -> int:
        return hash((self.inside.shape, self.inside.tobytes()))

    def __repr__(self) -> str:
        many = f"{len(self)} of them, " if len(self) > 1 else ""
        return f"Mask({many}{self.side} px, {self.inside.mean():.0%} of the picture)"

    @property
    def side(self) -> int:
        """In pixels."""
        return int(self.inside.shape[-1])

    def resized(self, side: int) -> Numbers:
        """The mask at another size: a place belongs to it where half of it does.

        Args:
            side: in pixels.
        Returns:
            Truth values, (N, side, side). Of a mask that is too thin for that, all that it touches.
        """
        if side == self.side:
            return self.inside
        cover = _shares(_shares(self.inside.astype(np.float64), side, axis=1), side, axis=2)
        found = cover >= 0.5
        thin = ~found.any(axis=(1, 2), keepdims=True)
        return np.where(thin, cover > 0, found)

    @property
    def digest(self) -> str:
        """What tells the mask from any other: SHA-256 as hex digits."""
        digest = hashlib.sha256(json.dumps(self.inside.shape).encode())
        digest.update(np.packbits(self.inside).tobytes())
        return digest.hexdigest()

    def kept(self) -> Mask:
        """The mask as files keep it, of at most `KEPT_SIDE` pixels."""
        return self if self.side <= KEPT_SIDE else Mask(self.resized(KEPT_SIDE))

    def to_json(self) -> dict[str, Any]:
        """The mask as a small dict, ready for `json.dumps`: its side, and its packed bits.

        Raises:
            InputError: there are several.
        """
        if len(self) != 1:
            raise InputError(f"a file keeps one mask for all faces; got {len(self)}")
        return {
            "side": self.side,
            "bits": base64.b64encode(zlib.compress(np.packbits(self.inside).tobytes(), 9)).decode(),
        }

    @classmethod
    def from_json(cls, data: object) -> Mask:
        """The mask that `to_json` wrote.

        Raises:
            InputError: it is damaged.
        """
        side, bits = (data.get("side"), data.get("bits")) if isinstance(data, Mapping) else (None, None)
        if not is_whole(side, *_SIDES) or not isinstance(bits, str):
            raise InputError(f"a kept mask has a side and bits; got {shown(data)}")
        length = -(-side * side // 8)
        try:
            packed = zlib.decompressobj().decompress(base64.b64decode(bits, validate=True), length + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise InputError(f"the bits of the mask are damaged ({error})") from error
        if len(packed) != length:
            raise InputError(f"a mask of {side} pixels a side has {length} bytes; got {len(packed)}")
        flat = np.unpackbits(np.frombuffer(packed, np.uint8), count=side * side)
        return cls(flat.reshape(side, side).astype(bool))


def _made(inside: Numbers) -> Mask:
    """A mask of truth values that came from others; a union may cover everything."""
    mask = object.__new__(Mask)
    object.__setattr__(mask, "inside", inside)
    return mask


def _shares(values: Numbers, side: int, *, axis: int) -> Numbers:
    """Means over as many strips of equal width along an axis."""
    values = np.moveaxis(values, axis, -1)
    width = values.shape[-1]
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    edges = np.arange(side + 1) * (width / side)
    whole = np.minimum(edges.astype(int), width - 1)
    at = sums[..., whole] + (edges - whole) * (sums[..., whole + 1] - sums[..., whole])
    return np.moveaxis(np.diff(at, axis=-1) * (side / width), -1, axis)


def _checked(given: object) -> Numbers:
    try:
        values: Numbers = np.asarray(given)
    except Exception as error:  # a foreign object may do as it likes when it is read
        raise InputError(f"a mask is numbers of shape (H, W); got {type(given).__name__}") from error
    if values.dtype.kind not in "buif":
        raise InputError(f"a mask is numbers of shape (H, W); got {type(given).__name__} of {values.dtype}")
    if values.ndim == 3 and values.shape[-1] in (3, 4) and values.shape[0] > 4:
        raise InputError(
            f"a mask is black and white, (H, W); got {values.shape} with colours: paint the region white on black"
        )
    if values.ndim == 4 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (2, 3) or not values.size:
        raise InputError(f"a mask has the shape (H, W), or (N, H, W) for one for each face; got {values.shape}")
    height, width = values.shape[-2:]
    if height != width:
        raise InputError(
            f"a mask is painted on aligned faces, which are as high as wide; got {width} x {height} pixels"
        )
    low, high = _SIDES
    if not low <= width <= high:
        raise InputError(f"a mask has {low} to {high} pixels a side; got {width}")
    inside = _inside(values.reshape(-1, height, width))
    for number, one in enumerate(inside, start=1):
        name = "the mask" if len(inside) == 1 else f"mask {number}"
        if not one.any():
            raise EmptyMaskError(f"{name} is empty: paint white where the edit may act")
        if one.all():
            raise InputError(f"{name} covers the whole picture, which is no region: leave some of it black")
    return inside


def _inside(values: Numbers) -> Numbers:
    """Truth values of numbers, (N, H, W)."""
    if values.dtype.kind == "b":
        return values
    if not np.isfinite(values).all():
        raise InputError("a mask holds numbers that are not finite: give 0 outside and 1 inside")
    low, high = values.min(), values.max()
    whole = values.dtype.kind in "ui"
    most = 255 if whole and high > 1 else 1
    if low < 0 or high > most:
        wanted = "whole numbers from 0 to 255" if whole else "floats from 0 to 1"
        raise InputError(f"a mask holds {wanted}; got values from {low:g} to {high:g}")
    share = values / most
    greys = float(((share > _DARK) & (share < _LIGHT)).mean())
    if greys > _GREYS:
        raise InputError(
            f"a mask is black and white; {greys:.0%} of this picture is grey, as in a photograph: "
            "paint the region white on black"
        )
    return np.asarray(share >= 0.5)
