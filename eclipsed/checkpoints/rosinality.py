"""rosinality's ``.pt`` files and what derives from them: ``g_ema``, a bare state, or the decoder of an encoder file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import CONSTANT, Place, Source, assemble, mean_w, places, taps_of, widths
from eclipsed.checkpoints.unwrapping import Unwrapped
from eclipsed.errors import CheckpointError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import Layer

__all__ = ["ROSINALITY_TELLTALES", "rosinality_generator"]

#: one of these is enough to tell a generator by rosinality's names, so that a missing one can be named
ROSINALITY_TELLTALES = ("input.input", "style.1.weight", "conv1.conv.weight", "to_rgb1.conv.weight")
#: how the keys of such a generator begin
_BEGINNINGS = ("style.", "input.", "conv1.", "convs.", "to_rgb1.", "to_rgbs.", "noises.")
#: what the mean of w is called
_AVERAGES = ("latent_avg", "latent_mean", "mean_latent", "w_avg", "w_mean", "dlatent_avg")


def rosinality_generator(path: Path, found: Unwrapped) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Turn tensors with rosinality's names into a config and a state.

    Args:
        path: the file, for messages.
        found: where in the file they lie.
    Returns:
        The config and the float32 state. Noise that the file lacks is drawn from a fixed seed; a missing
        ``latent_avg`` is measured.
    Raises:
        CheckpointError: another kind of network, or a wrong key or shape.
    """
    raw, average = _parts(path, found)
    kernels = {key: raw.pop(key) for key in [k for k in raw if k.endswith(".kernel")]}
    taps = {taps_of(path, key, kernel) for key, kernel in kernels.items()} or {(1.0, 3.0, 3.0, 1.0)}
    if len(taps) > 1:
        raise CheckpointError(f"{path}: its blur kernels differ; they must be one")
    layers = max(_numbers(raw, r"style\.(\d+)\."), default=0)
    blocks = {n // 2 for n in _numbers(raw, r"convs\.(\d+)\.")} | _numbers(raw, r"to_rgbs\.(\d+)\.")
    if not 1 <= layers <= 256 or not 0 <= max(blocks, default=-1) < 20:
        raise CheckpointError(f"{path}: {layers} mapping layers and {len(blocks)} blocks are no StyleGAN2 generator's")
    resolution = 8 * 2 ** max(blocks)
    sources = {place: _source(place) for place in places(resolution, layers, conditional=False)}
    sizes = widths(path, raw, sources)
    config = GeneratorConfig(
        z_dim=sizes.w_dim,
        resolution=resolution,
        mapping_layers=layers,
        resample_filter=taps.pop(),
        **vars(sizes),
    )
    _add_noise(raw, sources)
    raw["latent_avg"] = torch.zeros(config.w_dim) if average is None else _one_row(path, average)
    state = assemble(path, raw, sources, config)
    if average is None:
        state["mapping.w_avg"] = mean_w(config, state)
    return config, state


def _parts(path: Path, found: Unwrapped) -> tuple[dict[str, Tensor], Tensor | None]:
    """The generator's tensors by rosinality's names, and the mean of w where the file has it."""
    inside = [found.state[name] for name in _AVERAGES if found.state.get(name) is not None]
    average = inside[0] if inside else found.beside(*_AVERAGES)
    raw = {}
    for key, value in found.state.items():
        if isinstance(value, Tensor) and key not in _AVERAGES:
            raw[key] = value
        elif key.startswith(_BEGINNINGS):
            raise CheckpointError(f"{path}: {key!r} must be a tensor; found a {type(value).__name__}")
    if average is not None and not isinstance(average, Tensor):
        raise CheckpointError(f"{path}: 'latent_avg' must be a tensor; found a {type(average).__name__}")
    return raw, average


def _numbers(raw: Mapping[str, Tensor], pattern: str) -> set[int]:
    return {int(match[1]) for key in raw if (match := re.match(pattern, key))}


def _one_row(path: Path, average: Tensor) -> Tensor:
    """The mean of w as one row; encoder files repeat it for each row of ws."""
    rows = average if average.ndim == 2 else average.reshape(1, -1)
    if not torch.allclose(rows, rows[:1].expand_as(rows), atol=1e-5):
        raise CheckpointError(f"{path}: the rows of 'latent_avg' differ; expected one mean of w, (w_dim,)")
    return rows[0]


def _add_noise(raw: dict[str, Tensor], sources: Mapping[Place, Source]) -> None:
    """Draw the constant noise that derived files leave out; the same every time."""
    rng = torch.Generator().manual_seed(0)
    for place, source in sources.items():
        if place.layer is None or place.leaf != "noise_const":
            continue
        if f"{_name(place.layer)}.conv.weight" in raw:  # else the layer itself is missing, which is another matter
            side = place.layer.resolution
            noise = torch.randn(1, 1, side, side, generator=rng)
            raw.setdefault(source.name, noise)


def _name(layer: Layer) -> str:
    """What a layer is called there; rows of ws count convolutions, and a ToRGB has an odd one."""
    if layer.is_rgb:
        return "to_rgb1" if layer.row == 1 else f"to_rgbs.{(layer.row - 3) // 2}"
    return "conv1" if layer.row == 0 else f"convs.{layer.row - 1}"


def _source(place: Place) -> Source:
    """Where a tensor of ours comes from."""
    layer, leaf = place.layer, place.leaf
    if layer is None:
        if place.key == "mapping.w_avg":
            return Source("latent_avg")
        if place.key == CONSTANT:
            return Source("input.input", lambda x: x[0], lambda s: (1, *s))
        _, part, leaf = place.key.split(".")
        return Source(f"style.{int(part[2:]) + 1}.{leaf}")
    name = _name(layer)
    if leaf.startswith("affine."):
        return Source(f"{name}.conv.modulation.{leaf.removeprefix('affine.')}")
    if leaf == "weight":
        return Source(f"{name}.conv.weight", lambda x: x[0], lambda s: (1, *s))
    if leaf == "noise_const":
        return Source(f"noises.noise_{layer.row}", lambda x: x[0, 0], lambda s: (1, 1, *s))
    if leaf == "noise_strength":
        return Source(f"{name}.noise.weight", lambda x: x.reshape([]), lambda _: (1,))
    if layer.is_rgb:
        return Source(f"{name}.bias", lambda x: x.reshape(-1), lambda s: (1, *s, 1, 1))
    return Source(f"{name}.activate.bias")
