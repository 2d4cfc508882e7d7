"""Captions of the same attribute family, used as what a prompt does not mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from eclipsed.prompts.attributes import Attributes
from eclipsed.prompts.spelling import BREAK, split_words

__all__ = ["MAX_CONTRASTS", "contrasts"]

#: The most captions that are given for one prompt.
MAX_CONTRASTS = 12
_ENOUGH = 8  # beyond these are only other values of one attribute, and none of their synonyms
_FEWEST = 2


def contrasts(attributes: Attributes) -> tuple[str, ...]:
    """The prompt with each attribute swapped for its siblings: "blond hair" gives black, brown, red hair and so on.

    Args:
        attributes: of the prompt.
    Returns:
        2 to `MAX_CONTRASTS` different captions, none of them the prompt or a synonym of it; neutral ones such as
        "a person" where the prompt has no attribute we know.
    """
    prompt = attributes.parse.prompt
    alone = len(attributes.names()) == 1
    most = min(max(_ENOUGH, attributes.values()), MAX_CONTRASTS) if alone else _ENOUGH
    found = _unique(_in_turn(attributes.families(last=False)), prompt)[:most]
    if not found:
        found = _unique(_in_turn(attributes.families(last=True)), prompt)[:_ENOUGH]
    if not found:
        found = _unique(attributes.denied(), prompt)[:_FEWEST]
    if len(found) < _FEWEST:
        found = _unique(chain(found, attributes.data["neutral"]), prompt)[: max(_FEWEST, len(found))]
    return tuple(found)


def _in_turn(streams: list[Iterator[str]]) -> Iterator[str]:
    """The first of every stream, then the second of every stream, and so on."""
    return (caption for row in zip_longest(*streams) for caption in row if caption is not None)


def _unique(captions: Iterable[str], prompt: str) -> list[str]:
    """The first captions, each once, without those that say the prompt again."""
    seen: set[tuple[str, ...]] = {_plain(prompt)}
    kept: list[str] = []
    for caption in captions:
        if len(kept) == MAX_CONTRASTS:
            break
        if _plain(caption) not in seen:
            seen.add(_plain(caption))
            kept.append(caption)
    return kept


def _plain(text: str) -> tuple[str, ...]:
    return tuple(w.norm for w in split_words(text) if w.norm != BREAK)
