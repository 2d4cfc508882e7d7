"""What is left of the files of a world without what is wrong in them, so that the rest can be looked at."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eclipsed.worlds.faults import bystander_faults, contrast_faults, families_of, lexicon_faults, part_faults
from eclipsed.worlds.layouts import FILES, SHAPES
from eclipsed.worlds.shapes import Fault, Path

__all__ = ["fill_in", "names_in", "without_misshapen", "without_unknown_names", "words_in"]

_WORLD, _LEXICON, _CONTRASTS, _BYSTANDERS = FILES
_NEEDED = {_WORLD: "parts", _LEXICON: "entries"}  # without these a file says nothing


def without_misshapen(content: Any, file: str) -> Any:
    """The content of a file without what has not its shape: as little as will do.

    Args:
        content: as the file has it.
        file: which of the four it is.
    Returns:
        A copy. What is required may be missing from its top; None where nothing is left to look at.
    """
    kept = copy.deepcopy(content)
    for depth in (None, 2, 1):
        paths = [path for path, _ in SHAPES[file](kept, ())]
        if () in paths:
            return None
        _leave_out(kept, (path[:1] if depth and isinstance(path[0], int) else path[:depth] for path in paths))
    return None if file in _NEEDED and _NEEDED[file] not in kept else kept


def without_unknown_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Files without what names something that does not exist, until nothing does.

    Args:
        data: file -> what `without_misshapen` left of it; none where nothing was left.
    Returns:
        The same, changed.
    """
    kept = dict(copy.deepcopy(data))
    checks: dict[str, Callable[[], Iterable[Fault]]] = {
        _WORLD: lambda: part_faults(kept[_WORLD]),
        _LEXICON: lambda: lexicon_faults(kept[_LEXICON], kept[_WORLD]),
        _CONTRASTS: lambda: contrast_faults(kept[_CONTRASTS], names_in(kept[_LEXICON], "entries")),
        _BYSTANDERS: lambda: bystander_faults(
            kept[_BYSTANDERS], [one["name"] for _, one in families_of(kept.get(_CONTRASTS, {}))]
        ),
    }
    if _WORLD in kept and _LEXICON in kept:
        for file in kept:
            while found := [path for path, _ in checks[file]()]:
                _leave_out(kept[file], found)
    return kept


def fill_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """Files with all that is required, in words that claim nothing where it is missing.

    Args:
        data: file -> what is sound in it; the parts and the lexicon must be there.
    """
    world, lexicon = data[_WORLD], data[_LEXICON]
    blank = {"format": 1, "subject": "picture", "neutral": "a picture", "example": "a picture"}
    blank |= {"background": world["parts"][0], "whole": world["parts"][1:]}
    whole = {**blank, **world, "name": "checked"}  # a copy of a world of the package may not have its name
    whole["whole"] = whole["whole"] or blank["whole"]
    neutral = whole["neutral"]
    forms = {"neutral": [neutral] * 3, "with": f"{neutral} with {{}}", "without": f"{neutral} {{}}"}
    contrasts = {**forms, "there": f"{neutral} with {{}}", **data.get(_CONTRASTS, {})}
    return {_WORLD: whole, _LEXICON: lexicon, _CONTRASTS: contrasts, _BYSTANDERS: data.get(_BYSTANDERS, [])}


def names_in(content: object, key: str) -> list[str]:
    """The names of the objects in a list of a file, whatever else is wrong with them."""
    items = content.get(key) if isinstance(content, dict) else None
    named = [one.get("name") for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    return [name for name in named if isinstance(name, str)]


def words_in(content: Any) -> set[str]:
    """Every word of the texts in a JSON value."""
    if isinstance(content, str):
        return set(content.lower().split())
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return {word for one in inner for word in words_in(one)}


def _leave_out(content: Any, paths: Iterable[Path]) -> None:
    """Take out what stands at some places, those behind first, so that the others stay where they are."""
    for path in sorted(set(paths), key=_order, reverse=True):
        place, last = content, path[-1]
        for step in path[:-1]:
            place = place[step] if _has(place, step) else None
        if _has(place, last):
            del place[last]


def _has(place: object, step: str | int) -> bool:
    """Whether there is something; of a list, whose last items go first, there always is."""
    return step in place if isinstance(place, dict) else isinstance(place, list) and isinstance(step, int)


def _order(path: Path) -> list[str]:
    return [f"{step:09d}" if isinstance(step, int) else step for step in path]
