"""Strengths of an edit: checked, and read from text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from eclipsed.errors import InputError
from eclipsed.values.checks import shown

__all__ = ["check_alpha", "check_alphas", "check_ladder", "check_strengths", "parse_alpha", "parse_alphas"]


def check_alpha(alpha: object, *, name: str = "alpha") -> float:
    """Return a strength as a float.

    Raises:
        InputError: it is not a finite number.
    """
    try:
        if isinstance(alpha, (bool, str, bytes)) or "bool" in str(getattr(alpha, "dtype", "")) or _size(alpha):
            raise TypeError
        value = float(alpha)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InputError(f"{name} must be a finite number such as 1.0 or -0.5; got {shown(alpha)}") from None
    if not math.isfinite(value):
        raise InputError(f"{name} must be a finite number such as 1.0 or -0.5; got {value}")
    return value


def _size(value: object) -> bool:
    """Whether a value is an array of some dimensions."""
    return bool(getattr(value, "ndim", 0))


def _row(row: object, name: str) -> list[object]:
    """One row of a table of strengths."""
    given = row.tolist() if hasattr(row, "tolist") else row
    if not isinstance(given, (list, tuple)):
        raise InputError(f"{name} must be numbers, or rows of numbers, not both; got {shown(row)}")
    return list(given)


def check_alphas(alpha: object, count: int, *, name: str = "alpha") -> tuple[float, ...]:
    """Return one strength for each of `count` directions.

    Args:
        alpha: one for all, or a sequence of `count`.
    Raises:
        InputError: one is not a finite number, or there are too few or too many.
    """
    if isinstance(alpha, (list, tuple)) or getattr(alpha, "ndim", 0) == 1:
        values = tuple(check_alpha(value, name=name) for value in alpha)  # type: ignore[attr-defined]
        if len(values) != count:
            raise InputError(f"{name} must be one number, or one for each of the {count} directions; got {len(values)}")
        return values
    return (check_alpha(alpha, name=name),) * count


def check_strengths(
    alpha: object, *, directions: int, faces: int, name: str = "alpha"
) -> tuple[float | tuple[float, ...], ...]:
    """Return the strength of each direction: one number, or one for each face where they differ.

    Args:
        alpha: one for all; one for each direction; of a single direction, one for each face; or a table with a row
            for each face and a column for each direction. Lists, arrays and tensors alike.
        directions: how many there are.
        faces: how many there are.
        name: what to call it in the message.
    Raises:
        InputError: one is not a finite number, or there are too few or too many.
    """
    given = alpha.tolist() if hasattr(alpha, "tolist") else alpha
    if not isinstance(given, (list, tuple)):
        return (check_alpha(alpha, name=name),) * directions
    if any(isinstance(row, (list, tuple)) or _size(row) for row in given):
        rows = [check_alphas(_row(row, name), directions, name=name) for row in given]
        if len(rows) != faces:
            raise InputError(f"{name} must have one row for each of the {faces} faces; got {len(rows)}")
        columns = [tuple(row[index] for row in rows) for index in range(directions)]
        return tuple(column[0] if len(set(column)) == 1 else column for column in columns)
    if directions == 1 and len(given) == faces:
        values = tuple(check_alpha(value, name=name) for value in given)
        return (values[0] if len(set(values)) == 1 else values,)
    if directions == 1 and len(given) != 1 and faces > 1:
        raise InputError(f"{name} must be one number, or one for each of the {faces} faces; got {len(given)}")
    return check_alphas(given, directions, name=name)


def check_ladder(alphas: object, *, name: str = "alphas") -> tuple[float, ...]:
    """Return the strengths that something goes through: a sequence, array or tensor of at least one.

    Raises:
        InputError: it is something else, or one is not a finite number.
    """
    given = alphas.tolist() if hasattr(alphas, "tolist") else alphas
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes)) or not (values := list(given)):
        raise InputError(f"{name} must be a sequence of at least one strength; got {shown(alphas)}")
    return check_alphas(values, len(values), name=name)


def parse_alpha(text: str, *, directions: int) -> tuple[float, ...]:
    """Read the strength of an edit, ``"0.5"``, or one for each direction, ``"1.0,-0.5"``.

    Two whole numbers with a comma between them may be a fraction with a decimal comma, so they are refused.

    Args:
        text: numbers, separated by commas.
        directions: how many were named.
    Raises:
        InputError: one of them is no finite number, or it is not clear how many they are.
    """
    said = text.strip()
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", said):
        point, (first, second) = said.replace(",", "."), said.split(",")
        if directions == 1:
            raise InputError(
                f"alpha must be one number, or one for each of the 1 directions; got {said[:60]}: "
                f"a fraction has a point, {point[:60]}"
            )
        raise InputError(
            f"alpha {said[:60]} may be one number or two: write {point[:60]} with a point, or {first[:30]}.0,"
            f"{second[:30]}.0 for two directions"
        )
    return parse_alphas(text, name="alpha")


def parse_alphas(text: str, *, name: str = "alphas") -> tuple[float, ...]:
    """Read strengths such as ``"-1,0,1"``.

    Raises:
        InputError: one of them is no finite number, or has a decimal comma.
    """
    if re.search(r"(^|,)\s*[+-]0+\s*,\s*[0-9]", text):
        raise InputError(f"{name} must be numbers with a decimal point, such as -0.5; got {text[:60]!r}")
    values: list[float] = []
    for item in text.split(","):
        try:
            value = float(item)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{name} must be finite numbers such as -1,0,0.5; got {text[:60]!r}")
        values.append(value)
    return tuple(values)
