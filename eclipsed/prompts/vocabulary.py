"""The words that a model set's CLIP was shown, and sentences of its world that hold no others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eclipsed.prompts.attributes import caption_of
from eclipsed.store.clips import read_vocabulary
from eclipsed.store.sets import DEFAULT_SET, find_set
from eclipsed.values.showing import facts_table
from eclipsed.worlds.world import World

__all__ = ["Vocabulary", "plain_words"]

_OTHERS = "others"


@dataclass(frozen=True)
class Vocabulary:
    """What a model set understands. `Vocabulary.of_set` reads it; no network is loaded.

    Args:
        models: name of the set.
        words: that its CLIP was shown, in alphabetical order; None where nobody wrote them down, as for CLIPs that were
            trained on sentences of every kind.
        sentences: attribute -> sentences that name its values, in words that the CLIP was shown.
    """

    models: str
    words: tuple[str, ...] | None
    sentences: Mapping[str, tuple[str, ...]] = field(hash=False)

    @classmethod
    def of_set(cls, name_or_path: str | os.PathLike[str] = DEFAULT_SET) -> Vocabulary:
        """Read the words of a model set, and the sentences of its world.

        Args:
            name_or_path: as in `find_set`.
        Raises:
            MissingModelError: there is no such set, or a file of it is missing.
            CheckpointError: the list of words, or a file of the world, cannot be read.
        """
        models = find_set(name_or_path)
        known = None if models.clip.pretrained is not None else read_vocabulary(Path(models.clip.model))
        found: dict[str, dict[str, None]] = {}
        for attribute, sentence in _captions(models.world):
            if known is None or set(plain_words(sentence)) <= known:
                found.setdefault(attribute, {})[sentence] = None
        words = None if known is None else tuple(sorted(known))
        return cls(models.name, words, {attribute: tuple(sentences) for attribute, sentences in found.items()})

    def unknown(self, sentence: str) -> tuple[str, ...]:
        """Words of a sentence that the CLIP was never shown, each once; none where that is not known."""
        if self.words is None:
            return ()
        return tuple(dict.fromkeys(word for word in plain_words(sentence) if word not in self.words))

    def __repr__(self) -> str:
        words = "any words" if self.words is None else f"{len(self.words)} words"
        return f"Vocabulary({self.models}: {words}, sentences about {', '.join(self.sentences)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentences of each attribute."""
        return facts_table(self.models, {name: "; ".join(some) for name, some in self.sentences.items()})


def plain_words(text: str) -> list[str]:
    """Words of letters, in lower case, without the 's of possession."""
    plain = re.sub(r"['’]s\b", "", text.lower())
    return re.findall(r"[^\W\d_]+", plain)


def _captions(world: World) -> Iterator[tuple[str, str]]:
    """Every attribute of a world, with a sentence for each of its values."""
    data = world.contrasts
    for family in data.get("adjectives", ()):
        skipped = family.get("skip", ())
        yield from _filled(family, family["caption"], (one[0] for one in family["members"] if one[0] not in skipped))
    for family in data.get("words", ()):
        asked = family.get("asked") or [one["name"] for one in family["members"]]
        nouns = (one["noun"][0] for one in family["members"] if one["name"] in asked and one.get("noun"))
        yield from _filled(family, data["with"], nouns)
    for family in data.get("presences", ()):
        there = [kind[0] for kind in family["kinds"]] or [family["none"]]
        yield from _filled(family, family.get("there", data["with"]), there)
    for one in world.bystanders:
        name = one["unless"][0] if one["unless"] else _OTHERS
        yield from ((name, caption) for caption in one["captions"])


def _filled(family: Mapping[str, Any], form: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((family["name"], caption_of(form, one)) for one in words)
