"""Which words of a prompt belong together: an adjective and its noun, a noun and the place it is said to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from eclipsed.prompts.lexicon import Lexicon, Parse, Term, load_lexicon
from eclipsed.prompts.spelling import BREAK
from eclipsed.worlds.world import World

__all__ = ["Binder", "Found", "bind"]

_NOUNS = ("part", "thing", "mark")
_MAX_UNKNOWN = 3  # words we do not know between an adjective and its noun


@dataclass(frozen=True)
class Found:
    """What one term of a prompt leads to.

    Args:
        term: the term; an artificial one where a rule found something no entry names ("a woman in red").
        parts: its parts, in the parser's order.
        start: first word to show for it, its adjectives included.
    """

    term: Term
    parts: tuple[str, ...]
    start: int


class Binder:
    """Applies the rules of binding to one parse.

    Args:
        parse: from `Lexicon.parse`.
        lexicon: the lexicon that made it.
    """

    def __init__(self, parse: Parse, lexicon: Lexicon) -> None:
        self.parse = parse
        self.lexicon = lexicon
        self.norms = tuple(w.norm for w in parse.words)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether the small words of the prompt are another language's rather than English."""
        return self.lexicon.is_foreign(self.parse.prompt)

    @cached_property
    def found(self) -> tuple[Found, ...]:
        """The parts that the prompt names or implies, term by term, left to right."""
        located = self._located()
        results = [Found(t, located.get(t.start, self._parts_of(t)), t.start) for t in self.parse.terms]
        results += self._worn_colours()
        results = sorted((f for f in results if f.parts), key=lambda f: f.term.start)
        for kinds in (("part", "thing", "mark", "trait", "suffix", "scene", "tinted"), ("vague",), ("whole",)):
            chosen = [f for f in results if self._kind(f) in kinds]
            if chosen:
                return tuple(self._with_adjectives(f) for f in chosen)
        return ()

    def head_of(
        self, start: int, end: int, *, fits: frozenset[str] | None = None, predicative: bool = True
    ) -> Term | None:
        """The noun that an adjective describes.

        Args:
            start: first word of the adjective.
            end: position after its last word.
            fits: names of the entries it can describe; all if None.
            predicative: also look to the left ("make the brows blond").
        Returns:
            The term of the noun; None if it describes a person, a word we do not know, or nothing.
        """
        return self._head_right(start, end, fits) or (self._head_left(start, fits) if predicative else None)

    def adjectives_start(self, term: Term) -> int:
        """The first word of the adjectives right before a term; the term's own where it has none."""
        start = term.start
        while start > 0 and self._describes(start - 1):
            before = self.parse.term_until(start)
            start = before.start if before else start - 1
        while start < term.start and self.norms[start] in self.lexicon.joins:
            start += 1
        return start

    def _kind(self, found: Found) -> str:
        """The kind to rank by: a face or head that a colour tints is as good as a part."""
        entry = found.term.entry
        return "tinted" if entry.tinted and found.parts == entry.tinted else entry.kind

    def _parts_of(self, term: Term) -> tuple[str, ...]:
        entry = term.entry
        if entry.kind == "trait":
            return () if self._describes_other(term) else entry.parts
        if entry.kind == "scene":
            return entry.parts if self._behind_a_person(term) else ()
        if entry.tinted and self._is_tinted(term):
            return entry.tinted
        return self._one_side(term) if entry.sides else entry.parts

    def _describes_other(self, trait: Term) -> bool:
        """Whether a trait belongs to a noun that names its own part, or to something without a face."""
        entry = trait.entry
        if self.head_of(trait.start, trait.end, fits=entry.fits, predicative=entry.predicative):
            return True
        following, after = (*self.norms[trait.end : trait.end + 2], "", "")[:2]
        if entry.people:
            return following not in self.lexicon.people or following in self.lexicon.impersonal
        return following in self.lexicon.objects and (not after or self._ends_phrase(after))

    def _ends_phrase(self, word: str) -> bool:
        return word == BREAK or word in self.lexicon.stops or word in self.lexicon.joins

    def _head_right(self, start: int, end: int, fits: frozenset[str] | None) -> Term | None:
        lexicon, at, unknown, joined = self.lexicon, end, 0, False
        while at < len(self.norms):
            word, term = self.norms[at], self.parse.term_at(at)
            if term and term.entry.kind in _NOUNS:
                fitting = term.entry.name in fits if fits else not joined
                return term if fitting else None
            if term and term.entry.kind == "suffix":
                return term if at == end or self._only_colours(start, at) else None
            if term and term.entry.kind == "whole" and term.entry.tinted:
                return term if self._only_colours(start, at) else None
            if term and term.entry.kind == "trait":
                at = term.end
                continue
            if word in lexicon.joins:
                joined = True
                if fits is None and not self._only_colours(start, at):
                    return None
            elif word == BREAK or term or word in lexicon.stops or word in lexicon.people or word in lexicon.objects:
                return None
            elif word not in lexicon.colours:
                unknown += 1
                if unknown > _MAX_UNKNOWN:
                    return None
            at += 1
        return None

    def _head_left(self, start: int, fits: frozenset[str] | None) -> Term | None:
        at = start
        while at > 0:
            term = self.parse.term_until(at)
            if term and term.entry.kind in _NOUNS:
                return term if fits is None or term.entry.name in fits else None
            if term and term.entry.kind == "trait":
                at = term.start
            elif term is None and self.norms[at - 1] in self.lexicon.links | self.lexicon.colours:
                at -= 1
            else:
                return None
        return None

    def _only_colours(self, start: int, end: int) -> bool:
        return all(w in self.lexicon.colours or w in self.lexicon.joins for w in self.norms[start:end])

    def _is_tinted(self, noun: Term) -> bool:
        """Whether a colour describes a noun."""
        colours = (i for i, word in enumerate(self.parse.lemmas) if word in self.lexicon.colours)
        return any(self.head_of(i, i + 1) == noun for i in colours if not self._inside(i, noun)) or any(
            self.head_of(t.start, t.end, fits=t.entry.fits) == noun
            for t in self.parse.terms
            if t.entry.kind == "trait" and t.entry.parts == noun.entry.tinted
        )

    @staticmethod
    def _inside(index: int, term: Term) -> bool:
        return term.start <= index < term.end

    def _describes(self, index: int) -> bool:
        """Whether a word right before a noun is one of its adjectives."""
        word, lexicon = self.norms[index], self.lexicon
        term = self.parse.term_until(index + 1)
        if term is not None:
            return term.entry.kind == "trait"
        small = word == BREAK or word in lexicon.stops or word in lexicon.determiners or word in lexicon.people
        preposition = word != "round" and any(word == p[-1] for p in (*lexicon.beside, *lexicon.upon))
        return not (small or preposition or word in lexicon.objects) and not word.endswith("ing")

    def _one_side(self, term: Term) -> tuple[str, ...]:
        """The parts of a term that "left", "right", "upper" or "lower" beside it leave."""
        start = self.adjectives_start(term)
        named = {self.lexicon.sides[w] for w in self.norms[start : term.start] if w in self.lexicon.sides}
        after = self.norms[term.end : term.end + 3]
        if len(after) == 3 and after[0] == "on" and after[2] in ("left", "right"):
            named.add(after[2])
        before = [w for w in self.norms[:start] if w not in self.lexicon.determiners]
        if named and before[-1:] and before[-1] in self.lexicon.joins:  # "the left and the right eye"
            named |= {self.lexicon.sides[w] for w in before[-2:-1] if w in self.lexicon.sides}
        kept = tuple(p for p in term.entry.parts if p.split("_")[0] in named)
        return kept or term.entry.parts

    def _located(self) -> dict[int, tuple[str, ...]]:
        """Parts of the terms that a place changes, by the term's first word.

        "Bags under the eyes" are not the eyes; "a scar on the nose" is on the nose.
        """
        changed: dict[int, tuple[str, ...]] = {}
        previous: tuple[Term, Term, bool] | None = None
        for place in self.parse.terms:
            relation = self._relation(place) or self._carried_on(place, previous)
            if relation is None:
                continue
            thing, upon = relation
            previous = (thing, place, upon)
            here = self._parts_of(place)
            own = changed.get(thing.start, self._parts_of(thing))
            if upon and thing.entry.kind == "mark" and thing.entry.home != place.entry.name:
                beside = len(here) == 1 and here[0] in thing.entry.spreads
                keep = own if thing.start in changed or beside else ()
                changed[thing.start] = self.lexicon.world.in_order((*keep, *here))
            changed[place.start] = ()
        return changed

    def _relation(self, place: Term) -> tuple[Term, bool] | None:
        """The thing that is said to be at a part, and whether it is upon it rather than beside it."""
        if place.entry.kind != "part":
            return None
        following = self.parse.term_at(place.end)
        if following and following.entry.kind == "mark":
            return following, True  # "neck tattoo"
        if place.start == 0:
            return None
        at = self._before_determiners(place.start)
        if at == place.start and self._describes(place.start - 1):
            return None  # "hair over green eyes" is about the eyes too
        for phrases, upon in ((self.lexicon.beside, False), (self.lexicon.upon, True)):
            for phrase in phrases:
                if self.norms[max(0, at - len(phrase)) : at] == phrase:
                    thing = self._thing_before(at - len(phrase))
                    return (thing, upon) if thing else None
        return None

    def _carried_on(self, place: Term, previous: tuple[Term, Term, bool] | None) -> tuple[Term, bool] | None:
        """The relation of the place before in "freckles on the nose and cheeks"."""
        if previous is None or place.entry.kind != "part":
            return None
        thing, before, upon = previous
        between = self.norms[before.end : place.start]
        small = self.lexicon.determiners | self.lexicon.joins | {BREAK}
        carried = bool(between) and between[0] in (*self.lexicon.joins, BREAK) and all(w in small for w in between)
        return (thing, upon) if carried and "a" not in between else None

    def _before_determiners(self, start: int) -> int:
        skip = self.lexicon.determiners | set(self.lexicon.sides)
        while start > 0 and self.norms[start - 1] in skip:
            start -= 1
        return start

    def _thing_before(self, at: int) -> Term | None:
        """The nearest noun before a preposition, in the same phrase."""
        for end in range(at, max(0, at - 4), -1):
            term = self.parse.term_until(end)
            if term and term.entry.kind in _NOUNS:
                return term
            if self.norms[end - 1] == BREAK or self.norms[end - 1] in (*self.lexicon.joins, "with"):
                return None
        return None

    def _behind_a_person(self, scene: Term) -> bool:
        """Whether a place is where a person is: "a man on a beach", but not "a beach"."""
        before, after = self.norms[: scene.start], (*self.norms[scene.end :], BREAK)[0]
        return (
            self._ends_phrase(after)
            and any(w in self.lexicon.people for w in before)
            and any(w in self.lexicon.scene for w in before[-4:])
        )

    def _worn_colours(self) -> Iterator[Found]:
        """ "A woman in red": a colour worn that describes nothing else."""
        coloured = self.lexicon.coloured
        if coloured is None:
            return
        for i, word in enumerate(self.norms):
            if i == 0 or word not in self.lexicon.colours or self.norms[i - 1] not in self.lexicon.worn:
                continue
            end = i + 1
            while end < len(self.norms) and self.norms[end] in self.lexicon.colours:
                end += 1
            person = any(w in self.lexicon.people for w in self.norms[:i]) or coloured.dressed & set(self.norms)
            term = self.parse.term_at(i)
            alone = (term is None or term.entry.people) and not self._head_right(i, end, None)
            if person and alone and self._ends_phrase((*self.norms[end:], BREAK)[0]):
                yield Found(Term(coloured.entry, i - 1, end), coloured.entry.parts, i - 1)

    def _with_adjectives(self, found: Found) -> Found:
        start = self.adjectives_start(found.term) if found.term.entry.kind in (*_NOUNS, "suffix") else found.term.start
        return Found(found.term, found.parts, min(start, found.term.start))


@lru_cache(maxsize=1024)
def bind(prompt: str, world: World) -> Binder:
    """What belongs together in a sentence; the lexicon parses each sentence once.

    Args:
        prompt: any text.
        world: whose words it is read with.
    """
    lexicon = load_lexicon(world)
    return Binder(lexicon.parse(prompt), lexicon)
