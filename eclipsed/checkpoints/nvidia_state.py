"""State dicts of NVIDIA's generators: their tensors without the settings that the pickles carry."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import Place, Source, assemble, check_sizes, mean_w, places, widths
from eclipsed.checkpoints.nvidia import filter_taps
from eclipsed.checkpoints.nvidia_stylegan3 import stylegan3_state
from eclipsed.errors import CheckpointError, EclipsedWarning
from eclipsed.networks.architectures import AnyConfig
from eclipsed.networks.generator_config import GeneratorConfig

__all__ = ["NVIDIA_TELLTALES", "nvidia_state"]

#: keys of which some are enough to tell such a state dict
NVIDIA_TELLTALES = (
    "synthesis.b4.const",
    "synthesis.b4.conv1.weight",
    "synthesis.b4.torgb.weight",
    "synthesis.b8.conv0.weight",
    "mapping.fc0.weight",
    "synthesis.input.weight",
)
_PARTS = ("mapping.", "synthesis.")


def nvidia_state(path: Path, values: Mapping[str, object]) -> tuple[AnyConfig, dict[str, Tensor]]:
    """Turn a state dict with NVIDIA's names into a config and a state.

    Args:
        path: the file, for messages.
        values: what was found, by NVIDIA's names.
    Returns:
        The config and the float32 state. What only the settings tell is as in networks that are not clamped and whose
        mapping learns at a hundredth of the rate; a missing ``w_avg`` is measured, missing noise drawn from a seed.
    Raises:
        CheckpointError: not a StyleGAN2 skip generator nor a StyleGAN3, or a wrong key or shape.
    """
    raw = _tensors(path, values)
    filters = {key: raw.pop(key) for key in [k for k in raw if k.endswith("resample_filter")]}
    if "synthesis.input.weight" in raw:
        return stylegan3_state(path, raw)
    resolution = max(_numbers(raw, r"synthesis\.b(\d+)\."), default=0)
    layers = max(_numbers(raw, r"mapping\.fc(\d+)\."), default=-1) + 1
    check_sizes(path, resolution, layers)
    _check_architecture(path, raw, resolution)
    embed, first = raw.get("mapping.embed.weight"), raw.get("mapping.fc0.weight")
    c_dim = 0 if embed is None or embed.ndim != 2 else embed.shape[1]
    sources = {place: Source(place.key) for place in places(resolution, layers, conditional=c_dim > 0)}
    found = widths(path, raw, sources)
    z_dim = found.w_dim if first is None or first.ndim != 2 else first.shape[1]
    if embed is not None and c_dim and first is not None:
        z_dim = max(z_dim - embed.shape[0], 0)
    config = GeneratorConfig(
        z_dim=z_dim,
        c_dim=c_dim,
        resolution=resolution,
        mapping_layers=layers,
        resample_filter=filter_taps(path, filters, [1, 3, 3, 1]),
        **vars(found),
    )
    _add_noise(raw, sources)
    no_average = "mapping.w_avg" not in raw
    if no_average:
        raw["mapping.w_avg"] = torch.zeros(config.w_dim)
    state = assemble(path, raw, sources, config)
    warnings.warn(
        EclipsedWarning(
            f"{path}: a state dict does not say whether features are clamped; taken as not (NVIDIA's trainings in half "
            "precision clamp at 256; the pickle they write says so)"
        ),
        stacklevel=2,
    )
    if no_average:
        state["mapping.w_avg"] = mean_w(config, state)
    return config, state


def _tensors(path: Path, values: Mapping[str, object]) -> dict[str, Tensor]:
    """The tensors; what else lies between them is no business of the generator."""
    raw: dict[str, Tensor] = {}
    for key, value in values.items():
        if isinstance(value, Tensor):
            raw[key] = value
        elif key.startswith(_PARTS):
            raise CheckpointError(f"{path}: {key!r} must be a tensor; found a {type(value).__name__}")
    if any(key.startswith(_PARTS) for key in raw):
        return {key: value for key, value in raw.items() if key.startswith(_PARTS)}
    return raw


def _numbers(raw: Mapping[str, Tensor], pattern: str) -> set[int]:
    return {int(match[1]) for key in raw if (match := re.match(pattern, key)) and len(match[1]) < 6}


def _check_architecture(path: Path, raw: Mapping[str, Tensor], resolution: int) -> None:
    """Refuse generators whose blocks are joined in another way, by what it is called."""
    resnet = next((key for key in raw if key.endswith(".skip.weight")), None)
    coloured = f"synthesis.b{resolution}.torgb.weight" in raw
    if resnet is not None:
        name, architecture = resnet.removesuffix(".skip.weight"), "resnet"
    elif coloured and not _numbers(raw, r"synthesis\.b(\d+)\.torgb\.") - {resolution}:
        name, architecture = "synthesis.b4", "orig"
    else:
        return
    raise CheckpointError(f"{path}: {name} has the architecture {architecture!r}; only 'skip' can be read")


def _add_noise(raw: dict[str, Tensor], sources: Mapping[Place, Source]) -> None:
    """Draw the constant noise that a file leaves out; a layer that lacks its strength as well has none."""
    rng = torch.Generator().manual_seed(0)
    for source in sources.values():
        layer, _, leaf = source.name.rpartition(".")
        if leaf != "noise_const" or f"{layer}.weight" not in raw:
            continue
        side = int(layer.split(".")[1].removeprefix("b"))
        noise = torch.randn(side, side, generator=rng)
        if f"{layer}.noise_strength" not in raw:
            raw[f"{layer}.noise_strength"] = torch.zeros([])
            noise = torch.zeros(side, side)
        raw.setdefault(source.name, noise)
