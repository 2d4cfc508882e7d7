"""The shelf of the page: the directions of the library that belong to one generator."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eclipsed.editing.stack import StackEntry, check_name
from eclipsed.errors import EclipsedError, InputError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import DIRECTION
from eclipsed.pretrained.kinship import Kinship, kinship_with
from eclipsed.store import library
from eclipsed.studio.memory import Memory
from eclipsed.studio.safety import check_upload
from eclipsed.values.checks import shown

if TYPE_CHECKING:
    from eclipsed.editor import Editor
    from eclipsed.latents.direction import Direction

__all__ = ["Shelf", "Shelved", "shelf_name"]

_LONGEST_NAME = 60  # characters
_LOADED, _READ = 128, 4096  # how many directions, and headers of their files, are remembered


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """A direction of the shelf, as far as its file's header says.

    Args:
        name: in the library.
        prompt: that it was trained for; its name when it was not made from a sentence.
        method: how it was made.
        shipped: whether it came with the package.
        parts: that it may change.
        scores: as measured in its calibration.
        alpha_range: the useful strengths.
        layers: rows that it changes.
        config: how it was trained.
        note: what is unusual.
        stamp: changes when the file does.
    """

    name: str
    prompt: str
    method: str
    shipped: bool
    parts: tuple[str, ...]
    scores: dict[str, Any]
    alpha_range: tuple[float, float]
    layers: tuple[int, ...]
    config: dict[str, Any]
    note: str
    stamp: tuple[str, int]

    @property
    def success(self) -> Any:
        """Share of held-out faces that have it afterwards, by whatever judged its calibration; None when unknown."""
        return next((value for name, value in self.scores.items() if name.endswith("_success")), None)

    @property
    def weak(self) -> bool:
        """Whether its calibration found that it does little."""
        return bool(self.scores.get("weak"))

    @property
    def made(self) -> str:
        """How it was made, in a few words."""
        if self.method != "trained":
            return self.method
        config = self.config
        return f"{config.get('steps')} steps, {config.get('space')}, {config.get('clip_loss')}"


class Shelf:
    """The directions of one generator; files are read when they are asked for, and remembered.

    Args:
        editor: gives the editor, whose generator it is.
    """

    def __init__(self, editor: Callable[[], Editor]) -> None:
        self._editor = editor
        self._directions: Memory[Direction] = Memory(_LOADED)
        self._read_already: Memory[Shelved | None] = Memory(_READ)

    def all(self) -> list[Shelved]:
        """The directions of this generator, the visitor's own first; damaged files are left out."""
        found = []
        for entry in library.entries():
            try:
                stamp = (str(entry.path), entry.path.stat().st_mtime_ns)
            except OSError:
                continue
            one = self._read_already.get(stamp, lambda entry=entry, stamp=stamp: self._read(entry, stamp))  # type: ignore[misc]
            if one is not None:
                found.append(one)
        return found

    def _read(self, entry: library.Entry, stamp: tuple[str, int]) -> Shelved | None:
        try:
            data = header.read_data(entry.path, DIRECTION)
            made_on, generator = data["generator"], self._editor().generator.id
            if kinship_with(generator, made_on["fingerprint"], made_on.get("sketch", "")) is Kinship.FOREIGN:
                return None
            check_name(entry.name)
            low, high = data["alpha_range"]
            return Shelved(
                name=entry.name,
                prompt=str(data["prompt"] or data["name"]),
                method=str(data.get("method", "trained")),
                shipped=entry.shipped,
                parts=tuple(data["region"]["parts"]),
                scores=dict(data["scores"]),
                alpha_range=(float(low), float(high)),
                layers=tuple(data["layers"]),
                config=dict(data["config"]),
                note=str(data["note"]),
                stamp=stamp,
            )
        except (EclipsedError, KeyError, TypeError, ValueError):
            return None

    def named(self, name: str) -> Shelved:
        """The direction of the shelf that goes by a name.

        Raises:
            InputError: the name is a path.
            MissingModelError: there is none of that name for this generator.
        """
        check_name(name)
        known = self.all()
        for one in known:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in known[:12])
        raise MissingModelError(f"the shelf has no direction {name!r}; it has {names or 'none yet'}")

    def direction(self, name: str) -> Direction:
        """The direction of the shelf that goes by a name; see `named` for what it raises."""
        from eclipsed.latents.direction import Direction

        one = self.named(name)
        return self._directions.get(one.stamp, lambda: Direction.load(one.stamp[0]))

    def keep(self, file: str, name: str = "") -> str:
        """Put a direction file that was given to the page on the shelf, and return its name there.

        Args:
            file: where the page put it.
            name: that it shall have there, see `shelf_name`; "" is its own.
        Raises:
            EclipsedError: it is no direction, or one of another generator.
        """
        from eclipsed.latents.direction import Direction

        asked, place = shelf_name(name), check_upload(file, (library.SUFFIX,))
        try:
            direction = Direction.load(place)
        except EclipsedError as error:
            raise type(error)(str(error).replace(str(place), place.name[-80:])) from error
        direction.check_generator(self._editor().generator)
        return self.take(direction, asked)

    def take(self, direction: Direction, name: str = "") -> str:
        """Put a direction on the shelf, and return the name that it got there.

        Args:
            direction: of this generator.
            name: that it shall have, see `shelf_name`; "" is its own. Where it is taken a number is put after it.
        Raises:
            OutputError: it cannot be written.
        """
        return library.keep_as_new(shelf_name(name) or shelf_name(direction.name), direction.save)

    def find(self, entry: StackEntry) -> Direction:
        """The direction that an entry of a stack means, found by its content."""

        def look_up() -> Direction:
            from eclipsed.editing.replay import find

            return find(entry, models=self._editor().name)

        return self._directions.get(entry.digest, look_up)

    def remember(self, direction: Direction) -> None:
        """Let `find` have a direction at hand."""
        self._directions.get(direction.digest, lambda: direction)


def shelf_name(text: object) -> str:
    """A name that somebody wrote as the shelf has it: ``"My smile"`` is ``"my-smile"``; "" stays "".

    Raises:
        InputError: it is no text, or has neither letters nor digits.
    """
    from eclipsed.latents.direction import short_name

    if not isinstance(text, str) or (text.strip() and not re.search(r"[^\W_]", text)):
        raise InputError(f"a name has letters or digits; got {shown(text)}")
    return short_name(text[:_LONGEST_NAME]) if text.strip() else ""
