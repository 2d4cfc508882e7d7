"""What is done to every picture of a folder, or of another source."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eclipsed.editing.faces import Faces
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_stacks import FolderStack
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.picture_sources import PictureSource
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

    def paste(self, faces: Faces, photo: Photo | None = None) -> list[Image.Image]:
        """Put faces back."""

    def load_faces(self, path: str | os.PathLike[str]) -> Faces:
        """Read faces that were kept."""


@dataclass(frozen=True, eq=False)
class FolderJob:
    """What is done to every picture of a folder.

    Args:
        source: of the pictures.
        out: folder of the results.
        stacks: of edits, at least one; each makes a result of its own.
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
    stacks: tuple[FolderStack, ...]
    config: InversionConfig
    aligned: bool
    face: int | str | None
    force: bool
    any_generator: bool
    generator: tuple[str, int | None]
    networks: str
    keep_faces: bool = False
    class_index: int | None = None

    def face_place(self, result: str) -> str:
        """Where the faces of a picture are kept, in the folder of results.

        Args:
            result: where its result goes, of one stack without a name.
        """
        return f"{result}{FACE_SUFFIX}"

    def face_file(self, row: EditedPhoto) -> Path:
        """The file of the faces of an edited picture, which all stacks share."""
        return self.out / self.face_place(row.result.removeprefix(f"{row.stack}/" if row.stack else ""))

    def stack(self, name: str) -> FolderStack:
        """The stack of a name."""
        return next(one for one in self.stacks if one.name == name)

    def edit(self, editor: PhotoEditor, faces: Faces, stack: FolderStack) -> Faces:
        """Edit faces as a stack says."""
        alpha = stack.alphas if len(stack.alphas) > 1 else stack.alphas[0] if stack.alphas else 1.0
        return editor.edit(faces, stack.edits, alpha, any_generator=self.any_generator)

    def key(self, picture: str, stack: FolderStack) -> str:
        """What tells a picture and the edits of a stack from any other; "" where the picture cannot be read.

        Args:
            picture: SHA-256 of its bytes, or "".
            stack: of the edits.
        """
        return self._key(picture, {**stack.facts(), "any_generator": self.any_generator})

    def face_key(self, picture: str) -> str:
        """What tells the faces that are found in a picture from any others; "" where it cannot be read.

        Args:
            picture: SHA-256 of its bytes, or "".
        """
        return self._key(picture, {})

    def _key(self, picture: str, more: dict[str, Any]) -> str:
        if not picture:
            return ""
        facts: dict[str, Any] = {
            "picture": picture,
            "generator": list(self.generator),
            "networks": self.networks,
            "config": asdict(self.config),
            "options": [self.aligned, self.face, self.force],
            **more,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
