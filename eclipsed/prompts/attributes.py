"""The attributes that a prompt names, by the families of its world, and captions that name another value of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.lexicon import Term
from eclipsed.prompts.spelling import split_words

__all__ = ["Attributes", "caption_of"]

_ROUNDS = 2  # how many synonyms of a sibling may be offered


class Attributes:
    """Finds the attributes of one prompt and writes their siblings in their place.

    Args:
        binder: of the prompt.
    Raises:
        CheckpointError: the world's ``contrasts.json`` is not what it should be.
    """

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.parse = binder.parse
        self.norms = binder.norms
        self.lexicon = binder.lexicon
        self.data = binder.lexicon.world.contrasts

    def families(self, *, last: bool) -> list[Iterator[str]]:
        """One stream of captions per attribute found; ``last`` asks for the families that wait for the others."""
        return [stream for _, stream in self._named(last=last)]

    def names(self) -> set[str]:
        """The families that the prompt speaks of; those that wait only where there is no other."""
        for last in (False, True):
            found = {name for name, stream in self._named(last=last) if next(stream, None) is not None}
            if found:
                return found
        return set()

    def _named(self, *, last: bool) -> list[tuple[str, Iterator[str]]]:
        words = [(f["name"], self._word(f)) for f in self._kind("words") if bool(f.get("last")) is last]
        if last:
            return words
        adjectives = [(f["name"], self._adjective(f)) for f in self._kind("adjectives")]
        pairs = [(f, t) for f in self._kind("presences") for t in self.parse.terms if t.entry.name in f["of"]]
        meant = [(f, t) for f, t in pairs if "only" not in f or self._spellings(t) & set(f["only"])]
        return adjectives + words + [(f["name"], self._presence(f, t)) for f, t in meant]

    def _kind(self, kind: str) -> list[Mapping[str, Any]]:
        families: list[Mapping[str, Any]] = self.data.get(kind, [])
        return families

    def _words(self, kind: str) -> list[str]:
        words: list[str] = self.data.get(kind, [])
        return words

    def _adjective(self, family: Mapping[str, Any]) -> Iterator[str]:
        of = frozenset(family["of"])
        spots = list(self._spots([(m[0], m) for m in family["members"]]))
        starts = {start for _, start, _ in spots}
        for member, start, end in spots:
            if end in starts and self._phrase(start, end) in self._words("shades"):
                continue  # the "dark" of "dark blue"
            siblings = [m for m in family["members"] if _apart(family, member, m[0])]
            head = self.binder.head_of(start, end, fits=of)
            if head is not None and head.entry.name in of and not head.start <= start < head.end:
                yield from self._beside_noun(self._with_shades(start), end, siblings, head, family)
            elif self._implied(start, end, of) and family.get("person"):
                yield from self._alone(end, start, siblings, family)
            elif self._worn(start, of):
                yield from self._swap(start, end, siblings, "{}")
            elif self._precedes(end, of) and not self.binder.head_of(start, end):  # "open the mouth"
                yield from _each(siblings, family["caption"])

    def _beside_noun(
        self, start: int, end: int, siblings: list[list[str]], noun: Term, family: Mapping[str, Any]
    ) -> Iterator[str]:
        if noun.entry.kind == "suffix":  # "blue-eyed"
            compound = family.get("compound", {})
            siblings = [[compound.get(m[0], m[0])] for m in siblings]
        return self._swap(start, end, siblings, "{}")

    def _alone(self, end: int, start: int, siblings: list[list[str]], family: Mapping[str, Any]) -> Iterator[str]:
        """An adjective that describes a person: "a blond man"."""
        if end < len(self.norms) and self.norms[end] in self.lexicon.people:
            compound = family.get("compound", {})
            return self._swap(start, end, [[compound.get(m[0], m[0])] for m in siblings], family["person"])
        return _each(siblings, family["caption"])

    def _word(self, family: Mapping[str, Any]) -> Iterator[str]:
        asked = family.get("asked")
        members = [m for m in family["members"] if not asked or m["name"] in asked]
        adjectives = [(m["name"], m.get("adjective", [])) for m in members]
        for member, start, end in self._spots(adjectives):
            if self.binder.head_of(start, end, predicative=False):
                continue
            yield from self._swap(start, end, _siblings(family, member, "adjective"), "{}")
        nouns = [(m["name"], [_no_article(n) for n in m.get("noun", [])]) for m in members]
        for member, start, end in self._spots(nouns):
            siblings = _siblings(family, member, "noun")
            first, article = self._noun_phrase(start)
            carried = first > 0 and self.norms[first - 1] in self._words("carriers")
            if article or carried or first == 0:
                yield from self._swap(first, end, siblings, "{}" if carried or article else self.data["with"])
            else:
                yield from _each(siblings, self.data["with"])

    def _presence(self, family: Mapping[str, Any], term: Term) -> Iterator[str]:
        words = self._spellings(term)
        kind = next((k for k in family["kinds"] if words & set(k)), None)
        others = [k[0] for k in family["kinds"] if k is not kind]
        none, bare = family["none"], re.sub(r"^an? ", "", family["none"])
        first, _ = self._noun_phrase(term.start)
        negated = first > 0 and (
            self.norms[first - 1] in self._words("negations")
            or " ".join(self.norms[max(0, first - 2) : first]) in self._words("negations")
        )
        if negated or words & set(family.get("absent", ())):
            there = [k[0] for k in family["kinds"]] or [none]
            yield from (_fill(self.data["with"], t) for t in there)
            yield _fill(family.get("there", self.data["there"]), none)
            return
        absent = [f"without {none}", f"with no {bare}", *family["bare"]]
        carried = first > 0 and self.norms[first - 1] in self._words("carriers")
        if not carried or self.norms[first - 1] == "has":
            yield from (_fill(self.data["without"], a) for a in absent)
            yield from (_fill(self.data["with"], o) for o in others)
            return
        if term.end < len(self.norms) and self.norms[term.end] in self.lexicon.joins:
            absent = absent[1:]  # "without glasses and a hat" would take the hat too
        yield from self._swap(first - 1, term.end, [absent], "{}", rounds=len(absent))
        yield from self._swap(first - 1, term.end, [[o] for o in others], "with {}")

    def _spots(self, members: Iterable[tuple[str, list[str]]]) -> Iterator[tuple[str, int, int]]:
        """Where a member is said: its name and the first and last word, the longest phrases first."""
        table = {_norms(p): name for name, phrases in members for p in phrases}
        longest, at = max(map(len, table), default=0), 0
        while at < len(self.norms):
            for length in range(min(longest, len(self.norms) - at), 0, -1):
                spans = (self.norms[at : at + length], self.parse.lemmas[at : at + length])
                name = next((table[s] for s in spans if s in table), None)
                if name is not None:
                    yield name, at, at + length
                    at += length - 1
                    break
            at += 1

    def _swap(
        self, start: int, end: int, siblings: list[list[str]], form: str, *, rounds: int = _ROUNDS
    ) -> Iterator[str]:
        """The prompt with words ``start`` to ``end`` replaced by each sibling in turn."""
        words, prompt = self.parse.words, self.parse.prompt
        head, tail = prompt[: words[start].start], prompt[words[end - 1].end :]
        if prompt.isupper():
            head, tail = head.lower(), tail.lower()
        for new in _each(siblings, form, rounds=rounds):
            yield " ".join((_article(head, new) + new + tail).split())

    def _with_shades(self, start: int) -> int:
        """The first of the words for a shade before a colour: "bright" in "bright red"."""
        while start > 0 and self.norms[start - 1] in self._words("shades"):
            start -= 1
        return start

    def _noun_phrase(self, start: int) -> tuple[int, bool]:
        """The first word of the noun phrase around a noun, and whether that is an article or the like."""
        term = self.parse.term_at(start)
        first = self.binder.adjectives_start(term) if term else start
        taken = ("a", "an", "the", "his", "her", "their", "some", "any")
        article = first > 0 and self.norms[first - 1] in taken
        return (first - 1 if article else first), article

    def _implied(self, start: int, end: int, of: frozenset[str]) -> bool:
        """Whether an adjective stands alone and implies a part that the family is about."""
        parts = {p for e in self.lexicon.entries if e.name in of and e.kind in ("part", "suffix") for p in e.parts}
        traits = (f for f in self.binder.found if f.term.entry.kind == "trait")
        return any(f.term.start <= start and end <= f.term.end and parts & set(f.parts) for f in traits)

    def _precedes(self, end: int, of: frozenset[str]) -> bool:
        return any(t.entry.name in of and 0 < t.start - end <= 2 for t in self.parse.terms)

    def _worn(self, start: int, of: frozenset[str]) -> bool:
        """Whether a colour is that of the clothes in "a woman in red", and a family is about these."""
        coloured = self.lexicon.coloured
        if coloured is None or coloured.of not in of:
            return False
        return any(f.term.start < start < f.term.end for f in self.binder.found if f.term.entry is coloured.entry)

    def _spellings(self, term: Term) -> set[str]:
        return {self._phrase(term.start, term.end), " ".join(self.parse.lemmas[term.start : term.end])}

    def _phrase(self, start: int, end: int) -> str:
        return " ".join(self.norms[start:end])


@cache
def _norms(phrase: str) -> tuple[str, ...]:
    """A phrase of the families as the words to look for."""
    return tuple(w.norm for w in split_words(phrase))


def _apart(family: Mapping[str, Any], member: str, other: str) -> bool:
    """Whether two members of a family differ enough to stand against each other."""
    near = any({member, other} == set(pair) for pair in family.get("near", ()))
    return member != other and not near and other not in family.get("skip", ())


def _siblings(family: Mapping[str, Any], member: str, form: str) -> list[list[str]]:
    """The words of every other member of a family of words, in one form."""
    return [m[form] for m in family["members"] if form in m and _apart(family, member, m["name"])]


def _each(siblings: list[list[str]], form: str, *, rounds: int = _ROUNDS) -> Iterator[str]:
    """Every sibling's first word in a form, then every sibling's second."""
    for turn in range(rounds):
        for words in siblings:
            if turn < len(words):
                yield caption_of(form, words[turn])


def caption_of(form: str, words: str) -> str:
    """A form such as "a person with a {} nose" with some words in it, "a" before a vowel become "an"."""
    return re.sub(r"\b(a) (?=[aeiou])", "an ", _fill(form, words))


def _fill(form: str, words: str) -> str:
    return form.replace("{}", words)


def _article(head: str, new: str) -> str:
    """The text before a new word, its article changed to fit: "a" before "orange" becomes "an"."""
    fitting = "an" if new[:1] in "aeiou" else "a"
    return re.sub(r"\b[Aa]n?(?=\s+$)", lambda m: fitting.capitalize() if m.group()[0] == "A" else fitting, head)


def _no_article(noun: str) -> str:
    return re.sub(r"^an? ", "", noun)
