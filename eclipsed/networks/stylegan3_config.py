"""Every number that fixes the shape and the arithmetic of a StyleGAN3 generator, and what follows for each layer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from eclipsed.errors import InputError
from eclipsed.networks.lowpass import LowPass
from eclipsed.values.checks import whole

__all__ = ["STYLEGAN3", "LayerPlan", "StyleGAN3Config"]

#: how the config of such a generator says in files what it is
STYLEGAN3 = "stylegan3"

#: the least and the most of each count; filters and margins are made, so that no file may ask for gigabytes of them
_COUNTS = {
    "z_dim": (1, 2**20),
    "w_dim": (1, 2**20),
    "c_dim": (0, 2**20),
    "mapping_layers": (1, 256),
    "img_channels": (1, 64),
    "num_critical": (1, 256),
    "margin_size": (0, 1024),
    "conv_kernel": (1, 15),
    "filter_size": (1, 64),
    "lrelu_upsampling": (1, 16),
}
_AMOUNTS = ("mapping_lr_multiplier", "first_cutoff", "first_stopband", "last_stopband_rel", "output_scale")


@dataclass(frozen=True)
class LayerPlan:
    """What a layer does to its features; sizes are in pixels, rates in pixels per width of the picture."""

    name: str
    in_channels: int
    out_channels: int
    in_size: int
    out_size: int
    in_rate: int
    out_rate: int
    kernel: int  # side of the convolution
    up: int  # factor between the convolution and the leaky ReLU
    down: int  # factor after it
    up_filter: LowPass | None
    down_filter: LowPass | None
    padding: tuple[int, int, int, int]  # of the upsampled features: left, right, top, bottom
    is_rgb: bool

    @property
    def margin(self) -> int:
        """Pixels of what it gives that lie beyond each edge of the picture."""
        return (self.out_size - self.out_rate) // 2


@dataclass(frozen=True)
class StyleGAN3Config:
    """Every number that fixes the shape and the arithmetic of a StyleGAN3 generator, of the kind T or R.

    Source: Karras et al. 2021, arXiv:2106.12423, section 3 and appendix C; the names are those of the public code.
    """

    z_dim: int  # length of z
    w_dim: int  # length of w
    resolution: int  # side of the output in pixels, a power of two from 16 up
    channels: tuple[int, ...]  # feature channels of each layer but the last, which gives the colours
    c_dim: int = 0  # number of classes; 0 is unconditional
    mapping_layers: int = 2  # fully connected layers of the mapping network
    mapping_features: int | None = None  # width between them; None is w_dim
    embed_features: int | None = None  # width of the class embedding; None is w_dim
    mapping_lr_multiplier: float = 0.01  # learning-rate multiplier of the mapping network
    img_channels: int = 3  # colour channels
    num_critical: int = 2  # layers at the end that use all frequencies which the pixels can hold
    first_cutoff: float = 2.0  # of the first layer, in cycles per width of the picture
    first_stopband: float = 2**2.1  # the least that the first layer suppresses wholly
    last_stopband_rel: float = 2**0.3  # the same of the last layer, per its cutoff
    margin_size: int = 10  # pixels that features reach beyond the picture
    output_scale: float = 0.25  # factor on the colours
    conv_kernel: int = 3  # side of the convolutions: 3 in T, 1 in R
    filter_size: int = 6  # taps of a filter for each factor of its resampling
    lrelu_upsampling: int = 2  # how much finer the leaky ReLU works than its surroundings
    use_radial_filters: bool = False  # whether downsampling filters are alike in every direction, as in R
    conv_clamp: float | None = 256.0  # features are clamped to ± this value; None leaves them
    num_fp16_res: int = 4  # how many resolutions the file's author ran in half precision; we run none so
    w_avg_beta: float = 0.998  # decay of the running mean of w during training

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(int(c) for c in self.channels))
        if not 16 <= self.resolution <= 2**14 or self.resolution & (self.resolution - 1):
            raise InputError(f"resolution must be a power of two from 16 to 16384; got {self.resolution}")
        for name, (least, most) in _COUNTS.items():
            whole(name, getattr(self, name), least, most)
        for name in _AMOUNTS:
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{name} must be a positive number; got {getattr(self, name)}")
        if self.conv_clamp is not None and not self.conv_clamp > 0:
            raise InputError(f"conv_clamp must be positive or None; got {self.conv_clamp}")
        if len(self.channels) <= self.num_critical or min(self.channels) < 1:
            raise InputError(
                f"channels must hold a positive number for each of more than {self.num_critical} layers; got "
                f"{self.channels}"
            )
        rising = (1, self.first_stopband, self.last_stopband_rel * self.resolution / 2)
        if not rising[0] < rising[1] < rising[2] or not self.first_cutoff < self.first_stopband:
            raise InputError(
                "first_stopband must be above 1 and first_cutoff, and below that of the last layer; got "
                f"{self.first_cutoff:g}, {self.first_stopband:g} and {rising[2]:g}"
            )
        assert self.plans  # each describes its filters, which check their numbers

    def channels_of(self, channel_base: int, channel_max: int) -> tuple[int, ...]:
        """The channels that as many layers have in the public code, where two numbers stand for them all.

        Args:
            channel_base: twice the channels of a layer, times its cutoff.
            channel_max: most channels of a layer.
        """
        cutoffs = self._bands()[0][:-1]
        wide = np.rint(np.minimum(channel_base / 2 / cutoffs, channel_max)).astype(int)
        return tuple(wide.tolist())

    @property
    def architecture(self) -> str:
        """What people call such a generator: T is equivariant to translation, R to rotation too."""
        return f"StyleGAN3-{'R' if self.use_radial_filters else 'T'}"

    @property
    def widths(self) -> dict[str, int]:
        """Feature channels of each layer."""
        return {plan.name: plan.out_channels for plan in self.plans if not plan.is_rgb}

    @property
    def num_ws(self) -> int:
        """Rows of ws: one for the input, and one for each layer, that of the colours included."""
        return len(self.channels) + 2

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Sides of pictures that can be asked for, 4 first; all but the last are shrunk."""
        return tuple(2**i for i in range(2, self.resolution.bit_length()))

    def _bands(self) -> tuple[Any, Any, Any]:
        """Of each layer the cutoff, the rate, and half the width of the band in which its filters fall."""
        steps = len(self.channels)
        progress = np.minimum(np.arange(steps + 1) / (steps - self.num_critical), 1)
        last = self.resolution / 2
        cutoffs = self.first_cutoff * (last / self.first_cutoff) ** progress
        stopbands = self.first_stopband * (last * self.last_stopband_rel / self.first_stopband) ** progress
        rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, self.resolution)))).astype(int)
        return cutoffs, rates, np.maximum(stopbands, rates / 2) - cutoffs

    @cached_property
    def plans(self) -> tuple[LayerPlan, ...]:
        """What each layer does, in their order; the last gives the colours."""
        cutoffs, rates, half_widths = (values.tolist() for values in self._bands())
        sizes = [rate + 2 * self.margin_size for rate in rates]
        sizes[-2:] = [self.resolution] * 2
        channels = [*self.channels, self.img_channels]
        found = []
        for at, name in enumerate(f"L{i}_{size}_{c}" for i, (size, c) in enumerate(zip(sizes, channels, strict=True))):
            before, is_rgb = max(at - 1, 0), at == len(self.channels)
            fine = max(rates[before], rates[at]) * (1 if is_rgb else self.lrelu_upsampling)
            up, down = fine // rates[before], fine // rates[at]
            radial = self.use_radial_filters and at < len(self.channels) - self.num_critical
            filters = [
                LowPass(self.filter_size * factor, cutoffs[i], 2 * half_widths[i], fine, turns) if factor > 1 else None
                for factor, i, turns in ((up, before, False), (down, at, radial))
            ]
            kernel = 1 if is_rgb else self.conv_kernel
            longer = sum(one.taps - 1 for one in filters if one is not None)
            total = (sizes[at] - 1) * down + 1 + longer - (sizes[before] + kernel - 1) * up
            first = (total + up) // 2  # the pixels of the picture stay where they are, whatever the factors
            found.append(
                LayerPlan(
                    name=name,
                    in_channels=channels[before],
                    out_channels=channels[at],
                    in_size=sizes[before],
                    out_size=sizes[at],
                    in_rate=rates[before],
                    out_rate=rates[at],
                    kernel=kernel,
                    up=up,
                    down=down,
                    up_filter=filters[0],
                    down_filter=filters[1],
                    padding=(first, total - first) * 2,
                    is_rgb=is_rgb,
                )
            )
        return tuple(found)

    def to_json(self) -> str:
        """The config as one line of JSON with sorted keys, which says that it is a StyleGAN3's."""
        return json.dumps({"architecture": STYLEGAN3, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> StyleGAN3Config:
        """Read what `to_json` wrote.

        Raises:
            InputError: not JSON, an unknown or missing field, or a value out of range.
        """
        try:
            values: Any = json.loads(text)
            known = {f.name for f in fields(cls)}
            if (
                not isinstance(values, dict)
                or values.pop("architecture", None) != STYLEGAN3
                or not set(values) <= known
            ):
                raise InputError(f"a StyleGAN3 config has the fields {sorted(known)}; got {text:.200}")
            return cls(**{**values, "channels": tuple(values["channels"])})
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise InputError(f"this is not a StyleGAN3 config: {error}") from error
