"""Reading and writing the weights of MTCNN: our own safetensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.plain import compacted, compare_state
from eclipsed.files import header
from eclipsed.files.kinds import FACE_FINDER
from eclipsed.networks.mtcnn import MTCNN

__all__ = ["read_mtcnn", "write_mtcnn"]


def read_mtcnn(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the state dict of an `MTCNN`.

    Args:
        path: our safetensors.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: it is damaged, of another kind, or its keys and shapes are not this network's.
    """
    _, state = header.read(path, FACE_FINDER)
    _check(Path(path), state)
    return state


def write_mtcnn(path: str | os.PathLike[str], state: Mapping[str, Tensor], *, source: str) -> Path:
    """Write an `MTCNN` as our safetensors, in float32.

    Args:
        path: the file.
        state: state dict of the network.
        source: in one sentence, where the weights come from and under which licence.
    Returns:
        `path`.
    Raises:
        CheckpointError: the state dict is not that network's.
        OutputError: the file cannot be written.
    """
    _check(Path(path), state)
    return header.write(path, FACE_FINDER, {"network": "MTCNN", "source": source}, compacted(state, torch.float32))


def _check(path: Path, state: Mapping[str, Tensor]) -> None:
    with torch.device("meta"):
        compare_state(path, MTCNN().state_dict(), state, "MTCNN")
