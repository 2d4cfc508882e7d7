"""Numbers in files of other projects, numpy's, PyTorch's and pickles, read without running anything in them."""

from __future__ import annotations

import ast
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eclipsed.checkpoints.plain_data import Inert, StoredArray
from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unpickling import read_stream
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.files.atomic import atomic_write

__all__ = ["ForeignNumbers", "read_numbers", "write_numbers"]

#: endings of the files that `write_numbers` writes
_SUFFIXES = (".npy", ".npz", ".pt")

_NUMPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_LARGEST = 2**30  # bytes of a file, unpacked
_LONGEST = 10_000  # characters of a numpy header
_DEEPEST = 16  # containers within containers
_MOST = 100_000  # values in containers
_KINDS = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)")
_MARK = re.compile(r"eclipsed: full edit in (\S+)")


@dataclass(frozen=True)
class ForeignNumbers:
    """What a file of another project holds.

    Args:
        content: a tensor, or dictionaries and lists of tensors, numbers and texts.
        full_in: the space in which its numbers are a full edit, where `write_numbers` noted that; "" elsewhere.
    """

    content: object
    full_in: str = ""


def read_numbers(path: Path) -> ForeignNumbers:
    """Read the numbers of a file, whatever its name ends in; nothing in it is run.

    Args:
        path: ``.npy`` or ``.npz`` with pickled objects or without, what ``torch.save`` wrote, a pickle, safetensors.
    Returns:
        Its content.
    Raises:
        MissingModelError: there is no such file.
        ForeignGlobalError: it asks for a function or class beyond numbers and plain data.
        CheckpointError: it is damaged, cut short, too large, or none of these.
    """
    if not path.is_file():
        raise MissingModelError(f"there is no file {path}; check the name")
    try:
        _check_size(path)
        with open(path, "rb") as file:
            start = file.read(6)
            file.seek(0)
            if start == _NUMPY:
                return _numpy_file(file, path)
            members = _numpy_members(file) if start.startswith(_ZIP) else {}
            if members:
                arrays = {name: _numpy_file(data(), path) for name, data in members.items()}
                marks = [array.full_in for array in arrays.values() if array.full_in]
                return ForeignNumbers({k: v.content for k, v in arrays.items()}, marks[0] if marks else "")
        return ForeignNumbers(_plain(load_weights(path)), _archive_mark(path))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        reason = (str(error).strip().split("\n")[0] or type(error).__name__)[:120]
        raise CheckpointError(f"{path}: damaged, cut short or no file of numbers ({reason})") from error


def write_numbers(path: Path, numbers: Tensor, *, name: str, full_in: str = "") -> Path:
    """Write one tensor so that numpy, or ``torch.load(weights_only=True)``, reads it.

    Args:
        path: ending in ``.npy``, ``.npz`` or ``.pt``.
        numbers: of any shape; written as float32.
        name: what it is called in an ``.npz``, the others having no names.
        full_in: note in the file, where other readers do not look, that they are a full edit in this space.
    Returns:
        `path`.
    Raises:
        InputError: another ending.
        OutputError: it cannot be written.
    """
    if path.suffix not in _SUFFIXES:
        raise InputError(f"latents and directions are exported as {', '.join(_SUFFIXES)}; got {str(path)!r}")
    mark = f"eclipsed: full edit in {full_in}" if full_in else ""
    value = numbers.detach().to("cpu", torch.float32).contiguous().clone()

    def write(place: Path) -> None:
        array = _header(tuple(value.shape), mark) + value.numpy().astype("<f4").tobytes()
        if path.suffix == ".npy":
            place.write_bytes(array)
            return
        if path.suffix == ".npz":
            with zipfile.ZipFile(place, "w") as packed:
                packed.writestr(f"{name}.npy", array)
            return
        torch.save(value, place)
        if mark:
            with zipfile.ZipFile(place, "a") as archive:
                archive.writestr(f"{archive.namelist()[0].partition('/')[0]}/eclipsed", mark)

    return atomic_write(path, write)


def _header(shape: tuple[int, ...], mark: str) -> bytes:
    """The header of a numpy file; its dictionary is read by Python's rules, so that a comment may follow."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}" + (f" # {mark}" if mark else "")
    text += " " * (-(len(_NUMPY) + 4 + len(text) + 1) % 64) + "\n"
    return _NUMPY + b"\x01\x00" + len(text).to_bytes(2, "little") + text.encode("ascii")


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(info.file_size for info in archive.infolist()))
    if size > _LARGEST:
        raise CheckpointError(f"{path}: {size / 2**30:.1f} GiB are too many for latents or a direction; at most 1 GiB")


def _archive_mark(path: Path) -> str:
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        marks = [archive.read(name) for name in archive.namelist() if name.partition("/")[2] == "eclipsed"]
    return _marked(marks[0].decode("latin1")) if marks else ""


def _marked(text: str) -> str:
    """The space that a mark names; "" where there is none."""
    found = _MARK.search(text)
    return found[1] if found else ""


def _numpy_members(file: BinaryIO) -> dict[str, Callable[[], BinaryIO]]:
    """The arrays of an ``.npz`` by their names; none where the archive is another one."""
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        whole = {name.removesuffix(".npy"): archive.read(name) for name in names}
    file.seek(0)
    return {name: lambda data=data: io.BytesIO(data) for name, data in whole.items()}  # type: ignore[misc]


def _numpy_file(file: BinaryIO, path: Path) -> ForeignNumbers:
    """One ``.npy``, its pickled objects read as any other pickle."""
    start = file.read(8)
    size = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
    if start[:6] != _NUMPY or size > _LONGEST:
        raise ValueError("no numpy array, or one with a header of unusual length")
    text = file.read(size).decode("latin1")
    header = ast.literal_eval(re.sub(r"(\d)L\b", r"\1", text))  # Python 2 wrote 512L
    if not isinstance(header, dict) or not {"descr", "fortran_order", "shape"} <= set(header):
        raise ValueError("the header of a numpy array must name descr, fortran_order and shape")
    if isinstance(header["descr"], str) and header["descr"].strip("|<>=").startswith("O"):
        return ForeignNumbers(_plain(read_stream(io.BytesIO(file.read()), path, nested=False)))
    if not isinstance(header["descr"], str) or not _KINDS.fullmatch(header["descr"]):
        raise ValueError(f"an array of numbers is needed; its type is {header['descr']!r:.40}")
    kind, shape = np.dtype(header["descr"]), header["shape"]
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("the shape of an array must be whole numbers from 0")
    data = file.read()
    if len(data) < math.prod(shape) * kind.itemsize:
        raise ValueError("it ends too early")
    flat: NDArray[Any] = np.frombuffer(data, kind, count=math.prod(shape))
    array = flat.reshape(shape, order="F" if header["fortran_order"] else "C")
    return ForeignNumbers(_tensor(array), _marked(text))


def _plain(content: object) -> object:
    """A content with tensors for its arrays, and nothing in it that stands for something else.

    Raises:
        ValueError: it is nested without end.
    """
    left = _MOST

    def plain(value: object, depth: int) -> object:
        nonlocal left
        left -= 1
        if depth > _DEEPEST or left < 0:
            raise ValueError("it is nested too deeply, or holds too many values")
        if isinstance(value, StoredArray):
            if value.value is not None:
                return _tensor(value.value)
            items = [plain(one, depth + 1) for one in value.items or ()]
            return items[0] if len(items) == 1 and value.shape == () else items
        if isinstance(value, Tensor):
            return value.detach()
        if isinstance(value, Mapping):
            return {str(key): plain(one, depth + 1) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(one, depth + 1) for one in value]
        if isinstance(value, (bool, int, float, str)) or value is None:
            return value
        return Inert()

    return plain(content, 0)


def _tensor(array: NDArray[Any]) -> object:
    """An array of numbers as a tensor of its own; of texts, as lists."""
    if array.dtype.kind not in "fiub":
        return json.loads(json.dumps(array.tolist(), default=str))
    kind = np.int64 if array.dtype.kind == "u" else array.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(array, dtype=kind, order="C"))
