"""What the terminal is told: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
import warnings
from typing import Any

from eclipsed.errors import EclipsedWarning

__all__ = ["error_json", "note", "one_line", "result", "result_json", "show_warnings"]


def one_line(text: object) -> str:
    """Any message as one line."""
    return " ".join(str(text).split())


def result(text: str = "") -> None:
    """Print a line of the result on stdout."""
    sys.stdout.write(text + "\n")


def result_json(value: Any) -> None:
    """Print a JSON value as one line on stdout."""
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def error_json(reason: object, kind: str) -> None:
    """Print why there is no result as one line of JSON on stdout, where the result would have been.

    Args:
        reason: the sentence; it becomes one line.
        kind: the name of the exception, such as ``InputError``.
    """
    result_json({"error": one_line(reason), "kind": kind})


def note(text: str) -> None:
    """Print a line about what is going on, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show_warnings() -> None:
    """Print Python warnings as one line each from now on, and none twice."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        line = one_line(message)
        if line not in said:
            said.add(line)
            note(f"warning: {line}")

    warnings.showwarning = show
    warnings.simplefilter("always", EclipsedWarning)


def _plain(value: Any) -> Any:
    """The value with what JSON lacks (nan, infinities, paths, tuples) made plain."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
