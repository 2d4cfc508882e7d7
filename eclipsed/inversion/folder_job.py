"""What is done to every picture of a folder, or of another source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.picture_sources import PictureSource
from eclipsed.latents.direction import Direction
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.reading import Photo
from eclipsed.pretrained.generator import Generator

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FACE_SUFFIX", "FolderJob", "PhotoEditor"]

#: what the name of a file of faces ends in
FACE_SUFFIX = ".face.safetensors"


class PhotoEditor(Protocol):
    """What of an `eclipsed.Editor` edits photographs."""

    name: str
    generator: Generator

    @property
    def finder(self) -> FaceFinder:
        """Finds faces."""

    def sample(self, *, seeds: int, class_index: int | None = None) -> Faces:
        """Make a face."""

    def invert(
        self,
        photo: Photo,
        *,
        where: Sequence[Placement],
        face: int | str | None,
        class_index: int | None,
        config: InversionConfig,
        force: bool,
    ) -> Faces:
        """Turn the faces of a photograph into latents."""

    def edit(self, faces: Faces, direction: Any, alpha: Any = 1.0, *, any_generator: bool = False) -> Faces:
        """Move faces."""

    def paste(self, faces: Faces) -> list[Image.Image]:
        """Put faces back."""


@dataclass(frozen=True, eq=False)
class FolderJob:
    """What is done to every picture of a folder.

    Args:
        source: of the pictures.
        out: folder of the results.
        edits: directions, or a stack.
        alphas: one for each direction; none of a stack.
        config: of the inversion.
        aligned: every picture is an aligned face as a whole.
        face: which face, see `eclipsed.photos.finding.choose_faces`.
        force: take pictures of another kind than the generator draws, too.
        any_generator: take directions of generators that are no relatives, too.
        generator: what tells it from any other, and the class of its faces.
        networks: what tells the other networks that take part from any others, see `networks_digest`.
        keep_faces: also write the faces as they were found, beside each result.
        class_index: class of the faces; None is the generator's own, or there are none.
    """

    source: PictureSource
    out: Path
    edits: Sequence[Direction] | Stack
    alphas: tuple[float, ...]
    config: InversionConfig
    aligned: bool
    face: int | str | None
    force: bool
    any_generator: bool
    generator: tuple[str, int | None]
    networks: str
    keep_faces: bool = False
    class_index: int | None = None

    def face_file(self, result: str) -> Path:
        """Where the faces of a result are kept."""
        return self.out / f"{result}{FACE_SUFFIX}"

    def edit(self, editor: PhotoEditor, faces: Faces) -> Faces:
        """Edit faces as this says."""
        if isinstance(self.edits, Stack):
            return editor.edit(faces, self.edits, any_generator=self.any_generator)
        alpha = self.alphas if len(self.alphas) > 1 else self.alphas[0]
        return editor.edit(faces, self.edits, alpha, any_generator=self.any_generator)

    def key(self, picture: str) -> str:
        """What tells a picture and this edit from any other; "" where the picture cannot be read.

        Args:
            picture: SHA-256 of its bytes, or "".
        """
        if not picture:
            return ""
        stack = isinstance(self.edits, Stack)
        edits = self.edits.to_json() if isinstance(self.edits, Stack) else [one.digest for one in self.edits]
        facts: dict[str, Any] = {
            "picture": picture,
            "generator": list(self.generator),
            "networks": self.networks,
            "stack" if stack else "directions": edits,
            "alphas": self.alphas,
            "config": asdict(self.config),
            "options": [self.aligned, self.face, self.force, self.any_generator],
        }
        if self.keep_faces:
            facts["keep_faces"] = True
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
