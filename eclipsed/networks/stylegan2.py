"""The StyleGAN2 generator: mapping network and skip synthesis network, with the key names of NVIDIA's PyTorch code.

Every size comes from a `GeneratorConfig`. Weights start at the public initialisation with equalised learning
rates, so the same class trains from scratch. All arithmetic runs in the dtype of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from eclipsed.networks.blocks import SynthesisBlock, SynthesisLayer, ToRGB
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import DEFAULT_OPTIONS, Layer, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.networks.mapping import MappingNetwork
from eclipsed.networks.ops import setup_filter, upsample2d

__all__ = ["StyleGAN2", "SynthesisNetwork"]


class SynthesisNetwork(LayeredSynthesis):
    """ws to an image, adding up the colours of every resolution on the way.

    Args:
        config: every size.
    """

    resample_filter: Tensor
    #: kinds of device on which features lie channels last, for convolutions to be faster
    channels_last: tuple[str, ...] = ("cpu",)

    def __init__(self, config: GeneratorConfig) -> None:
        shape = (config.num_ws, config.w_dim)
        super().__init__(resolution=config.resolution, sides=config.resolutions, ws_shape=shape)
        self.config = config
        row = 0
        for resolution in config.resolutions:
            block = SynthesisBlock(config, resolution)
            setattr(self, f"b{resolution}", block)
            for kind, module in block.named_children():
                assert isinstance(module, SynthesisLayer | ToRGB)
                is_rgb, channels = isinstance(module, ToRGB), module.affine.weight.shape[0]
                self.add_layer(Layer(f"b{resolution}.{kind}", resolution, row, channels, is_rgb), module)
                row += not is_rgb  # a ToRGB shares its row with the first convolution of the next block
        self.register_buffer("resample_filter", setup_filter(config.resample_filter), persistent=False)

    def start(self, style: Tensor, dtype: torch.dtype | None = None) -> SynthesisPrefix:
        """Where every drawing begins.

        Args:
            style: any of the faces' styles, (N, channels): one drawing for each.
            dtype: what the features are computed in; None is that of the weights.
        """
        const: Tensor = self.b4.const  # type: ignore[assignment, union-attr]
        x = const.to(dtype).expand(style.shape[0], -1, -1, -1)
        # Everything after keeps this layout. On a GPU it suits the short formats.
        short = x.device.type == "cuda" and x.dtype != torch.float32
        last = short or x.device.type in self.channels_last
        return SynthesisPrefix(0, x.contiguous(memory_format=torch.channels_last) if last else x)

    def run(
        self,
        layers: Sequence[Layer],
        styles: Mapping[str, Tensor],
        prefix: SynthesisPrefix,
        options: SynthesisOptions = DEFAULT_OPTIONS,
    ) -> SynthesisPrefix:
        """Go through some layers, one after the other.

        Args:
            layers: those that follow.
            styles: of these layers at least, {name: (N, channels)}.
            prefix: where the drawing stands.
            options: how; the resolution and the dtype play no part here.
        """
        x, image, features = prefix.x, prefix.image, dict(prefix.features)
        mode, rng = options.noise_mode, options.rng
        again = options.checkpointing and mode != "random"  # noise drawn anew would not be the same
        for layer in layers:
            module, style = self._module_of[layer.name], styles[layer.name]
            if layer.is_rgb:
                colours = module(x, style).to(style.dtype)
                image = colours if image is None else upsample2d(image, self.resample_filter) + colours
                continue
            if again:  # nothing is drawn at random, so no state of random numbers is kept
                x = checkpoint(module, x, style, mode, rng, use_reentrant=False, preserve_rng_state=False)
            else:
                x = module(x, style, mode, rng)
            if layer.name in options.features:
                features[layer.name] = x
        return SynthesisPrefix(prefix.depth + len(layers), x, image, features)


class StyleGAN2(nn.Module):
    """Mapping and synthesis together.

    Args:
        config: every size.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.synthesis = SynthesisNetwork(config)
        self.mapping = MappingNetwork(config)

    def forward(self, z: Tensor, c: Tensor | None = None, *, truncation_psi: float = 1.0) -> Tensor:
        """Draw the image of each z with constant noise, (N, z_dim) -> (N, img_channels, resolution, resolution)."""
        drawn: Synthesis = self.synthesis(self.mapping(z, c, truncation_psi=truncation_psi))
        return drawn.image
