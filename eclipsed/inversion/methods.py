"""What an `Editor` does with photographs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.editing.faces import Faces
from eclipsed.inversion import placing as photo_faces
from eclipsed.inversion import saving
from eclipsed.inversion.inverter import Callback, InversionConfig, Inverter
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.reading import read_photo
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.identity import Identity
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.perception import Perception

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PhotoMethods"]


class PhotoMethods(ABC):
    """The part of `Editor` that deals with photographs: to latents, back into the picture, and into a file."""

    generator: Generator
    _encoder: Lazy[Encoder | None]
    _identity: Lazy[Identity | None]
    _finder: Lazy[FaceFinder]

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def clip(self) -> Clip:
        """The CLIP model."""

    @property
    def encoder(self) -> Encoder | None:
        """What guesses the latents of photographs; None when there is none."""
        return self._encoder.get()

    @property
    def identity(self) -> Identity | None:
        """What tells who is on a face; None when there is none."""
        return self._identity.get()

    @property
    def finder(self) -> FaceFinder:
        """What finds faces in photographs.

        Raises:
            MissingModelError: its weights are not on this machine.
        """
        return self._finder.get()

    def invert(
        self,
        photo: photo_faces.Source | Sequence[photo_faces.Source],
        *,
        level: str | None = None,
        aligned: bool = False,
        face: int | str | None = None,
        where: Placement | Sequence[Placement] | None = None,
        start: Faces | None = None,
        class_index: int | None = None,
        config: InversionConfig | None = None,
        callback: Callback | None = None,
    ) -> Faces:
        """Turn photographs into faces that can be edited.

        Args:
            photo: a path, a PIL picture or a `Photo`, or several.
            level: ``"fast"``, ``"good"`` or ``"best"``, see `InversionConfig`; None is the config's.
            aligned: the whole picture is an aligned face, so none has to be found.
            face: which face of a picture with several: a number from 1, from the left, or ``"all"``.
            where: the faces' places, when they are known.
            start: the faces of an earlier search, which may have been stopped, to go on from.
            class_index: class of the faces, where the generator has classes; None is the editor's own.
            config: every option; None is the default.
            callback: told of every step; returning False, or Ctrl-C, stops and keeps the best so far.
        Returns:
            The faces, with their photographs in `Faces.origins`.
        Raises:
            InputError: no picture, no face, or one that cannot be aligned; see `place_faces`.
            MissingModelError: what finds faces is not on this machine.
        Warns:
            EclipsedWarning: there is no encoder, so the search begins at the mean face.
        """
        chosen = config or InversionConfig()
        chosen = chosen if level is None else chosen.replace(level=level)
        sources: list[Any] = list(photo) if isinstance(photo, (list, tuple)) else [photo]
        placed = []
        for one in map(read_photo, sources):
            places = photo_faces.place_faces(one, lambda: self.finder, aligned=aligned, face=face, where=where)
            placed += [(one, place) for place in places]
        inverter = Inverter(
            self.generator if class_index is None else self.generator.of_class(class_index),
            Perception(self.clip),
            encoder=self.encoder,
            identity=self.identity,
            config=chosen,
            callback=callback,
        )
        return photo_faces.invert_photos(inverter, placed, start=start)

    def paste(self, faces: Faces, photo: photo_faces.Source | None = None) -> list[Image.Image]:
        """Put edited faces back into their photographs, which stay as they are elsewhere, bit for bit.

        Args:
            faces: that `invert` or `load_faces` gave, edited.
            photo: the photograph, when the faces were loaded from a file.
        Returns:
            One picture for each photograph.
        Raises:
            InputError: faces that were sampled, no photograph, or not the one that a face was taken from.
        """
        return photo_faces.paste_faces(self.parser, faces, photo)

    def save_faces(self, faces: Faces, path: str | os.PathLike[str]) -> Path:
        """Write faces of any origin to a file, to be edited later; see `eclipsed.inversion.saving.save_faces`."""
        return saving.save_faces(faces, self.generator, path)

    def load_faces(self, path: str | os.PathLike[str], *, any_generator: bool = False) -> Faces:
        """Read what `save_faces` wrote; another generator is an InputError unless `any_generator` says to go on."""
        return saving.load_faces(self.generator, path, any_generator=any_generator)
