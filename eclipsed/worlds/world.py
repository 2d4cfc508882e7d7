"""A world: what a kind of picture is made of, read from a folder of four files."""

from __future__ import annotations

import colorsys
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eclipsed.errors import CheckpointError, InputError
from eclipsed.worlds.faults import bystander_faults, contrast_faults, families_of, lexicon_faults, part_faults
from eclipsed.worlds.joining import joined_contrasts, joined_lexicon
from eclipsed.worlds.layouts import BYSTANDERS, CONTRASTS, FILES, LEXICON, WORLD
from eclipsed.worlds.parts import is_spelled, part_key, unknown_part
from eclipsed.worlds.shapes import Fault, Shape

__all__ = ["DEFAULT_WORLD", "World", "find_world", "known_worlds"]

#: The world of a model set that names none, and of files from before there were worlds.
DEFAULT_WORLD = "face"

_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class World:
    """What a kind of picture is made of: parts, groups of parts, words and captions. Make one with `World.load`.

    Args:
        name: what it is called.
        folder: where its files lie.
        subject: what a picture shows: ``"face"``.
        neutral: a caption that fits every picture: ``"a person"``.
        example: a prompt to show in messages.
        parts: names of the parser's classes, in its order; the position is the label.
        background: the part that stands for everything else.
        groups: what people call several parts together -> the parts.
        whole: what an edit may touch when the prompt names no part; part and group names.
        protected: what an edit may not come upon unless the prompt names it; part and group names.
        colours: colours of parts in overlays, (r, g, b) of 0 to 255; parts without one get one of their own.
        last_attributes: attributes of classifiers that a prompt is about only when it is about no other.
        stems: short names of attributes that may begin a longer word: lip in "lipstick".
        painted: parts that somebody painted, beyond those of the files -> the words that name them; see `with_parts`.
    Raises:
        InputError: a part is named twice or unknown, or a colour is none.
    """

    name: str
    folder: Path
    subject: str
    neutral: str
    example: str
    parts: tuple[str, ...]
    background: str
    groups: Mapping[str, tuple[str, ...]]
    whole: tuple[str, ...]
    protected: tuple[str, ...] = ()
    colours: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    last_attributes: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    painted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fault = next(part_faults(vars(self)), None)
        if fault is not None:
            raise InputError(fault[1])
        for name in ("whole", "protected"):
            object.__setattr__(self, name, self.expand(getattr(self, name)))
        object.__setattr__(self, "groups", MappingProxyType(dict(self.groups)))
        colours = {part: self.colours.get(part) or _hue(label, len(self.parts)) for part, label in self._labels.items()}
        object.__setattr__(self, "colours", MappingProxyType(colours))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> World:
        """Read a world.

        Args:
            folder: with ``world.json``, ``lexicon.json``, ``contrasts.json`` and ``bystanders.json``, as
                `eclipsed.worlds.layouts` describes them. The last three are read when they are first needed.
        Raises:
            InputError: `folder` is no folder's name.
            CheckpointError: a file is missing, or ``world.json`` is not what it should be.
        """
        if not isinstance(folder, (str, os.PathLike)) or isinstance(os.fspath(folder), bytes):
            raise InputError(f"a world is a folder with {', '.join(FILES)}; got {folder!r}")
        place = Path(folder).expanduser()
        missing = next((file for file in FILES if not (place / file).is_file()), None)
        if missing is not None:
            raise CheckpointError(f"{place / missing} does not exist; a world is a folder with {', '.join(FILES)}")
        data = _read(place / FILES[0], WORLD)
        name = data["name"]
        if name in known_worlds() and place.resolve() != (_HERE / name).resolve():
            raise CheckpointError(f"{place / FILES[0]}: the world {name!r} comes with the package; choose another name")
        attributes = data.get("attributes", {})
        try:
            return cls(
                name=name,
                folder=place,
                subject=data["subject"],
                neutral=data["neutral"],
                example=data["example"],
                parts=tuple(data["parts"]),
                background=data["background"],
                groups={group: tuple(members) for group, members in data.get("groups", {}).items()},
                whole=tuple(data["whole"]),
                protected=tuple(data.get("protected", ())),
                colours={part: tuple(colour) for part, colour in data.get("colours", {}).items()},
                last_attributes=frozenset(attributes.get("last", ())),
                stems=frozenset(attributes.get("stems", ())),
            )
        except InputError as error:
            raise CheckpointError(f"{place / FILES[0]}: {error}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, is the world of the same folder."""
        return (
            (_with_parts, (self.folder, tuple(self.painted.items()))) if self.painted else (find_world, (self.folder,))
        )

    def with_parts(self, painted: Mapping[str, Sequence[str]]) -> World:
        """This world with parts that its files do not know, such as painted ones.

        Args:
            painted: their names -> the words that people call them by; names of parts and groups that it has are left
                out. They come after all others. Where a word named another part before, its new part takes over what
                adjectives may describe of it.
        Returns:
            The same object for the same parts; itself where there is none.
        Raises:
            InputError: a name is not spelled as names of parts are.
        """
        new = {part_key(name): tuple(words) for name, words in painted.items()}
        wrong = next((name for name in new if not is_spelled(name)), None)
        if wrong is not None:
            raise InputError(f"the name of a part has small letters, digits and underscores; got {wrong!r}")
        known = {name: words for name, words in new.items() if name not in self.parts and name not in self.groups}
        if not known:
            return self
        own = {**self.painted, **known}
        return _with_parts(self.folder, tuple(own.items()))

    @property
    def unpainted(self) -> World:
        """The same world without painted parts, as its files have it."""
        return find_world(self.folder) if self.painted else self

    def label(self, part: str) -> int:
        """The label of one part.

        Raises:
            InputError: there is no such part.
        """
        if part not in self._labels:
            raise InputError(self._unknown(part))
        return self._labels[part]

    def labels(self, parts: Iterable[str]) -> tuple[int, ...]:
        """The labels of some parts.

        Raises:
            InputError: there is no such part.
        """
        return tuple(self.label(part) for part in parts)

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Spell out part and group names as single parts, in the parser's order, each once.

        Args:
            names: part names (``"hair"``) and group names (``"eyes"``, ``"mouth"``, ``"face"``).
                Case, spaces and hyphens do not matter: ``"Left Eye"`` is ``"left_eye"``.
        Returns:
            Parts in the order of `parts`.
        Raises:
            InputError: a name is unknown; the message lists the known ones.
        """
        wanted: set[str] = set()
        for name in names:
            key = part_key(name)
            if key in self.groups:
                wanted.update(self.groups[key])
            elif key in self._labels:
                wanted.add(key)
            else:
                raise InputError(self._unknown(name))
        return self.in_order(wanted)

    def in_order(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Some parts in the parser's order, each once; what is no part is left out."""
        wanted = set(parts)
        return tuple(part for part in self.parts if part in wanted)

    @property
    def everything(self) -> str:
        """What an edit may change where no part holds it, as people call it: ``"the whole face"``."""
        return f"the whole {self.subject}"

    def spoken(self, parts: Iterable[str]) -> list[str]:
        """Parts by the names that people use, where a whole group is there: ``["the eyes", "left ear"]``."""
        left, found = list(parts), []
        for group in sorted(self.groups, key=lambda name: -len(self.groups[name])):  # of two, the larger
            members = self.groups[group]
            if set(members) <= set(left):
                found.append(self.everything if set(members) == set(self.whole) else f"the {_plain(group)}")
                left = [part for part in left if part not in members]
        return found + [_plain(part) for part in left]

    @cached_property
    def lexicon(self) -> Mapping[str, Any]:
        """The vocabulary, as the file has it, with the words of painted parts.

        Raises:
            CheckpointError: the file is not what it should be.
        """
        return joined_lexicon(self._own_lexicon, self.painted)

    @cached_property
    def _own_lexicon(self) -> Mapping[str, Any]:
        """The same as the file has it."""
        found: Mapping[str, Any] = _read(
            self.folder / "lexicon.json", LEXICON, lambda data: lexicon_faults(data, vars(self))
        )
        return found

    @cached_property
    def contrasts(self) -> Mapping[str, Any]:
        """The families of attributes, as the file has them, those of painted parts among them.

        Raises:
            CheckpointError: this file, or the lexicon, is not what it should be.
        """
        entries = [entry["name"] for entry in self._own_lexicon["entries"]]
        found: Mapping[str, Any] = _read(
            self.folder / "contrasts.json", CONTRASTS, lambda data: contrast_faults(data, entries)
        )
        return joined_contrasts(found, self._own_lexicon, self.painted)

    @cached_property
    def bystanders(self) -> tuple[Mapping[str, Any], ...]:
        """What a prompt may leave alone, as the file has it.

        Raises:
            CheckpointError: this file, or those that it speaks of, are not what they should be.
        """
        families = [family["name"] for _, family in families_of(self.contrasts)]
        return tuple(_read(self.folder / "bystanders.json", BYSTANDERS, lambda data: bystander_faults(data, families)))

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {part: label for label, part in enumerate(self.parts)}

    def _unknown(self, name: object) -> str:
        return unknown_part(name, self.parts, self.groups)


def find_world(world: World | str | os.PathLike[str] | None = None) -> World:
    """A world by its name, or by its folder; each folder is read once.

    Args:
        world: the name of a world that comes with the package, a folder, a world, which is returned, or None for the
            world of faces.
    Raises:
        InputError: there is no such world.
        CheckpointError: its ``world.json`` is not what it should be.
    """
    if isinstance(world, World):
        return world
    given = DEFAULT_WORLD if world is None else world
    if isinstance(given, str) and given in known_worlds():
        return _load_once(_HERE / given)
    if not isinstance(given, (str, os.PathLike)) or isinstance(os.fspath(given), bytes) or not os.fspath(given):
        raise InputError(f"a world is named by a text or a folder; got {world!r}")
    folder = Path(given).expanduser()
    if not folder.is_dir():
        known = ", ".join(known_worlds())
        raise InputError(f"there is no world {os.fspath(given)!r}; known: {known}, or a folder with {FILES[0]}")
    return _load_once(folder.resolve())


@cache
def known_worlds() -> tuple[str, ...]:
    """Names of the worlds that come with the package."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/world.json")))


@cache
def _load_once(folder: Path) -> World:
    return World.load(folder)


@cache
def _with_parts(folder: Path, painted: tuple[tuple[str, tuple[str, ...]], ...]) -> World:
    world = find_world(folder)
    names = tuple(name for name, _ in painted)
    return replace(world, parts=(*world.parts, *names), painted=MappingProxyType(dict(painted)))


def _read(path: Path, shape: Shape, faults: Callable[[Any], Iterable[Fault]] | None = None) -> Any:
    """The content of a file, once it has its shape and no faults."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error})") from error
    fault = next(shape(data, ()), None)
    if fault is None and faults is not None:
        fault = next(iter(faults(data)), None)
    if fault is not None:
        raise CheckpointError(f"{path}: {fault[1]}")
    return data


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _hue(label: int, count: int) -> tuple[int, int, int]:
    """A colour for a label that differs from those of its neighbours."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618 % 1, 0.7, 0.55 + 0.35 * label / max(1, count - 1))
    return round(255 * red), round(255 * green), round(255 * blue)
