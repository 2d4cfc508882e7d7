"""What the small words of a sentence ask for: a command rather than a description, and what is to go or be absent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.spelling import BREAK

__all__ = ["Cue", "Wishes"]

_KINDS = {"gone": "gone", "remove": "removals", "without": "without", "not": "nots", "no": "none"}
_DENIES = ("not", "no", "without")
_ITEM = 3  # words of one thing of a list
_REACH = 6  # words between "not" and what it denies


@dataclass(frozen=True)
class Cue:
    """Words that turn round, or set aside, what is said near them.

    Args:
        start: the first of them.
        end: position after the last.
        kind: "remove" ("take off"), "without", "no", "not", "gone" (after its noun: "glasses removed"), or "instead"
            (what follows is not meant: "instead of a hat").
    """

    start: int
    end: int
    kind: str


class Wishes:
    """Reads the small words of one prompt.

    Args:
        binder: of the prompt.
    """

    def __init__(self, binder: Binder) -> None:
        self.norms = binder.norms
        self.lexicon = binder.lexicon
        self.parse = binder.parse

    @cached_property
    def is_command(self) -> bool:
        """Whether the prompt asks for an edit rather than describing a picture: "make the hair red"."""
        inside = any(self._at(i, self.lexicon.phrases("wishes")) for i in range(len(self.norms)))
        removed = {cue.start for cue in self.cues if cue.kind == "remove"}
        return inside or any(self._asks(i) or i in removed for i in self._clauses())

    @cached_property
    def cues(self) -> tuple[Cue, ...]:
        """The words that turn round or set aside, from left to right, none overlapping."""
        found: list[Cue] = []
        at, particles = 0, set()
        while at < len(self.norms):
            cue = None if at in particles else self._cue(at)
            if cue is not None:
                found.append(cue)
                particles.add(self._particle(at))
            at = max(at + 1, cue.end if cue else 0)
        return tuple(found)

    @cached_property
    def verbs(self) -> tuple[tuple[int, int], ...]:
        """The places of the words that ask for something, and of those that turn round or set aside."""
        asks = [(i, i + self._at(i, self.lexicon.phrases("asks"))) for i in self._clauses() if self._asks(i)]
        return (*asks, *((cue.start, cue.end) for cue in self.cues))

    def ends(self, start: int, end: int) -> bool:
        """Whether what a cue says ends somewhere in the words ``start`` to ``end``."""
        enders = self.lexicon.word_list("enders")
        asked = any(self._asks(i) for i in self._clauses() if start <= i < end)
        return asked or any(w in enders for w in self.norms[start:end])

    def reaches(self, cue: Cue, start: int) -> bool:
        """Whether what begins at word ``start`` is the first thing that a cue before it is about."""
        between = self.norms[cue.end : start]
        if cue.kind == "instead":
            return len(between) <= _REACH and not {BREAK, "to", "into", "with", "for", "by"} & {*between}
        carried = between[1:] if between and between[0] in self.lexicon.word_list("carried") else between
        stopped = BREAK in carried and not self._lists(cue, start)
        stopped = stopped or self.ends(start - len(carried), start)
        again = any(cue.end + 1 < other.start < start for other in self.cues)  # "not without" turns round twice
        return not stopped and not again and len(between) <= _REACH

    def goes_on(self, cue: Cue, start: int, end: int, *, thing: bool, bare: bool) -> bool:
        """Whether a cue is about one thing more, after the words ``start`` to ``end`` between the two.

        Args:
            cue: that the thing before is turned round by.
            start: position after the thing before.
            end: first word of what follows.
            thing: what follows is a thing, not a value of a part.
            bare: it has no article and no adjectives.
        """
        between = self.norms[start:end]
        small = self.lexicon.determiners | self.lexicon.joins | {BREAK, "also"}
        if not between:
            return True
        if any(w not in small for w in between) and not self._lists(cue, end):
            return False
        if self._lists(cue, end) or "or" in between or "nor" in between:
            return True
        if cue.kind == "remove":
            return True
        if cue.kind == "without":
            return thing
        return cue.kind in ("no", "instead") and "and" in between and thing and bare

    def _lists(self, cue: Cue, start: int) -> bool:
        """Whether what begins at a word is of a list with "or" that a cue turns round: "not tall, bald or old"."""
        joined = next((i for i in range(cue.end, len(self.norms)) if self.norms[i] in ("or", "nor")), 0)
        if cue.kind not in _DENIES or not cue.end <= start <= joined + _ITEM:
            return False
        listed = self.norms[cue.end : joined]
        items = " ".join(listed).split(BREAK)
        cut = "and" in listed or self.ends(cue.end, joined) or any(cue.end < c.start < joined for c in self.cues)
        return BREAK in listed and not cut and all(len(item.split()) <= _ITEM for item in items)

    def _asks(self, at: int) -> bool:
        """Whether a verb asks for something here; further on in a sentence it needs its object: "and cut the hair"."""
        length = self._at(at, self.lexicon.phrases("asks"))
        following = self.norms[at + length] if at + length < len(self.norms) else ""
        return bool(length) and (at == 0 or following in self.lexicon.determiners or following in self.lexicon.people)

    def _cue(self, at: int) -> Cue | None:
        if self._at(at, self.lexicon.phrases("instead")):
            return Cue(at, at + self._at(at, self.lexicon.phrases("instead")), "instead")
        particle = self._particle(at)
        if particle:
            return Cue(at, at + (2 if particle == at + 1 else 1), "remove")
        found = [(self._at(at, self.lexicon.phrases(phrases)), kind) for kind, phrases in _KINDS.items()]
        found = [(length, kind) for length, kind in found if length and (kind != "gone" or self._after_a_noun(at))]
        if any(kind in ("no", "not") for _, kind in found) and self._is_an_answer(at):
            return Cue(at, at + 1, "gone")
        if found:
            length, kind = max(found, key=lambda one: one[0])  # the first of the longest
            return Cue(at, at + length, kind)
        return Cue(at, at + 1, "not") if self.norms[at].endswith("n't") else None

    def _particle(self, at: int) -> int:
        """The particle that makes a verb a removal: the "off" of "take the hat off"; 0 where there is none."""
        verbs, particles = self.lexicon.word_list("parted"), self.lexicon.word_list("particles")
        if self.norms[at] not in verbs:
            return 0
        for i in range(at + 1, min(len(self.norms), at + 2 + _REACH)):
            if self.norms[i] == BREAK:
                return 0
            if self.norms[i] in particles:
                return i
        return 0

    def _is_an_answer(self, at: int) -> bool:
        """Whether a word says of the noun before it that it is not wanted: the "no" of "lipstick, no"."""
        alone = at + 1 == len(self.norms) or self.norms[at + 1] == BREAK
        return alone and at > 1 and self.norms[at - 1] == BREAK and self.parse.term_until(at - 1) is not None

    def _after_a_noun(self, at: int) -> bool:
        """Whether the word before is the end of something that can be gone."""
        while at > 0 and self.norms[at - 1] in self.lexicon.links:
            at -= 1
        return self.parse.term_until(at) is not None

    def _clauses(self) -> Iterator[int]:
        """The words that a clause may begin with, those of politeness passed over."""
        polite = self.lexicon.phrases("polite")
        for start in range(len(self.norms)):
            if start and self.norms[start - 1] != BREAK and self.norms[start - 1] not in self.lexicon.joins:
                continue
            at = start
            while at < len(self.norms) and (length := self._at(at, polite)):
                at += length
            yield at

    def _at(self, at: int, phrases: Sequence[tuple[str, ...]]) -> int:
        """How many words of some phrases stand here, the longest; 0 where there are none."""
        return next((len(p) for p in phrases if self.norms[at : at + len(p)] == p), 0)
