"""Directions by name: those that ship with the package and those that the user has kept; needs no torch."""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eclipsed.errors import InputError, MissingModelError
from eclipsed.files.atomic import remove_file
from eclipsed.store.sets import shipped_directions, user_directions

__all__ = [
    "SUFFIX",
    "Entry",
    "entries",
    "find_direction",
    "free_name",
    "keep_as_new",
    "kept_path",
    "named",
    "remove_direction",
]

SUFFIX = ".safetensors"

_keeping = threading.Lock()  # between a name that is found free and the file that takes it


@dataclass(frozen=True)
class Entry:
    """One direction of the library.

    Args:
        name: what it is called: the file's name, with the folder where there is one, without suffix.
        path: its file.
        shipped: whether it came with the package.
    """

    name: str
    path: Path
    shipped: bool


def entries() -> list[Entry]:
    """All directions of the library, the user's first."""
    found = []
    for folder, shipped in ((user_directions(), False), (shipped_directions(), True)):
        paths = sorted(folder.rglob(f"*{SUFFIX}")) if folder.is_dir() else []
        paths = [path for path in paths if not path.name.startswith(".")]  # what a killed process was writing
        names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
        found += [Entry(name, path, shipped) for name, path in zip(names, paths, strict=True)]
    return found


def find_direction(name_or_path: str, *, models: str = "") -> Path:
    """The file of a direction.

    Args:
        name_or_path: path of a file, or the name of a direction of the library (``"blond-hair"``; with its folder,
            ``"mini/blond-hair"``, where several share it). A file goes before a name, and what ends in
            ``.safetensors`` is a file: one that is missing is never taken for a direction of that name.
        models: name of the model set in use; of several directions of one name, that in its folder is meant.
    Returns:
        An existing file.
    Raises:
        InputError: it is empty, or a folder.
        MissingModelError: there is neither such a file nor such a name; the message holds what is near.
    """
    text = name_or_path.strip()
    path = Path(text)
    if not text or path.is_dir():
        raise InputError(f"expected a direction's file or name; got {name_or_path!r}")
    if path.is_file():
        return path
    found = named(text.lower().removesuffix(SUFFIX))
    if text.lower().endswith(SUFFIX):
        hint = f"; the library has a direction of that name: {found[0].name}" if found else ""
        raise MissingModelError(f"there is no direction file {text!r}{hint or '; check the name'}")
    if found:
        return next((entry for entry in found if entry.path.parent.name == models), found[0]).path
    near = difflib.get_close_matches(_plain(text), [entry.path.stem for entry in entries()], n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "`eclipsed directions list` shows what there is"
    raise MissingModelError(f"there is no direction file {text!r} and none of that name; {hint}")


def named(name: str) -> list[Entry]:
    """The directions of the library that go by a name, with or without its folder; the user's first."""
    wanted = _plain(name)
    return [entry for entry in entries() if wanted in (entry.name.lower(), entry.path.stem.lower())]


def kept_path(name: str) -> Path:
    """The file of a direction in the user's own folder, there or not.

    Raises:
        InputError: the name is empty or could lead out of the folder.
    """
    stem = name.removesuffix(SUFFIX)
    if not stem.strip(". ") or stem.startswith(".") or any(mark in stem for mark in ("/", "\\", os.sep, "\0")):
        raise InputError(f"the name of a direction holds no slashes and is not empty; got {name!r}")
    return user_directions() / f"{stem}{SUFFIX}"


def free_name(name: str) -> str:
    """A name that no direction of the library has: `name`, or with the first number after it that is free.

    Raises:
        InputError: see `kept_path`.
    """
    stem = kept_path(name).stem
    taken = {entry.path.stem.lower() for entry in entries()}
    if stem.lower() not in taken:
        return stem
    return next(f"{stem}-{number}" for number in range(2, len(taken) + 3) if f"{stem}-{number}".lower() not in taken)


def keep_as_new(name: str, save: Callable[[Path], object]) -> str:
    """Keep a direction under a name that is free; two that ask for one name at once get two.

    Args:
        name: that it shall have, see `free_name`.
        save: called with the file to write.
    Returns:
        The name that it got.
    Raises:
        InputError: see `kept_path`.
        OutputError: it cannot be written.
    """
    with _keeping:
        free = free_name(name)
        save(kept_path(free))
    return free


def remove_direction(name: str) -> Path:
    """Remove a direction of the user's; those that ship with the package stay.

    Returns:
        The file that was there.
    Raises:
        InputError: it is none of the user's, or the name could lead out of the folder.
        OutputError: it cannot be removed.
    """
    target = kept_path(name)
    if not target.is_file():
        shipped = any(entry.shipped and name in (entry.name, entry.path.stem) for entry in entries())
        reason = "ships with the package and stays" if shipped else "is none of yours; see `eclipsed directions list`"
        raise InputError(f"the direction {name!r} {reason}")
    remove_file(target)
    return target


def _plain(name: str) -> str:
    return name.strip().removesuffix(SUFFIX).lower().replace(" ", "-")
