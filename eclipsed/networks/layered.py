"""What every synthesis network does alike: layers by name, styles read out, drawings split and gone on with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from eclipsed.errors import InputError
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.layers import DEFAULT_OPTIONS, Layer, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.values.checks import not_one_of

__all__ = ["LayeredSynthesis"]


class LayeredSynthesis(nn.Module, ABC):
    """ws to an image by a sequence of layers, each of which reads a style.

    Args:
        resolution: side of the full picture.
        sides: of the pictures that can be asked for.
        ws_shape: rows of ws, and their length.
    """

    def __init__(self, *, resolution: int, sides: Sequence[int], ws_shape: tuple[int, int]) -> None:
        super().__init__()
        self.resolution, self._sides, self._ws_shape = resolution, tuple(sides), ws_shape
        #: everything that takes a style, in the order it runs
        self.layers: tuple[Layer, ...] = ()
        self._module_of: dict[str, Any] = {}
        self._by_name: dict[str, Layer] = {}

    def add_layer(self, layer: Layer, module: nn.Module) -> None:
        """Make a module of the network, which has an ``affine`` and a ``weight``, its next layer."""
        self.layers += (layer,)
        self._module_of[layer.name] = module
        self._by_name[layer.name] = layer

    @abstractmethod
    def start(self, style: Tensor, dtype: torch.dtype | None = None) -> SynthesisPrefix:
        """Where every drawing begins.

        Args:
            style: any of the faces' styles, (N, channels): one drawing for each.
            dtype: what the features are computed in; None is that of the weights.
        """

    @abstractmethod
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

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            InputError: there is none; the message lists those that are.
        """
        if name not in self._by_name:
            raise InputError(f"unknown layer {name!r}; known: {', '.join(self._by_name)}")
        return self._by_name[name]

    def weight_of(self, layer: Layer) -> Tensor:
        """The weight of a layer's convolution, (out, in, K, K)."""
        weight: Tensor = self._module_of[layer.name].weight
        return weight

    def layers_up_to(self, resolution: int | None) -> tuple[Layer, ...]:
        """The layers that a picture of this side needs; None is the full one.

        Raises:
            InputError: the generator draws no such side.
        """
        if resolution is None:
            return self.layers
        if resolution not in self._sides:
            raise not_one_of("resolution", resolution, self._sides)
        return tuple(layer for layer in self.layers if layer.resolution <= resolution)

    def styles(self, ws: Tensor) -> dict[str, Tensor]:
        """Read out S: what each layer's affine makes of its row of ws.

        Args:
            ws: latents, (N, num_ws, w_dim).
        Returns:
            One style per layer by its name, (N, channels of that layer).
        Raises:
            InputError: ws of another shape.
        """
        return self._styles(ws, self.layers)

    def _styles(self, ws: Tensor, layers: Sequence[Layer]) -> dict[str, Tensor]:
        shape = self._ws_shape
        if ws.ndim != 3 or tuple(ws.shape[1:]) != shape:
            raise InputError(f"ws must have shape (N, {shape[0]}, {shape[1]}); got {tuple(ws.shape)}")
        # A matrix product may round differently for rows that lie differently in memory; copies all lie alike, so
        # that equal latents give equal images to the last bit.
        rows = {i: ws[:, i].clone(memory_format=torch.contiguous_format) for i in {layer.row for layer in layers}}
        return {layer.name: self._module_of[layer.name].affine(rows[layer.row]) for layer in layers}

    def forward(
        self,
        ws: Tensor,
        options: SynthesisOptions = DEFAULT_OPTIONS,
        *,
        prefix: SynthesisPrefix | None = None,
        split: int | None = None,
    ) -> Synthesis:
        """Draw images from ws, (N, num_ws, w_dim); the other arguments are those of `Generator.synthesis`."""
        layers = self.layers_up_to(options.resolution)
        ahead = layers if prefix is None else layers[prefix.depth :]  # what the prefix has read is not read again
        return self._draw(self._styles(ws, ahead), layers, options, prefix, split)

    def begin(self, styles: Mapping[str, Tensor], depth: int) -> SynthesisPrefix:
        """Draw as far as some depth.

        Args:
            styles: as `styles` gives them, {name: (N, channels)}.
            depth: how many layers run.
        """
        return self.run(self.layers[:depth], styles, self.start(styles[self.layers[0].name]))

    def draw_kept(self, styles: Mapping[str, Tensor], kept: KeptFeatures) -> Tensor:
        """Draw one full picture in which kept feature maps take the place of the network's own.

        Args:
            styles: as `styles` gives them, of one face.
            kept: the maps, and where they hold.
        Returns:
            (1, img_channels, H, W).
        """
        begun = self.begin(styles, kept.depth)
        drawn = self.run(self.layers[kept.depth :], styles, kept.put(begun))
        assert drawn.image is not None  # every picture ends with colours
        return drawn.image.contiguous()

    def from_styles(
        self,
        styles: Mapping[str, Tensor],
        options: SynthesisOptions = DEFAULT_OPTIONS,
        *,
        prefix: SynthesisPrefix | None = None,
        split: int | None = None,
    ) -> Synthesis:
        """Draw images from style vectors, as `styles` gives them; otherwise like `forward`."""
        layers = self.layers_up_to(options.resolution)
        self._check_styles(styles, layers)
        return self._draw(styles, layers, options, prefix, split)

    def prefix(
        self, styles: Mapping[str, Tensor], row: int, options: SynthesisOptions = DEFAULT_OPTIONS
    ) -> SynthesisPrefix:
        """Draw up to the first layer that reads a row of ws; see `Generator.prefix`."""
        layers = self.layers_up_to(options.resolution)
        self._check_styles(styles, layers)
        self._check_features(layers, options)
        start = self.start(styles[layers[0].name], options.dtype)
        return self.run(self._before(row, layers), styles, start, options)

    def _before(self, row: int, layers: Sequence[Layer]) -> Sequence[Layer]:
        """Those of some layers that read none of the rows from `row` on."""
        if not 0 <= row < self._ws_shape[0]:
            raise InputError(f"row must be from 0 to {self._ws_shape[0] - 1}; got {row!r}")
        return [layer for layer in layers if layer.row < row]

    def _draw(
        self,
        styles: Mapping[str, Tensor],
        layers: Sequence[Layer],
        options: SynthesisOptions,
        prefix: SynthesisPrefix | None,
        split: int | None,
    ) -> Synthesis:
        self._check_features(layers, options)
        if prefix is None:
            prefix = self.start(styles[layers[0].name], options.dtype)
        if prefix.depth > len(layers):
            raise InputError(f"the prefix has {prefix.depth} layers; a picture of this side has only {len(layers)}")
        if split is not None:
            prefix = self.run(self._before(split, layers)[prefix.depth :], styles, prefix, options)
        drawn = self.run(layers[prefix.depth :], styles, prefix, options)
        assert drawn.image is not None  # every picture ends with colours
        image = self.sized(drawn.image, options.resolution).contiguous()
        return Synthesis(image, drawn.features, None if split is None else prefix)

    def sized(self, image: Tensor, resolution: int | None) -> Tensor:
        """A drawn picture at the side that was asked for; here it is drawn so."""
        return image

    def _check_styles(self, styles: Mapping[str, Tensor], layers: Sequence[Layer]) -> None:
        unknown = [name for name in styles if name not in self._by_name]
        missing = [layer.name for layer in layers if layer.name not in styles]
        if unknown or missing:
            names = ", ".join(layer.name for layer in layers)
            raise InputError(f"styles must hold {names}; missing {missing}, unknown {unknown}")
        first = styles[layers[0].name]
        n = first.shape[0] if first.ndim else 0
        for layer in layers:
            shape = tuple(styles[layer.name].shape)
            if shape != (n, layer.channels):
                raise InputError(f"style {layer.name} must be ({n}, {layer.channels}); got {shape}")

    def _check_features(self, layers: Sequence[Layer], options: SynthesisOptions) -> None:
        known = [layer.name for layer in layers if not layer.is_rgb] if options.features else []
        wrong = [name for name in options.features if name not in known]
        if wrong:
            raise InputError(f"no features {wrong} at this resolution; choose from {', '.join(known)}")
