"""Pictures in shards of WebDataset: tar files, in which a sample's files share a name and differ in what follows it."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from eclipsed.errors import InputError
from eclipsed.inversion.picture_sources import HeldPictures, names_within

__all__ = ["ShardPictures"]

_HEIC = {".heic", ".heif", ".hif"}

_Place = tuple[Path, int, int]  # file, and where a picture's bytes begin there, and how many they are


class ShardPictures(HeldPictures):
    """The pictures of tar files; what else lies there, such as captions, is left out.

    A shard that cannot be read is listed itself, with the reason, beside what was found before it broke off.

    Args:
        files: one shard each, not compressed, so that each picture can be read by itself.
    Raises:
        InputError: they hold no pictures.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files[0] if len(files) == 1 else files[0].parent)
        Image.init()
        places: list[tuple[str, _Place | str]] = []
        for file in files:
            places += _listed(file, beside=len(files) > 1)
        if not places:
            raise InputError(f"{files[0]} holds no pictures; give a tar file of pictures, as WebDataset has them")
        names = names_within(name for name, _ in places)
        self._places = dict(zip(names, (place for _, place in places), strict=True))

    def names(self) -> list[str]:
        """In the order of the shards."""
        return list(self._places)

    def bytes_of(self, name: str) -> bytes:
        """Read as many bytes as its shard says."""
        place = self._places[name]
        if isinstance(place, str):
            raise InputError(place)
        path, start, size = place
        try:
            with open(path, "rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _listed(file: Path, *, beside: bool) -> list[tuple[str, _Place | str]]:
    """Name and place of each picture of a shard; names begin with the shard's where there are several."""
    found: list[tuple[str, _Place | str]] = []
    known = set(Image.registered_extensions()) | _HEIC
    try:
        with tarfile.open(file, "r:") as shard:
            for member in shard:
                if member.isreg() and not member.issparse() and _is_picture(member.name, known):
                    name = f"{file.stem}/{member.name}" if beside else member.name
                    found.append((name, (file, member.offset_data, member.size)))
    except (tarfile.TarError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        found.append((file.name, f"{file} is no tar file that can be read ({reason}); give one that is not compressed"))
    return found


def _is_picture(name: str, known: set[str]) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in known and not path.name.startswith(".")
