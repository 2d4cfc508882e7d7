"""Reading pickles and torch archives without running anything in them.

A pickle names the functions it wants called. Here every name on a short list stands for a harmless function or an
empty class of our own, made afresh for each file; any other name ends the reading.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from eclipsed.checkpoints.plain_data import only, plain_stand_ins
from eclipsed.checkpoints.stand_ins import ScriptModule, StorageKind, network_stand_ins
from eclipsed.checkpoints.stored_modules import UnknownClasses
from eclipsed.checkpoints.torchscript import script_state
from eclipsed.errors import CheckpointError

__all__ = ["ForeignGlobalError", "read_stream", "unpickle"]

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of what torch.save wrote before it wrote zip files
_TEXT = 2**24  # bytes of a program's file
_SPARE = 2**16  # numbers that a pickle may leave out where it remembers things


class ForeignGlobalError(CheckpointError):
    """A file asks for a function or class outside the list; it may be an attempt to run code."""

    @classmethod
    def of(cls, path: Path, asked: str) -> ForeignGlobalError:
        """The error for one name, ``module.name``."""
        return cls(
            f"{path}: refused, it asks for {asked}, which is neither weights nor known plain data and could run code; "
            "nothing was run"
        )


def unpickle(path: Path) -> object:
    """Read the pickle of a public generator, or any other that holds weights.

    Args:
        path: the file.
    Returns:
        Plain containers, numbers, tensors and stand-ins: `StoredArray`, `PersistentObject`, `TensorFlowNetwork`, and
        `Inert` for plain data that is of no use here.
    Raises:
        ForeignGlobalError: it asks for anything else.
        CheckpointError: it is damaged or cut short.
    """
    try:
        with open(path, "rb") as file:
            return read_stream(file, path)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        text = str(error) or "it ends too early"
        raise CheckpointError(
            f"{path}: damaged or cut short pickle ({type(error).__name__}: {text:.120}); fetch it again"
        ) from error


def read_stream(stream: BinaryIO, path: Path, *, nested: bool = False) -> object:
    """Read a pickle, or an archive of torch.save or TorchScript, whichever it is.

    Args:
        stream: the bytes, from its beginning.
        path: the file they come from, for messages.
        nested: whether these are the bytes of a storage inside another pickle, which hold no further ones.
    Returns:
        See `unpickle`; a TorchScript archive gives its tensors by their dotted names.
    Raises:
        ForeignGlobalError: it asks for a function or class that is not on the list.
        Exception: of any kind, where it is damaged.
    """
    unknown = UnknownClasses(lambda asked: ForeignGlobalError.of(path, asked))
    start = stream.read(4)
    stream.seek(0)
    if start == b"PK\x03\x04":
        content = _read_zip(stream, path, unknown)
    else:
        storages = {} if nested else {("torch.storage", "_load_from_bytes"): lambda data: _storage(data, path)}
        content = _Unpickler(stream, path, unknown, more=storages).load()
        if type(content) is int and content == _MAGIC:
            content = _read_old(stream, path, unknown)
    unknown.check()
    return content


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows only stand-ins.

    Args:
        file: what to read.
        path: for messages.
        unknown: what stands for names that are on no list.
        more: further names with their stand-ins.
        refer: gives what a reference to data outside of the pickle means; None allows none.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: Path,
        unknown: UnknownClasses,
        *,
        more: dict[tuple[str, str], Any] | None = None,
        refer: Callable[[Any], object] | None = None,
    ) -> None:
        super().__init__(file, encoding="latin1")
        self._file, self._path, self._unknown = file, path, unknown
        self._more = {("builtins", "getattr"): lambda *parts: self._member(*parts), **(more or {})}
        self._refer = refer
        self._tables = (plain_stand_ins(), network_stand_ins())
        self._made: dict[tuple[str, str], object] = {}

    def load(self) -> Any:
        """Read one pickle, after a look through it at what it would take memory for."""
        _check_numbers(self._file)
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)  # as Python 2 wrote them
        asked = (module, name)
        if asked not in self._made:
            found = [self._more.get(asked), *(table(module, name) for table in self._tables)]
            known = [one for one in found if one is not None]
            self._made[asked] = known[0] if known else self._unknown.stand_in(module, name)
        return self._made[asked]

    def _member(self, owner: object, name: object, *_: object) -> Any:
        """How time zones say what makes them again; all else that asks for members is refused."""
        if name != "_unpickle" or owner is not self._made.get(("zoneinfo", "ZoneInfo")):
            raise ForeignGlobalError.of(self._path, "builtins.getattr")
        return owner

    def persistent_load(self, pid: object) -> object:
        if self._refer is None:
            raise CheckpointError(f"{self._path}: refused, it refers to data outside of itself ({pid!r:.60})")
        return self._refer(pid)


def _check_numbers(file: BinaryIO) -> None:
    """Raise where a pickle remembers something under a number beyond its own length, or is shorter than it says.

    Python takes memory for all numbers below, gigabytes for a file of ten bytes.
    """
    here = file.tell()
    for count, (operation, number, _) in enumerate(pickletools.genops(cast(Any, file))):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and cast(int, number) > count + _SPARE:
            raise ValueError(f"it remembers something under the number {number}, in {count} steps")
    file.seek(here)


def _storage(data: object, path: Path) -> Any:
    return only(read_stream(io.BytesIO(only(data, bytes)), path, nested=True), torch.storage.TypedStorage)


def _reference(pid: object) -> tuple[StorageKind, str, int, Any]:
    """What a reference to a storage says: its kind, its key, how many numbers, and what part of another it is."""
    name, kind, key, _, count, *view = only(pid, tuple)
    if name != "storage" or not isinstance(kind, StorageKind):
        raise ValueError(f"unknown reference to {name!r:.40}")
    return kind, str(key), count, view[0] if view else None


def _read_zip(stream: BinaryIO, path: Path, unknown: UnknownClasses) -> object:
    """An archive as torch.save writes it today, or TorchScript's."""
    with zipfile.ZipFile(stream) as archive:
        files = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        if "data.pkl" not in files:
            raise ValueError("a zip file without data.pkl")
        if "byteorder" in files and archive.read(files["byteorder"]) != b"little":
            raise ValueError("its numbers are those of a big-endian machine")
        memories: dict[str, torch.UntypedStorage] = {}

        def refer(pid: object) -> object:
            kind, key, count, _ = _reference(pid)
            info = files[f"data/{key}"]
            if info.file_size != kind.size(count):
                raise ValueError(f"a storage of {kind.size(count)} bytes has {info.file_size}")
            if key not in memories:
                memories[key] = _memory(archive.read(info))
            return kind.storage(memories[key])

        def text(name: str) -> str:
            info = files.get(name)
            return "" if info is None or info.file_size > _TEXT else archive.read(info).decode("utf-8", "replace")

        content = _Unpickler(io.BytesIO(archive.read(files["data.pkl"])), path, unknown, refer=refer).load()
        return script_state(content, text) if isinstance(content, ScriptModule) else content


def _memory(data: bytes) -> torch.UntypedStorage:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).untyped_storage() if data else torch.UntypedStorage(0)


def _read_old(stream: BinaryIO, path: Path, unknown: UnknownClasses) -> object:
    """An archive as torch.save wrote it before: pickles, then the storages one after the other."""
    here = stream.tell()
    left = stream.seek(0, io.SEEK_END) - here
    stream.seek(here)
    memories: dict[str, torch.UntypedStorage] = {}
    kinds: dict[str, StorageKind] = {}

    def refer(pid: object) -> object:
        nonlocal left
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
            return pid[1]  # a network's class; its source text follows, and stays unread
        kind, key, count, view = _reference(pid)
        if key not in memories:
            left -= kind.size(count)
            if left < 0:
                raise ValueError("it ends too early")
            memories[key], kinds[key] = torch.UntypedStorage(kind.size(count)), kind
        if view is None:
            return kind.storage(memories[key])
        _, offset, length = only(view, tuple)
        start, stop = kind.size(offset), kind.size(offset) + kind.size(length)
        if stop > memories[key].nbytes():
            raise ValueError("a part of a storage lies outside of it")
        return kind.storage(memories[key][start:stop])

    for _ in range(2):  # the version, and what the machine was like
        _Unpickler(stream, path, unknown).load()
    content = _Unpickler(stream, path, unknown, refer=refer).load()
    for key in only(_Unpickler(stream, path, unknown).load(), list):
        memory, kind = memories[str(key)], kinds[str(key)]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        data = stream.read(memory.nbytes())
        if kind.size(count) != memory.nbytes() or len(data) != memory.nbytes():
            raise ValueError("it ends too early")
        memory.copy_(_memory(data))
    return content
