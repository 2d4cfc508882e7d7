"""Writing files so that a reader sees the old one or the whole new one, never a half."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from safetensors import SafetensorError

from eclipsed.errors import OutputError
from eclipsed.files.names import cut

__all__ = ["atomic_write", "check_writable", "remove_file", "remove_unfinished"]

_UNFINISHED = re.compile(r"(\..*-)[0-9a-f]{12}((?:\..*)?)", re.DOTALL)
_LONGEST_SUFFIX = 32  # characters; what is longer is no suffix, but a name with a dot in it


def atomic_write(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Write a file beside its final place, flush it to disk and move it there.

    Folders that are missing are made. Whatever goes wrong, the unfinished file is removed and a file that was
    there before stays as it was.

    Args:
        path: where the file shall be; a link is followed.
        write: called with a temporary path of the same folder and suffix; writes the whole content there.
    Returns:
        `path`.
    Raises:
        OutputError: the folder or file cannot be written (read-only, disk full, not a regular file, …).
    """
    target = _target(path)
    start, suffix = _around(target)
    temporary = target.with_name(f"{start}{secrets.token_hex(6)}{suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        mode = stat.S_IMODE((target if target.exists() else temporary).stat().st_mode)
        write(temporary)
        temporary.chmod(mode)  # some writers, safetensors among them, make files that nobody else may read
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        _remove(temporary)
        reason = _write_failure(error)
        if reason is None:
            raise
        raise OutputError(f"cannot write {os.fspath(path)}: {reason}; nothing was saved there") from error
    return Path(path)


def check_writable(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """Raise unless a file can be written at `path`; nothing is left behind, so it can be asked before long work.

    Args:
        path: a file to be written later, or a folder that will hold files.
        folder: `path` is a folder.
    Raises:
        OutputError: it cannot be written.
    """
    parent = Path(os.path.realpath(path)) if folder else _target(path).parent
    while not os.path.lexists(parent) and parent != parent.parent:
        parent = parent.parent
    probe = parent / f".eclipsed-{secrets.token_hex(6)}"
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise OutputError(f"cannot write {os.fspath(path)}: {_reason(error)}; choose another place") from error
    finally:
        _remove(probe)


def remove_file(path: Path) -> bool:
    """Remove a file, unless it is gone already.

    Args:
        path: the file; of a link the link is removed.
    Returns:
        Whether it was there.
    Raises:
        OutputError: it cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {_reason(error)}") from error
    return True


def remove_unfinished(paths: Iterable[Path]) -> None:
    """Remove what `atomic_write` left beside some files because its process was killed; no other may write them now.

    Args:
        paths: the files, which may be there or not.
    Raises:
        OutputError: something cannot be removed.
    """
    begun: dict[Path, set[tuple[str, str]]] = {}
    for path in paths:
        begun.setdefault(path.parent, set()).add(_around(path))
    for folder, around in begun.items():
        for name in os.listdir(folder) if folder.is_dir() else ():
            found = _UNFINISHED.fullmatch(name)
            if found is not None and (found[1], found[2]) in around:
                remove_file(folder / name)


def _around(target: Path) -> tuple[str, str]:
    """What stands before and after the random digits in the name of an unfinished file."""
    return f".{cut(target.stem, 64)}-", target.suffix if len(target.suffix) <= _LONGEST_SUFFIX else ""


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that `path` stands for, links followed; a device, socket or folder is refused."""
    try:
        target = Path(os.path.realpath(path))
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:  # a name too long, a null byte
        raise OutputError(f"cannot write {os.fspath(path)}: {_reason(error)}; choose another name") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {os.fspath(path)}: it is a folder; give the name of a file")
    if not stat.S_ISREG(mode) or not target.name:
        raise OutputError(f"cannot write {os.fspath(path)}: it is not a regular file; choose another place")
    return target


def _flush(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError):  # the folder itself is out of reach, so nothing was written either
        return


def _write_failure(error: BaseException) -> str | None:
    """What went wrong in words when `error` is a failed write; None when it is something else."""
    if isinstance(error, OutputError):
        return None
    if isinstance(error, FileExistsError):  # from mkdir
        return "a part of its folder's name is a file"
    if isinstance(error, OSError):
        return _reason(error)
    text = str(error)
    if isinstance(error, SafetensorError) and "I/O error" in text:
        return text[text.index("I/O error") :]
    if isinstance(error, RuntimeError) and ("PytorchStreamWriter" in text or "inline_container" in text):  # torch.save
        return "the disk is full or the file cannot be written"
    return None


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[0].lower() + text[1:]
