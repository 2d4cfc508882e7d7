"""What a sentence says: one claim for each attribute that it gives a value, there or lacking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eclipsed.prompts.binding import Binder, Found
from eclipsed.prompts.known_words import unknown_words
from eclipsed.prompts.lexicon import Term
from eclipsed.prompts.mentions import Mention, Mentions
from eclipsed.prompts.phrases import Phrase, Phrases
from eclipsed.prompts.spelling import BREAK
from eclipsed.prompts.wishes import Cue, Wishes

__all__ = ["Claim", "Key", "claims"]

#: What a claim is about: an attribute, its value, and the thing that has it where the attribute is of several. What no
#: family knows is about an entry of the lexicon, its name in brackets.
Key = tuple[str, str, str]

_NOUNS = ("part", "thing", "mark")


@dataclass(frozen=True)
class Claim:
    """One attribute with one value.

    Args:
        keys: what it is about, the most telling first.
        phrase: its words.
        start: its first word.
        end: position after its last word.
        parts: that it leads to; none where the prompt names a part elsewhere.
        lacking: it is said not to be so, or to be absent.
        absent: the word itself says that something is absent: "clean-shaven".
        last: it is said in passing where there is anything else.
        turned: the prompt says it in an order that no caption has: "hair blond", "open the mouth".
        head: first word of the noun that has it; -1 where there is none.
        thing: it is a thing that is there, not a value of a part.
        bare: the thing has neither article nor adjectives.
        verb: it is said by a noun that stands as a verb: "and smile".
        idle: it only names a part, and says nothing of it.
        at: the word that a "not" before it denies; ``start`` where it is -1.
    """

    keys: tuple[Key, ...]
    phrase: Phrase
    start: int
    end: int
    parts: tuple[str, ...] = ()
    lacking: bool = False
    absent: bool = False
    last: bool = False
    turned: bool = False
    head: int = -1
    thing: bool = False
    bare: bool = False
    verb: bool = False
    idle: bool = False
    at: int = -1

    @property
    def said_at(self) -> int:
        """The first word of its value."""
        return self.start if self.at < 0 else self.at


def claims(binder: Binder) -> tuple[Claim, ...]:
    """The claims of a prompt, from left to right; none where it is not English or says nothing that the world knows.

    Args:
        binder: of the prompt.
    Raises:
        CheckpointError: the world's ``contrasts.json`` is not what it should be.
    """
    if binder.is_foreign:
        return ()
    return _Claims(binder).found()


class _Claims:
    """Gathers the claims of one prompt."""

    def __init__(self, binder: Binder) -> None:
        self.binder, self.norms = binder, binder.norms
        self.mentions = Mentions(binder)
        self.phrases = Phrases(binder, self.mentions)
        self.wishes = Wishes(binder)
        self.parts = {f.term.start: f.parts for f in binder.found}

    def found(self) -> tuple[Claim, ...]:
        said = sorted((*self._of_mentions(), *self._of_terms()), key=lambda c: (c.start, c.end))
        said = [c for c in said if not self._is_cue(c)]
        some = [c for c in said if not c.last] or said[:1]
        some = self._without_denials(list(self._turned_round(some)))
        if self.wishes.is_command:
            some = [c for i, c in enumerate(some) if not any(_overruled(c, later) for later in some[i + 1 :])]
        some = [c for c in some if c.lacking or not c.idle] or some
        some = [
            c for c in some if not any(c.keys[0] in other.keys[1:] and c.lacking == other.lacking for other in some)
        ]
        return tuple({(c.keys[0], c.lacking): c for c in reversed(some)}.values())[::-1]

    def _without_denials(self, said: list[Claim]) -> list[Claim]:
        """The claims without those that only deny another value of what is given one: "not sad but happy"."""
        several = {family["name"] for family in self.mentions.families("presences")}

        def denied(claim: Claim, other: Claim) -> bool:
            (attribute, value, thing), (same, another, of) = claim.keys[0], other.keys[0]
            return claim.lacking and not other.lacking and (attribute, thing) == (same, of) and value != another

        gone = [c for c in said if c.keys[0][0] not in several and any(denied(c, other) for other in said)]
        return [replace(c, turned=c.turned or any(denied(g, c) for g in gone)) for c in said if c not in gone]

    # --- what is said

    def _of_mentions(self) -> Iterator[Claim]:
        spoken = self._without_doubles()
        described: dict[int, list[Mention]] = {}
        for one in spoken:
            if one.how in ("noun", "order") and one.head is not None and self._is_one(one):
                described.setdefault(one.head.start, []).append(one)
        for one in spoken:
            head = one.head
            if one.how == "presence" and head is not None:
                yield self._presence(one, described.pop(head.start, []))
            elif one.how in ("adjective", "thing"):
                yield self._word(one)
            elif not self._is_one(one):
                yield self._adjective(one)
        for start, several in described.items():  # a red shirt: no presence, one claim
            head = several[0].head
            assert head is not None
            yield self._thing(head, several, (f"[{head.entry.name}]", self._lemma(head), ""), start)

    def _without_doubles(self) -> list[Mention]:
        """The mentions, each word once: without those inside of longer ones, or said of a noun and of a person too."""
        words = [(m.start, m.end) for m in self.mentions.all if m.how in ("adjective", "thing")]
        terms = [(t.start, t.end) for t in self.binder.parse.terms]

        def inside(one: Mention) -> bool:
            longer = [*words, *terms] if one.how in ("adjective", "thing") else words
            return any(
                start <= one.start and one.end <= end and end - start > one.end - one.start for start, end in longer
            )

        described = {m.start for m in self.mentions.all if m.how in ("noun", "order")}
        return [
            m
            for m in self.mentions.all
            if not inside(m)
            and not self._of_another(m)
            and not (m.how == "presence" and m.head is not None and self.phrases.is_compound(m.head))
            and not (m.how == "adjective" and m.head is None and m.start in described)
        ]

    def _of_another(self, one: Mention) -> bool:
        """Whether a trait that says what is there describes a noun: the freckles of "freckled skin" are the skin's."""
        trait = one.head is not None and one.head.entry.kind == "trait"
        return one.how == "presence" and trait and one.start not in self.parts

    def _is_one(self, one: Mention) -> bool:
        """Whether an adjective and its noun are one claim: a red hat; red hair and hair are the part itself."""
        head = one.head
        return head is not None and head.entry.kind in ("thing", "mark") and not head.entry.made_of

    def _adjective(self, one: Mention) -> Claim:
        family, head = one.family, one.head
        own = self._own_part(one)
        coloured = self.mentions.lexicon.coloured
        thing = "" if own else self._named(head) if head is not None else coloured.of if coloured else ""
        parts = self.parts.get(head.start, ()) if head is not None else self._parts_at(one.start)
        after = head is not None and one.start >= head.end and not str(family["caption"]).endswith("{}")
        after = after and not self.norms[one.start].endswith("ing")  # "ears sticking out"
        return Claim(
            ((family["name"], one.member, thing),),
            self.phrases.adjective(one),
            min(one.start, head.start) if head is not None else one.start,
            max(one.end, head.end) if head is not None else one.end,
            parts,
            turned=after or one.how == "order" or self._compared(one),
            head=-1 if head is None else head.start,
            at=one.start,
        )

    def _own_part(self, one: Mention) -> bool:
        """Whether the family's own caption names what is meant, so that its value alone tells it: hair, not chins."""
        first = next(e for e in self.mentions.lexicon.entries if e.name == one.family["of"][0])
        caption = str(one.family["caption"]).split()
        lemmas = {self.mentions.lexicon.lemmas.get(word, word) for word in caption}
        return first.kind in ("part", "whole") and bool(lemmas & set(first.words))

    def _compared(self, one: Mention) -> bool:
        """Whether a word is a comparative: "bigger", unless it describes a person: "an older man"."""
        following = self.norms[one.end] if one.end < len(self.norms) else ""
        compared = (self.norms[i] for i in range(one.start, one.end) if self.binder.parse.lemmas[i] != self.norms[i])
        return any(w.endswith("er") for w in compared) and following not in self.mentions.lexicon.people

    def _word(self, one: Mention) -> Claim:
        name = one.family["name"]
        entry = "" if one.head is None else one.head.entry.name
        keys: tuple[Key, ...] = ((name, one.member, ""),)
        if one.how == "thing" and one.head is not None:
            keys = (*keys, (f"[{entry}]", self._lemma(one.head), ""))
        verb = one.how == "thing" and self.phrases.is_verb(one)
        head = one.head if one.how == "adjective" else None
        return Claim(
            keys,
            self.phrases.word(one),
            one.start if head is None else min(one.start, head.start),
            one.end if head is None else max(one.end, head.end),
            self._parts_at(one.start) if head is None else self.parts.get(head.start, ()),
            last=bool(one.family.get("last")),
            turned=self._compared(one),
            thing=one.how == "thing" and not verb,
            verb=verb,
            bare=self._is_bare(one.start),
        )

    def _presence(self, one: Mention, adjectives: list[Mention]) -> Claim:
        assert one.head is not None
        claim = self._thing(one.head, adjectives, (one.family["name"], one.member, ""), one.start, one)
        return replace(claim, lacking=bool(one.as_said), absent=bool(one.as_said))

    def _thing(
        self, head: Term, adjectives: list[Mention], key: Key, start: int, presence: Mention | None = None
    ) -> Claim:
        told = tuple((m.family["name"], m.member, self._named(head)) for m in adjectives if not self._own_part(m))
        told += tuple((m.family["name"], m.member, "") for m in adjectives if self._own_part(m))
        return Claim(
            (*told, key),
            self.phrases.thing(head, adjectives, presence),
            min([start, *(m.start for m in adjectives)]),
            max([head.end, *(m.end for m in adjectives)]),
            self.parts.get(head.start, ()),
            turned=not self.phrases.is_dressed(head)
            and any(m.start >= head.end or m.how == "order" or self._compared(m) for m in adjectives),
            head=head.start,
            thing=True,
            bare=self._is_bare(head.start),
        )

    def _of_terms(self) -> Iterator[Claim]:
        """Claims of what the prompt names and no family knows."""
        spoken = self._without_doubles()
        heads = {m.head.start for m in spoken if m.head is not None}
        heads |= {m.head.start for m in self.mentions.all if m.how == "presence" and m.head is not None}
        free = [
            f
            for f in self.binder.found
            if f.term.start not in heads
            and not self._is_made_up(f.term)
            and not self.phrases.is_compound(f.term)
            and not any(m.start < f.term.end and f.term.start < m.end for m in spoken)
        ]
        properties = self.mentions.lexicon.word_list("properties")  # "gender swap" gives it no value
        free = [f for f in free if f.term.entry.kind != "whole" or self.norms[f.term.end - 1] not in properties]
        whole = [f for f in free if f.term.entry.kind in ("whole", "vague")]
        for one in free:
            if one not in whole or not (spoken or self._is_somebody(one)):
                yield self._term(one)

    def _is_made_up(self, term: Term) -> bool:
        """Whether a part is only what a thing is made of: the hair of "bob hair" and "hair in a bun"."""
        return any(t.entry.made_of == term.entry.name for t in self.binder.parse.terms)

    def _is_somebody(self, one: Found) -> bool:
        return self.norms[one.term.end - 1] in self.mentions.lexicon.people

    def _term(self, one: Found) -> Claim:
        term, lemma = one.term, self._lemma(one.term)
        noun = term.entry.kind in (*_NOUNS, "vague", "scene")
        phrase = self.phrases.thing(term, [], None) if noun else self.phrases.trait(term, one.start)
        described = self.phrases.described(term) if noun else []
        lemma = " ".join([*described, lemma])
        if term.entry.kind == "part" and not described and unknown_words(self.binder):
            lemma = self.binder.parse.prompt  # "hair like fire" is not hair
        name = f"[{term.entry.name}]"
        keys: tuple[Key, ...] = ((name, lemma, ""), (name, "", ""))
        return Claim(
            keys,
            phrase,
            one.start,
            term.end,
            one.parts,
            turned=noun and bool(self.phrases.after(term)),
            head=term.start,
            thing=noun,
            bare=noun and self._is_bare(term.start),
            idle=term.entry.kind == "part" and lemma == term.entry.words[0],
        )

    def _named(self, head: Term) -> str:
        """What an adjective is said of: a kind of thing, or the very part: chins, not jaws."""
        return self._lemma(head) if head.entry.kind == "part" else head.entry.name

    def _lemma(self, term: Term) -> str:
        """The words of a term in their base forms, without articles: "bag under eye"."""
        small, lemmas = self.mentions.lexicon.determiners, self.binder.parse.lemmas
        return " ".join(lemmas[i] for i in range(term.start, term.end) if self.norms[i] not in small)

    def _parts_at(self, start: int) -> tuple[str, ...]:
        return next((f.parts for f in self.binder.found if f.term.start <= start < f.term.end), ())

    def _is_bare(self, start: int) -> bool:
        term = self.binder.parse.term_at(start)
        first = self.binder.adjectives_start(term) if term else start
        return first == start and (start == 0 or self.norms[start - 1] not in self.mentions.lexicon.determiners)

    # --- what is turned round

    def _is_cue(self, claim: Claim) -> bool:
        """Whether a claim is only the verb of a removal: the "shave" of "shave off the beard"."""
        others = [t for t in self.binder.parse.terms if t.end <= claim.start or t.start >= claim.end]
        cues = (c for c in self.wishes.cues if c.kind in ("remove", "gone"))
        return claim.absent and bool(others) and any(c.start <= claim.start and claim.end <= c.end for c in cues)

    def _turned_round(self, said: list[Claim]) -> Iterator[Claim]:
        """The claims with what the small words say of them; without those that are set aside."""
        turns = [0] * len(said)
        aside: set[int] = set()
        for cue in self.wishes.cues:
            for i in self._about(cue, said):
                turns[i] += 1
                if cue.kind == "instead":
                    aside.add(i)
        for i, claim in enumerate(said):
            if i not in aside:
                odd = bool(turns[i] % 2)
                yield replace(claim, lacking=claim.lacking ^ odd, turned=claim.turned or not odd) if turns[i] else claim

    def _about(self, cue: Cue, said: list[Claim]) -> list[int]:
        """Which claims a cue turns round."""
        if any(c.head < 0 and c.said_at <= cue.start and cue.end <= c.end for c in said):  # the "no" of "no hair"
            return []
        if cue.kind == "gone":
            gone = [i for i, c in enumerate(said) if c.end <= cue.start]
            return [i for i in gone if said[i].end == said[gone[-1]].end]
        following = [i for i, c in enumerate(said) if c.said_at >= cue.end]
        if not following or not self.wishes.reaches(cue, said[following[0]].said_at):
            return []
        chosen = following[:1]
        for i in following[1:]:
            before, claim = said[chosen[-1]], said[i]
            same = claim.head >= 0 and claim.head == before.head and cue.kind != "instead"
            parted = BREAK in self.norms[before.end : claim.said_at] and claim.said_at > claim.head
            same = same and not parted and not self.wishes.ends(before.end, claim.said_at)
            if claim.verb and cue.kind == "remove":  # "take off the hat and smile"
                break
            if not same and not self.wishes.goes_on(cue, before.end, claim.said_at, thing=claim.thing, bare=claim.bare):
                break
            chosen.append(i)
        return chosen


def _overruled(claim: Claim, later: Claim) -> bool:
    """Whether a command gives an attribute another value later on: "make the black hair red"."""
    (attribute, value, thing), (other, new, of) = claim.keys[0], later.keys[0]
    return (attribute, thing, claim.head) == (other, of, later.head) and value != new and not later.lacking
