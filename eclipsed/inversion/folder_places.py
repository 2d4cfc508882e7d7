"""Which pictures a folder holds, and where the result of each goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from eclipsed.errors import InputError
from eclipsed.files.atomic import check_writable
from eclipsed.images.pictures import PICTURE_FORMATS

__all__ = ["SHARDS", "TABLES", "check_places", "inside", "list_photos", "results_of"]

#: how files end that hold many pictures
SHARDS, TABLES = ".tar", ".parquet"

_OTHERWISE = ".png"  # what a result is where the picture is of a format that is only read


def check_places(folder: Path, out: Path) -> None:
    """Raise unless a folder can be read, another be written, and neither lies in the other.

    Args:
        folder: of the pictures; or a file that holds many.
        out: of the results; need not be there.
    Raises:
        InputError: the first is no folder, or one lies in the other.
        OutputError: the second cannot be written.
    """
    held = folder.is_file() and folder.suffix.lower() in (SHARDS, TABLES)
    if not held and not folder.is_dir():
        raise InputError(f"{folder} is {'a file' if folder.exists() else 'not there'}; give a folder of pictures")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder for the results")
    if not held and (inside(out, folder) or inside(folder, out)):
        raise InputError(
            f"{folder} and {out} lie one in the other, so that results would be taken for pictures; give a folder "
            "beside it for the results"
        )
    check_writable(out, folder=True)


def inside(path: Path, folder: Path) -> bool:
    """Whether a path is a folder itself or lies in it, links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def list_photos(folder: Path, *, recursive: bool = False) -> list[str]:
    """All files of a folder, whatever they are; those whose names begin with a dot are left out.

    Args:
        folder: to look in.
        recursive: look in its folders, too, links to folders excepted. One that cannot be read is listed itself.
    Returns:
        Their paths in the folder, with slashes, in order.
    Raises:
        InputError: the folder cannot be read, or there is none.
    """
    found: list[Path] = []
    unread: list[OSError] = []
    deeper = False
    for place, folders, files in os.walk(folder, onerror=unread.append):
        found += [Path(place, name) for name in files if not name.startswith(".")]
        folders[:] = [name for name in folders if not name.startswith(".")]
        deeper |= bool(folders)
        if not recursive:
            break
    for error in unread:
        if Path(error.filename) == folder:
            raise InputError(f"{folder} cannot be read: {error.strerror}; give a folder that can")
        found.append(Path(error.filename))
    if not found:
        hint = "; those of its folders are taken with recursive=True or --recursive" if deeper and not recursive else ""
        raise InputError(f"{folder} holds no pictures{hint or '; give a folder of pictures'}")
    return sorted(path.relative_to(folder).as_posix() for path in found)


def results_of(names: Sequence[str]) -> dict[str, str]:
    """Where the result of each picture goes: under its own name, with .png after it where its format is only read.

    Args:
        names: as `list_photos` gives them.
    Returns:
        name -> path in the folder of results; "" where another picture's result has it already.
    """
    own = {name for name in names if PurePosixPath(name).suffix.lower() in PICTURE_FORMATS}
    return {name: name if name in own else "" if name + _OTHERWISE in own else name + _OTHERWISE for name in names}
