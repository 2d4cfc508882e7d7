"""Where an inverted face comes from."""

from __future__ import annotations

from dataclasses import dataclass

from eclipsed.errors import InputError
from eclipsed.photos.alignment import Placement
from eclipsed.photos.kept import Kept
from eclipsed.photos.reading import Photo
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.tuning import Tuning

__all__ = ["Origin"]


@dataclass(frozen=True, eq=False)
class Origin:
    """The photograph of an inverted face, where the face lies in it, and how the generator was tuned to it.

    Args:
        placement: of the face's square.
        sha256: of the photograph, see `Photo.sha256`.
        size: width and height of the photograph.
        photo: the photograph; None when the face was loaded from a file without it.
        tuning: the difference from the generator; None when that is as it was.
        kept: what of the face the generator cannot draw; None when nothing is kept.
    """

    placement: Placement
    sha256: str
    size: tuple[int, int]
    photo: Photo | None = None
    tuning: Tuning | None = None
    kept: Kept | None = None

    @classmethod
    def of(cls, photo: Photo, placement: Placement, tuning: Tuning | None = None, kept: Kept | None = None) -> Origin:
        """The origin of a face in a photograph."""
        return cls(placement, photo.sha256, (photo.width, photo.height), photo, tuning, kept)

    @property
    def alone(self) -> bool:
        """Whether the face is drawn in a way of its own, and so by itself."""
        return self.tuning is not None or self.kept is not None

    def maker(self, generator: Generator) -> Generator:
        """The generator that draws the face: tuned, where it was."""
        return generator if self.tuning is None else self.tuning.generator(generator)

    def check(self, photo: Photo) -> None:
        """Raise unless a photograph is the one that the face was taken from.

        Raises:
            InputError: its pixels are others.
        """
        if photo.sha256 != self.sha256:
            (width, height), name = self.size, photo.name
            raise InputError(
                f"{name} ({photo.width} x {photo.height}) is not the photo that this face was taken from, "
                f"which has {width} x {height} and other pixels; give that one, or invert this one"
            )
