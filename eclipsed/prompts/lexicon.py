"""The vocabulary of a world, and the spaCy pipeline that finds it in a prompt.

The words of a world are in its ``lexicon.json`` (see `eclipsed.worlds.layouts`), those of the language in
``english.json`` here: ``colours``, and the closed word lists that the binding rules read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.prompts.spelling import Speller, Word, fold, split_words
from eclipsed.worlds.world import World

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.matcher import PhraseMatcher

__all__ = ["NOUNS", "Coloured", "Entry", "Lexicon", "Parse", "Term", "load_lexicon", "plural"]

#: Kinds of entries whose words are nouns, so that they have a plural.
NOUNS = ("part", "thing", "mark", "vague", "scene")
_TARGET_RANK = {"part": 1, "thing": 1, "mark": 1, "trait": 2, "suffix": 2}


@dataclass(frozen=True)
class Entry:
    """One entry of the lexicon; `eclipsed.worlds.layouts` says what each field means."""

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
    spreads: frozenset[str] = frozenset()
    home: str = ""
    caption: str = ""
    made_of: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Coloured:
    """A colour that stands for a part by itself: that of the clothes in "a woman in red".

    Args:
        entry: the artificial entry that such a colour is found as.
        of: name of the entry whose colour it is.
        dressed: words that say so without a person.
    """

    entry: Entry
    of: str
    dressed: frozenset[str]


@dataclass(frozen=True)
class Term:
    """An entry found in a prompt, at words ``start`` to ``end`` (exclusive)."""

    entry: Entry
    start: int
    end: int


@dataclass(frozen=True)
class Parse:
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
    """The words of a world with a spaCy pipeline built on them.

    Args:
        world: whose lexicon it is.
    Raises:
        CheckpointError: the world's ``lexicon.json`` is not what it should be.
    """

    def __init__(self, world: World) -> None:
        data, language = world.lexicon, _english()
        self.world = world
        self.entries = tuple(_entry(raw, world) for raw in data["entries"])
        self.forms: dict[str, list[str]] = data.get("forms", {})
        self.core, self.guards, self.people, self.impersonal, self.objects, self.names, self.mass = (
            frozenset(data.get(key, ()))
            for key in ("core", "guards", "people", "impersonal", "objects", "names", "mass")
        )
        self.coloured = _coloured(data["coloured"], world) if "coloured" in data else None
        self.sides: dict[str, str] = language["sides"]
        self.beside = _by_length(language["beside"])
        self.upon = _by_length(language["upon"])
        self.colours, self.determiners, self.joins, self.stops, self.links, self.worn, self.scene = (
            frozenset(language[key]) for key in ("colours", "determiners", "joins", "stops", "links", "worn", "scene")
        )
        self.english, self.foreign = frozenset(language["english"]), frozenset(language["foreign"])

    def parse(self, prompt: str) -> Parse:
        """Find the entries of the lexicon in a prompt.

        Args:
            prompt: any text.
        Returns:
            The longest phrases that match, left to right, none overlapping.
        """
        nlp, matcher = self._pipeline
        doc = nlp(prompt)
        from spacy.util import filter_spans

        words = tuple(doc.user_data["words"])
        spans = filter_spans([s for s in matcher(doc, as_spans=True) if not self._runs_on(s.start, s.end, words)])
        terms = tuple(Term(self.entries[int(s.label_)], s.start, s.end) for s in sorted(spans, key=lambda s: s.start))
        terms = tuple(t for t in terms if self._in_place(t, words))
        return Parse(prompt, words, tuple(t.lemma_ for t in doc), terms)

    @cached_property
    def lemmas(self) -> dict[str, str]:
        """Form -> lemma: the irregular forms of the file and the plurals of its nouns."""
        table = {}
        for entry in self.entries:
            if entry.kind in NOUNS:
                for phrase in entry.words:
                    noun = fold(phrase.split()[-1])
                    table[plural(noun)] = noun
        singular = {fold(phrase) for e in self.entries for phrase in e.words}
        table = {form: lemma for form, lemma in table.items() if form not in singular}
        known = singular | set(table) | self.guards | self.people | self.objects
        described = {m for f in self.world.contrasts.get("adjectives", ()) for some in f["members"] for m in some}
        compared = {form: fold(word) for word in described if word.isalpha() for form in _compared(fold(word))}
        table |= {form: word for form, word in compared.items() if form not in known and word not in self.forms}
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
        """A blank English pipeline: our tokenizer, spaCy's lookup lemmatizer over our table, a phrase matcher.

        Importing spaCy imports torch where that is installed: thinc, its foundation, looks for it and has no switch.
        """
        import spacy
        from spacy.lookups import Lookups
        from spacy.matcher import PhraseMatcher
        from spacy.tokens import Doc

        nlp = spacy.blank("en")
        mend = self.speller.mend

        def tokenize(text: str) -> Doc:
            foreign = self.is_foreign(text)
            apart = [part for w in split_words(text) for part in self._parted(w)]
            words = [w if foreign else Word(w.text, mend(w.norm), w.start, w.end) for w in apart]
            return Doc(nlp.vocab, words=[w.norm for w in words], user_data={"words": words})

        nlp.tokenizer = tokenize
        lookups = Lookups()
        lookups.add_table("lemma_lookup", self.lemmas)
        nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize(lookups=lookups)
        matcher = PhraseMatcher(nlp.vocab, attr="LEMMA")
        for index, entry in enumerate(self.entries):
            matcher.add(str(index), list(nlp.pipe(entry.words)))
        return nlp, matcher

    @cached_property
    def _single(self) -> dict[str, bool]:
        """The single words of the entries -> whether they are things that can lack."""
        names = {fold(p): e.kind in ("thing", "mark") for e in self.entries for p in e.words if p.isalpha()}
        return names | {form: names.get(lemma, False) for form, lemma in self.lemmas.items() if form not in names}

    def _parted(self, word: Word) -> tuple[Word, ...]:
        """A word that says that a thing lacks as two words: "glassless" is "glasses less"."""
        stem = word.norm.removesuffix("less")
        named = next((form for form in (stem, f"{stem}es", f"{stem}s") if self._single.get(form)), "")
        if stem == word.norm or not named or word.norm in self._single or word.norm in self.guards:
            return (word,)
        cut = word.end - len("less")
        return Word(word.text[: -len("less")], named, word.start, cut), Word(
            word.text[-len("less") :], "less", cut, word.end
        )

    def _runs_on(self, start: int, end: int, words: tuple[Word, ...]) -> bool:
        """Whether a phrase's last word begins a preposition: the "hair down" of "hair down to the waist"."""
        last = tuple(w.norm for w in words[end - 1 : end + 1])
        return end - start > 1 and len(last) > 1 and last in self.beside

    @cached_property
    def small(self) -> frozenset[str]:
        """Every word of the language's lists, that of foreign words aside."""
        listed = (value for key, value in _english().items() if key != "foreign")
        return frozenset(word for phrases in listed for phrase in phrases for word in phrase.split())

    @cached_property
    def function(self) -> frozenset[str]:
        """The small words that are part of no name for a thing."""
        lists = ("nots", "none", "without", "wishes", "polite", "carried", "enders", "modals")
        words = {phrase for name in lists for phrase in _english()[name]}
        return frozenset(words | self.determiners | self.joins | self.stops | {"less", "fewer", "more", "much"})

    def phrases(self, name: str) -> tuple[tuple[str, ...], ...]:
        """One of the language's lists of phrases, as words, the longest first: "asks", "removals"."""
        return _phrases(name)

    def word_list(self, name: str) -> frozenset[str]:
        """One of the language's lists of single words: "enders"."""
        return _words(name)

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


@lru_cache(maxsize=8)
def load_lexicon(world: World) -> Lexicon:
    """The lexicon of a world, built once."""
    return Lexicon(world)


@cache
def _english() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("english.json").read_text(encoding="utf-8"))
    return data


@cache
def _phrases(name: str) -> tuple[tuple[str, ...], ...]:
    return _by_length(_english()[name])


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(_english()[name])


def _entry(raw: Mapping[str, Any], world: World) -> Entry:
    return Entry(
        raw["name"],
        raw["kind"],
        world.expand(raw["parts"]),
        tuple(raw["words"]),
        None if "fits" not in raw else frozenset(raw["fits"]),
        raw.get("predicative", False),
        frozenset(raw.get("after", ())),
        raw.get("people", False),
        world.expand(raw.get("tinted", ())),
        raw.get("sides", False),
        frozenset(world.expand(raw.get("spreads", ()))),
        raw.get("home", ""),
        raw.get("caption", ""),
        raw.get("made_of", ""),
        raw.get("absent", ""),
    )


def _coloured(raw: Mapping[str, Any], world: World) -> Coloured:
    entry = Entry(raw["name"], "thing", world.expand(raw["parts"]), ())
    return Coloured(entry, raw["entry"], frozenset(raw.get("dressed", ())))


def plural(noun: str) -> str:
    """The regular English plural."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _compared(adjective: str) -> tuple[str, str]:
    """The regular comparative and superlative of a short adjective: "rounder", "slimmest"."""
    stem = adjective.removesuffix("e")
    if re.search(r"[^aeiou]y$", adjective):
        stem = adjective[:-1] + "i"
    elif re.search(r"[^aeiou][aeiou][^aeiouwxy]$", adjective):
        stem = adjective + adjective[-1]
    return stem + "er", stem + "est"


def _by_length(phrases: list[str]) -> tuple[tuple[str, ...], ...]:
    """Phrases as tuples of words, the longest first."""
    return tuple(sorted((tuple(p.split()) for p in phrases), key=len, reverse=True))
