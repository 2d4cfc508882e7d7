"""What is done already of a folder: a small file for each picture, beside the results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from eclipsed.files.atomic import atomic_write
from eclipsed.inversion.edited_photo import DONE_BEFORE, EditedPhoto

__all__ = ["OF_FACES", "done_before", "file_digest", "record_file", "write_record"]

#: in place of a stack's name: the faces of a picture, as they were found; no stack is named by a path
OF_FACES = "/faces"

_FOLDER = ".eclipsed"
_AT_ONCE = 1 << 20  # bytes


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; "" where it is no regular file, or cannot be read."""
    digest = hashlib.sha256()
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            while block := file.read(_AT_ONCE):
                digest.update(block)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()


def record_file(out: Path, name: str, stack: str = "") -> Path:
    """Where it stands what became of a picture.

    Args:
        out: folder of the results.
        name: of the picture.
        stack: of edits; or `OF_FACES`.
    """
    told = os.fsencode(name) + (b"\0" + stack.encode() if stack else b"")
    return out / _FOLDER / f"{hashlib.sha256(told).hexdigest()[:32]}.json"


def write_record(out: Path, row: EditedPhoto, key: str) -> None:
    """Keep what became of a picture; its result is written already.

    Args:
        out: folder of the results.
        row: of the picture.
        key: what tells its bytes and the edit from any other.
    Raises:
        OutputError: it cannot be written.
    """
    held = {"key": key, "result_sha256": file_digest(out / row.result), "row": asdict(row)}
    text = json.dumps(held)  # in ASCII, so that any name fits
    atomic_write(record_file(out, row.name, row.stack), lambda place: place.write_text(text, encoding="ascii"))


def done_before(out: Path, name: str, result: str, key: Callable[[], str], *, stack: str = "") -> EditedPhoto | None:
    """What became of a picture in an earlier run; None where nothing did, or its result is not what it was.

    Args:
        out: folder of the results.
        name: of the picture.
        result: path of its result there.
        key: gives what tells its bytes and the edit from any other; asked only where there was a run.
        stack: of edits; or `OF_FACES`.
    """
    try:
        held = json.loads(record_file(out, name, stack).read_text(encoding="ascii"))
        row = EditedPhoto(**held["row"])
        same = (row.name, row.result, row.stack) == (name, result, stack) and held["key"] == key()
        same = same and held["result_sha256"] == file_digest(out / result) != ""
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # not there, or damaged
        return None
    return replace(row, outcome=DONE_BEFORE) if same else None
