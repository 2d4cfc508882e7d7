"""The StyleGAN3 generator, T and R: mapping and alias-free synthesis network, with the key names of NVIDIA's code.

Every size comes from a `StyleGAN3Config`, and the filters are part of the state. All arithmetic runs in the dtype of
the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from eclipsed.networks.filtered_lrelu import filtered_lrelu
from eclipsed.networks.fourier_input import FourierInput
from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import DEFAULT_OPTIONS, Layer, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.networks.mapping import FullyConnected, MappingNetwork, normal
from eclipsed.networks.ops import LRELU_GAIN, LRELU_SLOPE, demodulation
from eclipsed.networks.stylegan3_config import LayerPlan, StyleGAN3Config

__all__ = ["AliasFreeLayer", "AliasFreeSynthesis", "StyleGAN3"]

_TINY = 1e-20  # keeps a style of zeros from becoming no numbers


class AliasFreeLayer(nn.Module):
    """Modulated convolution and filtered leaky ReLU; or, as the last layer, from features to colours.

    Args:
        config: every size of the generator.
        plan: what this layer does.
    Source: Karras et al. 2021, arXiv:2106.12423, section 3.2 and appendix C.
    """

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: StyleGAN3Config, plan: LayerPlan) -> None:
        super().__init__()
        self.plan, self.clamp = plan, config.conv_clamp
        self.affine = FullyConnected(config.w_dim, plan.in_channels, bias=1.0)
        self.weight = nn.Parameter(normal(plan.out_channels, plan.in_channels, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.zeros(plan.out_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        for name, lowpass in (("up_filter", plan.up_filter), ("down_filter", plan.down_filter)):
            self.register_buffer(name, None if lowpass is None else lowpass.make())

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        plan = self.plan
        x = self._convolved(x, style)
        return filtered_lrelu(
            x,
            self.bias,
            up_filter=self.up_filter,
            down_filter=self.down_filter,
            up=plan.up,
            down=plan.down,
            padding=plan.padding,
            slope=1.0 if plan.is_rgb else LRELU_SLOPE,
            gain=1.0 if plan.is_rgb else LRELU_GAIN,
            clamp=self.clamp,
        )

    def _convolved(self, x: Tensor, style: Tensor) -> Tensor:
        """The modulated convolution of features whose mean square training has measured, wider by its kernel."""
        weight: Tensor = self.weight
        after = None
        if self.plan.is_rgb:
            style = style / math.sqrt(weight[0].numel())
        else:  # both at a size at which nothing overflows; demodulation cancels that
            weight = weight * (weight.square().mean((1, 2, 3), keepdim=True) + _TINY).rsqrt()
            style = style * (style.square().mean(1, keepdim=True) + _TINY).rsqrt()
            after = demodulation(weight, style)
        x = x * (style * self.magnitude_ema.rsqrt()).to(x.dtype)[:, :, None, None]
        x = F.conv2d(x, weight.to(x.dtype), padding=self.plan.kernel - 1)
        return x if after is None else x * after.to(x.dtype)[:, :, None, None]


class AliasFreeSynthesis(LayeredSynthesis):
    """ws to an image, by waves that one layer after the other bends; colours come at the very end.

    Features reach beyond the picture, by the margin of their layer. There is no noise, whatever the noise mode. A
    picture of a smaller side takes all layers, since none but the last gives colours; each of its pixels is the mean of
    those that fall into it.

    Args:
        config: every size.
    """

    def __init__(self, config: StyleGAN3Config) -> None:
        shape = (config.num_ws, config.w_dim)
        super().__init__(resolution=config.resolution, sides=config.resolutions, ws_shape=shape)
        self.config = config
        first = config.plans[0]
        size, rate = first.in_size, first.in_rate
        self.input = FourierInput(config.w_dim, first.in_channels, size=size, rate=rate, bandwidth=config.first_cutoff)
        self.add_layer(Layer("input", rate, 0, 4, False, margin=(size - rate) // 2), self.input)
        for row, plan in enumerate(config.plans, start=1):
            module = AliasFreeLayer(config, plan)
            setattr(self, plan.name, module)
            layer = Layer(plan.name, plan.out_rate, row, plan.in_channels, plan.is_rgb, margin=plan.margin)
            self.add_layer(layer, module)

    def layers_up_to(self, resolution: int | None) -> tuple[Layer, ...]:
        """All layers, whatever the side of the picture.

        Raises:
            InputError: pictures of this side cannot be had.
        """
        super().layers_up_to(resolution)
        return self.layers

    def sized(self, image: Tensor, resolution: int | None) -> Tensor:
        """A drawn picture, shrunk to the side that was asked for."""
        return image if resolution is None else F.avg_pool2d(image, self.resolution // resolution)

    def start(self, style: Tensor, dtype: torch.dtype | None = None) -> SynthesisPrefix:
        """No features yet, (N, 0, 1, 1): the first layer makes them of its style alone."""
        return SynthesisPrefix(0, style.new_empty((len(style), 0, 1, 1), dtype=dtype or style.dtype))

    def run(
        self,
        layers: Sequence[Layer],
        styles: Mapping[str, Tensor],
        prefix: SynthesisPrefix,
        options: SynthesisOptions = DEFAULT_OPTIONS,
    ) -> SynthesisPrefix:
        """Go through some layers; see `LayeredSynthesis.run`."""
        x, image, features = prefix.x, prefix.image, dict(prefix.features)
        for layer in layers:
            module, style = self._module_of[layer.name], styles[layer.name]
            if module is self.input:
                x = module(style).to(x.dtype)
            elif layer.is_rgb:
                image = module(x, style).to(style.dtype) * self.config.output_scale
                continue
            elif options.checkpointing:
                x = checkpoint(module, x, style, use_reentrant=False, preserve_rng_state=False)
            else:
                x = module(x, style)
            if layer.name in options.features:
                features[layer.name] = x
        return SynthesisPrefix(prefix.depth + len(layers), x, image, features)


class StyleGAN3(nn.Module):
    """Mapping and synthesis together.

    Args:
        config: every size.
    """

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.synthesis = AliasFreeSynthesis(config)
        self.mapping = MappingNetwork(config)

    def forward(self, z: Tensor, c: Tensor | None = None, *, truncation_psi: float = 1.0) -> Tensor:
        """Draw the image of each z, (N, z_dim) -> (N, img_channels, resolution, resolution)."""
        drawn: Synthesis = self.synthesis(self.mapping(z, c, truncation_psi=truncation_psi))
        return drawn.image
