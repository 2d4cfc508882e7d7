"""The StyleGAN2 generator: mapping network and skip synthesis network, with the key names of NVIDIA's PyTorch code.

Every size comes from a `GeneratorConfig`. Weights start at the public initialisation with equalised learning
rates, so the same class trains from scratch. All arithmetic runs in the dtype of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from eclipsed.errors import InputError
from eclipsed.networks.frozen_layer import FrozenLayer, frozen_layer
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.mapping import FullyConnected, MappingNetwork, normal
from eclipsed.networks.ops import LRELU_GAIN, LRELU_SLOPE, bias_act, modulated_conv2d, setup_filter, upsample2d

__all__ = [
    "NOISE_MODES",
    "Begun",
    "GeneratorConfig",
    "MappingNetwork",
    "NoiseMode",
    "StyleGAN2",
    "SynthesisNetwork",
]

NoiseMode = Literal["const", "random", "none"]
NOISE_MODES: tuple[str, ...] = ("const", "random", "none")


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


@dataclass(frozen=True, eq=False)
class Begun:
    """A drawing that stopped before the first layer that reads a certain row, so that it can be gone on with.

    Args:
        name: the layer that comes next; empty when the drawing is finished.
        x: features so far, (N, C, h, w).
        image: colours so far, (N, img_channels, h, w); None before the first ToRGB.
        kept: activations that were asked for on the way.
    """

    name: str
    x: Tensor
    image: Tensor | None = None
    kept: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, index: slice | Tensor) -> Begun:
        """The same for some of the faces, or for each of them several times."""
        image = None if self.image is None else self.image[index]
        return Begun(self.name, self.x[index], image, {name: kept[index] for name, kept in self.kept.items()})


class SynthesisNetwork(nn.Module):
    """ws to an image, adding up the colours of every resolution on the way."""

    resample_filter: Tensor
    #: kinds of device on which features lie channels last, for convolutions to be faster
    channels_last: tuple[str, ...] = ("cpu",)

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        for resolution in config.resolutions:
            setattr(self, f"b{resolution}", SynthesisBlock(config, resolution))
        self.register_buffer("resample_filter", setup_filter(config.resample_filter), persistent=False)
        kinds = [(r, kind) for r in config.resolutions for kind in ("conv0", "conv1", "torgb")]
        #: convolutions in the order they run
        self.layer_names = tuple(f"b{r}.{k}" for r, k in kinds if k != "torgb" and (r, k) != (4, "conv0"))
        #: everything that takes a style, in the order it runs
        self.style_names = tuple(f"b{r}.{k}" for r, k in kinds if (r, k) != (4, "conv0"))
        # A ToRGB shares its row with the first convolution of the next block.
        self._rows = {name: self._count_convs(name) for name in self.style_names}

    def _count_convs(self, name: str) -> int:
        before = self.style_names[: self.style_names.index(name)]
        return sum(not other.endswith("torgb") for other in before)

    def row_of(self, name: str) -> int:
        """The row of ws that a layer reads; ``name`` is one of `style_names`."""
        if name not in self._rows:
            raise InputError(f"unknown layer {name!r}; this generator has {', '.join(self.style_names)}")
        return self._rows[name]

    def rows_up_to(self, resolution: int) -> tuple[int, ...]:
        """The rows of ws that a picture of this side reads; see `forward` for the rest.

        Raises:
            InputError: the generator draws no such side.
        """
        return tuple(range(max(self._rows[name] for name in self._names_up_to(resolution)) + 1))

    def style_sizes(self) -> dict[str, int]:
        """Length of the style vector of each layer."""
        channels = dict(self.config.channels)
        sizes = {}
        for name in self.style_names:
            resolution, kind = int(name[1 : name.index(".")]), name[name.index(".") + 1 :]
            sizes[name] = channels[resolution // 2] if kind == "conv0" else channels[resolution]
        return sizes

    def styles(self, ws: Tensor) -> dict[str, Tensor]:
        """Read out S: what each layer's affine makes of its row of ws.

        Args:
            ws: latents, (N, num_ws, w_dim).
        Returns:
            One style per name in `style_names`, (N, channels of that layer).
        Raises:
            InputError: ws of another shape.
        """
        return self._styles(ws, self.style_names)

    def _styles(self, ws: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        shape = (self.config.num_ws, self.config.w_dim)
        if ws.ndim != 3 or tuple(ws.shape[1:]) != shape:
            raise InputError(f"ws must have shape (N, {shape[0]}, {shape[1]}); got {tuple(ws.shape)}")
        # A matrix product may round differently for rows that lie differently in memory; copies all lie alike, so
        # that equal latents give equal images to the last bit.
        rows = {i: ws[:, i].clone(memory_format=torch.contiguous_format) for i in {self._rows[name] for name in names}}
        return {name: self.get_submodule(f"{name}.affine")(rows[self._rows[name]]) for name in names}

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: str = "const",
        resolution: int | None = None,
        features: Sequence[str] = (),
        rng: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        begun: Begun | None = None,
        checkpointing: bool = False,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Draw images.

        Args:
            ws: latents, (N, num_ws, w_dim).
            noise_mode: ``"const"`` the noise of the file, ``"random"`` fresh noise, ``"none"``.
            resolution: stop at the block of this side and return its colours; None draws the full image.
            features: names from `layer_names`; the activations after these layers are returned too.
            rng: source of the random noise; None takes PyTorch's global one.
            dtype: what the features are computed in: float32, bfloat16 or float16; None is that of the weights.
                Styles, demodulation and the picture keep the dtype of the weights.
            begun: go on from what `begin` gave for faces that are alike up to there, with the same other arguments.
            checkpointing: keep no activations for the gradient but recompute them, for less memory and more time.
        Returns:
            Images about [-1, 1], (N, img_channels, resolution, resolution); with ``features`` a pair of the
            images and {name: (N, channels, side, side)}.
        Raises:
            InputError: a wrong shape, noise mode, resolution or layer name.
        """
        names = self._names_up_to(resolution)
        styles = self._styles(ws, names)
        return self._draw(styles, names, noise_mode, features, rng, dtype, begun, checkpointing)

    def from_styles(
        self,
        styles: Mapping[str, Tensor],
        *,
        noise_mode: str = "const",
        resolution: int | None = None,
        features: Sequence[str] = (),
        rng: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        begun: Begun | None = None,
        checkpointing: bool = False,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Draw images from style vectors, as `styles` gives them; otherwise like `forward`.

        Raises:
            InputError: a style is missing, unknown or of another shape.
        """
        names = self._names_up_to(resolution)
        self._check_styles(styles, names)
        return self._draw(styles, names, noise_mode, features, rng, dtype, begun, checkpointing)

    def begin(
        self,
        styles: Mapping[str, Tensor],
        row: int,
        *,
        noise_mode: str = "const",
        resolution: int | None = None,
        features: Sequence[str] = (),
        rng: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Begun:
        """Draw up to the first layer that reads a row of ws: what faces have in common that differ from there on.

        Args:
            styles: as `styles` gives them, {name: (N, channels)}.
            row: the first row of ws that is still open.
        Returns:
            What `forward` and `from_styles` go on from; see there for the other arguments.
        Raises:
            InputError: a style is missing, unknown or of another shape, or there is no such row.
        """
        if not 0 <= row < self.config.num_ws:
            raise InputError(f"row must be from 0 to {self.config.num_ws - 1}; got {row!r}")
        names = self._names_up_to(resolution)
        self._check_styles(styles, names)
        self._check_drawing(names, noise_mode, features)
        following = next((name for name in names if self._rows[name] >= row), "")
        first = names[: names.index(following)] if following else names
        begun = self._run(first, styles, self._start(styles[names[0]], dtype), noise_mode, features, rng)
        return Begun(following, begun.x, begun.image, begun.kept)

    def start(self, style: Tensor) -> Begun:
        """Where the drawing of the faces of a style, (N, channels), begins."""
        return self._start(style, None)

    def run(self, names: Sequence[str], styles: Mapping[str, Tensor], begun: Begun) -> Begun:
        """Go through some layers with constant noise, from where a drawing stands; `styles` are those of `names`."""
        return self._run(names, styles, begun, "const", (), None)

    def _check_styles(self, styles: Mapping[str, Tensor], names: Sequence[str]) -> None:
        unknown = [name for name in styles if name not in self._rows]
        missing = [name for name in names if name not in styles]
        if unknown or missing:
            raise InputError(f"styles must hold {', '.join(names)}; missing {missing}, unknown {unknown}")
        sizes = self.style_sizes()
        n = styles[names[0]].shape[0] if styles[names[0]].ndim else 0
        for name in names:
            if tuple(styles[name].shape) != (n, sizes[name]):
                raise InputError(f"style {name} must be ({n}, {sizes[name]}); got {tuple(styles[name].shape)}")

    def _names_up_to(self, resolution: int | None) -> tuple[str, ...]:
        if resolution is None:
            return self.style_names
        if resolution not in self.config.resolutions:
            raise InputError(f"resolution must be one of {self.config.resolutions}; got {resolution!r}")
        last = self.style_names.index(f"b{resolution}.torgb")
        return self.style_names[: last + 1]

    def _check_drawing(self, names: Sequence[str], noise_mode: str, features: Sequence[str]) -> None:
        if noise_mode not in NOISE_MODES:
            raise InputError(f"noise_mode must be one of {', '.join(NOISE_MODES)}; got {noise_mode!r}")
        wrong = [name for name in features if name not in names or name.endswith("torgb")]
        if wrong:
            known = ", ".join(name for name in names if name in self.layer_names)
            raise InputError(f"no features {wrong} at this resolution; choose from {known}")

    def _draw(
        self,
        styles: Mapping[str, Tensor],
        names: Sequence[str],
        noise_mode: str,
        features: Sequence[str],
        rng: torch.Generator | None,
        dtype: torch.dtype | None,
        begun: Begun | None,
        checkpointing: bool,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        self._check_drawing(names, noise_mode, features)
        if begun is None:
            begun = self._start(styles[names[0]], dtype)
        following = names[names.index(begun.name) :] if begun.name else ()
        done = self._run(following, styles, begun, noise_mode, features, rng, checkpointing)
        assert done.image is not None  # every resolution ends with a ToRGB
        image = done.image.contiguous()
        return (image, dict(done.kept)) if features else image

    def _run(
        self,
        names: Sequence[str],
        styles: Mapping[str, Tensor],
        begun: Begun,
        noise_mode: str,
        features: Sequence[str],
        rng: torch.Generator | None,
        checkpointing: bool = False,
    ) -> Begun:
        """Some layers, one after the other."""
        x, image, kept = begun.x, begun.image, dict(begun.kept)
        again = checkpointing and noise_mode != "random"  # noise drawn anew would not be the same
        for name in names:
            layer = self.get_submodule(name)
            if isinstance(layer, ToRGB):
                colours = layer(x, styles[name]).to(styles[name].dtype)
                image = colours if image is None else upsample2d(image, self.resample_filter) + colours
                continue
            if again:  # nothing is drawn at random, so no state of random numbers is kept
                x = checkpoint(layer, x, styles[name], noise_mode, rng, use_reentrant=False, preserve_rng_state=False)
            else:
                x = layer(x, styles[name], noise_mode, rng)
            if name in features:
                kept[name] = x
        return Begun("", x, image, kept)

    def _start(self, style: Tensor, dtype: torch.dtype | None) -> Begun:
        const: Tensor = self.get_submodule("b4").const  # type: ignore[assignment]
        x = const.to(dtype).expand(style.shape[0], -1, -1, -1)
        # Everything after keeps this layout. On a GPU it suits the short formats.
        short = x.device.type == "cuda" and x.dtype != torch.float32
        last = short or x.device.type in self.channels_last
        return Begun(self.style_names[0], x.contiguous(memory_format=torch.channels_last) if last else x)


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
        image = self.synthesis(self.mapping(z, c, truncation_psi=truncation_psi))
        assert isinstance(image, Tensor)
        return image
