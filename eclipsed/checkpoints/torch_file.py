"""Reading files of weights, whatever wrote them, with errors in one sentence."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from safetensors.torch import load_file

from eclipsed.checkpoints.unpickling import read_stream
from eclipsed.errors import CheckpointError

__all__ = ["archive_of", "is_safetensors", "load_weights"]

#: how files begin that are packed in a way that nothing is read through
_PACKED = {
    b"\x1f\x8b": "is compressed with gzip; unpack it, and give the file inside",
    b"BZh": "is compressed with bzip2; unpack it, and give the file inside",
    b"\xfd7zXZ\x00": "is compressed with xz; unpack it, and give the file inside",
    b"\x28\xb5\x2f\xfd": "is compressed with zstandard; unpack it, and give the file inside",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it, and give the file inside",
    b"Rar!": "is a RAR archive; unpack it, and give the file inside",
}


def load_weights(path: Path) -> object:
    """Load tensors and plain data onto the CPU, and nothing else; nothing in the file is run.

    Args:
        path: what ``torch.save`` wrote, in its present form or the one before; a TorchScript archive, of which only
            the tensors are read; a pickle; or safetensors.
    Returns:
        What the file holds; stand-ins where it holds plain data of other packages.
    Raises:
        ForeignGlobalError: it asks for a function or class beyond tensors and plain data.
        CheckpointError: it is no torch file, is damaged or cut short.
    """
    try:
        if is_safetensors(path):
            return load_file(path)
        with open(path, "rb") as file:
            return read_stream(file, path)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        packed = archive_of(path)
        if packed:
            raise CheckpointError(f"{path} {packed}") from error
        reason = str(error).strip().split("\n")[0] or "it ends too early"
        raise CheckpointError(f"{path}: no torch file, damaged or cut short ({reason:.120}); fetch it again") from error


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: the header's length in eight bytes, then JSON."""
    with open(path, "rb") as file:
        return file.read(9)[8:] == b"{"


def archive_of(path: Path) -> str | None:
    """What a file is packed in, and what to do, as the end of a sentence; None for what is no such archive.

    Args:
        path: the file; what PyTorch and TorchScript write today are archives as well, but none of these.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(512)
        if head[257:262] == b"ustar":
            with tarfile.open(path, "r:") as archive:
                names = set(archive.getnames())
            if {"pickle", "storages", "tensors"} <= names:
                old = "is a tar archive as PyTorch wrote it before 2017"
                return f"{old}; load it with PyTorch, save it again, and give that"
            return "is a tar archive; unpack it, and give the file inside"
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as packed:
                inside = packed.namelist()
            if not any(name.rpartition("/")[2] == "data.pkl" for name in inside):
                return "is a zip archive without weights of PyTorch at its top; unpack it, and give the file inside"
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile):
        return None
    return next((said for start, said in _PACKED.items() if head.startswith(start)), None)
