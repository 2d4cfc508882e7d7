"""A leaky ReLU that invents no frequencies which the pixels cannot hold: up, bent, filtered, and down again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["downsampled", "filtered_lrelu", "upsampled"]


def filtered_lrelu(
    x: Tensor,
    bias: Tensor,
    *,
    up_filter: Tensor | None,
    down_filter: Tensor | None,
    up: int,
    down: int,
    padding: Sequence[int],
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """Add a bias, upsample, apply a leaky ReLU, scale, clamp, and downsample.

    Args:
        x: features, (N, C, H, W).
        bias: (C,).
        up_filter: low-pass filter of the upsampling, (K,) along each axis or (Kh, Kw); None is none.
        down_filter: of the downsampling, likewise.
        up: every pixel becomes so many along each axis.
        down: every so many pixels become one.
        padding: pixels around the upsampled features: left, right, top, bottom. Negative values crop.
        slope: of negative values.
        gain: positive factor after the leaky ReLU.
        clamp: largest absolute value after it; None is none.
    Returns:
        (N, C, H', W') with H' = (H · up + top + bottom - (K_up - 1) - (K_down - 1) - 1) // down + 1.
    Source: Karras et al. 2021, arXiv:2106.12423, section 3.1 and figure 4b.
    """
    x = x + bias.to(x.dtype)[:, None, None]
    # A positive factor may as well come before the leaky ReLU.
    x = upsampled(x, up_filter, up=up, padding=padding, gain=gain)
    x = _Bent.apply(x, slope, clamp)
    return downsampled(x, down_filter, down=down)


def upsampled(x: Tensor, taps: Tensor | None, *, up: int, padding: Sequence[int], gain: float = 1.0) -> Tensor:
    """Put zeros between the pixels, pad, and filter; brightness is kept.

    Args:
        x: (N, C, H, W).
        taps: (K,) or (Kh, Kw); None is none.
        up: pixels that each becomes, along each axis.
        padding: left, right, top, bottom, around pixels and zeros; negative values crop.
        gain: a further factor.
    Returns:
        (N, C, H', W') with H' = H · up + top + bottom - Kh + 1.
    """
    left, right, top, bottom = padding
    if taps is None and up == 1:
        return F.pad(x, (left, right, top, bottom)) * gain
    for kernel, rows, columns in _passes(x.new_ones(1) if taps is None else taps):
        steps = (up if rows else 1, up if columns else 1)
        kernel = (kernel * (gain * steps[0] * steps[1])).to(x.dtype).expand(x.shape[1], 1, -1, -1)
        gain = 1.0
        # A transposed convolution is as long as every pixel reaches; what is too much is cut off, evenly by itself.
        above, below = _cut(kernel.shape[2], up, top, bottom) if rows else (0, 0)
        before, after = _cut(kernel.shape[3], up, left, right) if columns else (0, 0)
        even = (max(min(above, below), 0), max(min(before, after), 0))
        x = F.conv_transpose2d(x, kernel, stride=steps, padding=even, groups=x.shape[1])
        rest = (even[1] - before, even[1] - after, even[0] - above, even[0] - below)
        x = F.pad(x, rest) if any(rest) else x
    return x


def downsampled(x: Tensor, taps: Tensor | None, *, down: int) -> Tensor:
    """Filter, and keep every so many pixels.

    Args:
        x: (N, C, H, W).
        taps: (K,) or (Kh, Kw); None is none.
        down: pixels that become one, along each axis.
    Returns:
        (N, C, H', W') with H' = (H - Kh) // down + 1.
    """
    if taps is None:
        return x if down == 1 else x[:, :, ::down, ::down]
    for kernel, rows, columns in _passes(taps):
        turned = kernel.to(x.dtype).flip((0, 1)).expand(x.shape[1], 1, -1, -1)
        x = F.conv2d(x, turned, stride=(down if rows else 1, down if columns else 1), groups=x.shape[1])
    return x


def _passes(taps: Tensor) -> tuple[tuple[Tensor, bool, bool], ...]:
    """The kernels of a filter one after the other, and whether each runs along rows and along columns."""
    if taps.ndim == 2:
        return ((taps, True, True),)
    return ((taps[None, :], False, True), (taps[:, None], True, False))


def _cut(taps: int, up: int, first: int, last: int) -> tuple[int, int]:
    """How many pixels of a transposed convolution are too much at either end, for a padding."""
    return taps - 1 - first, taps - up - last


class _Bent(torch.autograd.Function):
    """Leaky ReLU and clamp, overwriting what comes in and keeping one tensor for the gradient: what comes out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, clamp: float | None) -> Tensor:
        ctx.mark_dirty(x)
        x = x if slope == 1 else F.leaky_relu_(x, slope)
        if clamp is not None and x.device.type == "cpu" and not _reaches(x, clamp):
            clamp = None  # as nearly always; a GPU would have to be waited for
        x = x if clamp is None else x.clamp_(-clamp, clamp)
        ctx.save_for_backward(x)
        ctx.slope, ctx.clamp = slope, clamp
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        grad = torch.ops.aten.leaky_relu_backward(grad, y, ctx.slope, True)
        if ctx.clamp is not None:
            grad = grad.masked_fill_(y.abs() >= ctx.clamp, 0)
        return grad, None, None


def _reaches(x: Tensor, limit: float) -> bool:
    """Whether some number is as large as a limit, or none at all."""
    return not x.numel() or not (float(x.amax()) < limit and float(x.amin()) > -limit)
