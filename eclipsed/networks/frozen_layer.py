"""One synthesis layer with frozen weights: the same numbers as layer by layer, for fewer passes and less memory.

PyTorch would keep five large tensors per layer for the gradient. With frozen weights two are enough, the features
that come in and those that go out, which the next layer keeps anyway: a leaky ReLU can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from eclipsed.networks import fused
from eclipsed.networks.ops import LRELU_GAIN, LRELU_SLOPE, bias_act, up_conv2d, upfirdn2d

__all__ = ["FrozenLayer", "frozen_layer"]


@dataclass(frozen=True, eq=False)
class FrozenLayer:
    """What a synthesis layer's weights come to, computed once.

    Args:
        weight: (O, I, K, K), in the dtype of the features.
        power: sum of the squared weights over the kernel, (O, I), float32.
        bias: (O,), times the activation's gain.
        taps: low-pass filter of an upsampling layer.
        up: 1 or 2.
        clamp: largest absolute value of a feature; None is none.
    """

    weight: Tensor
    power: Tensor
    bias: Tensor
    taps: Tensor
    up: int
    clamp: float | None


def frozen_layer(x: Tensor, style: Tensor, noise: Tensor | None, layer: FrozenLayer) -> Tensor:
    """Modulated convolution, noise, bias, leaky ReLU and clamp.

    Args:
        x: features, (N, I, H, W).
        style: (N, I).
        noise: times its strength and the activation's gain, (H', W') or (N, 1, H', W'); None is none.
        layer: the weights.
    Returns:
        (N, O, H · up, W · up). Gradients flow to `x` and `style`, once.
    Source: Karras et al. 2020, arXiv:1912.04958, section 2.2; what is kept for the gradient is ours.
    """
    result: Tensor = _Layer.apply(x, style, noise, layer)
    return result


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, style: Tensor, noise: Tensor | None, layer: FrozenLayer) -> Tensor:
        scale = (style.square() @ layer.power.t() + 1e-8).rsqrt() * LRELU_GAIN  # (N, O)
        y, weight = _modulate(x, style.to(x.dtype), layer.weight)
        if layer.up == 1:
            y = F.conv2d(y, weight, padding=weight.shape[-1] // 2)
        else:
            y = up_conv2d(y, weight, layer.taps, layer.up)
        if _takes_fused(y):
            y = fused.finish(y, scale, noise, layer.bias, clamp=layer.clamp)
        else:
            y = _finish(y, scale, noise, layer)
        ctx.save_for_backward(x, style, noise, scale, y)
        ctx.layer = layer
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, style, noise, scale, y = ctx.saved_tensors
        layer: FrozenLayer = ctx.layer
        if grad.dtype != y.dtype:
            grad = grad.to(y.dtype)
        if _takes_fused(y):
            grad = fused.finish_grad(grad, y, clamp=layer.clamp)
        else:
            if layer.clamp is not None:
                grad = grad.masked_fill(y.abs() >= layer.clamp, 0)
            grad = torch.ops.aten.leaky_relu_backward(grad, y, LRELU_SLOPE, True)
        # Undone, the activation gives back scale · convolution + noise + bias.
        grad_scale = F.leaky_relu(y, 1 / LRELU_SLOPE).mul_(grad).sum((2, 3)).float()
        grad_scale = (grad_scale - _noise_sums(grad, noise) - grad.sum((2, 3)).float() * layer.bias) / scale
        # scale = gain · (style² · power + tiny)^(-1/2)
        grad_style = -style * ((grad_scale * scale.pow(3) / LRELU_GAIN**2) @ layer.power)
        grad = grad.mul_(scale.to(grad.dtype)[:, :, None, None])
        grad = _conv_back(grad, x, layer)
        grad_style = grad_style + (grad * x).sum((2, 3)).float()
        grad_x = grad.mul_(style.to(grad.dtype)[:, :, None, None]) if ctx.needs_input_grad[0] else None
        return grad_x, grad_style, None, None


def _modulate(x: Tensor, style: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Features and weight, one of them times the style.

    A GPU, whose convolutions are limited by how fast features move, scales the weight of a single sample instead, where
    that is the smaller. (A CPU always scales the features, so that a face does not depend on its batch.)
    """
    if x.device.type == "cuda" and len(x) == 1 and weight.numel() < x.numel():
        return x, weight * style[0, :, None, None]
    return x * style[:, :, None, None], weight


def _takes_fused(y: Tensor) -> bool:
    return y.device.type == "cuda" and fused.is_ready(y)


def _finish(y: Tensor, scale: Tensor, noise: Tensor | None, layer: FrozenLayer) -> Tensor:
    """What `fused.finish` does in one pass; overwrites `y`."""
    y = y.mul_(scale.to(y.dtype)[:, :, None, None])
    bias: Tensor | None = layer.bias
    if y.device.type == "cpu" and y.dtype == torch.bfloat16:
        y, bias = y.add_(_offset(y, noise, layer.bias)), None
    elif noise is not None:
        y = y.add_(noise.to(y.dtype))
    bias = None if bias is None else bias.to(y.dtype)
    return bias_act(y, bias, act="lrelu", gain=1.0, clamp=layer.clamp, inplace=True)


def _offset(y: Tensor, noise: Tensor | None, bias: Tensor) -> Tensor:
    """Noise and bias in one, (N or 1, O, H', W'), channels last.

    In bfloat16 a processor adds what lies exactly as `y` does ten times as fast as what is repeated along rows or
    channels.
    """
    plain = bias.new_zeros(y.shape[2:]) if noise is None else noise
    planes = plain.reshape(-1, *y.shape[2:], 1)
    return (planes.float() + bias.float()).to(y.dtype).permute(0, 3, 1, 2)


def _noise_sums(grad: Tensor, noise: Tensor | None) -> Tensor | float:
    """Sum of the gradient times the noise over the picture, (N, C)."""
    if noise is None:
        return 0.0
    planes = noise.to(grad.dtype).reshape(-1, grad.shape[2] * grad.shape[3])  # (N or 1, H · W)
    pixels = grad.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H · W, C), no copy where channels lie last
    return (planes[:, None].expand(len(grad), -1, -1) @ pixels)[:, 0].float()


def _conv_back(grad: Tensor, x: Tensor, layer: FrozenLayer) -> Tensor:
    """Gradient of the convolution's input."""
    k = layer.weight.shape[-1]
    if layer.up == 1:
        return _input_gradient(grad, x, layer.weight, stride=1, padding=k // 2, transposed=False)
    size = (x.shape[2] - 1) * layer.up + k  # of the transposed convolution's result
    kh, kw = layer.taps.shape
    left, top = ((n + layer.up - 1) // 2 - (k - 1) + k // 2 for n in (kw, kh))
    right, bottom = (grad.shape[3] - size + kw - 1 - left, grad.shape[2] - size + kh - 1 - top)
    pads = (kw - 1 - left, kw - 1 - right, kh - 1 - top, kh - 1 - bottom)
    grad = upfirdn2d(grad, layer.taps, padding=pads, flip_filter=True, gain=float(layer.up**2))
    return _input_gradient(grad, x, layer.weight.transpose(0, 1), stride=layer.up, padding=0, transposed=True)


def _input_gradient(grad: Tensor, x: Tensor, weight: Tensor, *, stride: int, padding: int, transposed: bool) -> Tensor:
    result: Tensor = torch.ops.aten.convolution_backward(
        grad, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1, [True, False, False]
    )[0]
    return result
