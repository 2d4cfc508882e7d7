"""Words for parts that the files of a world do not know, put among those that they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eclipsed.errors import InputError

__all__ = ["check_words", "joined_contrasts", "joined_lexicon"]

_Painted = Mapping[str, Sequence[str]]

_NOUNS = ("part", "thing")  # kinds of entries whose place a painted part can take


def check_words(name: str, words: Sequence[str], painted: _Painted) -> None:
    """Raise where a word of a painted part names another one already.

    Args:
        name: of the part, as worlds spell it.
        words: that sentences call it by; none is its name.
        painted: name of a part -> words, of all that there are.
    Raises:
        InputError: see above.
    """
    own = {word.casefold(): word for word in words or (name.replace("_", " "),)}
    for other, theirs in painted.items():
        both = [own[word.casefold()] for word in theirs if word.casefold() in own]
        if both and other != name:
            raise InputError(f"{both[0]!r} names the painted part {other!r} already: call {name!r} by another word")


def joined_lexicon(data: Mapping[str, Any], painted: _Painted) -> Mapping[str, Any]:
    """A vocabulary with the words of painted parts.

    Args:
        data: as ``lexicon.json`` has it.
        painted: name of a part -> words. A word that named something else names the part alone now.
    """
    if not painted:
        return data
    taken = {word for words in painted.values() for word in words}
    kept = []
    for entry in data["entries"]:
        words = [word for word in entry["words"] if word not in taken]
        if words or not entry["words"]:
            kept.append({**entry, "words": words})
    fits: dict[str, list[str]] = {}
    for name, old in _places(data, painted):
        fits.setdefault(old["name"], []).append(name)
    entries = [_fitting(entry, fits) for entry in kept]
    before = dict(_places(data, painted))
    new = [
        {**_like(before.get(name)), "name": name, "parts": [name], "words": list(words)}
        for name, words in painted.items()
    ]
    return {**data, "entries": [*new, *entries]}


def joined_contrasts(data: Mapping[str, Any], lexicon: Mapping[str, Any], painted: _Painted) -> Mapping[str, Any]:
    """Families of attributes that describe painted parts as they described what their words named before.

    Args:
        data: as ``contrasts.json`` has it.
        lexicon: as ``lexicon.json`` has it, without the painted parts.
        painted: name of a part -> words.
    """
    if not painted or "adjectives" not in data:
        return data
    before = [(name, entry["name"]) for name, entry in _places(lexicon, painted)]
    families = []
    for family in data["adjectives"]:
        more = [name for name, old in before if old in family["of"] and name not in family["of"]]
        families.append({**family, "of": [*family["of"], *more]})
    return {**data, "adjectives": families}


def _places(lexicon: Mapping[str, Any], painted: _Painted) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entry that each painted part takes a word from, where that is one of a thing or a part."""
    for name, words in painted.items():
        of = (entry for entry in lexicon["entries"] if entry["kind"] in _NOUNS and set(words) & set(entry["words"]))
        entry = next(of, None)
        if entry is not None:
            yield name, entry


def _like(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a new entry takes over from the one that had its word."""
    if entry is None:
        return {"kind": "part"}
    return {key: value for key, value in entry.items() if key in ("kind", "caption")}


def _fitting(entry: Mapping[str, Any], more: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    """An entry of a trait that fits the painted parts, too, where it fitted what had their words."""
    if "fits" not in entry:
        return entry
    added = [name for old in entry["fits"] for name in more.get(old, ())]
    return {**entry, "fits": [*entry["fits"], *added]}
