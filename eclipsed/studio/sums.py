"""Directions of the shelf added, subtracted, and taken out of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eclipsed.errors import InputError
from eclipsed.values.checks import is_real, shown

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction
    from eclipsed.studio.engine import Engine

__all__ = ["MOST_TERMS", "read_lines", "read_names", "read_terms", "summed"]

#: directions in one sum, those that are taken out among them
MOST_TERMS = 16

_HEAVIEST = 10.0


def summed(engine: Engine, terms: Sequence[tuple[str, float]], without: Sequence[str] = ()) -> Direction:
    """Some directions of the shelf as one.

    Args:
        engine: whose shelf.
        terms: names, each with the strength at which its full edit goes in.
        without: names of those whose effect is taken out of the sum, by projection.
    Raises:
        InputError: there are none or too many, one alone would stay what it is, or a weight is 0 or out of range.
        MissingModelError: the shelf has no direction of a name.
        DirectionError: they lie in different spaces, or nothing is left.
    """
    if not 1 <= len(terms) + len(without) <= MOST_TERMS or not terms:
        raise InputError(f"expected 1 to {MOST_TERMS} directions, at least one of them to begin with; got {len(terms)}")
    for _, weight in terms:
        if not is_real(weight, -_HEAVIEST, _HEAVIEST) or not weight:
            raise InputError(
                f"a weight is a number from -{_HEAVIEST:g} to {_HEAVIEST:g} other than 0; got {shown(weight)}"
            )
    if len(terms) == 1 and terms[0][1] == 1 and not without:
        raise InputError("one direction alone stays what it is; add another, or give it another weight")
    parts = [_named(engine, name) * float(weight) for name, weight in terms]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total.without(*(_named(engine, name) for name in without)) if without else total


def _named(engine: Engine, name: str) -> Direction:
    """A direction of the shelf with the name that it has there, so that a sum is called by what people see."""
    return replace(engine.shelf.direction(name), name=name.replace("/", "-"))


def read_lines(lines: object) -> tuple[list[tuple[str, float]], list[str]]:
    """The lines of the page as `summed` takes them: terms with their weights, and what is taken out.

    Args:
        lines: ``[{"how": "plus" | "minus" | "without", "name": …, "weight": …}, …]``.
    Raises:
        InputError: they are anything else.
    """
    terms: list[tuple[str, float]] = []
    without: list[str] = []
    for line in lines if isinstance(lines, list) else []:
        data: dict[str, Any] = line if isinstance(line, dict) else {}
        how, name = data.get("how"), data.get("name")
        if how not in ("plus", "minus", "without") or not isinstance(name, str):
            raise InputError(f"a line of a sum adds, subtracts or takes out a direction; got {shown(line)}")
        if how == "without":
            without.append(name)
            continue
        weight = data.get("weight", 1.0)
        terms.append((name, -weight if how == "minus" and is_real(weight) else weight))
    return terms, without


def read_terms(weights: object) -> list[tuple[str, float]]:
    """The weights that a program sent as `summed` takes them.

    Args:
        weights: ``{"smile": 1.0, "glasses": -0.5}``.
    Raises:
        InputError: they are anything else.
    """
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise InputError(f'expected directions with their weights, such as {{"smile": 1.0}}; got {shown(weights)}')
    return list(weights.items())


def read_names(names: object) -> list[str]:
    """Names that a program sent; None is none of them.

    Raises:
        InputError: they are anything else.
    """
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"expected a list of names; got {shown(names)}")
    return names
