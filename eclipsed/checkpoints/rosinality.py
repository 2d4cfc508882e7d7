"""rosinality's ``.pt`` files and what derives from them: ``g_ema``, a bare state, or the decoder of an encoder file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import Source, assemble, key_names, mean_w, taps_of, widths
from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.errors import CheckpointError
from eclipsed.networks.generator_config import GeneratorConfig

__all__ = ["read_rosinality"]

_LAYERS = {"conv0": 0, "conv1": 1}
#: one of these is enough to tell a generator by rosinality's names, so that a missing one can be named
_TELLTALE = ("input.input", "style.1.weight", "conv1.conv.weight", "to_rgb1.conv.weight")


def read_rosinality(path: Path) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Read a generator that ``torch.save`` wrote under rosinality's names.

    Args:
        path: the file.
    Returns:
        The config and the float32 state. Noise that the file lacks is drawn from a fixed seed; a missing
        ``latent_avg`` is measured.
    Raises:
        ForeignGlobalError: the file asks for a function or class that no checkpoint needs.
        CheckpointError: damaged, another kind of network, or a wrong key or shape.
    """
    raw, average = _parts(path, load_weights(path))
    kernels = {key: raw.pop(key) for key in [k for k in raw if k.endswith(".kernel")]}
    taps = {taps_of(path, key, kernel) for key, kernel in kernels.items()} or {(1.0, 3.0, 3.0, 1.0)}
    if len(taps) > 1:
        raise CheckpointError(f"{path}: its blur kernels differ; they must be one")
    layers = max(_numbers(raw, r"style\.(\d+)\."), default=0)
    blocks = {n // 2 for n in _numbers(raw, r"convs\.(\d+)\.")} | _numbers(raw, r"to_rgbs\.(\d+)\.")
    if not 1 <= layers <= 256 or not 0 <= max(blocks, default=-1) < 20:
        raise CheckpointError(f"{path}: {layers} mapping layers and {len(blocks)} blocks are no StyleGAN2 generator's")
    resolution = 8 * 2 ** max(blocks)
    sources = {key: _source(key) for key in key_names(resolution, layers, conditional=False)}
    found = widths(path, raw, sources)
    config = GeneratorConfig(
        z_dim=found.w_dim,
        resolution=resolution,
        mapping_layers=layers,
        resample_filter=taps.pop(),
        **vars(found),
    )
    _add_noise(raw, sources)
    raw["latent_avg"] = torch.zeros(config.w_dim) if average is None else _one_row(path, average)
    state = assemble(path, raw, sources, config)
    if average is None:
        state["mapping.w_avg"] = mean_w(config, state)
    return config, state


def _parts(path: Path, content: object) -> tuple[dict[str, Tensor], Tensor | None]:
    """The generator's tensors by rosinality's names, and the mean of w where the file has it."""
    values = content if isinstance(content, Mapping) else {}
    average = values.get("latent_avg")
    inner = values.get("g_ema", values.get("state_dict", values))
    if not isinstance(inner, Mapping):
        inner = {}
    if any(f"decoder.{key}" in inner for key in _TELLTALE):
        inner = {str(k).removeprefix("decoder."): v for k, v in inner.items() if str(k).startswith("decoder.")}
    if not any(key in inner for key in _TELLTALE):
        raise CheckpointError(f"{path}: a torch file, but without a StyleGAN2 generator by rosinality's names (g_ema)")
    raw = {}
    for key, value in inner.items():
        if key != "latent_avg":
            if not isinstance(value, Tensor):
                raise CheckpointError(f"{path}: {key!r} must be a tensor; found a {type(value).__name__}")
            raw[str(key)] = value
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


def _add_noise(raw: dict[str, Tensor], sources: Mapping[str, Source]) -> None:
    """Draw the constant noise that derived files leave out; the same every time."""
    rng = torch.Generator().manual_seed(0)
    for key, source in sources.items():
        weight = sources[key.removesuffix("noise_const") + "weight"] if key.endswith("noise_const") else None
        if weight is not None and weight.name in raw:  # else the layer itself is missing, which is another matter
            side = int(key.split(".")[1][1:])
            noise = torch.randn(1, 1, side, side, generator=rng)
            raw.setdefault(source.name, noise)


def _source(key: str) -> Source:
    """Where a key of ours comes from."""
    if key == "mapping.w_avg":
        return Source("latent_avg")
    network, part, *rest = key.split(".")
    leaf = rest[-1]
    if network == "mapping":
        return Source(f"style.{int(part[2:]) + 1}.{leaf}")
    if leaf == "const":
        return Source("input.input", lambda x: x[0], lambda s: (1, *s))
    step, kind = int(math.log2(int(part[1:]))) - 3, rest[0]  # step -1 is the block of 4 px
    if kind == "torgb":
        layer = "to_rgb1" if step < 0 else f"to_rgbs.{step}"
    else:
        layer = "conv1" if step < 0 else f"convs.{2 * step + _LAYERS[kind]}"
    if rest[1] == "affine":
        return Source(f"{layer}.conv.modulation.{leaf}")
    if leaf == "weight":
        return Source(f"{layer}.conv.weight", lambda x: x[0], lambda s: (1, *s))
    if leaf == "noise_const":
        return Source(f"noises.noise_{2 * step + 1 + _LAYERS[kind]}", lambda x: x[0, 0], lambda s: (1, 1, *s))
    if leaf == "noise_strength":
        return Source(f"{layer}.noise.weight", lambda x: x.reshape([]), lambda _: (1,))
    if kind == "torgb":
        return Source(f"{layer}.bias", lambda x: x.reshape(-1), lambda s: (1, *s, 1, 1))
    return Source(f"{layer}.activate.bias")
