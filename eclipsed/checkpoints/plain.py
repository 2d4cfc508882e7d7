"""Filling a network of another package from a plain PyTorch file, without its own loader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.errors import CheckpointError, MissingModelError

__all__ = ["compare_state", "fill_network", "read_plain_state"]


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
    state: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{path} is no plain state dict: {key!r} holds {type(value).__name__}, not a tensor")
        state[key.removeprefix("module.")] = value
    return state


def compare_state(path: Path, expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor], what: str) -> None:
    """Raise unless a state dict has exactly the keys and shapes that it should have.

    Args:
        path: for messages.
        expected: key -> shape.
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
    for key, shape in expected.items():
        if tuple(state[key].shape) != shape:
            raise CheckpointError(f"{path}: {key} has the shape {tuple(state[key].shape)}; expected {shape}")
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
    compare_state(path, {key: tuple(value.shape) for key, value in own.items()}, state, f"a {what}")
    network.load_state_dict(state)
    network.eval().requires_grad_(False)


def _list(keys: list[str]) -> str:
    shown = ", ".join(keys[:5])
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"
