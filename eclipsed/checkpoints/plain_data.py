"""Stand-ins for the plain data that lies beside weights: numbers of numpy, dates, paths, options.

They are made afresh for each file, so that none can alter what another one sees, and they do nothing.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from eclipsed.checkpoints.stored_modules import StoredModule
from eclipsed.values.checks import is_whole

__all__ = ["Inert", "StoredArray", "only", "plain_stand_ins"]

_NUMBERS = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1|c8|c16|[SU][1-9]\d{0,6})")

#: classes of plain values, of which nothing is kept
_VALUES = {
    "builtins": "set frozenset complex slice range bytearray list tuple dict int float bool str object"
    " xrange long unicode",
    "collections": "deque",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "pathlib._local": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "typing": "Any",
    "uuid": "UUID SafeUUID",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    "numpy": "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64"
    " complex128 str_ bytes_ datetime64 timedelta64",
}
#: packages of which every name stands for plain settings
_SETTINGS = ("omegaconf", "numpy.random")
#: dictionaries with other manners
_DICTIONARIES = {
    ("addict.addict", "Dict"),
    ("box.box", "Box"),
    ("box.config_box", "ConfigBox"),
    ("collections", "Counter"),
    ("fvcore.common.config", "CfgNode"),
    ("lightning.fabric.utilities.data", "AttributeDict"),
    ("lightning_fabric.utilities.data", "AttributeDict"),
    ("ml_collections.config_dict.config_dict", "ConfigDict"),
    ("mmcv.utils.config", "ConfigDict"),
    ("mmengine.config.config", "ConfigDict"),
    ("munch", "Munch"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"),
    ("yacs.config", "CfgNode"),
}


class Inert:
    """Something plain that is of no use here, such as a date or a path."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        """Take an item of a list, and leave it."""

    def add(self, value: object) -> None:
        """Take an item of a set, and leave it."""


class StoredArray:
    """A numpy array of a pickle; its value is None where it holds no numbers.

    What it holds instead, as plain values, is in `items`, and how it was laid out in `shape`.
    """

    value: NDArray[Any] | None = None
    items: list[object] | None = None
    shape: tuple[int, ...] = ()


def only(value: object, kind: type) -> Any:
    """The value, if it is of that type."""
    if not isinstance(value, kind):
        raise ValueError(f"expected a {kind.__name__}; found a {type(value).__name__}")
    return value


def plain_stand_ins() -> Callable[[str, str], object]:
    """What stands for a name of plain data, by its module and name; None for all other names."""

    class Dictionary(dict[Any, Any]):
        """A dictionary."""

    class DefaultDictionary(dict[Any, Any]):
        """A dictionary whose first argument is not looked at."""

        def __init__(self, _: object = None, values: object = ()) -> None:
            super().__init__(cast(Any, values))

    class Namespace(SimpleNamespace):
        """Options by their names."""

    def remade(kind: object, base: object, state: object) -> Any:
        if not isinstance(kind, type) or not issubclass(
            kind, Dictionary | DefaultDictionary | Namespace | Inert | StoredModule
        ):
            raise ValueError("only plain data can be made again")
        made = kind()
        if isinstance(made, dict) and isinstance(state, dict):
            made.update(state)
        return made

    table: dict[tuple[str, str], object] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("collections", "defaultdict"): DefaultDictionary,
        ("argparse", "Namespace"): Namespace,
        ("types", "SimpleNamespace"): Namespace,
        ("copyreg", "_reconstructor"): lambda *parts: remade(*parts),
        ("builtins", "bytes"): lambda *parts: _no_bytes(*parts),
        ("_codecs", "encode"): lambda text, coding: _latin1(text, coding),
        **_numpy_stand_ins(),
    }

    def stand_in(module: str, name: str) -> object:
        if (module, name) in table:
            return table[module, name]
        if (module, name) in _DICTIONARIES or name == "EasyDict":
            return Dictionary
        if name in _VALUES.get(module, "").split() or module.startswith(_SETTINGS):
            return type("Inert", (Inert,), {})
        return None

    return stand_in


def _numpy_stand_ins() -> dict[tuple[str, str], object]:
    """Stand-ins for numpy's number type, array and single number, which check what they are given."""

    class DType:
        def __init__(self, code: object, *_: object) -> None:
            named = isinstance(code, str) and _NUMBERS.fullmatch(code)
            self.value: np.dtype[Any] | None = np.dtype(cast(str, code)) if named else None

        def __setstate__(self, state: object) -> None:
            if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
                raise ValueError("unknown state of a number type")
            if self.value is not None:
                self.value = self.value.newbyteorder(state[1])

    class Array(StoredArray):
        def __setstate__(self, state: object) -> None:
            _, shape, dtype, fortran, data = only(state, tuple)
            self.value = _array(only(dtype, DType).value, shape, data, "F" if fortran else "C")
            self.shape = only(shape, tuple)
            self.items = data if self.value is None and isinstance(data, list) else None

    def from_buffer(data: object, dtype: object, shape: object, order: object, *_: object) -> StoredArray:
        made = Array()
        made.value = _array(only(dtype, DType).value, shape, data, "F" if order == "F" else "C")
        return made

    def scalar(dtype: object, data: object = None) -> Any:
        kind = only(dtype, DType).value
        if kind is None:
            return None
        if not isinstance(data, bytes | str):
            raise ValueError("a stored number needs a type and bytes")
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, kind, count=1)[0].item()

    table: dict[tuple[str, str], object] = {("numpy", "dtype"): DType, ("numpy", "ndarray"): Array}
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "scalar"] = scalar
        table[f"{core}.multiarray", "_reconstruct"] = lambda *_: Array()
        table[f"{core}.numeric", "_frombuffer"] = from_buffer
    return table


def _array(dtype: np.dtype[Any] | None, shape: object, data: object, order: Any) -> NDArray[Any] | None:
    """The numbers of an array; None where it holds other things."""
    if not all(is_whole(n, 0) for n in only(shape, tuple)):
        raise ValueError("an array needs a shape and a number type")
    if dtype is None:
        return None
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, bytes | bytearray):
        raise ValueError("an array needs bytes")
    flat: NDArray[Any] = np.frombuffer(raw, dtype)
    array: NDArray[Any] = flat.reshape(cast(Any, shape), order=order)
    return array


def _latin1(text: object, coding: object) -> bytes:
    if coding not in ("latin1", "latin-1", "iso-8859-1"):
        raise ValueError(f"unexpected text coding {coding!r:.40}")
    return cast(bytes, only(text, str).encode("latin1"))


def _no_bytes(*parts: object) -> bytes:
    if parts:
        raise ValueError("bytes must not be made of anything")
    return b""
