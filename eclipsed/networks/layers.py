"""What a generator is to everything above it: a sequence of layers, how it shall draw, and what it drew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.values.checks import boolean, checked_fields, one_of, option, whole

__all__ = ["DEFAULT_OPTIONS", "NOISE_MODES", "Layer", "Synthesis", "SynthesisOptions", "SynthesisPrefix"]

#: the noise of the file, fresh noise, or none
NOISE_MODES: tuple[str, ...] = ("const", "random", "none")


@dataclass(frozen=True)
class Layer:
    """One layer of a synthesis network, everything that reads a style vector; their order is that in which they run.

    Args:
        name: what files and people call it, such as ``"b8.conv0"``; it says nothing that the other fields do not.
        resolution: side of what it gives of the picture, in pixels.
        row: of ws that it reads.
        channels: length of its style vector, which is how many features come in, where any do.
        is_rgb: it gives colours, which are added to the picture; the next layer goes on from what came in.
        margin: pixels that its features reach beyond each edge of the picture.
    """

    name: str
    resolution: int
    row: int
    channels: int
    is_rgb: bool
    margin: int = 0

    def on_picture(self, features: Tensor) -> Tensor:
        """Its features without their margin, which line up with the picture and its masks.

        Args:
            features: as `Synthesis` has them, (N, C, resolution + 2 · margin, …).
        Returns:
            (N, C, resolution, resolution).
        """
        inside = slice(self.margin, self.margin + self.resolution)
        return features[..., inside, inside] if self.margin else features


@dataclass(frozen=True)
class SynthesisOptions:
    """How images are drawn.

    Args:
        noise_mode: ``"const"`` the noise of the file, ``"random"`` fresh noise, ``"none"``.
        resolution: side at which to stop early, in pixels; None draws the full image.
        features: layers, or their names, whose activations are wanted too; colours are none. Kept as names.
        rng: source of the random noise; None takes PyTorch's global one.
        dtype: what the features are computed in: float32, bfloat16 or float16; None is that of the weights. Styles,
            demodulation and the picture keep the dtype of the weights.
        checkpointing: keep no activations for the gradient but recompute them, for less memory and more time.
    Raises:
        InputError: one of them is of another kind. What only a generator knows, its layers and sizes, it checks.
    """

    noise_mode: str = option("const", one_of, NOISE_MODES)
    resolution: int | None = option(None, whole, 1, optional=True)
    features: Sequence[str | Layer] = ()
    rng: torch.Generator | None = None
    dtype: torch.dtype | None = None
    checkpointing: bool = option(False, boolean)

    def __post_init__(self) -> None:
        checked_fields(self)
        if isinstance(self.features, str) or not all(isinstance(one, str | Layer) for one in self.features):
            raise InputError(f"features must be a sequence of layers or of their names; got {self.features!r}")
        names = tuple(one.name if isinstance(one, Layer) else one for one in self.features)
        object.__setattr__(self, "features", names)
        if self.rng is not None and not isinstance(self.rng, torch.Generator):
            raise InputError(f"rng must be a torch.Generator, or None; got {type(self.rng).__name__}")
        if self.dtype is not None and not (isinstance(self.dtype, torch.dtype) and self.dtype.is_floating_point):
            raise InputError(f"dtype must be a floating-point one such as torch.bfloat16, or None; got {self.dtype!r}")


#: the full image in the dtype of the weights, with the noise of the file
DEFAULT_OPTIONS = SynthesisOptions()


@dataclass(frozen=True, eq=False)
class Synthesis:
    """What was drawn.

    Args:
        image: about [-1, 1], (N, img_channels, resolution, resolution).
        features: activations after the layers that were asked for, with their margins, which `Layer.on_picture` cuts
            off, name -> (N, C, side, side); empty when none were.
        prefix: what the layers before the row `split` of the call drew; None when it named none.
    """

    image: Tensor
    features: Mapping[str, Tensor] = field(default_factory=dict)
    prefix: SynthesisPrefix | None = None


@dataclass(frozen=True, eq=False)
class SynthesisPrefix:
    """What the first layers of a generator drew, for faces that are alike up to there, so that it can be gone on with.

    Args:
        depth: how many layers have run.
        x: features so far, (N, C, h, w).
        image: colours so far, (N, img_channels, h, w); None before the first layer that gives some.
        features: activations that were asked for on the way.
    """

    depth: int
    x: Tensor
    image: Tensor | None = None
    features: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, index: slice | Tensor) -> SynthesisPrefix:
        """The same for some of the faces, or for each of them several times."""
        image = None if self.image is None else self.image[index]
        features = {name: values[index] for name, values in self.features.items()}
        return SynthesisPrefix(self.depth, self.x[index], image, features)

    @classmethod
    def cat(cls, prefixes: Sequence[SynthesisPrefix]) -> SynthesisPrefix:
        """Several faces after one another.

        Args:
            prefixes: at least one, drawn by the same layers and with the same options.
        Raises:
            InputError: there is none, or they were drawn by different layers.
        """
        if len({(one.depth, one.image is None, tuple(one.features)) for one in prefixes}) != 1:
            depths = ", ".join(str(one.depth) for one in prefixes)
            raise InputError(f"expected at least one prefix, all of the same layers; got {depths or 'none'} layers")
        images = [one.image for one in prefixes if one.image is not None]
        features = {name: torch.cat([one.features[name] for one in prefixes]) for name in prefixes[0].features}
        x = torch.cat([one.x for one in prefixes])
        return cls(prefixes[0].depth, x, torch.cat(images) if images else None, features)
