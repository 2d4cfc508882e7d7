"""Whether a world is whole: what is missing or contradictory in its files, and in how its own sentences are read."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eclipsed.prompts.attributes import Attributes, caption_of
from eclipsed.prompts.binding import Binder, bind
from eclipsed.prompts.known_words import unknown_words
from eclipsed.prompts.lexicon import NOUNS, Lexicon, load_lexicon, plural
from eclipsed.prompts.region import Region
from eclipsed.worlds.faults import families_of
from eclipsed.worlds.inspection import Inspection, WorldFault, inspect_world
from eclipsed.worlds.layouts import FILES
from eclipsed.worlds.sound import names_in
from eclipsed.worlds.world import World

__all__ = ["WorldCheck", "check_world"]

_WORLD, _LEXICON, _CONTRASTS, _BYSTANDERS = FILES


@dataclass(frozen=True)
class WorldCheck:
    """What `check_world` found.

    Args:
        folder: of the world.
        faults: all that is wrong, in the order of the files; none where the world is whole.
        parts: how many parts there are.
        groups: how many groups of parts.
        words: how many words and phrases lead to an entry.
        contrasts: how many families of attributes.
        bystanders: how many attributes a prompt may leave alone.
    """

    folder: Path
    faults: tuple[WorldFault, ...]
    parts: int
    groups: int
    words: int
    contrasts: int
    bystanders: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def check_world(folder: str | os.PathLike[str]) -> WorldCheck:
    """Say all that is missing or contradictory in a world, in one go.

    Args:
        folder: of the world, or the name of one that comes with the package.
    Returns:
        One sentence for each fault, and how much there is. What is wrong is left out and the rest looked at all the
        same; of sentences that have words of what was left out nothing is said.
    Raises:
        InputError: there is no such folder.
    """
    found = inspect_world(folder)
    faults = [*found.faults, *_read_aloud(found)]
    faults.sort(key=lambda one: FILES.index(one.file))
    world, lexicon, contrasts = (_object(found.given.get(file)) for file in (_WORLD, _LEXICON, _CONTRASTS))
    entries = [one for one in _list(lexicon.get("entries")) if isinstance(one, dict)]
    return WorldCheck(
        found.folder,
        tuple(dict.fromkeys(faults)),
        len(_list(world.get("parts"))),
        len(_object(world.get("groups"))),
        sum(len(_list(one.get("words"))) for one in entries),
        sum(len(names_in(contrasts, kind)) for kind in ("adjectives", "words", "presences")),
        len(_list(found.given.get(_BYSTANDERS))),
    )


def _read_aloud(found: Inspection) -> list[WorldFault]:
    """What the reading of the world's own words and sentences shows."""
    if not found.sound:
        return []
    with tempfile.TemporaryDirectory() as folder:
        for file, content in found.sound.items():
            (Path(folder) / file).write_text(json.dumps(content), encoding="utf-8")
        world = World.load(folder)
        reader = _Reader(world, found.doubtful)
        return [
            *(WorldFault(_WORLD, text) for text in reader.texts()),
            *(WorldFault(_LEXICON, text) for text in reader.words()),
            *(WorldFault(_CONTRASTS, text) for text in reader.families()),
            *(WorldFault(_CONTRASTS, text) for text in reader.alike()),
            *(WorldFault(_BYSTANDERS, text) for text in reader.bystanders()),
        ]


class _Reader:
    """Reads the words and sentences of a world as prompts are read.

    Args:
        world: whose they are.
        doubtful: words of which nothing can be said.
    """

    def __init__(self, world: World, doubtful: frozenset[str]) -> None:
        self._world, self._doubtful = world, doubtful
        self._lexicon: Lexicon = load_lexicon(world)

    def texts(self) -> Iterator[str]:
        """The neutral caption and the example."""
        yield from self._unknown("neutral", self._world.neutral)
        example = self._world.example
        yield from self._unknown("the example", example)
        if self._is_sure(example) and Region.from_binder(bind(example, self._world)).whole_face:
            yield f"the example {example!r} names no part; show a sentence that does"

    def words(self) -> Iterator[str]:
        """Words of the lexicon that a prompt does not find."""
        places = Counter(_plain(word) for entry in self._lexicon.entries for word in entry.words)
        yield from self._plurals()
        for entry in self._lexicon.entries:
            for word in entry.words:
                if places[_plain(word)] > 1 or not self._is_sure(word):
                    continue  # said already, or uncertain
                before = ["red" if one == "<colour>" else one for one in sorted(entry.after)]
                sentences = [word, *(f"{one} {word}" for one in before)]
                met = [[term.entry for term in self._lexicon.parse(sentence).terms] for sentence in sentences]
                if any(entry in some for some in met):
                    continue
                other = next((one.name for some in met for one in some), None)
                what = f"the word {word!r} of the entry {entry.name!r}"
                if other is not None:
                    yield f"{what} is read as one of the entry {other!r}, which shadows it; take it out of one of them"
                else:
                    yield f"{what} is never found in a sentence; spell it, and what it stands after, as people do"

    def _plurals(self) -> Iterator[str]:
        """Words that stand where the plural of another entry's word would be."""
        owners = {_plain(word): entry.name for entry in self._lexicon.entries for word in entry.words}
        for entry in self._lexicon.entries:
            for word in entry.words if entry.kind in NOUNS else ():
                many = plural(_plain(word))
                if owners.get(many, entry.name) != entry.name:
                    yield (
                        f"the word {many!r} of the entry {owners[many]!r} shadows the plural of {word!r} of the entry "
                        f"{entry.name!r}; take it out of one of them"
                    )

    def families(self) -> Iterator[str]:
        """Captions of the values of attributes."""
        for path, family in families_of(self._world.contrasts):
            captions = list(dict.fromkeys(self._captions(str(path[0]), family)))
            what = f"the family {family['name']!r}"
            for caption in captions:
                yield from self._unknown(what, caption)
            said = [*captions, *self._other_sentences(str(path[0]), family)]
            if captions and all(map(self._is_sure, captions)) and not any(self._names(one, family) for one in said):
                yield (
                    f"{what}: no sentence such as {captions[0]!r} is read as one of it; say there one of its words "
                    "beside a word of the entries that it is of"
                )

    def alike(self) -> Iterator[str]:
        """Captions that name the same to whoever looks less closely."""
        for caption in dict.fromkeys(one for some in self._world.contrasts.get("alike", ()) for one in some):
            yield from self._unknown("alike", caption)

    def bystanders(self) -> Iterator[str]:
        """Captions of what a prompt may leave alone."""
        for one in self._world.bystanders:
            what = f"the bystander {one['captions'][0]!r}"
            for caption in one["captions"]:
                strange = list(self._unknown(what, caption))
                yield from strange
                binder = bind(caption, self._world)
                nothing = not Region.from_binder(binder).matches and not Attributes(binder).names()
                if nothing and not strange and self._is_sure(caption):
                    yield f"{what}: the caption {caption!r} names nothing that the world knows; name a part in it"

    def _captions(self, kind: str, family: Mapping[str, Any]) -> Iterator[str]:
        """Sentences that name the values of a family."""
        data = self._world.contrasts
        if kind == "adjectives":
            yield from (caption_of(family["caption"], one[0]) for one in family["members"])
        elif kind == "words":
            for one in family["members"]:
                yield from (caption_of(data["with"], said) for said in one.get("noun", ())[:1])
                yield from (self._described(said) for said in one.get("adjective", ())[:1])
                yield from ([one["caption"]] if "caption" in one else [])
        else:
            there = [some[0] for some in family["kinds"]] or [family["none"]]
            yield from (caption_of(family.get("there", data["with"]), one) for one in there)
        yield from family.get("gone", ())
        yield from family.get("opposites", {}).values()

    def _other_sentences(self, kind: str, family: Mapping[str, Any]) -> Iterator[str]:
        """Sentences that speak of a family, if its captions do not."""
        described = [one.words[0] for one in self._lexicon.entries if one.name in family.get("of", ())]
        if kind == "adjectives":
            yield from (f"{one[0]} {noun}" for noun in described for one in family["members"])
        elif kind == "presences":
            only = family.get("only", ())
            yield from (caption_of(self._world.contrasts["with"], one) for one in (*only, *described))
            yield from (self._described(one) for one in (*only, *described))

    def _described(self, adjective: str) -> str:
        """The neutral caption with an adjective."""
        article, _, noun = self._world.neutral.rpartition(" ")
        return f"{article} {adjective} {noun}".strip()

    def _names(self, sentence: str, family: Mapping[str, Any]) -> bool:
        return family["name"] in Attributes(bind(sentence, self._world)).names()

    def _unknown(self, what: str, caption: str) -> Iterator[str]:
        binder: Binder = bind(caption, self._world)
        strange = [word for word in unknown_words(binder) if word not in self._doubtful]
        if strange:
            told = ", ".join(f"{word!r}" for word in strange)
            yield f"{what}: the caption {caption!r} has words that the world does not know ({told}); give them an entry"

    def _is_sure(self, text: str) -> bool:
        return not self._doubtful & set(text.lower().split())


def _plain(word: str) -> str:
    return " ".join(word.lower().split())


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
