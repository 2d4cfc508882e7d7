"""Pictures that visitors gave to the page, kept for as long as something of theirs refers to them."""

from __future__ import annotations

import shutil
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.kept_files import KeptFile
from eclipsed.studio.safety import check_photo

if TYPE_CHECKING:
    from eclipsed.photos.reading import Photo

__all__ = ["PICTURES", "KeptPicture"]

#: ends of the names of pictures that are taken
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".heic", ".heif")

_MOST_KEPT = 32  # pictures of all visitors; at 32 MB each they take 1 GB of the disk at most


class KeptPicture(KeptFile):
    """A copy of a picture that was given to the page, which is removed with the last that refers to it.

    Args:
        path: where the page put it.
        name: what its owner calls it; None is its file's name.
    Raises:
        InputError: it is no PNG, JPEG, WebP or HEIC, is damaged, or too large.
        MissingExtraError: HEIC without the package that reads it.
    """

    def __init__(self, path: str, name: str | None = None) -> None:
        check_photo(path, PICTURES)
        super().__init__(path, name)
        _keep(self)

    def read(self) -> Photo:
        """The picture.

        Raises:
            InputError: it is damaged, or has made room for others.
        """
        from eclipsed.photos.reading import read_photo

        if not self.path.is_file():
            raise InputError(f"{self.name} is not kept any more, since others came after it; choose it again")
        try:
            return replace(read_photo(self.path), name=self.name)
        except EclipsedError as error:
            raise self.named(error) from error


_kept: list[weakref.ref[KeptPicture]] = []


def _keep(picture: KeptPicture) -> None:
    """Note a picture; the oldest of too many makes room."""
    _kept[:] = [one for one in _kept if one() is not None]
    while len(_kept) >= _MOST_KEPT:
        oldest = _kept.pop(0)()
        if oldest is not None:
            shutil.rmtree(oldest.path.parent, ignore_errors=True)
    _kept.append(weakref.ref(picture))
