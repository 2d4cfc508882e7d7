"""The words of a claim, and the captions that they make: there, lacking, and several together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.known_words import is_unknown
from eclipsed.prompts.lexicon import Term
from eclipsed.prompts.mentions import Mention, Mentions, no_article
from eclipsed.prompts.spelling import BREAK, fold
from eclipsed.prompts.wishes import Wishes

__all__ = ["Phrase", "Phrases", "together"]


_VOWEL = re.compile(r"(?!uni|eur|one\b)[aeiou]|hour|honest")


@dataclass(frozen=True)
class Phrase:
    """What a claim says, as captions.

    Args:
        there: the caption of what is so: "a person with red hair".
        lacking: the caption of what is not: "a person without red hair".
        adjectives: where adjectives of one noun may be gathered, those of this claim: "red".
        gathers: the caption with a gap for them: "a person with {} hair".
        lacks: the same of what is not: "a person without {} hair".
        rank: what stands nearer to the noun has a lower one: colours.
        opposite: ``lacking`` is a value of its own: "a person with hair" of who is not bald.
    """

    there: str
    lacking: str
    adjectives: str = ""
    gathers: str = ""
    lacks: str = ""
    opposite: bool = False
    rank: int = 0


class Phrases:
    """Writes the phrases of one prompt.

    Args:
        binder: of the prompt.
        mentions: of the prompt.
    """

    def __init__(self, binder: Binder, mentions: Mentions) -> None:
        self.binder, self.mentions = binder, mentions
        self.lexicon, self.norms = binder.lexicon, binder.norms
        self.data = mentions.data
        self.neutral = binder.lexicon.world.neutral
        wishes = Wishes(binder)
        self._is_command = wishes.is_command
        self._gone = {cue.start for cue in wishes.cues if cue.kind == "gone"}
        self._spoken = {i for start, end in wishes.verbs for i in range(start, end)}

    def adjective(self, one: Mention) -> Phrase:
        """Of an adjective that describes a part: "red" of "red hair"."""
        family, head = one.family, one.head
        opposite = family.get("opposites", {}).get(one.member, "")
        by_noun = one.how == "noun" and head is not None and head.entry.kind != "suffix" and not head.entry.made_of
        if by_noun and head is not None:  # the colour of hair, and the flower of a flower, are the subject's own
            noun = self.norms[head.end - 1]
            by_noun = noun not in self.lexicon.word_list("properties") and noun not in self.neutral.split()
        side = self._side(head)
        if head is not None and (by_noun or (one.how == "order" and side)):
            noun = self._text(head.start, head.end)
            said = self._said(one) if by_noun else one.member
            gap = f"{{}} {side} {noun}" if side else f"{{}} {noun}"
            article = self._counted(head, "")
            form = self._form(head).replace("{}", f"a {gap}" if article else gap)
        else:
            form = str(family["caption"])
            said = one.member if one.how in ("person", "order") else self._said(one)
        there = _right(form.replace("{}", said))
        rank = next(i for i, f in enumerate(self.mentions.families("adjectives")) if f["name"] == family["name"])
        lacks = "" if opposite else self._not(form)
        return Phrase(there, opposite or self._not(there), said, form, lacks, bool(opposite), rank)

    def word(self, one: Mention) -> Phrase:
        """Of an expression, an age, a style: an adjective of the person, or a noun."""
        member = next(m for m in one.family["members"] if m["name"] == one.member)
        opposite = one.family.get("opposites", {}).get(one.member, "")
        adjective = member.get("adjective", [])
        there = str(member.get("caption", ""))
        if not there and one.how == "thing" and not (self.is_verb(one) and adjective):
            noun = next(n for n in member["noun"] if no_article(n) == one.as_said)
            counted = noun != one.as_said
            before = [*self._grown(one.end), *([] if one.head is None else self._before(one.head, ()))]
            said = no_article(" ".join([*before, self._text(one.start, one.end)]))
            form = self._form(one.head) if one.head is not None else str(self.data["with"])
            there = _right(form.replace("{}", f"a {said}" if counted else said))
        elif not there:
            there = self._person(adjective[0] if one.how == "thing" else self._said(one))
        return Phrase(there, opposite or self._not(there), opposite=bool(opposite))

    def thing(self, head: Term, adjectives: Sequence[Mention], presence: Mention | None) -> Phrase:
        """Of a thing with all its adjectives: "a red hat"."""
        entry = head.entry
        if adjectives and self.is_dressed(head):
            there = _right(str(adjectives[0].family["caption"]).replace("{}", self._said(adjectives[0])))
            return Phrase(there, self._not(there))
        if entry.kind == "scene":
            there = f"{self.neutral} {self._text(self._scene_start(head), head.end)}"
            return Phrase(there, self._not(there))
        kind = none = ""
        if presence is not None:
            kind, none = presence.member, str(presence.family["none"])
        if entry.kind == "trait":
            said, counted = no_article(kind or none), (kind or none).startswith(("a ", "an "))
        else:
            ahead = [self._said(m) for m in adjectives if m.start >= head.end or m.how == "order"]
            ahead += (self.after(head) if presence is None and not adjectives else []) or self._grown(head.end)
            said = " ".join([*ahead, *self._before(head, adjectives), self._text(head.start, self._end(head))])
            counted = self._counted(head, kind or none)
            if counted and (head.end in self._gone or not self.mentions.noun_phrase(head.start)[1]):
                said, counted = self._several(said, none)
        noun = f"a {said}" if counted else said
        there = _right(self._form(head).replace("{}", noun))
        lacking = _right(self.data["without"].replace("{}", f"without {noun}"))
        if entry.absent:
            lacking = entry.absent
        if presence is not None and presence.as_said:
            lacking = f"{self.neutral} {presence.family['bare'][0]}" if presence.family["bare"] else lacking
        return Phrase(there, lacking, opposite=bool(entry.absent))

    def trait(self, term: Term, start: int) -> Phrase:
        """Of an adjective that no family knows, with the words before it: "a yawning person", "gap-toothed"."""
        said = self._text(start, term.end)
        there = self._person(f"{said}ing" if f"{said}ing" in term.entry.words else said)
        return Phrase(there, self._not(there))

    def _side(self, head: Term | None) -> str:
        """The words for a side before a noun."""
        if head is None or not head.entry.sides:
            return ""
        before = self.norms[self.binder.adjectives_start(head) : head.start]
        return " ".join(w for w in before if w in self.lexicon.sides)

    def _person(self, adjective: str) -> str:
        """The neutral caption with an adjective: "a smiling person"."""
        return _right(re.sub(r"^(an?) ", f"a {adjective} ", self.neutral))

    def _not(self, there: str) -> str:
        """The caption of what is not so."""
        carried = str(self.data["with"]).partition("{}")[0]
        for start in (carried, f"{self.neutral} wearing "):
            if there.startswith(start):
                return str(self.data["without"]).replace("{}", f"without {there.removeprefix(start)}")
        noun = self.neutral.split()[-1]
        if there.startswith(self.neutral):
            return f"{self.neutral} not{there.removeprefix(self.neutral)}"
        if there.endswith(f" {noun}"):
            adjective = re.sub(r"^an? ", "", there).removesuffix(f" {noun}")
            return f"{self.neutral} who is not {adjective}"
        return f"{self.neutral} who is not {there}"

    def _form(self, head: Term) -> str:
        return head.entry.caption or str(self.data["with"])

    def _counted(self, head: Term, known: str) -> bool:
        """Whether a thing takes the article "a"."""
        last, lemma = self.norms[head.end - 1], self.binder.parse.lemmas[head.end - 1]
        if last in self.lexicon.mass or self.mentions.phrase(head.start, head.end) in self.lexicon.mass:
            return False
        if (last != lemma and last not in self.lexicon.forms) or (last.endswith("s") and not last.endswith("ss")):
            return False
        return not known or known.startswith(("a ", "an ")) or known.endswith("s")

    def _several(self, said: str, none: str) -> tuple[str, bool]:
        """A thing without an article as its attribute has it, and whether it is one: "freckle-free" has freckles."""
        one = self.lexicon.lemmas.get(none, none)
        several = none.endswith("s") and one != none and said.split()[-1] == one
        return (f"{said.removesuffix(one)}{none}", False) if several else (said, True)

    def is_verb(self, one: Mention) -> bool:
        """Whether a noun stands as a verb does: "make her smile"."""
        before = self.norms[one.start - 1] if one.start else ""
        somebody = before in self.lexicon.people  # "her" is one too
        small = before in self.lexicon.determiners or before in self.mentions.listed("carriers")
        alone = one.end - one.start == 1 and not (one.head and self._before(one.head, ()))
        return one.start in self._spoken or (alone and (somebody or not small))

    def _said(self, one: Mention) -> str:
        """An adjective with its shades, in its base form; the value itself of a verb."""
        if one.how == "order":
            return one.member
        return self._text(self.mentions.with_shades(one.start), one.end)

    def _text(self, start: int, end: int) -> str:
        """Words as a caption has them: small, spelt rightly, and no comparatives."""
        words, parts = self.binder.parse.words, []
        for i in range(start, end):
            word, lemma = words[i], self.binder.parse.lemmas[i]
            text = word.text.lower() if fold(word.text) == word.norm else word.norm
            compared = word.norm.endswith(("er", "est")) and lemma != word.norm
            gap = self.binder.parse.prompt[word.end : words[i + 1].start] if i + 1 < end else ""
            parts += [lemma if compared else text, "-" if gap == "-" else " "]
        return "".join(parts).strip()

    def _before(self, head: Term, adjectives: Sequence[Mention]) -> list[str]:
        """The adjectives before a thing that are no claims of their own: the "blunt" of "brown blunt bangs"."""
        own = [m for m in self.mentions.all if m.head is head and m.how == "noun" and m not in adjectives]
        taken = {i for m in own for i in range(self.mentions.with_shades(m.start), m.end)}
        taken |= self._spoken | {i for m in self.mentions.all if m.how == "thing" for i in range(m.start, m.end)}
        small, start = self.lexicon.function, self.binder.adjectives_start(head)
        before = self.binder.parse.term_until(start)
        if before is not None and start == head.start and (self.is_compound(before) or self._is_place(before, head)):
            start = before.start
        kept = [i for i in range(start, head.start) if i not in taken and self.norms[i] not in small]
        return [self._text(i, i + 1) for i in kept]

    def is_compound(self, term: Term) -> bool:
        """Whether a thing is only the first half of the next: the denim of "a denim jacket"."""
        following = self.binder.parse.term_at(term.end)
        if following is None or term.entry.kind != "thing":
            return False
        return following.entry is term.entry or bool(
            term.entry.made_of and term.entry.made_of == following.entry.made_of
        )

    @staticmethod
    def _is_place(before: Term, head: Term) -> bool:
        """Whether a part right before a mark says where it is: "a nose ring"."""
        return head.entry.kind == "mark" and before.entry.kind == "part"

    def described(self, head: Term) -> list[str]:
        """All adjectives of a noun that no family knows."""
        return [*self.after(head), *self._before(head, ())]

    def after(self, head: Term) -> list[str]:
        """The adjectives after a part that the world does not know: "messy" in "make her hair messy"."""
        if head.entry.kind != "part" or not self._is_command:
            return []
        at = head.end
        while at < len(self.norms) and self.norms[at] in self.lexicon.links | self.lexicon.word_list("modals"):
            at += 1
        end = at
        while end < len(self.norms) and self.norms[end].isalpha() and is_unknown(self.binder, end):
            end += 1
        ended = end == len(self.norms) or self.norms[end] == BREAK or self.norms[end] in self.lexicon.joins
        return [self._text(i, i + 1) for i in range(at, end)] if ended else []

    def _grown(self, at: int) -> list[str]:
        """The comparative after a thing that a command asks for: the "big" of "make the smile bigger"."""
        while at < len(self.norms) and self.norms[at] in self.lexicon.links | {"much", "even"}:
            at += 1
        if not self._is_command or at == len(self.norms) or any(m.start <= at < m.end for m in self.mentions.all):
            return []
        compared = self.norms[at].endswith("er") and self.binder.parse.lemmas[at] != self.norms[at]
        return [self._text(at, at + 1)] if compared else []

    def is_dressed(self, head: Term) -> bool:
        """Whether a thing is only the word that says that a colour is worn: the "dressed" of "dressed in black"."""
        coloured = self.lexicon.coloured
        return coloured is not None and self.norms[head.start] in coloured.dressed

    def _end(self, head: Term) -> int:
        """Where a thing ends: after the place that it is said to be at."""
        for place in self.binder.parse.terms:
            if place.entry.kind != "part" or place.start <= head.end or place.start - head.end > 3:
                continue
            between = self.norms[head.end : place.start]
            beside = any(between[: len(p)] == p for p in (*self.lexicon.beside, *self.lexicon.upon))
            if beside and BREAK not in between:
                return place.end
        return head.end

    def _scene_start(self, head: Term) -> int:
        for i in range(head.start - 1, max(-1, head.start - 5), -1):
            if self.norms[i] in self.lexicon.scene:
                return i
        return head.start


def together(captions: Sequence[str], phrases: Sequence[Phrase], neutral: str) -> str:
    """One caption of several: "a smiling person with long black hair, wearing a hat".

    Args:
        captions: of each claim.
        phrases: of each claim; where its caption is the one of what is there, adjectives of one noun are gathered.
        neutral: the world's neutral caption.
    """
    gathered: dict[str, list[Phrase]] = {}
    for caption, phrase in zip(captions, phrases, strict=True):
        form = phrase.gathers if caption == phrase.there else phrase.lacks
        gathered.setdefault(form or caption, []).append(phrase)
    whole = [
        _right(form.replace("{}", " ".join(p.adjectives for p in sorted(some, key=lambda p: -p.rank))))
        for form, some in gathered.items()
    ]
    noun = neutral.split()[-1]
    before = [c for c in whole if not c.startswith(f"{neutral} ")]
    adjectives = [re.sub(r"^an? ", "", c).removesuffix(f" {noun}") for c in before]
    subject = _right(f"a {', '.join(adjectives)} {noun}") if before else neutral
    if len(before) == 1 and not before[0].endswith(f" {noun}"):
        subject = before[0]
    tails: dict[str, list[str]] = {}
    for caption in whole:
        if caption.startswith(f"{neutral} "):
            word, _, rest = caption.removeprefix(f"{neutral} ").partition(" ")
            tails.setdefault(word, []).append(rest)
    ordered = sorted(tails.items(), key=lambda tail: tail[0] != "with")
    spoken = [f"{word} {_listed(rests, 'or' if word == 'without' else 'and')}" for word, rests in ordered]
    return f"{subject} {_listed(spoken, 'and')}" if spoken else subject


def _listed(words: Sequence[str], join: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {join} {words[-1]}"


def _right(caption: str) -> str:
    """A caption with every article "a" made to fit the word after it."""
    return re.sub(r"\ban? (?=(\w+))", lambda m: "an " if _VOWEL.match(m[1]) else "a ", caption)
