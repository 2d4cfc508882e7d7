"""Plain state dicts: read from files without running anything, compared with a network, stored small."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unwrapping import keys_seen, tell_choice, unwrap
from eclipsed.errors import CheckpointError, MissingModelError

__all__ = ["compacted", "compare_state", "fill_network", "in_float32", "read_plain_state", "state_of", "with_counters"]

_COUNTER = "num_batches_tracked"


def read_plain_state(path: Path, what: str, telltales: Collection[str]) -> dict[str, Tensor]:
    """Read the state dict of a network whose keys are known, in whatever it was saved in.

    Args:
        path: the file.
        what: it should hold, for messages: ``"face detector"``.
        telltales: keys of the network, a quarter of which must be there.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: it is damaged, asks to run code, or holds no such network.
    """
    if not path.is_file():
        raise MissingModelError(f"the {what} {path} does not exist")
    content = load_weights(path)
    inside = isinstance(content, (list, tuple)) and unwrap(content, telltales, least=0.25) is not None
    if not content or not (isinstance(content, Mapping) or inside):
        raise CheckpointError(f"{path} holds no state dict but {type(content).__name__}; expected a {what}")
    return state_of(path, content, what, telltales)


def state_of(path: Path, content: object, what: str, telltales: Collection[str]) -> dict[str, Tensor]:
    """Find the state dict of a network whose keys are known in the content of a file.

    Args:
        path, what, telltales: see `read_plain_state`.
        content: of the file. Plain data between the tensors is left out.
    Raises:
        CheckpointError: there is no such network, or one of its keys holds no tensor.
    """
    counted = [key for key in telltales if not key.endswith(_COUNTER)]  # some files have them, some do not
    found = unwrap(content, counted, least=0.25)
    if found is None:
        raise CheckpointError(f"{path} is not a {what}: {keys_seen(content)}")
    tell_choice(path, found)
    state = {}
    for key, value in found.state.items():
        if isinstance(value, Tensor):
            state[key] = value
        elif key in telltales:
            raise CheckpointError(f"{path} is no plain state dict: {key!r} holds {type(value).__name__}, not a tensor")
    return state


def with_counters(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the counters of batches that files of old versions of PyTorch lack; nothing reads them here."""
    counters = [key for key in expected if key.endswith(_COUNTER) and key not in state]
    return {**state, **{key: torch.zeros((), dtype=torch.int64) for key in counters}}


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
    own = network.state_dict()
    state = with_counters(own, read_plain_state(path, what, own))
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
