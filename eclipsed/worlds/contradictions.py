"""What the files of a world may hold, each by itself, and what still cannot be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eclipsed.worlds.faults import families_of
from eclipsed.worlds.parts import part_key

__all__ = ["family_contradictions", "part_contradictions", "parts_without_words", "word_contradictions"]

_LEADING = ("part", "thing", "mark", "trait", "suffix")  # kinds of entries that lead to parts of their own


def part_contradictions(world: Mapping[str, Any]) -> Iterator[str]:
    """Groups, a background and colours that contradict each other.

    Args:
        world: of the shape `eclipsed.worlds.layouts.WORLD`.
    """
    parts, groups = world["parts"], world.get("groups", {})
    for group, members in groups.items():
        if group in parts and group not in members:
            yield f"the group {group!r} is called like a part that it does not hold; call it something else"
        for part, count in Counter(members).items():
            if count > 1:
                yield f"the group {group!r} holds {part!r} twice; keep it once"
    whole = {part for name in world.get("whole", ()) for part in groups.get(part_key(name), (part_key(name),))}
    if world.get("background") in whole:
        yield f"whole holds the background {world['background']!r}, which stands for all else; take it out"
    seen: dict[tuple[int, ...], str] = {}
    for part, colour in world.get("colours", {}).items():
        first = seen.setdefault(tuple(colour), part)
        if first != part:
            yield f"{first!r} and {part!r} have the same colour, so that overlays do not tell them apart; change one"


def parts_without_words(world: Mapping[str, Any], lexicon: Mapping[str, Any]) -> Iterator[str]:
    """Parts that no entry leads to, not even one that is otherwise wrong.

    Args:
        world: of the shape `eclipsed.worlds.layouts.WORLD`.
        lexicon: as its file has it.
    """
    entries = lexicon["entries"] if isinstance(lexicon.get("entries"), list) else []
    leading = [one for one in entries if isinstance(one, dict) and one.get("kind") in (*_LEADING, None)]
    leading += [lexicon["coloured"]] if isinstance(lexicon.get("coloured"), dict) else []
    lists = [one[key] for one in leading for key in ("parts", "tinted", "spreads") if isinstance(one.get(key), list)]
    names = {part_key(name) for names in lists for name in names}
    led = {part for name in names for part in world.get("groups", {}).get(name, (name,))}
    for part in world["parts"]:
        if part not in led and part != world.get("background"):
            yield f"no word leads to the part {part!r}; give it an entry with the words that people use for it"


def word_contradictions(lexicon: Mapping[str, Any]) -> Iterator[str]:
    """Words that stand in two entries, or twice in one, and entries that lead nowhere.

    Args:
        lexicon: of the shape `eclipsed.worlds.layouts.LEXICON`.
    """
    places: dict[str, list[str]] = {}
    for entry in lexicon["entries"]:
        for word in entry["words"]:
            places.setdefault(" ".join(word.lower().split()), []).append(entry["name"])
        if entry["kind"] in ("part", "thing", "trait", "suffix") and not entry["parts"]:
            yield f"the entry {entry['name']!r} is a {entry['kind']} and leads to no part; name its parts"
    for word, names in places.items():
        different = list(dict.fromkeys(names))
        if len(different) > 1:
            told = " and ".join(f"{name!r}" for name in different)
            yield f"the word {word!r} stands in the entries {told}; a word leads to one, so keep it in one"
        elif len(names) > 1:
            yield f"the word {word!r} stands twice in the entry {names[0]!r}; keep it once"


def family_contradictions(contrasts: Mapping[str, Any]) -> Iterator[str]:
    """Words in two members of one family, and members that nothing says.

    Args:
        contrasts: of the shape `eclipsed.worlds.layouts.CONTRASTS`; what is not there is not looked at.
    """
    for path, family in families_of(contrasts):
        members = family.get("members", ())
        said = [one if path[0] == "adjectives" else _said(one) for one in members]
        for word, count in Counter(word for words in said for word in dict.fromkeys(words)).items():
            if count > 1:
                yield f"the word {word!r} stands in two members of the family {family['name']!r}; keep it in one"
        for member, words in zip(members, said, strict=True):
            if not words:
                what = f"the member {member['name']!r} of the family {family['name']!r}"
                yield f"{what} has neither an adjective nor a noun; write how people say it"


def _said(member: Mapping[str, Any]) -> list[str]:
    return [*member.get("noun", ()), *member.get("adjective", ())]
