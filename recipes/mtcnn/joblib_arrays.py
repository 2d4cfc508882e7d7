"""The arrays of a joblib file, read without joblib and without running anything in it.

joblib writes a pickle into which the bytes of each array are laid, after an object that says type and shape. Three
names are known here, each standing for something harmless; any other ends the reading.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "arrays_of"]

Array = NDArray[np.float32]

_TYPES = {"f4": "<f4", "f8": "<f8"}


class _Wrapper:
    """joblib's ``NumpyArrayWrapper``: its attributes are what is known of an array whose bytes follow."""


class _Dtype:
    """NumPy's ``dtype``."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """The order of bytes and the like: joblib's arrays are little-endian wherever they were written."""


class _Array:
    """NumPy's ``ndarray``, named as the class of an array."""


_PurePython: Any = pickle._Unpickler

_KNOWN = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Wrapper,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
}


class _Unpickler(_PurePython):  # type: ignore[misc]
    """Python's own unpickler in Python, which can be followed word by word."""

    dispatch: ClassVar[dict[int, Any]] = dict(_PurePython.dispatch)

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise ValueError(f"refused: the file asks for {module}.{name}; nothing was run")
        return _KNOWN[module, name]

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _Wrapper):
            self.stack[-1] = self._bytes_of(self.stack[-1].__dict__)

    def _bytes_of(self, about: dict[str, Any]) -> Array:
        """The array that lies where the file is now."""
        code = about["dtype"].code
        if code not in _TYPES or about["order"] not in ("C", "F"):
            raise ValueError(f"refused: expected arrays of numbers; found {code!r} in order {about['order']!r}")
        if about.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        dtype = np.dtype(_TYPES[code])
        content = self.file.read(dtype.itemsize * math.prod(about["shape"]))
        found: Array = np.frombuffer(content, dtype).reshape(about["shape"], order=about["order"]).copy()
        return found

    dispatch[pickle.BUILD[0]] = load_build


def arrays_of(content: bytes) -> list[Array]:
    """The arrays that a joblib file holds as a list.

    Args:
        content: of the file, decompressed.
    Raises:
        ValueError: it asks for anything but arrays of numbers, or is cut short.
    """
    try:
        found = _Unpickler(io.BytesIO(content)).load()
    except ValueError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError(f"damaged or cut short: {error}") from error
    if not isinstance(found, list) or not all(isinstance(one, np.ndarray) for one in found):
        raise ValueError(f"expected a list of arrays; found {type(found).__name__}")
    return found
