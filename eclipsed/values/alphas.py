"""Strengths of an edit: checked, and read from text."""

from __future__ import annotations

import math

from eclipsed.errors import InputError

__all__ = ["check_alpha", "check_alphas", "parse_alphas"]


def check_alpha(alpha: object, *, name: str = "alpha") -> float:
    """Return a strength as a float.

    Raises:
        InputError: it is not a finite number.
    """
    try:
        if isinstance(alpha, (bool, str, bytes)):
            raise TypeError
        value = float(alpha)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} must be a finite number such as 1.0 or -0.5; got {alpha!r}") from None
    if not math.isfinite(value):
        raise InputError(f"{name} must be a finite number such as 1.0 or -0.5; got {value}")
    return value


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


def parse_alphas(text: str, *, name: str = "alphas") -> tuple[float, ...]:
    """Read strengths such as ``"-1,0,1"``.

    Raises:
        InputError: one of them is no finite number.
    """
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
