"""NVIDIA's PyTorch pickles: stylegan2-ada-pytorch, and the generators of the stylegan3 code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import (
    Place,
    Source,
    assemble,
    check_sizes,
    mean_w,
    places,
    taps_of,
    widths,
)
from eclipsed.checkpoints.nvidia_modules import StoredSettings, stored_modules, stored_tensors
from eclipsed.checkpoints.nvidia_stylegan3 import stylegan3_generator
from eclipsed.checkpoints.stand_ins import PersistentObject
from eclipsed.errors import CheckpointError
from eclipsed.networks.architectures import AnyConfig
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import Layer

__all__ = ["filter_taps", "nvidia_generator"]


def nvidia_generator(path: Path, content: object, name: str = "G_ema") -> tuple[AnyConfig, dict[str, Tensor]]:
    """Turn the unpickled ``G_ema`` into a config and a state.

    Args:
        path: the file, for messages.
        content: what the pickle holds under ``G_ema``.
        name: what it lies under, for messages.
    Returns:
        The config and the float32 state.
    Raises:
        CheckpointError: not a StyleGAN2 skip generator nor a StyleGAN3, or a wrong key or shape.
    """
    modules = stored_modules(path, content, name)
    if "synthesis.input" in modules and "mapping" in modules:
        return stylegan3_generator(path, modules)
    if "synthesis.b4" not in modules or "mapping" not in modules:
        kind = modules[""].class_name
        raise CheckpointError(
            f"{path}: its {name} is a {kind} without the blocks of StyleGAN2 and without the input of StyleGAN3"
        )
    raw = stored_tensors(path, modules)
    filters = {key: raw.pop(key) for key in [k for k in raw if k.endswith("resample_filter")]}
    settings = _Settings(path, modules)
    resolution, layers, c_dim = settings.sizes()
    own = places(resolution, layers, conditional=c_dim > 0)
    drawing = list(dict.fromkeys(place.layer for place in own if place.layer is not None))
    settings.check(own, drawing)
    _silence(raw, settings.without_noise(drawing))
    no_average = "mapping.w_avg" not in raw and settings.of("mapping", "w_avg_beta", GeneratorConfig.w_avg_beta) is None
    sources = {place: Source(place.key) for place in own}
    found = widths(path, raw, sources)
    if no_average:
        raw["mapping.w_avg"] = torch.zeros(found.w_dim)
    config = GeneratorConfig(
        z_dim=settings.whole("", "z_dim"),
        c_dim=c_dim,
        resolution=resolution,
        mapping_layers=layers,
        mapping_lr_multiplier=settings.lr_multiplier(),
        resample_filter=settings.taps(filters),
        conv_clamp=settings.clamp(drawing),
        num_fp16_res=settings.fp16(resolution),
        w_avg_beta=float(settings.of("mapping", "w_avg_beta", None) or GeneratorConfig.w_avg_beta),
        **vars(found),
    )
    state = assemble(path, raw, sources, config)
    if no_average:
        state["mapping.w_avg"] = mean_w(config, state)
    return config, state


def _silence(raw: dict[str, Tensor], layers: Iterable[Layer]) -> None:
    """Give layers that were made without noise one that is zero."""
    for layer in layers:
        name, side = _name(layer), layer.resolution
        if f"{name}.weight" in raw:  # else the layer itself is missing, which is another matter
            raw.setdefault(f"{name}.noise_const", torch.zeros(side, side))
            raw.setdefault(f"{name}.noise_strength", torch.zeros([]))


class _Settings(StoredSettings):
    """The settings of a pickled StyleGAN2."""

    def __init__(self, path: Path, modules: Mapping[str, PersistentObject]) -> None:
        super().__init__(path, modules)
        #: stylegan2-ada nests the synthesis settings, the stylegan3 code does not and clamps by default
        self.nested = "synthesis_kwargs" in self.made_with("")

    def sizes(self) -> tuple[int, int, int]:
        """Resolution, mapping layers, classes."""
        resolution = self.whole("", "img_resolution")
        layers = self.whole("mapping", "num_layers", 8)
        check_sizes(self.path, resolution, layers)
        return resolution, layers, self.whole("", "c_dim")

    def check(self, own: Iterable[Place], layers: Sequence[Layer]) -> None:
        """Refuse what our network does not compute."""
        blocks = dict.fromkeys(f"synthesis.b{layer.resolution}" for layer in layers)
        keys = [place.key for place in own]
        dense = [key.removesuffix(".bias") for key in keys if key.startswith("mapping.fc") and key.endswith("bias")]
        convolutions = [_name(layer) for layer in layers if not layer.is_rgb]
        wanted = [(block, "architecture", "skip") for block in blocks]
        wanted += [(module, "activation", "lrelu") for module in (*convolutions, *dense)]
        for module, key, value in wanted:
            found = self.of(module, key, value)
            if found != value:
                raise CheckpointError(f"{self.path}: {module} has the {key} {found!r}; only {value!r} can be read")

    def without_noise(self, layers: Iterable[Layer]) -> list[Layer]:
        """The convolutions that add no noise."""
        return [layer for layer in layers if not layer.is_rgb and not self.of(_name(layer), "use_noise", True)]

    def clamp(self, layers: Iterable[Layer]) -> float | None:
        """The limit of all features and colours."""
        default = None if self.nested else 256
        values = {self.of(_name(layer), "conv_clamp", default) for layer in layers}
        value = values.pop()
        if values or not (value is None or isinstance(value, int | float)):
            raise CheckpointError(f"{self.path}: the setting conv_clamp must be one number or None; found {value!r}")
        return None if value is None else float(value)

    def fp16(self, resolution: int) -> int:
        blocks = [self.modules.get(f"synthesis.b{2**i}") for i in range(2, resolution.bit_length())]
        marks = [block.state["use_fp16"] for block in blocks if block is not None and "use_fp16" in block.state]
        return sum(map(bool, marks)) if marks else self.whole("synthesis", "num_fp16_res", 0 if self.nested else 4)

    def taps(self, filters: Mapping[str, Tensor]) -> tuple[float, ...]:
        return filter_taps(self.path, filters, self.synthesis.get("resample_filter", [1, 3, 3, 1]))


def filter_taps(path: Path, filters: Mapping[str, Tensor], default: object) -> tuple[float, ...]:
    """The taps of all resampling filters of a network, which must be one and the same.

    Args:
        path: the file, for messages.
        filters: the filters by their keys; those of the second convolutions are never used.
        default: taps where there are no filters.
    Returns:
        Taps; see `taps_of`.
    Raises:
        CheckpointError: they differ, or are no filters.
    """
    used = {key: f for key, f in filters.items() if not key.endswith("conv1.resample_filter")}
    if not used:
        return taps_of(path, "resample_filter", torch.as_tensor(default, dtype=torch.float32))
    found = {key: taps_of(path, key, f) for key, f in used.items()}
    key, taps = next(iter(found.items()))
    other = next((k for k, v in found.items() if v != taps), None)
    if other is not None:
        raise CheckpointError(f"{path}: the filters {key} and {other} differ; they must be one")
    return taps


def _name(layer: Layer) -> str:
    """A layer among the modules of the whole network."""
    return f"synthesis.{layer.name}"
