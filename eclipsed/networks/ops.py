"""The few operations that StyleGAN2 is made of, as readable PyTorch that also trains at a fair speed.

Every function keeps the dtype and device of its input and is differentiable in every float argument. `bias_act` and
`upfirdn2d` have fused CUDA kernels beside them: ``impl="auto"`` takes these where they can be had, ``"reference"``
never does, and ``"fused"`` fails where they cannot. The fused ones are differentiable once, and not in the filter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.networks import fused

__all__ = [
    "LRELU_GAIN",
    "LRELU_SLOPE",
    "bias_act",
    "demodulation",
    "downsample2d",
    "modulated_conv2d",
    "setup_filter",
    "up_conv2d",
    "upfirdn2d",
    "upsample2d",
]

#: slope of the leaky ReLU for negative values, in every public StyleGAN2
LRELU_SLOPE = 0.2
#: gain after the leaky ReLU that keeps the second moment at one
LRELU_GAIN = math.sqrt(2.0)


def setup_filter(taps: Sequence[float] | Sequence[Sequence[float]] | Tensor) -> Tensor:
    """Turn filter taps into a two-dimensional filter that sums to one.

    Args:
        taps: one row of taps, (K,), whose outer product with itself is the filter; or a filter, (H, W).
    Returns:
        The filter, float32, (H, W).
    Raises:
        InputError: no taps, more than two dimensions, not finite, or a sum of zero.
    """
    device = taps.device if isinstance(taps, Tensor) else "cpu"
    f = torch.as_tensor(taps, dtype=torch.float32, device=device)
    if f.ndim not in (1, 2) or f.numel() == 0 or not bool(f.isfinite().all()):
        raise InputError(f"a resampling filter is a row or a table of finite taps; got shape {tuple(f.shape)}")
    if f.ndim == 1:
        f = torch.outer(f, f)
    total = f.sum()
    if float(total) == 0.0:
        raise InputError("a resampling filter cannot be normalised when its taps sum to zero")
    return f / total


def upfirdn2d(
    x: Tensor,
    f: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    impl: str = "auto",
) -> Tensor:
    """Insert zeros, pad, convolve with one filter for all channels, keep every n-th pixel.

    Args:
        x: images, (N, C, H, W).
        f: filter, (Kh, Kw).
        up: every pixel is followed by ``up - 1`` zeros along each axis.
        down: every ``down``-th pixel of the result is kept along each axis.
        padding: zeros around the upsampled image: one number, or left, right, top, bottom. Negative values crop.
        flip_filter: False convolves, True correlates.
        gain: factor on the result.
        impl: ``"auto"``, ``"reference"`` or ``"fused"``.
    Returns:
        (N, C, H', W') with H' = (H · up + top + bottom - Kh) // down + 1.
    Raises:
        InputError: an unknown `impl`, or the fused operation cannot be had.
    Source: the public StyleGAN2 code, ``upfirdn2d``.
    """
    n, c, h, w = x.shape
    left, right, top, bottom = (padding,) * 4 if isinstance(padding, int) else padding
    if not f.requires_grad and _is_fused(impl, x):
        pads = (left, right, top, bottom)
        return fused.upfirdn2d(x, f, up=up, down=down, padding=pads, flip_filter=flip_filter, gain=gain)
    if up > 1:
        x = F.pad(x.reshape(n, c, h, 1, w, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(n, c, h * up, w * up)
    taps = (f * gain).to(x.dtype)
    if not flip_filter:
        taps = taps.flip((0, 1))
    taps = taps.expand(c, 1, *taps.shape)
    if left == right >= 0 and top == bottom >= 0:
        return F.conv2d(x, taps, stride=down, padding=(top, left), groups=c)
    return F.conv2d(F.pad(x, (left, right, top, bottom)), taps, stride=down, groups=c)


def upsample2d(x: Tensor, f: Tensor, *, up: int = 2) -> Tensor:
    """Enlarge images by an integer factor, (N, C, H, W) -> (N, C, H · up, W · up); brightness is kept."""
    kh, kw = f.shape
    pad = ((kw + up - 1) // 2, (kw - up) // 2, (kh + up - 1) // 2, (kh - up) // 2)
    return upfirdn2d(x, f, up=up, padding=pad, gain=float(up * up))


def downsample2d(x: Tensor, f: Tensor, *, down: int = 2) -> Tensor:
    """Shrink images by an integer factor, (N, C, H, W) -> (N, C, H / down, W / down)."""
    kh, kw = f.shape
    pad = ((kw - down + 1) // 2, (kw - down) // 2, (kh - down + 1) // 2, (kh - down) // 2)
    return upfirdn2d(x, f, down=down, padding=pad)


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    dim: int = 1,
    act: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
    inplace: bool = False,
    impl: str = "auto",
) -> Tensor:
    """Add a bias, apply the activation, scale, clamp.

    Args:
        x: any shape.
        b: bias along ``dim``, (x.shape[dim],).
        dim: the axis of the bias.
        act: ``"linear"`` or ``"lrelu"`` (leaky ReLU, slope 0.2).
        gain: factor after the activation; None takes the activation's own, 1 or sqrt(2).
        clamp: largest absolute value of the result; None leaves it.
        inplace: overwrite ``x``, where no gradient is recorded; the fused operation need not.
        impl: ``"auto"``, ``"reference"`` or ``"fused"``.
    Returns:
        Same shape as ``x``.
    Raises:
        InputError: another activation, an unknown `impl`, or the fused operation cannot be had.
    Source: the public StyleGAN2 code, ``bias_act``.
    """
    if act not in ("linear", "lrelu"):
        raise InputError(f"activation must be 'linear' or 'lrelu'; got {act!r}")
    if gain is None:
        gain = LRELU_GAIN if act == "lrelu" else 1.0
    if gain > 0 and x.ndim and _is_fused(impl, x):
        return fused.bias_act(x, b, dim=dim, lrelu=act == "lrelu", gain=gain, clamp=clamp)
    if b is not None:
        b = b.to(x.dtype).reshape([-1 if i == dim % x.ndim else 1 for i in range(x.ndim)])
        x = x.add_(b) if inplace else x + b
    if act == "lrelu":
        # The sum above is ours to overwrite, and leaky ReLU's gradient needs only its result.
        x = F.leaky_relu(x, LRELU_SLOPE, inplace=b is not None)
    if gain != 1.0:
        x = x * gain
    if clamp is None:
        return x
    return x.clamp_(-clamp, clamp) if inplace else x.clamp(-clamp, clamp)


def _is_fused(impl: str, x: Tensor) -> bool:
    """Whether the fused operation shall run on a tensor. Left to choose, a CPU never takes it."""
    if impl == "reference" or (impl == "auto" and x.device.type != "cuda"):
        return False
    if impl not in ("auto", "fused"):
        raise InputError(f"impl must be auto, reference or fused; got {impl!r}")
    ready = fused.is_ready(x)
    if impl == "fused" and not ready:
        raise InputError(
            f"the fused operations are not to be had for {x.dtype} on {x.device.type}; take impl='auto' or 'reference'"
        )
    return ready


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    gain: float = 1.0,
) -> Tensor:
    """Convolve each sample with its own scaling of one weight, padded to keep (or exactly double) the size.

    Scaling the weight per sample equals scaling the input channels before a shared convolution and the output
    channels after it, which is several times faster on a CPU; so that is how it is done.

    Args:
        x: features, (N, I, H, W).
        weight: shared weight, (O, I, K, K) with odd K.
        styles: one factor per sample and input channel, (N, I).
        up: 1, or 2 to double the size.
        resample_filter: low-pass filter used when ``up`` is 2, (Kh, Kw); required then.
        demodulate: divide by the norm of each sample's scaled weight.
        gain: factor on the result.
    Returns:
        (N, O, H · up, W · up).
    In float16, weight and styles are first brought to a size at which nothing overflows; demodulation cancels that.
    Source: Karras et al. 2020, arXiv:1912.04958, eq. 1 and 3; for float16 the public StyleGAN2-ADA code.
    """
    if x.dtype == torch.float16 and demodulate:
        weight = weight / (math.sqrt(weight[0].numel()) * weight.abs().amax((1, 2, 3), keepdim=True))
        styles = styles / styles.abs().amax(1, keepdim=True)
    if weight.shape[2:] == (1, 1) and up == 1 and not demodulate:
        return _mix_channels(x, weight[:, :, 0, 0] * gain, styles)
    x = x * styles.to(x.dtype)[:, :, None, None]
    if up == 1:
        x = F.conv2d(x, weight.to(x.dtype), padding=weight.shape[-1] // 2)
    else:
        if resample_filter is None:
            raise InputError("modulated_conv2d with up=2 needs a resample_filter")
        x = up_conv2d(x, weight.to(x.dtype), resample_filter, up)
    if demodulate:
        scale = demodulation(weight, styles) * gain
        return x * scale.to(x.dtype)[:, :, None, None]
    return x if gain == 1.0 else x * gain


def _mix_channels(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
    """A 1×1 convolution with one weight per sample: to a few channels this is cheaper than scaling the many."""
    n, _, h, w = x.shape
    own = (weight * styles[:, None]).to(x.dtype)  # (N, O, I)
    y = x.permute(0, 2, 3, 1).reshape(n, h * w, -1) @ own.transpose(1, 2)  # no copy when channels lie last
    return y.reshape(n, h, w, -1).permute(0, 3, 1, 2)


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """One over the norm of each sample's modulated filters, (O, I, K, K) and (N, I) -> (N, O)."""
    power = weight.square().sum((2, 3))  # (O, I)
    return (styles.square() @ power.t() + 1e-8).rsqrt()


def up_conv2d(x: Tensor, weight: Tensor, f: Tensor, up: int) -> Tensor:
    """Zero insertion, convolution and low-pass filter; the first two as one transposed convolution.

    Args:
        x: features, (N, I, H, W).
        weight: (O, I, K, K) with odd K.
        f: low-pass filter, (Kh, Kw).
        up: the factor.
    Returns:
        (N, O, H · up, W · up).
    """
    k = weight.shape[-1]
    kh, kw = f.shape
    x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=up)  # (N, O, (H - 1) · up + K, …)
    pad = k // 2
    left, right = pad + (kw + up - 1) // 2 - (k - 1), pad + (kw - up) // 2 - (k - up)
    top, bottom = pad + (kh + up - 1) // 2 - (k - 1), pad + (kh - up) // 2 - (k - up)
    return upfirdn2d(x, f, padding=(left, right, top, bottom), gain=float(up * up))
