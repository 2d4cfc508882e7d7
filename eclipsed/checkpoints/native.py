"""Our own layout: one safetensors file with NVIDIA's key names and the config as JSON in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import assemble, own_sources
from eclipsed.errors import CheckpointError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import GENERATOR
from eclipsed.networks.architectures import AnyConfig, config_of_json
from eclipsed.values.checks import one_of

__all__ = ["read_native", "write_generator"]

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def read_native(path: Path) -> tuple[AnyConfig, dict[str, Tensor]]:
    """Read a generator from our safetensors layout.

    Args:
        path: the file.
    Returns:
        The config and the float32 state.
    Raises:
        CheckpointError: damaged, no generator of ours, or keys and shapes that do not fit its config.
    """
    data, raw = header.read(path, GENERATOR)
    try:
        config = config_of_json(json.dumps(data.get("config")))
    except InputError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return config, assemble(path, raw, own_sources(config), config)


def write_generator(
    path: str | Path,
    config: AnyConfig,
    state: Mapping[str, Tensor],
    *,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a generator in our safetensors layout.

    Args:
        path: where to; folders are made, an older file is replaced in one move.
        config: its config.
        state: its state dict, with exactly the keys and shapes that the config asks for.
        dtype: how the numbers are stored: float32, float16 or bfloat16. They are float32 again when read.
    Returns:
        ``path``.
    Raises:
        InputError: another dtype, a state that does not fit the config, or numbers too large for the dtype.
        OutputError: the file could not be written.
    """
    one_of("dtype", dtype, _DTYPES)
    try:
        whole = assemble(Path(path), state, own_sources(config), config)
    except CheckpointError as error:
        raise InputError(f"this state does not fit its config: {error}") from error
    stored = {key: value.to(dtype).contiguous() for key, value in sorted(whole.items())}
    for key, value in stored.items():
        if not bool(value.isfinite().all()):
            raise InputError(f"{key} holds numbers that do not fit into {dtype}; store it as torch.float32")
    return header.write(path, GENERATOR, {"config": json.loads(config.to_json())}, stored)
