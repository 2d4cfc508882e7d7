"""What can be wrong in the data of a world whose files have their shapes: one sentence for each fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from eclipsed.worlds.parts import is_spelled, part_key, unknown_part
from eclipsed.worlds.shapes import Fault, Path

__all__ = ["bystander_faults", "contrast_faults", "families_of", "lexicon_faults", "part_faults"]

_FAMILIES = ("adjectives", "words", "presences")


def part_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Parts that are named twice or unknown, and colours that are none.

    Args:
        data: of the shape `eclipsed.worlds.layouts.WORLD`; what is not there is not looked at.
    """
    parts: Sequence[str] = data.get("parts", ())
    groups: Mapping[str, Sequence[str]] = data.get("groups", {})
    places: list[tuple[Path, str]] = [(("parts", i), name) for i, name in enumerate(parts)]
    places += [(("groups", name), name) for name in groups]
    for path, name in places:
        if not is_spelled(name):
            yield path, f"a part or group is spelled in small letters, digits and underscores; got {name!r}"
    for i, part in enumerate(parts):
        if parts.index(part) < i == parts.index(part, parts.index(part) + 1):
            yield ("parts", i), f"the part {part!r} is named twice"
    known = f"; the parts are {', '.join(parts)}"
    for group, members in groups.items():
        for member in members:
            if member == group and member not in parts:
                yield ("groups", group), f"the group {group!r} holds itself; name its parts"
            elif member not in parts:
                yield ("groups", group), f"the group {group!r}: {member!r} is no part{known}"
    if "background" in data and data["background"] not in parts:
        yield ("background",), f"the background: {data['background']!r} is no part{known}"
    for part, colour in data.get("colours", {}).items():
        if part not in parts:
            yield ("colours", part), f"colours: {part!r} is no part{known}"
        if len(colour) != 3:
            yield ("colours", part), f"the colour of {part!r} must be three numbers from 0 to 255; got {list(colour)}"
    for key in ("whole", "protected"):
        for i, name in enumerate(data.get(key, ())):
            if part_key(name) not in {*parts, *groups}:
                yield (key, i), f"{key}: {unknown_part(name, parts, groups)}"


def lexicon_faults(
    data: Mapping[str, Any], world: Mapping[str, Any], *, known: Collection[str] | None = None
) -> Iterator[Fault]:
    """Entries that are named twice, and parts and entries that they name and that do not exist.

    Args:
        data: of the shape `eclipsed.worlds.layouts.LEXICON`.
        world: of the shape `eclipsed.worlds.layouts.WORLD`.
        known: names of the entries that there are; None is those of `data`.
    """
    parts, groups = world["parts"], world.get("groups", {})
    names = [entry["name"] for entry in data["entries"]]
    for i, name in enumerate(names):
        if names.index(name) < i == names.index(name, names.index(name) + 1):
            yield ("entries", i), f"two entries are called {name!r}"
    entries: list[tuple[Path, Mapping[str, Any]]] = [(("entries", i), one) for i, one in enumerate(data["entries"])]
    if "coloured" in data:
        entries.append((("coloured",), {**data["coloured"], "fits": [data["coloured"]["entry"]]}))
    for path, entry in entries:
        what = f"the entry {entry['name']!r}"
        for part in (*entry["parts"], *entry.get("tinted", ()), *entry.get("spreads", ())):
            if part_key(part) not in {*parts, *groups}:
                yield path, f"{what}: {unknown_part(part, parts, groups)}"
        others = (*entry.get("fits", ()), *_given(entry, "home"), *_given(entry, "made_of"))
        yield from _unknown(path, what, "entry", others, names if known is None else known)


def contrast_faults(data: Mapping[str, Any], entries: Collection[str]) -> Iterator[Fault]:
    """Families of entries that do not exist, and members that they name and do not have.

    Args:
        data: of the shape `eclipsed.worlds.layouts.CONTRASTS`.
        entries: names of those of the lexicon.
    """
    for path, family in families_of(data):
        yield from _unknown(path, f"the family {family['name']!r}", "entry", family.get("of", ()), entries)
    for path, family in families_of(data):
        if path[0] == "presences":
            continue
        members = [one[0] if isinstance(one, list) else one["name"] for one in family["members"]]
        if len(set(members)) < len(members):
            yield path, f"the family {family['name']!r} has two members of one name"
        near = [member for pair in family.get("near", ()) for member in pair]
        named = (*family.get("skip", ()), *family.get("asked", ()), *near)
        named += (*family.get("verbs", ()), *family.get("opposites", ()))
        yield from _unknown(path, f"the family {family['name']!r}", "member", named, members)


def bystander_faults(data: Iterable[Mapping[str, Any]], families: Collection[str]) -> Iterator[Fault]:
    """Bystanders that step back for families that do not exist.

    Args:
        data: of the shape `eclipsed.worlds.layouts.BYSTANDERS`.
        families: names of those of the contrasts.
    """
    for i, one in enumerate(data):
        yield from _unknown((i,), f"the bystander {one['captions'][0]!r}", "family", one["unless"], families)


def families_of(contrasts: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every family of attributes, with where it stands."""
    for kind in _FAMILIES:
        yield from (((kind, i), family) for i, family in enumerate(contrasts.get(kind, ())))


def _given(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return (entry[key],) if key in entry else ()


def _unknown(path: Path, what: str, kind: str, named: Iterable[str], known: Collection[str]) -> Iterator[Fault]:
    for name in dict.fromkeys(named):
        if name not in known:
            yield path, f"{what} names the {kind} {name!r}, which does not exist"
