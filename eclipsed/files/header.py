"""The one header of all files of our own: safetensors whose metadata hold, under "eclipsed", a JSON object.

The object says the kind of file and the version of its format, and all else that is not a tensor. What kinds there
are stands in `eclipsed.files.kinds`. Nothing here loads torch before there are tensors to read or write.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from eclipsed.errors import EclipsedError, MissingModelError
from eclipsed.files.atomic import atomic_write

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Kind", "is_bare", "read", "read_data", "write"]

_KEY = "eclipsed"
_LARGEST_HEADER = 100_000_000  # what the safetensors format allows


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of file, and what is said when something else lies where it should.

    Args:
        name: of the kind, as the file says it.
        noun: what people call it, for messages.
        error: class of what is raised when a file is damaged, of another kind or of another version.
        version: of the format that is written.
        oldest: version of the oldest format that is still read.
        advice: what to do about a file of another kind.
        absent: said when there is no file; like all that follow, a sentence with ``{path}``, ``{noun}``, ``{name}``
            and ``{advice}`` to fill in.
        damaged: said when it cannot be read; ``{why}`` is the reason.
        bare: said of a safetensors file that is none of ours.
        another: said of one of another kind, ``{kind}``.
        outdated: said of one of another version, ``{found}``, where ``{known}`` are read.
    """

    name: str
    noun: str
    error: type[EclipsedError]
    version: int = 1
    oldest: int = 1
    advice: str = "give another file"
    absent: str = "the {noun} {path} does not exist"
    damaged: str = "{path} is damaged or cut short: {why}"
    bare: str = "{path} is a safetensors file without eclipsed's metadata: it holds no {noun}; {advice}"
    another: str = "{path} holds no {noun} but {kind!r}; {advice}"
    outdated: str = "{path} is a {noun} of format {found!r}; this eclipsed reads format {known}"

    def header(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What such a file says of itself: its kind and version before `data`."""
        return {"kind": self.name, "version": self.version, **data}


def write(path: str | os.PathLike[str], kind: Kind, data: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
    """Write a file of our own, in one go.

    Args:
        path: where.
        kind: what it is.
        data: all that is to be said of it, as JSON values.
        tensors: name -> tensor on any device; none shares its memory with another.
    Returns:
        `path`.
    Raises:
        OutputError: it cannot be written.
    """
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {_KEY: json.dumps(kind.header(data), allow_nan=False)}
    return atomic_write(path, lambda place: save_file(plain, place, metadata=metadata))


def read(path: str | os.PathLike[str], kind: Kind, *, bare: bool = False) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a file of our own whole.

    Args:
        path: the file.
        kind: what it should be.
        bare: also take a safetensors file without our metadata, as one that says nothing of itself.
    Returns:
        What it says of itself, kind and version included, and its tensors on the CPU.
    Raises:
        MissingModelError: there is no such file.
        EclipsedError: of the kind's class: it is damaged, or of another kind or version.
    """
    with _reading(path, kind), safe_open(path, framework="pt") as file:
        data = _parse(path, kind, file.metadata() or {}, bare=bare)
        return data, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict


def read_data(path: str | os.PathLike[str], kind: Kind) -> dict[str, Any]:
    """What a file of our own says of itself, read without loading its tensors, or torch.

    Args:
        path: the file.
        kind: what it should be.
    Returns:
        Its JSON object, kind and version included.
    Raises:
        MissingModelError: there is no such file.
        EclipsedError: of the kind's class: it is damaged, or of another kind or version.
    """
    with _reading(path, kind):
        return _parse(path, kind, _metadata(path), bare=False)


def is_bare(path: str | os.PathLike[str]) -> bool:
    """Whether a file is safetensors and none of our own: it has a header, and our metadata are not in it."""
    try:
        return _KEY not in _metadata(path)
    except (OSError, RuntimeError, ValueError):
        return False


def _metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata of a safetensors file."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LARGEST_HEADER, os.fstat(file.fileno()).st_size):
            raise ValueError("its header is longer than the file")
        entries = json.loads(file.read(length))
    metadata = entries.get("__metadata__", {}) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("its header is no JSON object")
    return metadata


@contextmanager
def _reading(path: str | os.PathLike[str], kind: Kind) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into the one sentence of its kind."""
    try:
        if not Path(path).exists():
            raise MissingModelError(_say(kind, kind.absent, path))
        if Path(path).is_dir():
            raise ValueError("it is a folder")
        yield
    except EclipsedError:
        raise
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise kind.error(_say(kind, kind.damaged, path, why=error)) from error


def _parse(path: str | os.PathLike[str], kind: Kind, metadata: Mapping[str, Any], *, bare: bool) -> dict[str, Any]:
    """The JSON object in the metadata of a file, checked as far as all kinds are alike."""
    text = metadata.get(_KEY)
    if text is None:
        if bare:
            return {}
        raise kind.error(_say(kind, kind.bare, path))
    try:
        data = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"its metadata is not JSON and cannot be read ({error})") from error
    if not isinstance(data, dict) or data.get("kind") != kind.name:
        found = data.get("kind") if isinstance(data, dict) else None
        raise kind.error(_say(kind, kind.another, path, kind=found))
    if data.get("version") not in range(kind.oldest, kind.version + 1):
        known = str(kind.version) if kind.oldest == kind.version else f"{kind.oldest} to {kind.version}"
        raise kind.error(_say(kind, kind.outdated, path, found=data.get("version"), known=known))
    return data


def _say(about: Kind, sentence: str, path: str | os.PathLike[str], **facts: object) -> str:
    return sentence.format(path=os.fspath(path), noun=about.noun, name=about.name, advice=about.advice, **facts)
