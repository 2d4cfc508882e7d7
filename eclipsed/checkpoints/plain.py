"""Plain state dicts: read from PyTorch files without running anything, compared with a network, stored small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.errors import CheckpointError, MissingModelError

__all__ = ["compacted", "compare_state", "fill_network", "in_float32", "read_plain_state"]


def read_plain_state(path: Path, what: str) -> dict[str, Tensor]:
    """Read a state dict, plain or under ``state_dict``, its keys with or without ``module.`` in front.

    Args:
        path: the file.
        what: it should hold, for messages: ``"face detector"``.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: it is damaged, asks to run code, or holds no state dict.
    """
    if not path.is_file():
        raise MissingModelError(f"the {what} {path} does not exist")
    content = load_weights(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path} holds no state dict but {type(content).__name__}; expected a {what}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{path} is no plain state dict: {key!r} holds {type(value).__name__}, not a tensor")
    prefix = "module." if all(key.startswith("module.") for key in content) else ""
    return {key.removeprefix(prefix): value for key, value in content.items()}


def compare_state(path: Path, expected: Mapping[str, Tensor], state: Mapping[str, Tensor], what: str) -> None:
    """Raise unless a state dict has exactly the keys and shapes that it should have.

    Args:
        path: for messages.
        expected: state dict of the network; of its tensors only the shapes count, so they may be on no device.
        state: what was found.
        what: it should be, for messages.
    Raises:
        CheckpointError: names the keys that are missing, too many or misshapen, or hold values that are not finite.
    """
    missing = [key for key in expected if key not in state]
    if missing:
        raise CheckpointError(f"{path} lacks {_list(missing)}; expected the {len(expected)} keys of {what}")
    extra = [key for key in state if key not in expected]
    if extra:
        raise CheckpointError(f"{path} has keys that {what} does not have: {_list(extra)}")
    for key, wanted in expected.items():
        if state[key].shape != wanted.shape:
            found, shape = tuple(state[key].shape), tuple(wanted.shape)
            raise CheckpointError(f"{path}: {key} has the shape {found}; expected {shape}")
        if not state[key].isfinite().all():
            raise CheckpointError(f"{path}: {key} holds values that are not finite; the file is damaged")


def fill_network(path: Path, network: nn.Module, what: str) -> None:
    """Load a plain file into a network whose keys and shapes it must match.

    Args:
        path: see `read_plain_state`.
        network: filled in place, put into eval mode and frozen.
        what: it is, for messages.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: see `read_plain_state` and `compare_state`.
    """
    state = read_plain_state(path, what)
    own = network.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith("num_batches_tracked") and key not in state}
    state = {**state, **counters}  # files of old versions of PyTorch lack them, and nothing reads them here
    compare_state(path, own, state, f"a {what}")
    network.load_state_dict(state)
    network.eval().requires_grad_(False)


def in_float32(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with its floating-point tensors as float32."""
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def compacted(state: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """A state dict as it is stored: on the CPU, each tensor with memory of its own.

    Args:
        state: of a network.
        dtype: of matrices and convolutions; batch statistics, scales and offsets stay as they are.
    """
    tensors = {}
    for key, value in state.items():
        kept = value.detach().cpu()
        tensors[key] = (kept.to(dtype) if kept.is_floating_point() and kept.ndim > 1 else kept).contiguous().clone()
    return tensors


def _list(keys: list[str]) -> str:
    shown = ", ".join(keys[:5])
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"
