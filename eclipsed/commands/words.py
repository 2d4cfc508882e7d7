"""``eclipsed words``: which words and sentences a model set understands."""

from __future__ import annotations

from textwrap import fill

from eclipsed.commands.options import Json, Models
from eclipsed.commands.terminal import result, result_json
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["words"]

_WIDTH = 100


def words(models: Models = DEFAULT_SET, as_json: Json = False) -> None:
    """List the sentences and words that a model set understands.

    Other sentences of these words work as well.
    """
    from eclipsed.prompts.vocabulary import Vocabulary

    found = Vocabulary.of_set(models)
    if as_json:
        result_json({"models": found.models, "words": found.words, "sentences": found.sentences})
        return
    for attribute, sentences in found.sentences.items():
        result(f"{attribute}:")
        result(_indented("; ".join(sentences)))
    if found.words is None:
        result(f"the CLIP of {found.models} was trained on sentences of every kind; no list of its words is kept")
        return
    result(f"the {len(found.words)} words that the CLIP of {found.models} was shown:")
    result(_indented(" ".join(found.words)))


def _indented(text: str) -> str:
    return fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
