"""Everything that is wrong in the files of a world, found in one go."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eclipsed.errors import InputError
from eclipsed.worlds.contradictions import (
    family_contradictions,
    part_contradictions,
    parts_without_words,
    word_contradictions,
)
from eclipsed.worlds.faults import bystander_faults, contrast_faults, lexicon_faults, part_faults
from eclipsed.worlds.layouts import FILES, SHAPES
from eclipsed.worlds.sound import fill_in, names_in, without_misshapen, without_unknown_names, words_in
from eclipsed.worlds.world import find_world, known_worlds

__all__ = ["Inspection", "WorldFault", "inspect_world"]

_WORLD, _LEXICON, _CONTRASTS, _BYSTANDERS = FILES
_DEEPEST = 50


@dataclass(frozen=True)
class WorldFault:
    """One thing that is wrong in a world.

    Args:
        file: of the folder: ``"lexicon.json"``.
        text: a sentence: where it stands, what is wrong, and what to do.
    """

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


@dataclass(frozen=True)
class Inspection:
    """What the files of a world hold.

    Args:
        folder: where they lie.
        faults: all that is wrong in them.
        given: file -> its content, of those that can be read.
        sound: file -> its content without what is wrong, which `World.load` takes; empty where too little is left.
        doubtful: words of what was left out or filled in: nothing can be said of sentences that have them.
    """

    folder: Path
    faults: tuple[WorldFault, ...]
    given: Mapping[str, Any]
    sound: Mapping[str, Any]
    doubtful: frozenset[str]


def inspect_world(folder: str | os.PathLike[str]) -> Inspection:
    """Look at every file of a world.

    Args:
        folder: of the world, or the name of one that comes with the package.
    Returns:
        All faults, and what is sound; no sentence is read.
    Raises:
        InputError: there is no such folder.
    """
    place = _folder(folder)
    faults: list[WorldFault] = []
    given = {file: content for file in FILES if (content := _content(place / file, faults)) is not None}
    kept = {file: left for file in given if (left := without_misshapen(given[file], file)) is not None}
    for file in given:
        faults += [WorldFault(file, _advised(path, text, given[file])) for path, text in SHAPES[file](given[file], ())]
    faults += [WorldFault(_WORLD, text) for text in _taken(place, given.get(_WORLD))]
    faults += [WorldFault(file, text) for file, text in _unknown(kept, given)]
    faults += [WorldFault(file, text) for file, text in _contradictions(kept, given)]
    sound = without_unknown_names(kept)
    filled = fill_in(sound) if _WORLD in sound and _LEXICON in sound else {}
    if any(next(SHAPES[file](content, ()), None) for file, content in filled.items()):
        filled = {}
    doubtful = {
        word for file in FILES[:-1] for word in words_in(given.get(file)) ^ words_in(filled.get(file))
    }  # what either has and the other has not
    doubtful -= words_in([sound.get(_WORLD, {}).get("name"), filled.get(_WORLD, {}).get("name")])
    ordered = sorted(dict.fromkeys(faults), key=lambda one: FILES.index(one.file))
    return Inspection(place, tuple(ordered), given, filled, frozenset(doubtful))


def _folder(folder: str | os.PathLike[str]) -> Path:
    if isinstance(folder, str) and folder in known_worlds():
        return find_world(folder).folder
    if not isinstance(folder, (str, os.PathLike)) or isinstance(os.fspath(folder), bytes) or not os.fspath(folder):
        raise InputError(f"a world is a folder with {', '.join(FILES)}; got {folder!r}")
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise InputError(f"there is no folder {str(place)!r}; a world is a folder with {', '.join(FILES)}")
    return place


def _content(path: Path, faults: list[WorldFault]) -> Any:
    """What a file holds; None, and a fault, where it cannot be read."""
    if not path.is_file():
        faults.append(WorldFault(path.name, f"the file is missing; a world is a folder with {', '.join(FILES)}"))
        return None
    twice: dict[str, None] = {}

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counted = Counter(key for key, _ in pairs)
        twice.update(dict.fromkeys(key for key, count in counted.items() if count > 1))
        return dict(pairs)

    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        faults.append(WorldFault(path.name, f"cannot be read as JSON ({error}); mend it there"))
        return None
    faults += [WorldFault(path.name, f"the key {key!r} stands twice in one object; keep one") for key in twice]
    if _is_deep(content):
        faults.append(
            WorldFault(path.name, f"lists or objects lie in each other more than {_DEEPEST} deep; mend it there")
        )
        return None
    if content is None:
        faults.append(WorldFault(path.name, "the file holds null; write it"))
    return content


def _is_deep(content: Any) -> bool:
    """Whether lists and objects lie in each other deeper than those of any world."""
    level = [content]
    for _ in range(_DEEPEST):
        objects = [
            list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))
        ]
        level = [inner for one in objects for inner in one]
    return bool(level)


def _advised(path: tuple[str | int, ...], text: str, content: Any) -> str:
    """The sentence, with the name of the entry or family in which it stands, and what to do where it does not say."""
    inside = content.get(path[0]) if isinstance(content, dict) and path else None
    item = inside[path[1]] if isinstance(inside, list) and len(path) > 1 and isinstance(path[1], int) else None
    name = item.get("name") if isinstance(item, dict) else None
    told = f"{text}; write it" if text.endswith(" is missing") else text
    return f"{told} (in {name!r})" if isinstance(name, str) else told


def _taken(place: Path, world: Any) -> Iterator[str]:
    name = world.get("name") if isinstance(world, dict) else None
    if isinstance(name, str) and name in known_worlds() and place.resolve() != find_world(name).folder.resolve():
        yield f"the world {name!r} comes with the package; choose another name"


def _unknown(kept: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of what does not exist, not even as something that is wrong itself."""
    entries = names_in(given.get(_LEXICON), "entries")
    families = [n for kind in ("adjectives", "words", "presences") for n in names_in(given.get(_CONTRASTS), kind)]
    found = []
    if _WORLD in kept:
        found += [(_WORLD, text) for _, text in part_faults(kept[_WORLD])]
    if _WORLD in kept and _LEXICON in kept:
        found += [(_LEXICON, text) for _, text in lexicon_faults(kept[_LEXICON], kept[_WORLD], known=entries)]
    if _LEXICON in given and _CONTRASTS in kept:
        found += [(_CONTRASTS, text) for _, text in contrast_faults(kept[_CONTRASTS], entries)]
    if _CONTRASTS in given and _BYSTANDERS in kept:
        found += [(_BYSTANDERS, text) for _, text in bystander_faults(kept[_BYSTANDERS], families)]
    for file, text in found:
        lost = text.endswith("which does not exist")
        yield file, f"{text}; write it, or take the name out" if lost else text


def _contradictions(kept: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if _WORLD in kept:
        yield from ((_WORLD, text) for text in part_contradictions(kept[_WORLD]))
    if _WORLD in kept and _LEXICON in kept:
        yield from ((_LEXICON, text) for text in parts_without_words(kept[_WORLD], given[_LEXICON]))
    if _LEXICON in kept:
        yield from ((_LEXICON, text) for text in word_contradictions(kept[_LEXICON]))
    if _CONTRASTS in kept:
        yield from ((_CONTRASTS, text) for text in family_contradictions(kept[_CONTRASTS]))
    for one in kept.get(_BYSTANDERS, ()):
        if len(set(one["captions"])) < len(one["captions"]):
            text = f"the bystander {one['captions'][0]!r} has one caption twice; each names another value"
            yield _BYSTANDERS, text
