"""What an `Editor` does to faces: edits, blended or not, and stacks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import torch

from eclipsed.editing import blending, moving, replay
from eclipsed.editing.blending import check_blend
from eclipsed.editing.faces import Faces, check_faces
from eclipsed.editing.stack import Stack, StackEntry
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.photos.painted import MaskSource, read_mask
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["EditMethods"]


class EditMethods(ABC):
    """The part of `Editor` that edits faces."""

    generator: Generator
    name: str

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The parser."""

    def edit(
        self,
        faces: Faces,
        direction: moving.Directions | Stack,
        alpha: float | ArrayLike = 1.0,
        *,
        layers: Sequence[int | str] | None = None,
        blend: str | None = None,
        mask: MaskSource | None = None,
        any_generator: bool = False,
    ) -> Faces:
        """Move faces along one direction or several; see `eclipsed.editing.moving.edit`.

        Args:
            faces: edited or not; edits add up.
            direction: one, several to apply together, their files or names (``"blond-hair"``), or a stack (see
                `replay`), which says all the rest itself.
            alpha: strength of all, or one for each. Of a single direction, also one for each face; of several, also a
                table with a row for each face.
            layers: rows of ws or names of layers to restrict the edit to.
            blend: ``"pixels"`` puts what the directions' regions show after the edit into the pictures of `faces`,
                with a seam of 4 % of the width around them; what lies beyond stays as it was, bit for bit.
                ``"features"`` does so in the feature maps, so that the generator draws the seam; see
                `eclipsed.editing.blending.blend_features`. ``"styles"`` draws one face whose style is the edited one's
                inside and its own beyond, as Paint by Word does. None shows what the generator makes of the edited
                latents.
            mask: painted region of a blended edit, in place of the directions' own: as `eclipsed.read_mask` takes it,
                one for all faces or one for each, resized to the pictures. Its seam lies inside it: what is black stays
                as it was, bit for bit.
            any_generator: apply directions of a generator that is no relative, too, as far as their shapes fit.
        Raises:
            InputError: also when `blend` is unknown, the mask is none, or nothing is blended that it could hold.
        """
        check_blend(blend)
        if isinstance(direction, Stack):
            if not _is_one(alpha) or layers is not None or blend is not None or mask is not None:
                raise InputError("a stack holds its own alphas, layers and blends; change them there")
            return self.replay(faces, direction, any_generator=any_generator)
        if mask is not None and blend is None:
            raise InputError(
                'a mask holds blended edits; add blend="features" or "pixels", or train with it: region=mask'
            )
        painted = None if mask is None else read_mask(mask, faces=len(check_faces(faces)))
        each = moving.directions_of(direction, models=self.name)
        if any_generator:
            each = [one.bound_to(self.generator) for one in each]
        edited = moving.edit(self.generator, faces, each, alpha, layers=layers)
        if blend is None or edited.images is faces.images:
            return edited
        parts: Sequence[str] = ()
        if painted is None:
            parts = sorted({part for one in each for part in one.region.parts})
            masks = [one.region.mask for one in each if one.region.mask is not None]
            painted = reduce(or_, masks) if masks else None
        blended = blending.blend(blend, self.generator, lambda: self.parser, faces, edited, parts, mask=painted)
        still = (edited.images == faces.images).flatten(1).all(dim=1)[:, None, None, None]  # alpha 0 for these
        return replace(blended, images=torch.where(still, faces.images, blended.images))

    def replay(
        self, faces: Faces, stack: Stack, *, directions: Sequence[Direction] = (), any_generator: bool = False
    ) -> Faces:
        """Apply the edits of a stack one after the other, as the studio does.

        Args:
            faces: to edit; `Stack.seed` says which one the stack was made on.
            stack: from `Stack.load`.
            directions: where its directions are looked for before the library.
            any_generator: see `edit`.
        Raises:
            MissingModelError: a direction is in neither place, or is not the one that it was.
            DirectionError: the stack belongs to another generator.
        """

        def find(entry: StackEntry) -> Direction:
            return replay.find(entry, models=self.name, given=directions)

        steps = replay.steps_of(stack, self.generator, find=find, any_generator=any_generator)
        return replay.replay(self.generator, lambda: self.parser, check_faces(faces), steps)


def _is_one(alpha: object) -> bool:
    """Whether a strength was left as it is."""
    return isinstance(alpha, (int, float)) and alpha == 1.0
