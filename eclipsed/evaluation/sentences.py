"""The sentences that methods are compared by: data, with who used them; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eclipsed.errors import InputError
from eclipsed.values.checks import not_one_of

__all__ = ["SUITES", "Sentence", "kinds", "suite"]

#: Names of the suites that there are.
SUITES = ("standard",)


@dataclass(frozen=True)
class Sentence:
    """One sentence of a suite.

    Args:
        prompt: the sentence.
        kind: what it is about: ``"hair style"``, ``"whole face"``, …
        sources: methods whose authors show an edit of this kind; empty for one of ours.
    """

    prompt: str
    kind: str
    sources: tuple[str, ...] = ()


def suite(name: str, *, world: str, only: Iterable[str] | None = None) -> tuple[Sentence, ...]:
    """The sentences of a suite.

    Args:
        name: one of `SUITES`.
        world: name of the world that is to draw them.
        only: kinds of sentences, see `kinds`; None takes all of them.
    Raises:
        InputError: there is no such suite or kind, or it is about another world.
    """
    every = _load(name)
    if every.world != world:
        raise InputError(f"the suite {name!r} is about the world {every.world!r}; the model set's is {world!r}")
    if only is None:
        return every.sentences
    chosen = tuple(only)
    for kind in chosen:
        if kind not in kinds(name):
            raise not_one_of("the kind of a sentence", kind, kinds(name))
    return tuple(one for one in every.sentences if one.kind in chosen)


def kinds(name: str) -> tuple[str, ...]:
    """What the sentences of a suite are about, in their order.

    Raises:
        InputError: there is no such suite.
    """
    return tuple(dict.fromkeys(one.kind for one in _load(name).sentences))


@dataclass(frozen=True)
class _Suite:
    world: str
    sentences: tuple[Sentence, ...]


@cache
def _load(name: str) -> _Suite:
    if name not in SUITES:
        raise not_one_of("the suite", name, SUITES)
    data = json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))
    sources = data["sources"]
    sentences = (
        Sentence(row["prompt"], row["kind"], tuple(sources[short] for short in row["sources"]))
        for row in data["sentences"]
    )
    return _Suite(data["world"], tuple(sentences))
