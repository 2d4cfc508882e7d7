"""Pictures on their way to the page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from eclipsed.images.conversion import to_pil

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

__all__ = ["data_uri", "shrunk_uri", "small", "to_uris"]

_EXACT = 256  # sides up to this go as PNG, pixel for pixel; larger pictures as WebP of high quality
_THUMB = 96


def data_uri(picture: Image.Image, *, exact: bool = False) -> str:
    """A picture as an address that holds it; `exact` keeps each pixel whatever the size."""
    exact = exact or max(picture.size) <= _EXACT
    with io.BytesIO() as stream:
        picture.save(stream, "PNG", compress_level=1) if exact else picture.save(stream, "WEBP", quality=92, method=2)
        return f"data:image/{'png' if exact else 'webp'};base64,{base64.b64encode(stream.getvalue()).decode()}"


def to_uris(images: Tensor, *, thumbnails: bool = False) -> list[str]:
    """Image tensors, (N, 3, H, W) in [-1, 1], as addresses that hold them; small ones for thumbnails."""
    return [data_uri(small(picture) if thumbnails else picture) for picture in to_pil(images)]


def shrunk_uri(picture: Image.Image, side: int) -> str:
    """A picture of at most so many pixels a side, on white where it is transparent, as an address that holds it."""
    from PIL import Image

    shown = picture
    if "A" in picture.getbands():
        shown = Image.new("RGB", picture.size, "white")
        shown.paste(picture, mask=picture.getchannel("A"))
    shown = shown.convert("RGB")
    shown.thumbnail((side, side))
    return data_uri(shown)


def small(picture: Image.Image) -> Image.Image:
    """A picture of at most 96 pixels a side."""
    from PIL import Image

    if max(picture.size) <= _THUMB:
        return picture
    return picture.resize((_THUMB, _THUMB), Image.Resampling.LANCZOS)
