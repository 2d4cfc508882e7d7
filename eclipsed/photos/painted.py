"""Masks as people have them: a picture's file, a picture, or numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from eclipsed.errors import EmptyMaskError, InputError
from eclipsed.images.masks import check_count
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.values.mask import Mask

__all__ = ["MaskSource", "is_mask", "read_mask", "read_painting"]

#: what may be given where a mask is wanted
MaskSource = Mask | str | os.PathLike[str] | Image.Image | Tensor | ArrayLike

_COLOURED = 24  # of 255: how far apart the channels of a grey picture may be, as JPEG leaves them


def is_mask(given: object) -> TypeGuard[Mask | os.PathLike[str] | Image.Image | Tensor]:
    """Whether what was given as a region is a mask, rather than names of parts: a mask, a path, a picture, numbers."""
    if isinstance(given, (Mask, os.PathLike, Image.Image)) or hasattr(given, "__array__"):
        return True
    return isinstance(given, (list, tuple)) and bool(given) and isinstance(given[0], (list, tuple))


def read_mask(source: MaskSource, *, faces: int | None = None) -> Mask:
    """Read a mask: white where an edit may act, black elsewhere.

    Args:
        source: the file of a picture (PNG is best), a PIL picture, numbers as `Mask` takes them, or a mask, which is
            returned as it is. Of a picture with transparency the mask is where it is opaque.
        faces: how many it is for; None is any number.
    Raises:
        InputError: there is no such file, it is no picture, or no mask: it has colours, is not as high as wide, is
            empty, covers everything, see `Mask`; or there are several, and not one for each face.
    """
    mask = _read(source)
    if faces is not None:
        check_count(mask, faces)
    return mask


def read_painting(source: MaskSource | None) -> Mask | None:
    """Read where somebody painted a part on one face: white where it is, black elsewhere.

    Args:
        source: as `read_mask` takes it; also black all over, or None, where the face shows none of the part.
    Returns:
        None where nothing is painted.
    Raises:
        InputError: see `read_mask`; or there are several masks.
    """
    try:
        return None if source is None else read_mask(source, faces=1)
    except EmptyMaskError:
        return None


def _read(source: MaskSource) -> Mask:
    if isinstance(source, Mask):
        return source
    if isinstance(source, Tensor):
        numbers = source.detach().cpu()
        return Mask((numbers.float() if numbers.is_floating_point() else numbers).numpy())
    if isinstance(source, Image.Image):
        return _of_photo(read_photo(source))
    if not isinstance(source, (str, os.PathLike)):
        return Mask(source)  # type: ignore[arg-type]  # it reads any numbers
    name = os.fspath(source)
    if not Path(name).is_file():
        raise InputError(f"there is no mask {name!r}; check the name")
    photo = read_photo(source)
    try:
        return _of_photo(photo)
    except InputError as error:
        raise type(error)(f"{name}: {error}") from None


def _of_photo(photo: Photo) -> Mask:
    """The mask that a picture shows: where it is opaque, or else where it is light."""
    if photo.alpha is not None:
        return Mask(photo.alpha)
    apart = photo.pixels.max(axis=-1).astype(int) - photo.pixels.min(axis=-1)
    coloured = float(np.mean(apart > _COLOURED))
    if coloured > 0:
        raise InputError(
            f"a mask is black and white; {coloured:.0%} of this picture has colours, as in a photograph: "
            "paint the region white on black"
        )
    return Mask(photo.pixels[..., 1])
