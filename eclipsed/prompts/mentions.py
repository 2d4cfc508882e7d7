"""Where a prompt names a value of an attribute, by the families of its world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.lexicon import Term
from eclipsed.prompts.spelling import BREAK, split_words

__all__ = ["Mention", "Mentions", "no_article"]

#: How a value is said: of a noun ("red hair"), of a person ("a blond man"), of what is worn ("in red"), before its
#: noun with a verb's force ("open the mouth"), by an adjective or a noun of its own, or by a thing that is there.
How = Literal["noun", "person", "worn", "order", "adjective", "thing", "presence"]


_LISTED = 6  # words between the first of several adjectives and their noun
_NOUNS = ("part", "thing", "mark", "vague", "suffix", "scene")
_PRONOUNS = frozenset(("it", "they", "them"))


@dataclass(frozen=True)
class Mention:
    """A value of an attribute, said at words ``start`` to ``end`` (exclusive).

    Args:
        family: of the attribute, as ``contrasts.json`` has it.
        member: name of the value; for a presence the first word of its kind, or what is there.
        start: its first word.
        end: position after its last word.
        how: see `How`.
        head: the noun that it describes, or the thing that is there; None where there is none.
        as_said: the words of the family that were found.
    """

    family: Mapping[str, Any]
    member: str
    start: int
    end: int
    how: How
    head: Term | None = None
    as_said: str = ""


class Mentions:
    """Finds the values that one prompt names.

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

    def families(self, kind: str) -> list[Mapping[str, Any]]:
        """The families of one kind: "adjectives", "words" or "presences"."""
        found: list[Mapping[str, Any]] = self.data.get(kind, [])
        return found

    def listed(self, kind: str) -> list[str]:
        """The words of one of the lists of ``contrasts.json``."""
        words: list[str] = self.data.get(kind, [])
        return words

    @cached_property
    def all(self) -> tuple[Mention, ...]:
        """Every value that the prompt names, from left to right."""
        adjectives = (m for f in self.families("adjectives") for m in self.adjectives(f))
        words = (m for f in self.families("words") for m in self.words(f))
        presences = (m for f in self.families("presences") for m in self.presences(f))
        return tuple(sorted((*adjectives, *words, *presences), key=lambda m: (m.start, m.end)))

    def adjectives(self, family: Mapping[str, Any]) -> Iterator[Mention]:
        """Where a family of adjectives is named."""
        of = frozenset(family["of"])
        spots = list(self._spots([(m[0], (*m, *_verbs(family, m[0]))) for m in family["members"]]))
        starts = {start for _, _, start, _ in spots}
        for member, said, start, end in spots:
            if end in starts and self.phrase(start, end) in self.listed("shades"):
                continue  # the "dark" of "dark blue"
            verb = said in _verbs(family, member) and not any(said in m for m in family["members"])
            head = self.binder.head_of(start, end, fits=of) or self._joined_head(start, end, of)
            if head is not None and head.end <= start and self._is_an_order(end, said):
                head = None  # the "open" of "close the eyes and open the mouth"
            if head is not None and head.end <= start and self._is_of_the_next(start, end, said):
                continue  # the "blue" of "blond hair blue eyes"
            if head is not None and head.entry.name in of and not head.start <= start < head.end:
                yield Mention(family, member, start, end, "order" if verb else "noun", head, said)
            elif self._implied(start, end, of) and family.get("person"):
                yield Mention(family, member, start, end, "person", None, said)
            elif self._worn(start, of):
                yield Mention(family, member, start, end, "worn", None, said)
            else:
                following = self._following(end, of)
                if following is not None and (verb or not self.binder.head_of(start, end)):
                    listed = self.norms[end] == BREAK  # "thick, dark eyebrows"
                    yield Mention(family, member, start, end, "noun" if listed else "order", following, said)

    def words(self, family: Mapping[str, Any]) -> Iterator[Mention]:
        """Where a family of words is named: by its adjectives, then by its nouns."""
        asked = family.get("asked")
        members = [m for m in family["members"] if not asked or m["name"] in asked]
        adjectives = [(m["name"], m.get("adjective", ())) for m in members]
        for member, said, start, end in self._spots(adjectives):
            head = self.binder.head_of(start, end, predicative=False)
            if head is None or self._is_its_own(start, head):
                yield Mention(family, member, start, end, "adjective", head, said)
        nouns = [(m["name"], [no_article(n) for n in m.get("noun", ())]) for m in members]
        for member, said, start, end in self._spots(nouns):
            yield Mention(family, member, start, end, "thing", self.parse.term_at(start), said)

    def presences(self, family: Mapping[str, Any]) -> Iterator[Mention]:
        """Where a thing is named that is there or not."""
        for term in self.parse.terms:
            if term.entry.name not in family["of"]:
                continue
            words = self.spellings(term)
            if "only" not in family or words & _folded(family["only"]):
                absent = min(words & _folded(family.get("absent", ())), default="")
                kinds = family["kinds"][:1] if absent else [k for k in family["kinds"] if words & _folded(k)]
                member = str(kinds[0][0]) if kinds else ""
                yield Mention(family, member, term.start, term.end, "presence", term, absent)

    def noun_phrase(self, start: int) -> tuple[int, bool]:
        """The first word of the noun phrase around a noun, and whether that is an article or the like."""
        term = self.parse.term_at(start)
        first = self.binder.adjectives_start(term) if term else start
        taken = ("a", "an", "the", "his", "her", "their", "some", "any")
        article = first > 0 and self.norms[first - 1] in taken
        return (first - 1 if article else first), article

    def with_shades(self, start: int) -> int:
        """The first of the words for a shade before a colour: "bright" in "bright red"."""
        while start > 0 and self.norms[start - 1] in self.listed("shades"):
            start -= 1
        return start

    def spellings(self, term: Term) -> set[str]:
        """A term as it is written, and by the base forms of its words."""
        return {self.phrase(term.start, term.end), " ".join(self.parse.lemmas[term.start : term.end])}

    def phrase(self, start: int, end: int) -> str:
        """The words ``start`` to ``end``, folded."""
        return " ".join(self.norms[start:end])

    def _spots(self, members: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[str, str, int, int]]:
        """Where a member is said: its name, the words for it, and their place; the longest phrases first."""
        table = {_norms(p): (name, p) for name, phrases in members for p in phrases}
        longest, at = max(map(len, table), default=0), 0
        while at < len(self.norms):
            for length in range(min(longest, len(self.norms) - at), 0, -1):
                spans = (self.norms[at : at + length], self.parse.lemmas[at : at + length])
                found = next((table[s] for s in spans if s in table), None)
                if found is not None:
                    yield *found, at, at + length
                    at += length - 1
                    break
            at += 1

    def _is_of_the_next(self, start: int, end: int, said: str) -> bool:
        """Whether an adjective describes the noun after it, by some family."""
        following = self.binder.head_of(start, end, predicative=False)
        return following is not None and any(
            following.entry.name in f["of"] and any(said in m for m in f["members"])
            for f in self.families("adjectives")
        )

    def _is_an_order(self, end: int, said: str) -> bool:
        """Whether a word stands before a noun with its article that some family says it of: "open the mouth"."""
        at = end
        while at < len(self.norms) and self.norms[at] in self.lexicon.determiners | self.lexicon.sides.keys():
            at += 1
        term = self.parse.term_at(at) if at > end else None
        families = self.families("adjectives")
        return term is not None and any(
            term.entry.name in f["of"] and any(said in (*m, *_verbs(f, m[0])) for m in f["members"]) for f in families
        )

    def _is_its_own(self, start: int, head: Term) -> bool:
        """Whether a word describes the very part that it implies: the mouth of "a smiling mouth"."""
        term = next((t for t in self.parse.terms if t.start <= start < t.end), None)
        return term is not None and head.entry.kind == "part" and term.entry.parts == head.entry.parts

    def _joined_head(self, start: int, end: int, of: frozenset[str]) -> Term | None:
        """The noun before several adjectives: the eyes of "make the eyes big and blue"."""
        if self.binder.head_of(start, end, predicative=False):
            return None
        between, at = self._between, start
        while at > 0 and (
            self.norms[at - 1] in between
            or self.parse.lemmas[at - 1] in between
            or self.parse.words[at - 1].text == ":"
            or (self.norms[at - 1] == BREAK and self.norms[at] in _PRONOUNS)
        ):
            at -= 1
            term = self.parse.term_until(at)
            if term is not None and term.entry.kind == "trait":
                at = term.start
            elif term is not None:
                break
        term = self.parse.term_until(at)
        return term if term is not None and term.entry.name in of and term.entry.kind != "suffix" else None

    @cached_property
    def _between(self) -> frozenset[str]:
        """The words that may stand between a noun and its adjective."""
        lexicon = self.lexicon
        small = lexicon.joins | lexicon.links | lexicon.colours | lexicon.word_list("modals") | _PRONOUNS
        asks = lexicon.word_list("asks")  # "straighten the hair and dye it black"
        return frozenset(small | asks | self._adjectives | {*self.listed("shades")})

    @cached_property
    def _adjectives(self) -> frozenset[str]:
        """Every single word that describes a noun in some family."""
        members = (word for f in self.families("adjectives") for m in f["members"] for word in m)
        return frozenset(word for member in members for word in _norms(member))

    def _implied(self, start: int, end: int, of: frozenset[str]) -> bool:
        """Whether an adjective stands alone and implies a part that the family is about."""
        parts = {p for e in self.lexicon.entries if e.name in of and e.kind in ("part", "suffix") for p in e.parts}
        traits = (f for f in self.binder.found if f.term.entry.kind == "trait")
        return any(f.term.start <= start and end <= f.term.end and parts & set(f.parts) for f in traits)

    def _following(self, end: int, of: frozenset[str]) -> Term | None:
        """The noun right after a word, or after one word more: the mouth of "open the mouth"."""
        small = self.lexicon.determiners | {BREAK, "up", "out"} | self.lexicon.colours | self.lexicon.sides.keys()
        near = next((t for t in self.parse.terms if t.entry.name in of and t.start > end), None)
        if near is None or near.start - end > _LISTED:
            return None
        between = self.norms[end : near.start]
        if between[0] == BREAK:  # "long, straight and blonde hair"
            other = any(t.entry.kind in _NOUNS and end <= t.start < near.start for t in self.parse.terms)
            small = (self.lexicon.function | self.lexicon.people) - self.lexicon.joins
            return None if other or small & {*between} else near
        if len(between) > 2:
            return None
        return near if all(word in small for word in between) else None

    def _worn(self, start: int, of: frozenset[str]) -> bool:
        """Whether a colour is that of the clothes in "a woman in red", and a family is about these."""
        coloured = self.lexicon.coloured
        if coloured is None or coloured.of not in of:
            return False
        return any(f.term.start < start < f.term.end for f in self.binder.found if f.term.entry is coloured.entry)


def no_article(noun: str) -> str:
    """A noun phrase without its article."""
    for article in ("a ", "an "):
        noun = noun.removeprefix(article)
    return noun


def _verbs(family: Mapping[str, Any], member: str) -> tuple[str, ...]:
    """The verbs that give something a value: "darken"."""
    verbs: Mapping[str, list[str]] = family.get("verbs", {})
    return tuple(verbs.get(member, ()))


def _folded(phrases: Iterable[str]) -> set[str]:
    """Phrases of the families as a prompt has them: "crow's feet" is "crow feet"."""
    return {*phrases, *(" ".join(_norms(phrase)) for phrase in phrases)}


@cache
def _norms(phrase: str) -> tuple[str, ...]:
    """A phrase of the families as the words to look for."""
    return tuple(w.norm for w in split_words(phrase))
