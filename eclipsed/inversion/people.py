"""Several people on one photograph, each edited in a way of their own."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from eclipsed.compute.memory import is_out_of_memory
from eclipsed.editing import moving
from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, InputError
from eclipsed.inversion.inversion_step import Callback, InversionStep
from eclipsed.inversion.inverter import InversionConfig
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
        faces: the face, inverted and perhaps edited, one; None where that could not be done.
        error: why not; None where it was done.
    """

    number: int
    faces: Faces | None = None
    error: EclipsedError | None = None

    @property
    def reason(self) -> str:
        """Why the face could not be edited, in a sentence; "" where it was."""
        return "" if self.error is None else " ".join(str(self.error).split())


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

    def invert_people(
        self,
        photo: Source,
        *,
        numbers: Sequence[int] | None = None,
        level: str | None = None,
        where: Sequence[Placement | FoundFace] | None = None,
        class_index: int | None = None,
        config: InversionConfig | None = None,
        callback: Callback | None = None,
        force: bool = False,
    ) -> tuple[EditedPerson, ...]:
        """Turn the faces of a photograph into latents, each by itself, so that one that cannot be harms no other.

        Args:
            photo: a path, a PIL picture or a `Photo`.
            numbers: of the faces, from 1, from the left; None is all.
            level: see `invert`.
            where: the faces, when they are known, in the order of their numbers; None finds them.
            class_index: class of the faces, where the generator has classes; None is the editor's own.
            config: every option of the inversion; None is the default.
            callback: told of every step of each inversion; its `share` is that of all faces.
            force: take faces of another kind than the generator draws, too.
        Returns:
            What became of each, not edited yet, in the order of the numbers.
        Raises:
            InputError: no face is found.
        """
        one = read_photo(photo)
        found = find_faces(self.finder, one) if where is None else where
        wanted = list(range(1, len(found) + 1)) if numbers is None else list(numbers)

        def inverted(place: int, number: int) -> EditedPerson:
            def tell(step: InversionStep) -> object:
                assert callback is not None
                return callback(replace(step, share=(place + step.share) / len(wanted)))

            def invert() -> Faces:
                return self.invert(
                    one,
                    where=_place(one, found, number),
                    level=level,
                    class_index=class_index,
                    config=config,
                    callback=None if callback is None else tell,
                    force=force,
                )

            return _tried(one, number, invert)

        return tuple(inverted(place, number) for place, number in enumerate(wanted))

    def edit_people(
        self,
        photo: Source,
        edits: Mapping[int, Edits | Callable[[Faces], Faces]],
        *,
        level: str | None = None,
        where: Sequence[Placement | FoundFace] | None = None,
        inverted: Sequence[EditedPerson] | None = None,
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
            edits: number of a face, from 1, from the left -> what is done to it: a stack, ``{"smile": 0.7}``, one or
                several directions, their files or names, at full strength, or a function that edits a face. Faces
                without a number stay as they are.
            level: see `invert`.
            where: the faces, when they are known, in the order of their numbers; None finds them.
            inverted: what `invert_people` gave for this photograph, so that no face is found and inverted again.
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
        numbers = _numbers(edits)
        each = {number: self._editing(edits[number], any_generator, class_index) for number in numbers}
        one = read_photo(photo)
        if inverted is None:
            inverted = self.invert_people(
                one,
                numbers=numbers,
                level=level,
                where=where,
                class_index=class_index,
                config=config,
                callback=callback,
                force=force,
            )
        before = {person.number: person for person in inverted}
        pixels: Pixels = one.pixels

        def put(faces: Faces, edit: Callable[[Faces], Faces]) -> Faces:
            nonlocal pixels
            edited = edit(faces)
            pixels = paste(self.parser, edited, one, onto=pixels)
            return edited

        people: list[EditedPerson] = []
        for number, edit in each.items():
            person = before.get(number) or EditedPerson(number, error=_none_of(number, one, len(inverted)))
            if person.faces is not None:
                person = _tried(one, number, partial(put, person.faces, edit))
            people.append(person)
        if all(person.faces is None for person in people):
            raise InputError("; ".join(f"face {person.number}: {person.reason}" for person in people))
        return EditedPeople(one.pil(pixels), tuple(people))

    def _editing(
        self, edits: Edits | Callable[[Faces], Faces], any_generator: bool, class_index: int | None
    ) -> Callable[[Faces], Faces]:
        """What edits a face; what is wrong with an edit is said at once, and not of a face."""
        if callable(edits) and not isinstance(edits, (Stack, Direction)):
            return edits
        stack, alphas = _read(edits, self.name)

        def edit(faces: Faces) -> Faces:
            return self.edit(faces, stack, alphas, any_generator=any_generator)

        edit(self.sample(seeds=0, class_index=class_index))
        return edit


def _tried(photo: Photo, number: int, work: Callable[[], Faces]) -> EditedPerson:
    """What became of a face; what is wrong with it is noted."""
    try:
        return EditedPerson(number, work())
    except EclipsedError as error:
        return EditedPerson(number, error=error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        reason = f"face {number} of {photo.name} does not fit into memory; make the picture smaller"
        return EditedPerson(number, error=InputError(reason))


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
        raise _none_of(number, photo, len(found))
    face = found[number - 1]
    return face if isinstance(face, Placement) else face.placement(photo)


def _none_of(number: int, photo: Photo, found: int) -> InputError:
    return InputError(f"{photo.name} has no face {number}: {found} found, counted from the left")
