"""The vocabulary of faces, and the spaCy pipeline that finds it in a prompt.

`worlds/face/lexicon.json` holds it all and can be extended without code. Its parts:

- ``entries``: phrases that mean the same to us, with ``name``, ``parts`` (as `eclipsed.worlds.parts.expand` takes
  them), ``words`` and ``kind``:
  ``part`` (anatomy: hair, nose), ``thing`` (sits on a part: glasses, beard, smile), ``mark`` (takes the place it is
  said to be on: a scar on the nose), ``trait`` (an adjective that implies its part unless it describes another noun:
  blond, tanned), ``suffix`` (the end of a compound: blue-*eyed*), ``vague`` (counts only when nothing else does),
  ``scene`` (a place behind a person), ``whole`` (about the whole face) and ``nothing`` (a phrase that only looks like
  a part: "bald eagle"). Optional: ``fits`` (names of the entries a trait can describe; all if absent),
  ``predicative`` (the trait may follow its noun: "make the brows blond"), ``after`` (the word needs one of these
  before it; ``<colour>`` is any colour), ``people`` (the trait counts only before a word for a person), ``tinted``
  (the parts when a colour describes it: dark *skin*), ``sides`` (left, right, upper and lower narrow it down),
  ``home`` (a mark's own place), ``spreads`` (a mark that is on the skin around its place too: freckles on the nose).
- ``core``: the words people use most; where a slip may be one of several words it is one of these.
- ``forms``: lemma -> irregular forms. Regular plurals of nouns are added by `_plural`.
- ``guards``: common words that one slip would turn into a word of a face; never mended.
- ``colours``, ``people``, ``objects``, ``names`` and ``grammar``: closed word lists that the binding rules read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from eclipsed.prompts.spelling import Speller, Word, fold, split_words
from eclipsed.worlds.parts import expand

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.matcher import PhraseMatcher

__all__ = ["Entry", "Lexicon", "Reading", "Term", "load_lexicon"]

_NOUNS = ("part", "thing", "mark", "vague", "scene")
_TARGET_RANK = {"part": 1, "thing": 1, "mark": 1, "trait": 2, "suffix": 2}


@dataclass(frozen=True)
class Entry:
    """One entry of the lexicon; the module's docstring says what each field means."""

    name: str
    kind: str
    parts: tuple[str, ...]
    words: tuple[str, ...]
    fits: frozenset[str] | None = None
    predicative: bool = False
    after: frozenset[str] = frozenset()
    people: bool = False
    tinted: tuple[str, ...] = ()
    sides: bool = False
    spreads: bool = False
    home: str = ""


@dataclass(frozen=True)
class Term:
    """An entry found in a prompt, at words ``start`` to ``end`` (exclusive)."""

    entry: Entry
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """A prompt cut into words, with the entries found in it from left to right.

    Args:
        prompt: as given.
        words: its words and breaks.
        lemmas: the base form of each word.
        terms: entries found; they never overlap.
    """

    prompt: str
    words: tuple[Word, ...]
    lemmas: tuple[str, ...]
    terms: tuple[Term, ...]
    _starts: dict[int, Term] = field(init=False, repr=False, compare=False)
    _ends: dict[int, Term] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", {t.start: t for t in self.terms})
        object.__setattr__(self, "_ends", {t.end: t for t in self.terms})

    def term_at(self, start: int) -> Term | None:
        """The term whose first word is ``start``."""
        return self._starts.get(start)

    def term_until(self, end: int) -> Term | None:
        """The term whose last word is ``end - 1``."""
        return self._ends.get(end)

    def text(self, start: int, end: int) -> str:
        """Words ``start`` to ``end`` as they were written, in lower case."""
        return self.prompt[self.words[start].start : self.words[end - 1].end].lower()


class Lexicon:
    """The lexicon file with a spaCy pipeline built on it.

    Args:
        data: content of the lexicon file, as the module's docstring describes it.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.entries = tuple(_entry(**raw) for raw in data["entries"])
        self.forms: dict[str, list[str]] = data["forms"]
        self.core = frozenset(data["core"])
        self.guards = frozenset(data["guards"])
        self.colours = frozenset(data["colours"])
        self.people = frozenset(data["people"])
        self.objects = frozenset(data["objects"])
        self.names = frozenset(data["names"])
        grammar: dict[str, Any] = data["grammar"]
        self.sides: dict[str, str] = grammar["sides"]
        self.beside = _by_length(grammar["beside"])
        self.upon = _by_length(grammar["upon"])
        self.determiners, self.joins, self.stops, self.links, self.worn, self.scene, self.english, self.foreign = (
            frozenset(grammar[key])
            for key in ("determiners", "joins", "stops", "links", "worn", "scene", "english", "foreign")
        )

    def read(self, prompt: str) -> Reading:
        """Find the entries of the lexicon in a prompt.

        Args:
            prompt: any text.
        Returns:
            The longest phrases that match, left to right, none overlapping.
        """
        nlp, matcher = self._pipeline
        doc = nlp(prompt)
        from spacy.util import filter_spans

        spans = filter_spans(matcher(doc, as_spans=True))
        words = tuple(doc.user_data["words"])
        terms = tuple(Term(self.entries[int(s.label_)], s.start, s.end) for s in sorted(spans, key=lambda s: s.start))
        terms = tuple(t for t in terms if self._in_place(t, words))
        return Reading(prompt, words, tuple(t.lemma_ for t in doc), terms)

    @cached_property
    def lemmas(self) -> dict[str, str]:
        """Form -> lemma: the irregular forms of the file and the plurals of its nouns."""
        table = {}
        for entry in self.entries:
            if entry.kind in _NOUNS:
                for phrase in entry.words:
                    noun = fold(phrase.split()[-1])
                    table[_plural(noun)] = noun
        singular = {fold(phrase) for e in self.entries for phrase in e.words}
        table = {form: lemma for form, lemma in table.items() if form not in singular}
        table |= {form: lemma for lemma, forms in self.forms.items() for form in forms}
        return table

    @cached_property
    def speller(self) -> Speller:
        """Mends one wrong letter in the words that name or imply a part."""
        targets: dict[str, int] = {}
        known = set(self.guards | self.colours | self.people | self.objects | self.stops | self.joins | self.links)
        known |= self.determiners | self.foreign | self.english | set(self.lemmas) | set(self.forms)
        for entry in self.entries:
            for phrase in entry.words:
                words = [w.norm for w in split_words(phrase)]
                known.update(words)
                if entry.kind in _TARGET_RANK and len(words) == 1:
                    rank = 0 if words[0] in self.core else _TARGET_RANK[entry.kind]
                    targets[words[0]] = min(rank, targets.get(words[0], rank))
        for form, lemma in self.lemmas.items():
            if lemma in targets:
                rank = 0 if form in self.core else targets[lemma] + (lemma in self.core)
                targets[form] = min(rank, targets.get(form, rank))
        targets = {w: r for w, r in targets.items() if w not in self.stops | self.joins | self.links}
        return Speller(targets, known)

    @cached_property
    def _pipeline(self) -> tuple[Language, PhraseMatcher]:
        """A blank English pipeline: our tokenizer, spaCy's lookup lemmatizer over our table, a phrase matcher."""
        import spacy
        from spacy.lookups import Lookups
        from spacy.matcher import PhraseMatcher
        from spacy.tokens import Doc

        nlp = spacy.blank("en")
        mend = self.speller.mend

        def tokenize(text: str) -> Doc:
            foreign = self.is_foreign(text)
            words = [w if foreign else Word(w.text, mend(w.norm), w.start, w.end) for w in split_words(text)]
            return Doc(nlp.vocab, words=[w.norm for w in words], user_data={"words": words})

        nlp.tokenizer = tokenize
        lookups = Lookups()
        lookups.add_table("lemma_lookup", self.lemmas)
        nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize(lookups=lookups)
        matcher = PhraseMatcher(nlp.vocab, attr="LEMMA")
        for index, entry in enumerate(self.entries):
            matcher.add(str(index), list(nlp.pipe(entry.words)))
        return nlp, matcher

    def is_foreign(self, prompt: str) -> bool:
        """Whether the small words of a prompt are another language's rather than English."""
        words = [w.norm for w in split_words(prompt)]
        return sum(w in self.foreign for w in words) > sum(w in self.english for w in words)

    def _in_place(self, term: Term, words: tuple[Word, ...]) -> bool:
        """Whether a term may stand here: ``after`` is met, and it is not somebody's name."""
        word = words[term.start]
        before = words[term.start - 1].norm if term.start else ""
        after = term.entry.after
        if after and before not in after and not ("<colour>" in after and before in self.colours):
            return False
        like_a_name = term.end - term.start == 1 and word.norm in self.names and word.text.istitle()
        if not like_a_name or before in self.determiners:
            return True
        following = words[term.end].text if term.end < len(words) else ""
        return bool(following) and not (following.istitle() and fold(following) not in self.people)


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """The lexicon that ships with the package, read once."""
    return Lexicon(json.loads(files("eclipsed").joinpath("worlds/face/lexicon.json").read_text(encoding="utf-8")))


def _entry(
    *,
    name: str,
    kind: str,
    parts: list[str],
    words: list[str],
    fits: list[str] | None = None,
    predicative: bool = False,
    after: list[str] | None = None,
    people: bool = False,
    tinted: list[str] | None = None,
    sides: bool = False,
    spreads: bool = False,
    home: str = "",
) -> Entry:
    return Entry(
        name,
        kind,
        expand(parts),
        tuple(words),
        None if fits is None else frozenset(fits),
        predicative,
        frozenset(after or ()),
        people,
        expand(tinted or ()),
        sides,
        spreads,
        home,
    )


def _plural(noun: str) -> str:
    """The regular English plural."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _by_length(phrases: list[str]) -> tuple[tuple[str, ...], ...]:
    """Phrases as tuples of words, the longest first."""
    return tuple(sorted((tuple(p.split()) for p in phrases), key=len, reverse=True))
