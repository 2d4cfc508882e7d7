"""Which attribute of a classifier a claim speaks of: its names are read as sentences, with the words of the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from eclipsed.prompts.binding import bind
from eclipsed.prompts.claims import Claim, Key, claims
from eclipsed.prompts.lexicon import load_lexicon
from eclipsed.prompts.spelling import split_words
from eclipsed.prompts.target import PLAIN, Target
from eclipsed.worlds.world import World

__all__ = ["target_of"]

_ABSENT = frozenset(("no", "false", "0", "none", "absent", "without"))
_PRESENT = frozenset(("yes", "true", "1", "present", "with"))


@dataclass(frozen=True)
class _Name:
    """What one class of a classifier means: ``classes`` are those with which it is so."""

    attribute: str
    classes: tuple[str, ...]
    key: Key
    parts: frozenset[str]
    words: frozenset[str]

    def likeness(self, claim: Claim, world: World) -> tuple[bool, int, float]:
        """How well it fits a claim of the same meaning: not in passing, in the same words, about the same parts."""
        said = _words(claim.phrase.there, world)
        return self.attribute not in world.last_attributes, len(said & self.words), _overlap(self.parts, claim.parts)


def target_of(claim: Claim, attributes: Mapping[str, Sequence[str]], world: World) -> Target | None:
    """What a claim is to reach, in the words of a classifier.

    Args:
        claim: one of those of the sentence.
        attributes: name -> classes, those of the classifier.
        world: what the pictures are made of.
    Returns:
        The attribute that means the same by the families of the world, or by its list of what is ``alike``; where
        several do, the one with the same words, or else with the parts that are most like those of the claim. Where
        none does, one that the caption names with a word of its own, unless its parts are others. Of what is lacking
        the class that says so, or all but those that it would be there with. None where the classifier knows nothing
        of it, as of the colour of a part that somebody painted.
    """
    if not claim.thing and claim.parts and set(claim.parts) <= set(world.painted):
        return None
    known = tuple((name, tuple(classes)) for name, classes in attributes.items())
    names = _names(known, world)
    first, others = claim.keys[:1], claim.keys[1:]
    for keys, lacking in ((first, False), *_alike(first, world), (others, False), *_alike(others, world)):
        found = [n for key in keys for n in names if n.key == key]
        if found:
            best = max(found, key=lambda name: name.likeness(claim, world))
            chosen = Target(best.attribute, best.classes)
            return _other(chosen, attributes) if claim.lacking ^ lacking else chosen
    read = {n.attribute for n in names}
    near = {name: classes for name, classes in known if name not in read and _may_be(name, claim, world)}
    worded = Target.of_prompt(claim.phrase.there, near, world=world)
    return _other(worded, attributes) if worded is not None and claim.lacking else worded


def _other(target: Target, attributes: Mapping[str, Sequence[str]]) -> Target | None:
    """What is reached where a target is not."""
    others = tuple(c for c in attributes[target.attribute] if c not in target.classes)
    absent = tuple(c for c in others if c.lower() in _ABSENT)
    return Target(target.attribute, absent or others) if others else None


@lru_cache(maxsize=16)
def _names(attributes: tuple[tuple[str, tuple[str, ...]], ...], world: World) -> tuple[_Name, ...]:
    return tuple(name for attribute, classes in attributes for name in _read(attribute, classes, world))


def _read(attribute: str, classes: tuple[str, ...], world: World) -> Iterable[_Name]:
    """What the classes of one attribute mean."""
    absent = tuple(c for c in classes if c.lower() in _ABSENT)
    words = attribute.replace("_", " ").split()
    noun = " ".join(w for w in words if w not in PLAIN)
    if absent:
        there = tuple(c for c in classes if c not in absent)
        for text in (" ".join(words), noun):
            one = _only(text, world, described=True) if text else None
            if one is not None:
                yield _name(attribute, absent if one.lacking else there, one, text, world)
                break
    for name in classes:
        if name.lower() in _ABSENT | _PRESENT:
            continue
        said = name.replace("_", " ")
        for text in (f"{said} {noun}", said):
            one = _only(text, world)
            if one is not None and (said != text or one.keys[0][1]):
                yield _name(attribute, (name,), one, text, world)
                break


def _name(attribute: str, classes: tuple[str, ...], claim: Claim, text: str, world: World) -> _Name:
    return _Name(attribute, classes, claim.keys[0], frozenset(claim.parts), _words(text, world))


def _words(text: str, world: World) -> frozenset[str]:
    """The words of a text in their base forms."""
    lemmas = load_lexicon(world).lemmas
    return frozenset(lemmas.get(word.norm, word.norm) for word in split_words(text))


def _only(text: str, world: World, *, described: bool = False) -> Claim | None:
    """What a few words say, where it is one thing and all of them say it; ``described``: there may be adjectives."""
    binder = bind(text, world)
    found = claims(binder)
    if len(found) != 1:
        return None
    one = found[0]
    term = binder.parse.term_at(one.start)
    start = binder.adjectives_start(term) if described and term else one.start
    beside = (*binder.norms[:start], *binder.norms[one.end :])
    return one if all(word in binder.lexicon.small for word in beside) else None


def _alike(keys: Sequence[Key], world: World) -> list[tuple[tuple[Key, ...], bool]]:
    """What the world says is alike, each with whether it is the contrary."""
    return [
        ((other,), turned != lacking)
        for row in _rows(world)
        for key, turned in row
        if key in keys
        for other, lacking in row
        if other != key
    ]


@lru_cache(maxsize=8)
def _rows(world: World) -> tuple[tuple[tuple[Key, bool], ...], ...]:
    """What is alike, and what is the contrary of what, each key with whether it is turned round."""
    rows = []
    for captions in world.contrasts.get("alike", ()):
        found = [c for caption in captions for c in claims(bind(caption, world))]
        rows.append(tuple((c.keys[0], c.lacking) for c in found))
    for family in (*world.contrasts.get("adjectives", ()), *world.contrasts.get("words", ())):
        for member, caption in family.get("opposites", {}).items():
            own = ((family["name"], member, ""), False)
            rows += [(own, (c.keys[0], not c.lacking)) for c in claims(bind(caption, world))]
    return tuple(rows)


def _may_be(attribute: str, claim: Claim, world: World) -> bool:
    """Whether the parts that an attribute's name leads to are not others than those of a claim."""
    binder = bind(" ".join(w for w in attribute.replace("_", " ").split() if w not in PLAIN) or attribute, world)
    parts = {p for found in binder.found for p in found.parts}
    return not parts or not claim.parts or bool(parts & set(claim.parts))


def _overlap(some: Iterable[str], others: Iterable[str]) -> float:
    """The share of the parts of either that both have."""
    one, two = set(some), set(others)
    return len(one & two) / max(1, len(one | two))
