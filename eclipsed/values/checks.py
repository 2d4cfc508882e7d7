"""One check for each kind of value that people give, with one form of message; and fields that carry their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import field, fields
from functools import partial
from numbers import Integral, Real
from types import FunctionType
from typing import Any, TypeGuard, TypeVar

from eclipsed.errors import InputError

__all__ = [
    "boolean",
    "checked_fields",
    "is_real",
    "is_whole",
    "not_one_of",
    "one_of",
    "option",
    "portable",
    "real",
    "shown",
    "whole",
]

_T = TypeVar("_T")
_LONGEST = 60  # characters of a value that a message repeats


def is_whole(value: object, low: float = -math.inf, high: float = math.inf) -> TypeGuard[int]:
    """Whether a value is an integer, numpy's too but no bool, from `low` to `high`, both allowed."""
    return isinstance(value, Integral) and not isinstance(value, bool) and bool(low <= int(value) <= high)


def is_real(value: object, low: float = -math.inf, high: float = math.inf) -> TypeGuard[float]:
    """Whether a value is a finite number, numpy's too but no bool, from `low` to `high`, both allowed."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return False
    return math.isfinite(number) and low <= number <= high


def whole(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> int:
    """Return a whole number as an int.

    Args:
        name: what to call it in the message.
        value: any integer, numpy's too, but not a bool.
        low: the lowest that is allowed.
        high: the highest that is allowed.
    Raises:
        InputError: it is something else, or out of range.
    """
    if not is_whole(value, low, high):
        raise InputError(f"{name} must be a whole number{_range(low, high, 'd')}; got {shown(value)}")
    return int(value)


def real(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite number as a float.

    Args:
        name: what to call it in the message.
        value: any number, numpy's too, but not a bool, not infinite and not nan.
        low: the lowest that is allowed.
        high: the highest that is allowed.
    Raises:
        InputError: it is something else, or out of range.
    """
    if not is_real(value, low, high):
        raise InputError(f"{name} must be a number{_range(low, high, 'g')}; got {shown(value)}")
    return float(value)


def one_of(name: str, value: _T, choices: Iterable[_T]) -> _T:
    """Return a value that is one of a few.

    Args:
        name: what to call it in the message.
        value: anything.
        choices: what is allowed, in the order in which the message names them.
    Raises:
        InputError: it is none of them.
    """
    known = list(choices)
    if value not in known:
        raise not_one_of(name, value, known)
    return value


def not_one_of(name: str, value: object, choices: Iterable[object]) -> InputError:
    """The error of a value that is none of a few, for whoever finds that out by looking it up; see `one_of`."""
    return InputError(f"{name} must be one of {', '.join(map(str, choices))}; got {shown(value)}")


def boolean(name: str, value: object) -> bool:
    """Return a value that is true or false, and not merely something like it.

    Args:
        name: what to call it in the message.
        value: anything.
    Raises:
        InputError: it is no bool.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false; got {shown(value)}")
    return value


def option(default: Any, check: Callable[..., Any], *bounds: Any, optional: bool = False) -> Any:
    """A field of a dataclass with its default and, in its metadata, the check that `checked_fields` makes.

    >>> steps: int = option(120, whole, 1, 1_000_000)

    Args:
        default: the field's default.
        check: called with the field's name, its value and `bounds`; returns the value to keep, or raises.
        bounds: see `check`.
        optional: None is allowed too.
    """
    return field(default=default, metadata={"check": check, "bounds": bounds, "optional": optional})


def checked_fields(instance: Any) -> None:
    """Check every field that was declared with `option`, and keep what its check returns; frozen dataclasses too.

    Args:
        instance: of a dataclass, from its ``__post_init__``.
    Raises:
        InputError: a value is of the wrong kind or out of range; the message names the field.
    """
    for one in fields(instance):
        value = getattr(instance, one.name)
        if "check" not in one.metadata or (value is None and one.metadata["optional"]):
            continue
        object.__setattr__(instance, one.name, one.metadata["check"](one.name, value, *one.metadata["bounds"]))


def shown(value: object) -> str:
    """A value as a message repeats it: on one line, and cut short when it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a huge {type(value).__name__}"
    text = " ".join(text.split())  # an array's is of many lines
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _range(low: float, high: float, form: str) -> str:
    """The bounds in words, `form` being how a bound is written."""
    first = "" if low == -math.inf else f" from {low:{form}}"
    return first + ("" if high == math.inf else f" to {high:{form}}")


def portable(what: str, function: object, instead: str) -> None:
    """Raise unless a function that somebody gave can go to another process.

    Args:
        what: it does, to call it in messages: "what loads the parser".
        function: to check.
        instead: what to give in its place.
    Raises:
        InputError: it is a lambda, or stands inside another function.
    """
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, FunctionType) and "<" in function.__qualname__:  # <lambda>, <locals>
        name = function.__qualname__
        raise InputError(f"{what} is {name}, which cannot go to another process; give {instead}")
