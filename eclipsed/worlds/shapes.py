"""Shapes of JSON values: what may stand where in the files of a world, and one sentence for what stands wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eclipsed.errors import InputError
from eclipsed.values import checks

__all__ = ["Shape", "dict_of", "flag", "form", "list_of", "number", "one_of", "record", "text", "words"]

#: Takes a value and where it stands; raises `InputError` unless the value has the shape.
Shape = Callable[[object, str], None]


def text(value: object, where: str) -> None:
    """A line of text with a letter or a number in it."""
    if not isinstance(value, str) or not value.isprintable() or not any(c.isalnum() for c in value):
        raise _wrong(where, "a text", value)


def form(value: object, where: str) -> None:
    """A sentence with one gap: ``"a person with {} hair"``."""
    gap = (
        isinstance(value, str)
        and value.isprintable()
        and value.count("{") == value.count("}") == value.count("{}") == 1
    )
    if not gap:
        raise _wrong(where, "a text with one gap {}", value)


def flag(value: object, where: str) -> None:
    """True or false."""
    checks.boolean(where, value)


def number(low: int, high: int) -> Shape:
    """A whole number, both ends allowed."""

    def check(value: object, where: str) -> None:
        checks.whole(where, value, low, high)

    return check


def one_of(*choices: object) -> Shape:
    """One of some values."""

    def check(value: object, where: str) -> None:
        if isinstance(value, bool) or value not in choices:
            raise _wrong(
                where, f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else f"{choices[0]!r}", value
            )

    return check


def list_of(shape: Shape, *, least: int = 0) -> Shape:
    """A list of values of one shape, at least so many."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        if len(value) < least:
            raise InputError(f"{where} must hold at least {least}; it holds {len(value)}")
        for index, item in enumerate(value):
            shape(item, f"{where}[{index}]")

    return check


def dict_of(shape: Shape) -> Shape:
    """An object of any keys whose values have one shape."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        for key, item in value.items():
            shape(item, _inside(where, key))

    return check


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object of known keys."""
    known = {**required, **(optional or {})}

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where or "the file", "an object", value)
        for key in value:
            if key not in known:
                raise InputError(f"{_inside(where, key)} is unknown; known here: {', '.join(known)}")
        for key in required:
            if key not in value:
                raise InputError(f"{_inside(where, key)} is missing")
        for key, item in value.items():
            known[key](item, _inside(where, key))

    return check


words: Shape = list_of(text)


def _inside(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _wrong(where: str, expected: str, value: object) -> InputError:
    return InputError(f"{where} must be {expected}; got {checks.shown(value)}")
