"""Every number that fixes the shape and the arithmetic of a StyleGAN2 generator."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from eclipsed.errors import InputError
from eclipsed.networks.ops import setup_filter

__all__ = ["GeneratorConfig"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Every number that fixes the shape and the arithmetic of a StyleGAN2 generator."""

    z_dim: int  # length of z; 0 for a mapping fed by the class alone
    w_dim: int  # length of w
    resolution: int  # side of the output in pixels, a power of two from 8 up
    channels: tuple[tuple[int, int], ...]  # (resolution, feature channels) from 4 up, ascending
    c_dim: int = 0  # number of classes; 0 is unconditional
    mapping_layers: int = 8  # fully connected layers of the mapping network
    mapping_features: int | None = None  # width between them; None is w_dim
    embed_features: int | None = None  # width of the class embedding; None is w_dim
    mapping_lr_multiplier: float = 0.01  # learning-rate multiplier of the mapping network
    img_channels: int = 3  # colour channels
    resample_filter: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)  # taps of the low-pass filter
    conv_clamp: float | None = None  # features are clamped to ± this value; None leaves them
    num_fp16_res: int = 0  # how many blocks the file's author ran in half precision; we run none so
    w_avg_beta: float = 0.998  # decay of the running mean of w during training

    def __post_init__(self) -> None:
        pairs = tuple(sorted((int(r), int(c)) for r, c in self.channels))
        object.__setattr__(self, "channels", pairs)
        object.__setattr__(self, "resample_filter", tuple(float(t) for t in self.resample_filter))
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise InputError(f"resolution must be a power of two from 8 up; got {self.resolution}")
        wanted = tuple(2**i for i in range(2, self.resolution.bit_length()))
        if tuple(r for r, _ in pairs) != wanted or min(c for _, c in pairs) < 1:
            raise InputError(f"channels must hold one positive number for each of {wanted}; got {pairs}")
        for name in ("w_dim", "mapping_layers", "img_channels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.z_dim < 0 or self.c_dim < 0 or self.z_dim + self.c_dim == 0:
            raise InputError(f"a generator needs z or a class; got z_dim {self.z_dim}, c_dim {self.c_dim}")
        if self.conv_clamp is not None and not self.conv_clamp > 0:
            raise InputError(f"conv_clamp must be positive or None; got {self.conv_clamp}")
        if not self.mapping_lr_multiplier > 0:
            raise InputError(f"mapping_lr_multiplier must be positive; got {self.mapping_lr_multiplier}")
        setup_filter(self.resample_filter)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Sides of the blocks, 4 first."""
        return tuple(r for r, _ in self.channels)

    @property
    def architecture(self) -> str:
        """What people call such a generator."""
        return "StyleGAN2"

    @property
    def widths(self) -> dict[int, int]:
        """Feature channels of each side."""
        return dict(self.channels)

    @property
    def num_ws(self) -> int:
        """Rows of ws: one per convolution and one for the last ToRGB."""
        return 2 * len(self.channels)

    def to_json(self) -> str:
        """The config as one line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GeneratorConfig:
        """Read what `to_json` wrote.

        Raises:
            InputError: not JSON, an unknown or missing field, or a value out of range.
        """
        try:
            values: Any = json.loads(text)
            known = {f.name for f in fields(cls)}
            if not isinstance(values, dict) or not set(values) <= known:
                raise InputError(f"a generator config has the fields {sorted(known)}; got {values!r:.200}")
            values["channels"] = tuple((r, c) for r, c in values["channels"])
            return cls(**values)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is not a generator config: {error}") from error
