"""Numbers as people have them, numpy arrays and lists among them, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.errors import InputError

__all__ = ["as_tensor"]


def as_tensor(name: str, value: object, *, shape: str) -> Tensor:
    """Numbers in any form as a tensor.

    Args:
        name: what to call them in the message.
        value: a tensor, which is returned as it is; an array of numpy's or of anything that it reads, whose floats
            become float32; numbers in lists, which become float32 too; or a list of tensors of one shape.
        shape: that the caller wants, for the message: ``"(N, 512)"``.
    Raises:
        InputError: it is something else, or its rows differ in length.
    """
    if isinstance(value, Tensor):
        return value
    wanted = f"{name} must be a tensor of shape {shape}"
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, Tensor) for one in value):
        shapes = dict.fromkeys(str(tuple(one.shape)) for one in value)
        if len(shapes) > 1:
            raise InputError(f"{wanted}; got a {type(value).__name__} of tensors of the shapes {', '.join(shapes)}")
        return torch.stack([one.detach().to(value[0].device) for one in value])
    if value is None or isinstance(value, (str, bytes, dict, set)):
        raise InputError(f"{wanted}; got {type(value).__name__}")
    try:
        array: np.ndarray[Any, Any] = np.asarray(value)
    except Exception as error:  # a foreign object may do as it likes when it is read
        raise InputError(f"{wanted}; got a {type(value).__name__} whose rows are not of one length") from error
    if array.dtype.kind not in "fiubc":
        raise InputError(f"{wanted}; got {_kind(value, array)}")
    if array.dtype.kind == "f" or (array.dtype.kind in "iu" and isinstance(value, (list, tuple))):
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, which is said elsewhere
            array = array.astype(np.float32)
    if array.dtype.kind == "u":
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _kind(value: object, array: np.ndarray[Any, Any]) -> str:
    """What somebody gave who gave no numbers."""
    if isinstance(value, np.ndarray):
        return f"an array of {array.dtype}"
    return f"a {type(value).__name__} of other things than numbers" if array.ndim else type(value).__name__
