"""What a StyleGAN2 synthesis network is built of: the layers with a style, and the block of those of one resolution."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eclipsed.networks.frozen_layer import FrozenLayer, frozen_layer
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.mapping import FullyConnected, normal
from eclipsed.networks.ops import LRELU_GAIN, LRELU_SLOPE, bias_act, modulated_conv2d, setup_filter

__all__ = ["SynthesisBlock", "SynthesisLayer", "ToRGB"]


class SynthesisLayer(nn.Module):
    """Modulated 3×3 convolution, noise, bias, leaky ReLU; may double the size."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(self, config: GeneratorConfig, in_channels: int, resolution: int, *, up: int) -> None:
        super().__init__()
        out_channels = dict(config.channels)[resolution]
        self.up, self.clamp, self.resolution = up, config.conv_clamp, resolution
        self.affine = FullyConnected(config.w_dim, in_channels, bias=1.0)
        self.weight = nn.Parameter(normal(out_channels, in_channels, 3, 3))
        self.register_buffer("noise_const", normal(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("resample_filter", setup_filter(config.resample_filter), persistent=False)
        self._kept: dict[torch.dtype, tuple[tuple[object, ...], FrozenLayer]] = {}

    def forward(self, x: Tensor, style: Tensor, noise_mode: str, rng: torch.Generator | None) -> Tensor:
        noise = self._noise(x, noise_mode, rng)
        if not self.weight.requires_grad and x.dtype != torch.float16:
            return frozen_layer(x, style, noise, self._frozen(x.dtype))
        # The gain of the activation is a positive factor, so it may be applied to the small tensors before it.
        x = modulated_conv2d(x, self.weight, style, up=self.up, resample_filter=self.resample_filter, gain=LRELU_GAIN)
        if noise is not None:
            x = x.add_(noise.to(x.dtype))
        x = x.add_((self.bias * LRELU_GAIN).to(x.dtype)[:, None, None])
        x = F.leaky_relu(x, LRELU_SLOPE, inplace=True)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)

    def _noise(self, x: Tensor, noise_mode: str, rng: torch.Generator | None) -> Tensor | None:
        """What is added before the activation, times the gain after it."""
        if noise_mode == "none":
            return None
        noise = self.noise_const if noise_mode == "const" else self._random_noise(x, rng)
        return noise * (self.noise_strength * LRELU_GAIN)

    @torch.no_grad()
    def _frozen(self, dtype: torch.dtype) -> FrozenLayer:
        """What the weights come to in a dtype, kept until they change."""
        state = (self.weight.data_ptr(), self.weight._version, self.bias._version)
        if dtype not in self._kept or self._kept[dtype][0] != state:
            kept = FrozenLayer(
                weight=_laid_out(self.weight, dtype, self.up),
                power=self.weight.square().sum((2, 3)),
                bias=self.bias * LRELU_GAIN,
                taps=self.resample_filter,
                up=self.up,
                clamp=self.clamp,
            )
            self._kept[dtype] = (state, kept)
        return self._kept[dtype][1]

    def _random_noise(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        shape = (x.shape[0], 1, self.resolution, self.resolution)
        device = x.device if rng is None else rng.device
        return torch.randn(shape, generator=rng, device=device).to(x.device)


def _laid_out(weight: Tensor, dtype: torch.dtype, up: int) -> Tensor:
    """A weight in a dtype, and on a GPU with channels last, as its convolution wants the short formats.

    An upsampling layer takes it with input and output exchanged.
    """
    if weight.device.type != "cuda" or dtype == torch.float32:
        return weight.to(dtype)
    if up == 1:
        return weight.to(dtype, memory_format=torch.channels_last)
    return weight.transpose(0, 1).to(dtype, memory_format=torch.channels_last).transpose(0, 1)


class ToRGB(nn.Module):
    """Modulated 1×1 convolution from features to colours, without demodulation."""

    def __init__(self, config: GeneratorConfig, in_channels: int) -> None:
        super().__init__()
        self.clamp = config.conv_clamp
        self.affine = FullyConnected(config.w_dim, in_channels, bias=1.0)
        self.weight = nn.Parameter(normal(config.img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))
        self.weight_gain = 1.0 / math.sqrt(in_channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = modulated_conv2d(x, self.weight, style * self.weight_gain, demodulate=False)
        return bias_act(x, self.bias, clamp=self.clamp)


class SynthesisBlock(nn.Module):
    """All layers of one resolution."""

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        channels = dict(config.channels)
        if resolution == 4:
            self.const = nn.Parameter(normal(channels[4], 4, 4))
        else:
            self.conv0 = SynthesisLayer(config, channels[resolution // 2], resolution, up=2)
        self.conv1 = SynthesisLayer(config, channels[resolution], resolution, up=1)
        self.torgb = ToRGB(config, channels[resolution])
