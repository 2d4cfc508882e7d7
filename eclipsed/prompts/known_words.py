"""Which words of a prompt the world knows."""

from __future__ import annotations

from functools import lru_cache

from eclipsed.prompts.binding import Binder
from eclipsed.prompts.lexicon import Lexicon
from eclipsed.prompts.spelling import BREAK, split_words

__all__ = ["is_unknown", "unknown_words"]


def unknown_words(binder: Binder) -> tuple[str, ...]:
    """The words of a prompt that neither the world nor the small words of the language have.

    Args:
        binder: of the prompt.
    Returns:
        Folded words, each once, in their order: ("zxcv",) of "zxcv hair".
    """
    return tuple(dict.fromkeys(word for i, word in enumerate(binder.norms) if is_unknown(binder, i)))


def is_unknown(binder: Binder, index: int) -> bool:
    """Whether one word of a prompt is known to neither; numbers and breaks are."""
    word, lemma = binder.norms[index], binder.parse.lemmas[index]
    if word == BREAK or word.isdigit() or word.endswith("n't"):
        return False
    return not {word, lemma} & _known(binder.lexicon)


@lru_cache(maxsize=8)
def _known(lexicon: Lexicon) -> frozenset[str]:
    """All words of a world: its vocabulary, its families, and the small words."""
    data = lexicon.world.contrasts
    lists = [entry.words for entry in lexicon.entries]
    for family in data.get("adjectives", ()):
        lists += [*family["members"], *family.get("verbs", {}).values()]
    for family in data.get("words", ()):
        lists += [m.get(form, ()) for m in family["members"] for form in ("adjective", "noun")]
    lists += [kind for family in data.get("presences", ()) for kind in family["kinds"]]
    lists += [data.get(kind, ()) for kind in ("shades", "carriers", "negations", "neutral")]
    words = {word.norm for phrases in lists for phrase in phrases for word in split_words(phrase)}
    return frozenset(words | lexicon.people | lexicon.objects | lexicon.lemmas.keys() | lexicon.small)
