"""Every conversion of range and layout: image tensors, 8-bit arrays and PIL pictures.

Inside the package an image is always a float tensor (N, 3, H, W) in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Resampling", "check_images", "from_pil", "from_uint8", "resize", "to_pil", "to_uint8"]

Resampling = Literal["bilinear", "bicubic", "area", "nearest"]


def check_images(images: Tensor, *, name: str = "images") -> None:
    """Raise unless `images` is a float tensor (N, 3, H, W); values are not looked at.

    Args:
        images: the tensor to check.
        name: what the caller calls it; the message starts with it.
    Raises:
        InputError: not a tensor, another shape, or another dtype.
    """
    if not isinstance(images, Tensor):
        raise InputError(f"{name} must be a tensor (N, 3, H, W); got {type(images).__name__}")
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] < 1 or images.shape[3] < 1:
        raise InputError(f"{name} must have the shape (N, 3, H, W); got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise InputError(f"{name} must be float in [-1, 1]; got {images.dtype}, convert 8-bit data with from_uint8")


def to_uint8(images: Tensor) -> Tensor:
    """Turn images in [-1, 1] into 8-bit ones, channels last; values outside the range are clipped.

    Args:
        images: float, (N, 3, H, W), range [-1, 1].
    Returns:
        uint8, (N, H, W, 3), on the same device.
    Raises:
        InputError: `images` is not an image tensor.
    """
    check_images(images)
    scaled = images.detach().to(torch.float32).nan_to_num().mul(127.5).add(127.5)
    return scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def from_uint8(array: Tensor | np.ndarray[Any, Any]) -> Tensor:
    """Turn 8-bit RGB images, channels last, into an image tensor.

    Args:
        array: uint8, (N, H, W, 3) or one image (H, W, 3).
    Returns:
        float32, (N, 3, H, W), range [-1, 1].
    Raises:
        InputError: another shape or dtype.
    """
    pixels = array if isinstance(array, Tensor) else torch.from_numpy(np.array(array))  # a copy: may be read-only
    if pixels.dtype != torch.uint8:
        raise InputError(f"8-bit images must be uint8; got {pixels.dtype}")
    if pixels.ndim == 3:
        pixels = pixels[None]
    if pixels.ndim != 4 or pixels.shape[3] != 3:
        raise InputError(f"8-bit images must have the shape (N, H, W, 3); got {tuple(pixels.shape)}")
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1).contiguous()


def to_pil(images: Tensor) -> list[Image.Image]:
    """Turn images in [-1, 1] into PIL pictures.

    Args:
        images: float, (N, 3, H, W), range [-1, 1].
    Returns:
        N RGB pictures.
    Raises:
        InputError: `images` is not an image tensor.
    """
    from PIL import Image

    return [Image.fromarray(pixels) for pixels in to_uint8(images).cpu().numpy()]


def from_pil(images: Image.Image | Sequence[Image.Image], *, size: int | tuple[int, int] | None = None) -> Tensor:
    """Turn PIL pictures into an image tensor.

    Args:
        images: one picture or several; any mode, converted to RGB (transparent parts turn white).
        size: side, or (height, width), to resize to; needed when the pictures differ in size.
    Returns:
        float32, (N, 3, H, W), range [-1, 1].
    Raises:
        InputError: no picture, or pictures of several sizes without `size`.
    """
    pictures = list(images) if isinstance(images, Sequence) else [images]
    if not pictures:
        raise InputError("expected at least one picture; got none")
    tensors = [from_uint8(np.asarray(_rgb(picture))) for picture in pictures]
    if size is not None:
        tensors = [resize(tensor, size, mode="bicubic").clamp(-1, 1) for tensor in tensors]
    shapes = sorted({(tensor.shape[3], tensor.shape[2]) for tensor in tensors})
    if len(shapes) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in shapes)
        raise InputError(f"the pictures have several sizes ({listed}); give size= to bring them to one")
    return torch.cat(tensors)


def _rgb(picture: Image.Image) -> Image.Image:
    from PIL import Image

    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def resize(images: Tensor, size: int | tuple[int, int], *, mode: Resampling = "bilinear") -> Tensor:
    """Resize images, masks or features; differentiable, antialiased when shrinking, corners not aligned.

    Args:
        images: float, (N, C, H, W); any number of channels.
        size: side, or (height, width), in pixels.
        mode: ``"bilinear"``, ``"bicubic"`` (may overshoot the range), ``"area"`` (mean of the covered pixels) or
            ``"nearest"`` (the pixel whose centre is nearest).
    Returns:
        (N, C, height, width), same dtype and device; the input itself when it has that size already.
    Raises:
        InputError: not a float tensor of four dimensions, a size below 1, or an unknown mode.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        raise InputError(f"resize takes a float tensor (N, C, H, W); got {_describe(images)}")
    if height < 1 or width < 1:
        raise InputError(f"the new size must be at least 1 x 1 pixel; got {height} x {width}")
    if mode not in get_args(Resampling):
        raise InputError(f"unknown resampling {mode!r}; known: {', '.join(get_args(Resampling))}")
    if (height, width) == tuple(images.shape[2:]):
        return images
    if mode == "area":
        return F.interpolate(images, (height, width), mode="area")
    if mode == "nearest":
        return F.interpolate(images, (height, width), mode="nearest-exact")
    shrinks = height < images.shape[2] or width < images.shape[3]
    return F.interpolate(images, (height, width), mode=mode, align_corners=False, antialias=shrinks)


def _describe(value: object) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
