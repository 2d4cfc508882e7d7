"""From any readable generator file to our own safetensors layout."""

from __future__ import annotations

from pathlib import Path

import torch

from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.errors import InputError

__all__ = ["convert_generator"]


def convert_generator(source: str | Path, target: str | Path, *, dtype: torch.dtype = torch.float32) -> Path:
    """Rewrite a generator as safetensors; stored as float32 its images stay equal to the last bit.

    Args:
        source: a generator in any layout that `read_generator` knows.
        target: the new file, ending in ``.safetensors``.
        dtype: how the numbers are stored: float32, float16 or bfloat16.
    Returns:
        ``target``.
    Raises:
        InputError: ``target`` has another ending, or the dtype is another.
        MissingModelError: ``source`` is not there.
        CheckpointError: ``source`` is no generator that can be read.
        OutputError: ``target`` could not be written.
    """
    if Path(target).suffix != ".safetensors":
        raise InputError(f"the target must end in .safetensors; got {str(target)!r}")
    config, state = read_generator(source)
    return write_generator(target, config, state, dtype=dtype)
