"""Several people on one photograph, each edited in a way of their own."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eclipsed.compute.memory import is_out_of_memory
from eclipsed.editing import moving
from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, InputError
from eclipsed.inversion.inverter import Callback, InversionConfig
from eclipsed.inversion.pasting import paste
from eclipsed.inversion.placing import Source
from eclipsed.latents.direction import Direction
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder, FoundFace, find_faces
from eclipsed.photos.reading import Photo, Pixels, read_photo
from eclipsed.pretrained.parser import Parser
from eclipsed.values.alphas import check_alphas
from eclipsed.values.checks import is_whole, shown

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["EditedPeople", "EditedPerson", "Edits", "PeopleMethods"]

_One = Direction | str | os.PathLike[str]

#: what one person gets: a stack, directions with their strengths, or one or several directions at full strength
Edits = Stack | Mapping[_One, float] | moving.Directions


@dataclass(frozen=True, eq=False)
class EditedPerson:
    """What became of one face of a photograph.

    Args:
        number: of the face, from 1, from the left.
        faces: the edited face, one; None where it could not be edited.
        reason: why not, in a sentence; "" where it was.
    """

    number: int
    faces: Faces | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class EditedPeople:
    """A photograph whose people were edited.

    Args:
        picture: all edited faces put back into it; elsewhere it is as it was, bit for bit.
        people: what became of each that was named, in the order of their numbers.
    """

    picture: Image.Image
    people: tuple[EditedPerson, ...]

    @property
    def failed(self) -> tuple[EditedPerson, ...]:
        """Those who could not be edited."""
        return tuple(one for one in self.people if one.faces is None)


class PeopleMethods(ABC):
    """The part of `Editor` that edits several people on one photograph."""

    name: str

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def finder(self) -> FaceFinder:
        """What finds faces."""

    @abstractmethod
    def sample(self, *, seeds: int, class_index: int | None = None) -> Faces:
        """Make a face."""

    @abstractmethod
    def invert(
        self,
        photo: Source,
        *,
        where: Placement,
        level: str | None,
        class_index: int | None,
        config: InversionConfig | None,
        callback: Callback | None,
        force: bool,
    ) -> Faces:
        """Turn a face of a photograph into latents."""

    @abstractmethod
    def edit(self, faces: Faces, direction: Any, alpha: Any = 1.0, *, any_generator: bool = False) -> Faces:
        """Move faces."""

    def edit_people(
        self,
        photo: Source,
        edits: Mapping[int, Edits],
        *,
        level: str | None = None,
        where: Sequence[Placement] | None = None,
        class_index: int | None = None,
        config: InversionConfig | None = None,
        callback: Callback | None = None,
        force: bool = False,
        any_generator: bool = False,
    ) -> EditedPeople:
        """Edit several people on one photograph, each in a way of their own.

        The faces are found once, and all are put into one picture. A face that cannot be edited, because it is turned,
        cut off, too small or of another kind, is left as it is, with a sentence that says why; the others are edited.

        Args:
            photo: a path, a PIL picture or a `Photo`.
            edits: number of a face, from 1, from the left -> what is done to it: a stack, ``{"smile": 0.7}``, or one or
                several directions, their files or names, at full strength. Faces without a number stay as they are.
            level: see `invert`.
            where: the faces' places, when they are known, in the order of their numbers; None finds them.
            class_index: class of the faces, where the generator has classes; None is the editor's own.
            config: every option of the inversion; None is the default.
            callback: told of every step of each inversion.
            force: take faces of another kind than the generator draws, too.
            any_generator: see `edit`.
        Returns:
            The picture, and what became of each face that has a number in `edits`.
        Raises:
            InputError: no face is named or found, a number is no number of a face, or none of the named faces could
                be edited.
            MissingModelError: there is no direction of a name.
            DirectionError: a direction belongs to another generator.
        """
        each = {number: _read(edits[number], self.name) for number in _numbers(edits)}
        trial = self.sample(seeds=0, class_index=class_index)
        for stack, alphas in each.values():  # what is wrong with an edit is said at once, and not of a face
            self.edit(trial, stack, alphas, any_generator=any_generator)
        one = read_photo(photo)
        found: Sequence[FoundFace | Placement] = find_faces(self.finder, one) if where is None else list(where)
        pixels: Pixels = one.pixels
        people: list[EditedPerson] = []
        for number, (stack, alphas) in each.items():
            try:
                place = _place(one, found, number)
                faces = self.invert(
                    one,
                    where=place,
                    level=level,
                    class_index=class_index,
                    config=config,
                    callback=callback,
                    force=force,
                )
                faces = self.edit(faces, stack, alphas, any_generator=any_generator)
                pixels = paste(self.parser, faces, one, onto=pixels)
                people.append(EditedPerson(number, faces))
            except EclipsedError as error:
                people.append(EditedPerson(number, reason=" ".join(str(error).split())))
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = f"face {number} of {one.name} does not fit into memory; make the picture smaller"
                people.append(EditedPerson(number, reason=reason))
        if all(person.faces is None for person in people):
            raise InputError("; ".join(f"face {person.number}: {person.reason}" for person in people))
        return EditedPeople(one.pil(pixels), tuple(people))


def _numbers(edits: object) -> list[int]:
    """The numbers of the faces that are to be edited, in order."""
    if not isinstance(edits, Mapping) or not edits:
        raise InputError(f'edits says for each face what is done to it, such as {{1: "smile"}}; got {shown(edits)}')
    for number in edits:
        if not is_whole(number, 1):
            raise InputError(f"faces have numbers from 1, from the left; got {shown(number)}")
    return sorted(edits)


def _read(edits: Edits, models: str) -> tuple[Stack | list[Direction], Any]:
    """What one face gets, as `Editor.edit` takes it, and the strengths."""
    if isinstance(edits, Stack):
        return edits, 1.0
    if not isinstance(edits, Mapping):
        return moving.directions_of(edits, models=models), 1.0
    directions: list[Direction] = []
    alphas: list[float] = []
    for given, alpha in edits.items():
        several = moving.directions_of(given, models=models)
        directions += several
        alphas += check_alphas(alpha, len(several))
    if not directions:
        raise InputError("expected at least one direction for each face; got none")
    return directions, alphas if len(alphas) > 1 else alphas[0]


def _place(photo: Photo, found: Sequence[FoundFace | Placement], number: int) -> Placement:
    """Where a face lies.

    Raises:
        InputError: there is none of that number, or it cannot be aligned.
    """
    if number > len(found):
        raise InputError(f"{photo.name} has no face {number}: {len(found)} found, counted from the left")
    face = found[number - 1]
    return face if isinstance(face, Placement) else face.placement(photo)
