"""Small pictures that a page holds in its own text."""

from __future__ import annotations

import base64
import io

from PIL import Image

from eclipsed.images.conversion import to_pil
from eclipsed.photos.alignment import Placement
from eclipsed.photos.reading import Photo, Pixels

__all__ = ["face_thumbnail", "thumbnail"]

_SIDE = 160  # pixels, at most
_QUALITY = 75


def face_thumbnail(photo: Photo, place: Placement) -> str:
    """A face of a photograph.

    Args:
        photo: where it is.
        place: the face's square.
    Returns:
        A data address of WebP, of some kilobytes.
    """
    return _address(to_pil(place.crop(photo, _SIDE))[0])


def thumbnail(pixels: Pixels, *, side: int = _SIDE) -> str:
    """A whole picture.

    Args:
        pixels: RGB, uint8, (H, W, 3).
        side: of the square that it fits into, in pixels.
    Returns:
        A data address of WebP, of some kilobytes.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side))
    return _address(picture)


def _address(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
