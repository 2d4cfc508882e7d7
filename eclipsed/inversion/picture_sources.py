"""Where many pictures come from: a folder, tables of Parquet, or shards of WebDataset."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from eclipsed.errors import InputError
from eclipsed.inversion.folder_places import list_photos
from eclipsed.inversion.folder_record import file_digest
from eclipsed.photos.reading import Photo, decode_photo, read_photo

__all__ = ["FolderPictures", "HeldPictures", "PictureSource", "names_within", "shards_of"]

_LARGEST = 256 << 20  # bytes of a file that goes from stage to stage


class PictureSource(Protocol):
    """Where pictures come from; it goes to other processes."""

    path: Path

    def names(self) -> list[str]:
        """Name of each picture, with slashes; each once, in order."""

    def called(self, name: str) -> str:
        """What messages call a picture."""

    def digest(self, name: str) -> str:
        """SHA-256 of a picture's bytes; "" where they cannot be read."""

    def photo(self, name: str) -> Photo:
        """A picture, or an InputError."""

    def content(self, name: str) -> bytes | None:
        """Bytes of a picture; None where they cannot be read, or are too many to be passed on."""


class FolderPictures:
    """The files of a folder.

    Args:
        folder: to look in.
        recursive: look in its folders, too.
    """

    def __init__(self, folder: Path, *, recursive: bool = False) -> None:
        self.path, self._recursive = folder, recursive

    def names(self) -> list[str]:
        """See `eclipsed.inversion.folder_places.list_photos`."""
        return list_photos(self.path, recursive=self._recursive)

    def called(self, name: str) -> str:
        """Its path."""
        return str(self.path / name)

    def digest(self, name: str) -> str:
        """SHA-256 of the file's bytes."""
        return file_digest(self.path / name)

    def photo(self, name: str) -> Photo:
        """Read the file."""
        return read_photo(self.path / name)

    def content(self, name: str) -> bytes | None:
        """Bytes of the file."""
        path = self.path / name
        try:
            return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else None
        except (OSError, ValueError):
            return None


class HeldPictures(ABC):
    """Pictures that lie in larger files; who holds them says how one is read.

    Args:
        path: of the file, or of the folder of files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def bytes_of(self, name: str) -> bytes:
        """Bytes of a picture.

        Raises:
            InputError: they cannot be read.
        """

    def called(self, name: str) -> str:
        """Where it lies, and its name there."""
        return f"{self.path}/{name}"

    def digest(self, name: str) -> str:
        """SHA-256 of its bytes; "" where they cannot be read."""
        content = self.content(name)
        return "" if content is None else hashlib.sha256(content).hexdigest()

    def photo(self, name: str) -> Photo:
        """Decode it."""
        return decode_photo(self.bytes_of(name), self.called(name))

    def content(self, name: str) -> bytes | None:
        """Its bytes; None where they cannot be read."""
        try:
            return self.bytes_of(name)
        except InputError:
            return None


def shards_of(path: Path, suffix: str) -> list[Path]:
    """The files that a source of pictures consists of: itself, or all files of a folder; none where others lie there.

    Args:
        path: a file, or a folder.
        suffix: that each must have.
    """
    if path.is_file():
        return [path] if path.suffix.lower() == suffix else []
    if not path.is_dir():
        return []
    files = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    return files if files and all(one.suffix.lower() == suffix and one.is_file() for one in files) else []


def names_within(given: Iterable[str]) -> list[str]:
    """Names that lead nowhere else, each once: without dots at the beginning, and numbered where one comes again.

    Args:
        given: as they stand in a file that anybody may have made.
    """
    seen: Counter[str] = Counter()
    names: list[str] = []
    taken: set[str] = set()
    for text in given:
        parts = [part.strip().lstrip(".") for part in text.replace("\\", "/").replace("\0", "").split("/")]
        path = PurePosixPath(*[part for part in parts if part] or ["picture"])
        name = path.as_posix()
        while name in taken:
            seen[path.as_posix()] += 1
            name = path.with_name(f"{path.stem}~{seen[path.as_posix()] + 1}{path.suffix}").as_posix()
        taken.add(name)
        names.append(name)
    return names
