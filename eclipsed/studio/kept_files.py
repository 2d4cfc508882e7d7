"""Files that visitors gave to the page, kept for as long as something of theirs refers to them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path

from eclipsed.errors import EclipsedError

__all__ = ["KeptFile"]


class KeptFile:
    """A copy of a file that was given to the page, which is removed with the last that refers to it.

    Args:
        path: where the page put it.
        name: what its owner calls it; None is its file's name.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.name = (name or self.name_of(path))[-80:]
        self.path = Path(tempfile.mkdtemp(dir=_folder())) / Path(path).name[-80:]
        shutil.copyfile(path, self.path)
        weakref.finalize(self, shutil.rmtree, self.path.parent, ignore_errors=True)

    @staticmethod
    def name_of(path: str | os.PathLike[str]) -> str:
        """What a file that was given to the page is called."""
        return Path(path).name[-80:]

    def remove(self) -> None:
        """Remove the copy now."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def named(self, error: EclipsedError) -> EclipsedError:
        """An error that calls the file by its name, and does not say where the copy lies."""
        return type(error)(str(error).replace(str(self.path), self.name))


@cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="eclipsed-files-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
