"""What the terminal is told: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import math
import sys
import warnings
from typing import TYPE_CHECKING, Any, TextIO

from eclipsed.errors import EclipsedWarning

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "error_json",
    "keep_printing",
    "note",
    "one_line",
    "result",
    "result_json",
    "result_table",
    "show_warnings",
]

#: signs of ours that a console of few letters shows by others
_NEAR = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{MIDDLE DOT}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    }
)


def one_line(text: object) -> str:
    """Any message as one line."""
    return " ".join(str(text).split())


def result(text: str = "") -> None:
    """Print a line of the result on stdout."""
    _write(sys.stdout, text)


def result_table(table: RenderableType) -> None:
    """Print a table of rich's on stdout."""
    from rich.console import Console

    console = Console()
    with console.capture() as drawn:
        console.print(table)
    result(drawn.get().removesuffix("\n"))


def result_json(value: Any) -> None:
    """Print a JSON value as one line on stdout; in ASCII where stdout cannot do more."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)
    if not _takes(sys.stdout, text):
        text = json.dumps(_plain(value), ensure_ascii=True, allow_nan=False)
    _write(sys.stdout, text)
    if sys.stdout is not None:
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
    _write(sys.stderr, text)
    if sys.stderr is not None:
        sys.stderr.flush()


def keep_printing() -> None:
    """Let stdout and stderr take any text from now on, whoever prints: what they cannot show is written as a number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


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


def _write(stream: TextIO | None, text: str) -> None:
    """Write a line so that the stream can take it: signs it lacks as near ones, letters it lacks as numbers."""
    if stream is None:  # a program without a console, as pythonw's
        return
    if not _takes(stream, text):
        encoding = stream.encoding or "ascii"
        text = text.translate(_NEAR).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text + "\n")


def _takes(stream: TextIO | None, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """The value with what JSON lacks (nan, infinities, paths, tuples) made plain."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
