"""Stand-ins for tensors and for stored networks: NVIDIA's, TensorFlow's, and those of TorchScript."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor

from eclipsed.checkpoints.plain_data import Inert, only
from eclipsed.values.checks import is_whole

__all__ = ["PersistentObject", "ScriptModule", "StorageKind", "TensorFlowNetwork", "network_stand_ins"]

_STORAGES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
    "Untyped": torch.uint8,
}


@dataclass(frozen=True)
class PersistentObject:
    """What NVIDIA's ``persistence`` stores of an object, its source code left unread."""

    class_name: str
    state: Mapping[str, Any]


class TensorFlowNetwork:
    """What ``dnnlib.tflib.network.Network`` stores, its build code left unread."""

    state: Mapping[str, Any] = MappingProxyType({})


class ScriptModule:
    """What a TorchScript archive stores of a module: its attributes, its code left unread."""

    qualified = ""  # name of its class in the archive


@dataclass(frozen=True, slots=True)
class StorageKind:
    """The type of the numbers of a storage."""

    dtype: torch.dtype

    def storage(self, memory: torch.UntypedStorage) -> torch.storage.TypedStorage:
        """Memory as a storage of this kind."""
        made: torch.storage.TypedStorage = cast(Any, torch.storage.TypedStorage)(
            wrap_storage=memory, dtype=self.dtype, _internal=True
        )
        return made

    def size(self, count: object) -> int:
        """Bytes of so many numbers."""
        if not is_whole(count, 0, 2**48):
            raise ValueError("the length of a storage must be a whole number from 0")
        return int(count) * self.dtype.itemsize


def network_stand_ins() -> Callable[[str, str], object]:
    """What stands for a name of tensors and networks, by its module and name; None for all other names."""

    class Network(TensorFlowNetwork):
        def __setstate__(self, state: object) -> None:
            if not isinstance(state, dict):
                raise ValueError("a network's state must be a dictionary")
            self.state = state

    table: dict[tuple[str, str], object] = {
        ("torch._utils", "_rebuild_tensor"): lambda *parts: _tensor(*parts),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *parts: _tensor(*parts[:4]),
        ("torch._utils", "_rebuild_tensor_v3"): lambda *parts: _tensor(*parts[:4], dtype=parts[6]),
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: only(data, Tensor),
        ("torch._utils", "_rebuild_parameter_with_state"): lambda data, *_: only(data, Tensor),
        ("torch._tensor", "_rebuild_from_type_v2"): lambda make, _, parts, __: only(make(*parts), Tensor),
        ("torch", "Size"): lambda sizes=(): tuple(sizes),
        ("torch.jit._pickle", "restore_type_tag"): lambda value, _: value,
    }
    for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist"):
        table["torch.jit._pickle", name] = lambda values: values

    def stand_in(module: str, name: str) -> object:
        if (module, name) in table:
            return table[module, name]
        if module in ("torch", "torch.cuda", "torch.storage") and name.removesuffix("Storage") in _STORAGES:
            return StorageKind(_STORAGES[name.removesuffix("Storage")]) if name.endswith("Storage") else None
        if module == "torch" and isinstance(vars(torch).get(name), torch.dtype):
            return vars(torch)[name]
        if (module, name) in _MARKS:
            return type("Inert", (Inert,), {})
        if f".{module}".endswith(".torch_utils.persistence") and name == "_reconstruct_persistent_obj":
            return lambda meta: _persistent(meta)
        if f".{module}".endswith(".dnnlib.tflib.network") and name == "Network":
            return Network
        if module.startswith("__torch__"):
            return type("Script", (ScriptModule,), {"qualified": f"{module}.{name}"})
        return None

    return stand_in


#: names that go with tensors and say nothing about their numbers
_MARKS = {
    ("torch", "Tensor"),
    ("torch", "device"),
    ("torch.nn.parameter", "Parameter"),
    ("torch.nn.parameter", "Buffer"),
    ("torch.serialization", "_get_layout"),
    ("torch.torch_version", "TorchVersion"),
}


def _persistent(meta: object) -> PersistentObject:
    values = only(meta, dict)
    if values.get("type") != "class":
        raise ValueError(f"unknown kind of persistent object {values.get('type')!r:.40}")
    return PersistentObject(only(values.get("class_name"), str), only(values.get("state"), dict))


def _tensor(storage: object, offset: object, size: object, stride: object, *, dtype: object = None) -> Tensor:
    """A tensor over a storage; sizes and strides may not reach outside of it."""
    held = only(storage, torch.storage.TypedStorage)
    flat = torch.tensor([], dtype=held.dtype if dtype is None else only(dtype, torch.dtype))
    flat = flat.set_(held._untyped_storage)
    numbers = [offset, *only(size, tuple), *only(stride, tuple)]
    if not all(is_whole(n, 0) for n in numbers):
        raise ValueError("a tensor's offset, size and stride must be whole numbers from 0")
    lengths, steps = cast("tuple[int, ...]", size), cast("tuple[int, ...]", stride)
    count = math.prod(lengths)
    last = cast(int, offset) + sum((n - 1) * step for n, step in zip(lengths, steps, strict=True))
    if count and (last >= flat.numel() or count > flat.numel()):
        raise ValueError(f"a tensor of size {lengths} does not fit its storage of {flat.numel()} numbers")
    return torch.as_strided(flat, lengths, steps, cast(int, offset)) if count else flat.new_empty(lengths)
