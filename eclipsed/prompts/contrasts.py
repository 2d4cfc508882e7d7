"""Captions of the same attribute family, used as what a prompt does not mean.

`worlds/face/contrasts.json` holds the families and can be extended without code:

- ``adjectives``: ``members`` are lists of synonyms that describe the entries in ``of``; ``caption`` is a sentence of
  its own, ``person`` the form before a word for a person ("black-haired"), ``near`` pairs of members too alike to
  stand against each other, ``skip`` members never offered, ``compound`` the form in "olive-skinned" where it differs.
- ``words``: members that are told by an ``adjective`` ("a smiling man") or a ``noun`` with its article ("a smile");
  only the members in ``asked`` (all if absent) are looked for; ``last``: only when no other family has anything.
- ``presences``: things that are there or not. ``none`` is what is missing when they are not, ``bare`` are other ways
  to say so, ``kinds`` lists of synonyms that stand against each other, ``absent`` words that say it is not there,
  ``only`` the words of the entries meant.
- ``neutral`` captions, ``shades`` that go with a colour, ``carriers`` and ``negations`` that go with a thing.
The first word of each member is the one that is offered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import chain, zip_longest
from typing import Any

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.lexicon import Reading, Term, load_lexicon
from eclipsed.prompts.spelling import BREAK, split_words

__all__ = ["MAX_CONTRASTS", "bystanders", "contrasts"]

#: The most captions that are given for one prompt.
MAX_CONTRASTS = 8
_FEWEST = 2
_ROUNDS = 2  # how many synonyms of a sibling may be offered


def contrasts(prompt: str) -> tuple[str, ...]:
    """The prompt with each attribute swapped for its siblings: "blond hair" gives black, brown, red hair and so on.

    Args:
        prompt: a description of a face, or an edit of one, in English.
    Returns:
        2 to `MAX_CONTRASTS` different captions, none of them the prompt or a synonym of it; neutral ones such as
        "a person" where the prompt has no attribute we know.
    """
    finder = _Finder(load_lexicon().read(prompt.lower() if prompt.isupper() else prompt))
    found = _unique(_in_turn(finder.families(last=False)), prompt)
    if not found:
        found = _unique(_in_turn(finder.families(last=True)), prompt)
    if len(found) < _FEWEST:
        found = _unique(chain(found, _data()["neutral"]), prompt)[: max(_FEWEST, len(found))]
    return tuple(found[:MAX_CONTRASTS])


def bystanders(prompt: str) -> tuple[tuple[str, ...], ...]:
    """Captions of what a prompt does not speak of, and what its edit should therefore leave as it is.

    `worlds/face/bystanders.json` holds them: a list of captions that name the values of one attribute, and the families
    of `worlds/face/contrasts.json`, and further words, that speak of it.

    Args:
        prompt: see `contrasts`.
    Returns:
        One tuple of at least two captions for each attribute.
    """
    finder = _Finder(load_lexicon().read(prompt.lower() if prompt.isupper() else prompt))
    spoken, words = finder.names(), {*finder.norms, *finder.reading.lemmas}
    return tuple(
        tuple(one["captions"])
        for one in _bystanders()
        if not spoken & set(one["unless"]) and not words & set(one.get("words", ()))
    )


class _Finder:
    """Finds the attributes of one reading and writes their siblings in their place."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.binder = Binder(reading)
        self.lexicon = load_lexicon()
        self.norms = tuple(w.norm for w in reading.words)
        self.found = self.binder.found()
        self.data = _data()

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
        words = [(f["name"], self._word(f)) for f in self.data["words"] if bool(f.get("last")) is last]
        if last:
            return words
        adjectives = [(f["name"], self._adjective(f)) for f in self.data["adjectives"]]
        pairs = [(f, t) for f in self.data["presences"] for t in self.reading.terms if t.entry.name in f["of"]]
        meant = [(f, t) for f, t in pairs if "only" not in f or self._spellings(t) & set(f["only"])]
        return adjectives + words + [(f["name"], self._presence(f, t)) for f, t in meant]

    def _adjective(self, family: dict[str, Any]) -> Iterator[str]:
        of = frozenset(family["of"])
        spots = list(self._spots([(m[0], m) for m in family["members"]]))
        starts = {start for _, start, _ in spots}
        for member, start, end in spots:
            if end in starts and self._phrase(start, end) in self.data["shades"]:
                continue  # the "dark" of "dark blue"
            siblings = [m for m in family["members"] if _apart(family, member, m[0])]
            head = self.binder.head_of(start, end, fits=of)
            if head is not None and head.entry.name in of and not head.start <= start < head.end:
                yield from self._beside_noun(self._with_shades(start), end, siblings, head, family)
            elif self._implied(start, end, of) and family.get("person"):
                yield from self._alone(end, start, siblings, family)
            elif self._worn(start, "clothes" in of):
                yield from self._swap(start, end, siblings, "{}")
            elif self._precedes(end, of) and not self.binder.head_of(start, end):  # "open the mouth"
                yield from _each(siblings, family["caption"])

    def _beside_noun(
        self, start: int, end: int, siblings: list[list[str]], noun: Term, family: dict[str, Any]
    ) -> Iterator[str]:
        if noun.entry.kind == "suffix":  # "blue-eyed"
            compound = family.get("compound", {})
            siblings = [[compound.get(m[0], m[0])] for m in siblings]
        return self._swap(start, end, siblings, "{}")

    def _alone(self, end: int, start: int, siblings: list[list[str]], family: dict[str, Any]) -> Iterator[str]:
        """An adjective that describes a person: "a blond man"."""
        if end < len(self.norms) and self.norms[end] in self.lexicon.people:
            compound = family.get("compound", {})
            return self._swap(start, end, [[compound.get(m[0], m[0])] for m in siblings], family["person"])
        return _each(siblings, family["caption"])

    def _word(self, family: dict[str, Any]) -> Iterator[str]:
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
            carried = first > 0 and self.norms[first - 1] in self.data["carriers"]
            if article or carried or first == 0:
                yield from self._swap(first, end, siblings, "{}" if carried or article else "a person with {}")
            else:
                yield from _each(siblings, "a person with {}")

    def _presence(self, family: dict[str, Any], term: Term) -> Iterator[str]:
        words = self._spellings(term)
        kind = next((k for k in family["kinds"] if words & set(k)), None)
        others = [k[0] for k in family["kinds"] if k is not kind]
        none, bare = family["none"], re.sub(r"^an? ", "", family["none"])
        first, _ = self._noun_phrase(term.start)
        negated = first > 0 and (
            self.norms[first - 1] in self.data["negations"]
            or " ".join(self.norms[max(0, first - 2) : first]) in self.data["negations"]
        )
        if negated or words & set(family.get("absent", ())):
            there = [k[0] for k in family["kinds"]] or [none]
            yield from (f"a person with {t}" for t in there)
            yield f"a person wearing {none}" if family["name"] in ("glasses", "hat") else f"a face with {none}"
            return
        absent = [f"without {none}", f"with no {bare}", *family["bare"]]
        carried = first > 0 and self.norms[first - 1] in self.data["carriers"]
        if not carried or self.norms[first - 1] == "has":
            yield from (f"a person {a}" for a in absent)
            yield from (f"a person with {o}" for o in others)
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
                spans = (self.norms[at : at + length], self.reading.lemmas[at : at + length])
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
        words, prompt = self.reading.words, self.reading.prompt
        head, tail = prompt[: words[start].start], prompt[words[end - 1].end :]
        for new in _each(siblings, form, rounds=rounds):
            yield " ".join((_article(head, new) + new + tail).split())

    def _with_shades(self, start: int) -> int:
        """The first of the words for a shade before a colour: "bright" in "bright red"."""
        while start > 0 and self.norms[start - 1] in self.data["shades"]:
            start -= 1
        return start

    def _noun_phrase(self, start: int) -> tuple[int, bool]:
        """The first word of the noun phrase around a noun, and whether that is an article or the like."""
        term = self.reading.term_at(start)
        first = self.binder.adjectives_start(term) if term else start
        taken = ("a", "an", "the", "his", "her", "their", "some", "any")
        article = first > 0 and self.norms[first - 1] in taken
        return (first - 1 if article else first), article

    def _implied(self, start: int, end: int, of: frozenset[str]) -> bool:
        """Whether an adjective stands alone and implies a part that the family is about."""
        parts = {p for e in self.lexicon.entries if e.name in of and e.kind in ("part", "suffix") for p in e.parts}
        traits = (f for f in self.found if f.term.entry.kind == "trait")
        return any(f.term.start <= start and end <= f.term.end and parts & set(f.parts) for f in traits)

    def _precedes(self, end: int, of: frozenset[str]) -> bool:
        return any(t.entry.name in of and 0 < t.start - end <= 2 for t in self.reading.terms)

    def _worn(self, start: int, clothes: bool) -> bool:
        """Whether a colour is that of the clothes in "a woman in red"."""
        worn = [f.term for f in self.found if f.term.entry.name == "coloured clothes"]
        return clothes and any(t.start < start < t.end for t in worn)

    def _spellings(self, term: Term) -> set[str]:
        return {self._phrase(term.start, term.end), " ".join(self.reading.lemmas[term.start : term.end])}

    def _phrase(self, start: int, end: int) -> str:
        return " ".join(self.norms[start:end])


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        files("eclipsed").joinpath("worlds/face/contrasts.json").read_text(encoding="utf-8")
    )
    return data


@cache
def _bystanders() -> list[dict[str, Any]]:
    text = files("eclipsed").joinpath("worlds/face/bystanders.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return found


@cache
def _norms(phrase: str) -> tuple[str, ...]:
    """A phrase of the families as the words to look for."""
    return tuple(w.norm for w in split_words(phrase))


def _apart(family: dict[str, Any], member: str, other: str) -> bool:
    """Whether two members of a family differ enough to stand against each other."""
    near = any({member, other} == set(pair) for pair in family.get("near", ()))
    return member != other and not near and other not in family.get("skip", ())


def _siblings(family: dict[str, Any], member: str, form: str) -> list[list[str]]:
    """The words of every other member of a family of words, in one form."""
    return [m[form] for m in family["members"] if form in m and _apart(family, member, m["name"])]


def _each(siblings: list[list[str]], form: str, *, rounds: int = _ROUNDS) -> Iterator[str]:
    """Every sibling's first word in a form, then every sibling's second."""
    for turn in range(rounds):
        for words in siblings:
            if turn < len(words):
                sentence = form.format(words[turn])
                yield re.sub(r"\b(a) (?=[aeiou])", "an ", sentence)


def _article(head: str, new: str) -> str:
    """The text before a new word, its article changed to fit: "a" before "orange" becomes "an"."""
    fitting = "an" if new[:1] in "aeiou" else "a"
    return re.sub(r"\b[Aa]n?(?=\s+$)", lambda m: fitting.capitalize() if m.group()[0] == "A" else fitting, head)


def _no_article(noun: str) -> str:
    return re.sub(r"^an? ", "", noun)


def _in_turn(streams: list[Iterator[str]]) -> Iterator[str]:
    """The first of every stream, then the second of every stream, and so on."""
    return (caption for row in zip_longest(*streams) for caption in row if caption is not None)


def _unique(captions: Iterable[str], prompt: str) -> list[str]:
    """Each caption once, without those that say the prompt again."""
    seen, kept = {_plain(prompt)}, []
    for caption in captions:
        if _plain(caption) not in seen:
            seen.add(_plain(caption))
            kept.append(caption)
    return kept


def _plain(text: str) -> tuple[str, ...]:
    return tuple(w.norm for w in split_words(text) if w.norm != BREAK)
