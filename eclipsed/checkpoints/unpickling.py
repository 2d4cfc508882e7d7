"""Reading pickles of public generators without running anything in them.

A pickle names the functions it wants called. Here every name on a short list stands for a harmless function or an
empty class of our own, made afresh for each file; any other name ends the reading.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eclipsed.checkpoints.torch_file import ForeignGlobalError, load_weights
from eclipsed.errors import CheckpointError
from eclipsed.values.checks import is_whole

__all__ = ["PersistentObject", "StoredArray", "TensorFlowNetwork", "unpickle"]


@dataclass(frozen=True)
class PersistentObject:
    """What NVIDIA's ``persistence`` stores of an object, its source code left unread."""

    class_name: str
    state: Mapping[str, Any]


class TensorFlowNetwork:
    """What ``dnnlib.tflib.network.Network`` stores, its build code left unread."""

    state: Mapping[str, Any] = MappingProxyType({})


class StoredArray:
    """A numpy array of a pickle."""

    value: NDArray[Any] | None = None


def unpickle(path: Path) -> object:
    """Read the pickle of a public generator.

    Args:
        path: the file.
    Returns:
        Plain containers, numbers, tensors, `StoredArray`, `PersistentObject` and `TensorFlowNetwork`.
    Raises:
        ForeignGlobalError: it asks for anything else.
        CheckpointError: it is damaged or cut short.
    """
    try:
        with open(path, "rb") as file:
            return _Unpickler(file, path).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        text = str(error) or "it ends too early"
        raise CheckpointError(
            f"{path}: damaged or cut short pickle ({type(error).__name__}: {text:.120}); fetch it again"
        ) from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self._path = path
        self._allowed = _allowed(path)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[module, name]
        except KeyError:
            asked = f"{module}.{name}".replace("__builtin__.", "builtins.")  # as Python 2 wrote it
            raise ForeignGlobalError.of(self._path, asked) from None

    def persistent_load(self, pid: object) -> object:
        raise CheckpointError(f"{self._path}: refused, it refers to data outside of itself ({pid!r:.60})")


def _allowed(path: Path) -> dict[tuple[str, str], object]:
    """Everything that a pickle may name. Made for each file, so no file can alter what another one sees."""

    class EasyDict(dict[Any, Any]):
        """A dictionary."""

    class Network(TensorFlowNetwork):
        def __setstate__(self, state: object) -> None:
            if not isinstance(state, dict):
                raise ValueError("a network's state must be a dictionary")
            self.state = state

    dtype, array, scalar = _numpy_stand_ins()
    table: dict[tuple[str, str], object] = {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): lambda meta: _persistent(meta),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *parts: _tensor(*parts[:4]),
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: _only(data, Tensor),
        ("torch.storage", "_load_from_bytes"): lambda data: _storage(path, data),
        ("collections", "OrderedDict"): OrderedDict,
        ("dnnlib.util", "EasyDict"): EasyDict,
        ("dnnlib.tflib.network", "Network"): Network,
        ("numpy", "dtype"): dtype,
        ("numpy", "ndarray"): array,
        ("_codecs", "encode"): lambda text, coding: _latin1(text, coding),
    }
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "scalar"] = scalar
        table[f"{core}.multiarray", "_reconstruct"] = lambda *_: array()
    return table


def _numpy_stand_ins() -> tuple[type, type[StoredArray], Callable[[object, object], Any]]:
    """Stand-ins for numpy's number type, array and single number, which check what they are given."""

    class DType:
        def __init__(self, code: object, *_: object) -> None:
            self.value = np.dtype(_number_code(code))

        def __setstate__(self, state: object) -> None:
            if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
                raise ValueError("unknown state of a number type")
            self.value = self.value.newbyteorder(state[1])

    class Array(StoredArray):
        def __setstate__(self, state: object) -> None:
            self.value = _array(state, DType)

    def scalar(dtype: object, data: object) -> Any:
        if not isinstance(dtype, DType) or not isinstance(data, bytes | str):
            raise ValueError("a stored number needs a type and bytes")
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, dtype.value, count=1)[0].item()

    return DType, Array, scalar


def _only(value: object, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"expected a {kind.__name__}; found a {type(value).__name__}")
    return value


def _persistent(meta: object) -> PersistentObject:
    values = _only(meta, dict)
    if values.get("type") != "class":
        raise ValueError(f"unknown kind of persistent object {values.get('type')!r:.40}")
    return PersistentObject(_only(values.get("class_name"), str), _only(values.get("state"), dict))


def _storage(path: Path, data: object) -> Any:
    return _only(load_weights(path, io.BytesIO(_only(data, bytes))), torch.storage.TypedStorage)


def _tensor(storage: object, offset: object, size: object, stride: object) -> Tensor:
    """A tensor that owns its numbers; sizes and strides may not reach outside of the storage."""
    flat = torch.tensor([], dtype=cast(Any, _only(storage, torch.storage.TypedStorage)).dtype)
    flat = flat.set_(cast(Any, storage)._untyped_storage)
    numbers = [offset, *_only(size, tuple), *_only(stride, tuple)]
    if not all(is_whole(n, 0) for n in numbers):
        raise ValueError("a tensor's offset, size and stride must be whole numbers from 0")
    lengths, steps = cast("tuple[int, ...]", size), cast("tuple[int, ...]", stride)
    count = math.prod(lengths)
    last = cast(int, offset) + sum((n - 1) * step for n, step in zip(lengths, steps, strict=True))
    if count and (last >= flat.numel() or count > flat.numel()):
        raise ValueError(f"a tensor of size {lengths} does not fit its storage of {flat.numel()} numbers")
    return torch.as_strided(flat, lengths, steps, cast(int, offset)) if count else flat.new_empty(lengths)


def _latin1(text: object, coding: object) -> bytes:
    if coding not in ("latin1", "latin-1", "iso-8859-1"):
        raise ValueError(f"unexpected text coding {coding!r:.40}")
    return cast(bytes, _only(text, str).encode("latin1"))


def _number_code(code: object) -> str:
    if code not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
        raise ValueError(f"unexpected number type {code!r:.40}")
    return str(code)


def _array(state: object, dtype_class: type) -> NDArray[Any]:
    _, shape, dtype, fortran, data = _only(state, tuple)
    raw = data.encode("latin1") if isinstance(data, str) else _only(data, bytes)
    if not isinstance(dtype, dtype_class) or not all(is_whole(n, 0) for n in _only(shape, tuple)):
        raise ValueError("an array needs a shape and a number type")
    flat: NDArray[Any] = np.frombuffer(raw, cast(Any, dtype).value)
    array: NDArray[Any] = flat.reshape(shape, order="F" if fortran else "C")
    return array
