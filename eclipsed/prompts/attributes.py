"""The attributes that a prompt names, by the families of its world, and captions that name another value of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.lexicon import Term
from eclipsed.prompts.mentions import Mention, Mentions, no_article

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
        self.mentions = Mentions(binder)

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

    def values(self) -> int:
        """How many captions name another value of the attributes that adjectives tell, each once."""
        family, spoken = self.mentions.families("adjectives"), self.mentions
        return sum(
            len(_others(one, mention.member)) + len(one.get("gone", ()))
            for one in family
            for mention in spoken.adjectives(one)
        )

    def denied(self) -> Iterator[str]:
        """Captions of the value that the prompt's caption is the opposite of: of "a person with hair" those of bald."""
        families = (*self.data.get("adjectives", ()), *self.data.get("words", ()))
        plain = self.parse.prompt.lower()
        for family in families:
            for one in family["members"]:
                if isinstance(one, Mapping) and family.get("opposites", {}).get(one["name"], "").lower() == plain:
                    yield from (caption_of(_person(self.lexicon.world.neutral), a) for a in one.get("adjective", ()))
                    yield from (caption_of(self.data["with"], noun) for noun in one.get("noun", ()))

    def _named(self, *, last: bool) -> list[tuple[str, Iterator[str]]]:
        spoken, family = self.mentions, self.mentions.families
        words = [(f["name"], self._word(spoken.words(f))) for f in family("words") if bool(f.get("last")) is last]
        if last:
            return words
        adjectives = [(f["name"], self._adjective(f, spoken.adjectives(f))) for f in family("adjectives")]
        presences = [(f["name"], self._presence(m)) for f in family("presences") for m in spoken.presences(f)]
        return adjectives + words + presences

    def _adjective(self, family: Mapping[str, Any], mentions: Iterable[Mention]) -> Iterator[str]:
        for one in mentions:
            siblings = _others(family, one.member)
            others = self._siblings_of(family, one, siblings)
            yield from islice(others, len(siblings))
            yield from family.get("gone", ())  # who has nothing that could have the other values
            yield from others

    def _siblings_of(self, family: Mapping[str, Any], one: Mention, siblings: list[list[str]]) -> Iterator[str]:
        """Captions that have each sibling in the place of a mention."""
        if one.how == "noun" and one.head is not None:
            return self._beside_noun(self.mentions.with_shades(one.start), one.end, siblings, one.head, family)
        if one.how == "person":
            return self._alone(one.end, one.start, siblings, family)
        if one.how == "worn":
            return self._swap(one.start, one.end, siblings, "{}")
        return _each(siblings, family["caption"])  # "open the mouth"

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

    def _word(self, mentions: Iterable[Mention]) -> Iterator[str]:
        for one in mentions:
            if one.how == "adjective":
                yield from self._swap(one.start, one.end, _siblings(one.family, one.member, "adjective"), "{}")
                continue
            siblings = _siblings(one.family, one.member, "noun")
            first, article = self.mentions.noun_phrase(one.start)
            carried = first > 0 and self.norms[first - 1] in self.mentions.listed("carriers")
            if article or carried or first == 0:
                yield from self._swap(first, one.end, siblings, "{}" if carried or article else self.data["with"])
            else:
                yield from _each(siblings, self.data["with"])

    def _presence(self, one: Mention) -> Iterator[str]:
        family, negations, carriers = one.family, self.mentions.listed("negations"), self.mentions.listed("carriers")
        kinds = family["kinds"]
        others = [k[0] for k in kinds if k[0] != one.member]
        none, bare = family["none"], no_article(family["none"])
        first, _ = self.mentions.noun_phrase(one.start)
        negated = first > 0 and (
            self.norms[first - 1] in negations or " ".join(self.norms[max(0, first - 2) : first]) in negations
        )
        if negated or one.as_said:
            there = [k[0] for k in kinds] or [none]
            yield from (_fill(self.data["with"], t) for t in there)
            yield _fill(family.get("there", self.data["there"]), none)
            return
        absent = [f"without {none}", f"with no {bare}", *family["bare"]]
        carried = first > 0 and self.norms[first - 1] in carriers
        if not carried or self.norms[first - 1] == "has":
            yield from (_fill(self.data["without"], a) for a in absent)
            yield from (_fill(self.data["with"], o) for o in others)
            return
        if one.end < len(self.norms) and self.norms[one.end] in self.lexicon.joins:
            absent = absent[1:]  # "without glasses and a hat" would take the hat too
        yield from self._swap(first - 1, one.end, [absent], "{}", rounds=len(absent))
        yield from self._swap(first - 1, one.end, [[o] for o in others], "with {}")

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


def _apart(family: Mapping[str, Any], member: str, other: str) -> bool:
    """Whether two members of a family differ enough to stand against each other."""
    near = any({member, other} == set(pair) for pair in family.get("near", ()))
    return member != other and not near and other not in family.get("skip", ())


def _others(family: Mapping[str, Any], member: str) -> list[list[str]]:
    """The other members of a family of adjectives that stand against one."""
    return [m for m in family["members"] if _apart(family, member, m[0])]


def _siblings(family: Mapping[str, Any], member: str, form: str) -> list[list[str]]:
    """The words of every other member of a family of words, in one form."""
    return [m[form] for m in family["members"] if form in m and _apart(family, member, m["name"])]


def _each(siblings: list[list[str]], form: str, *, rounds: int = _ROUNDS) -> Iterator[str]:
    """Every sibling's first word in a form, then every sibling's second."""
    for turn in range(rounds):
        for words in siblings:
            if turn < len(words):
                yield caption_of(form, words[turn])


def _person(neutral: str) -> str:
    """A form for an adjective of the person: "a {} person"."""
    article, _, noun = neutral.rpartition(" ")
    return f"{article} {{}} {noun}".strip()


def caption_of(form: str, words: str) -> str:
    """A form such as "a person with a {} nose" with some words in it, "a" before a vowel become "an"."""
    return re.sub(r"\b(a) (?=[aeiou])", "an ", _fill(form, words))


def _fill(form: str, words: str) -> str:
    return form.replace("{}", words)


def _article(head: str, new: str) -> str:
    """The text before a new word, its article changed to fit: "a" before "orange" becomes "an"."""
    fitting = "an" if new[:1] in "aeiou" else "a"
    return re.sub(r"\b[Aa]n?(?=\s+$)", lambda m: fitting.capitalize() if m.group()[0] == "A" else fitting, head)
