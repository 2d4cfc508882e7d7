"""Shapes of JSON values: what may stand where in the files of a world, and one sentence for all that stands wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from eclipsed.errors import InputError
from eclipsed.values import checks

__all__ = [
    "Fault",
    "Path",
    "Shape",
    "dict_of",
    "flag",
    "form",
    "list_of",
    "number",
    "one_of",
    "record",
    "text",
    "words",
]

#: Keys and indices from the top of a file down to a value.
Path = tuple[str | int, ...]

#: Where something stands wrongly, and a sentence that says so.
Fault = tuple[Path, str]

#: Takes a value and where it stands; gives every fault, the first one first.
Shape = Callable[[object, Path], Iterator[Fault]]


def text(value: object, path: Path) -> Iterator[Fault]:
    """A line of text with a letter or a number in it."""
    if not isinstance(value, str) or not value.isprintable() or not any(c.isalnum() for c in value):
        yield _wrong(path, "a text", value)


def form(value: object, path: Path) -> Iterator[Fault]:
    """A sentence with one gap: ``"a person with {} hair"``."""
    gap = (
        isinstance(value, str)
        and value.isprintable()
        and value.count("{") == value.count("}") == value.count("{}") == 1
    )
    if not gap:
        yield _wrong(path, "a text with one gap {}", value)


def flag(value: object, path: Path) -> Iterator[Fault]:
    """True or false."""
    try:
        checks.boolean(_where(path), value)
    except InputError as error:
        yield path, str(error)


def number(low: int, high: int) -> Shape:
    """A whole number, both ends allowed."""

    def check(value: object, path: Path) -> Iterator[Fault]:
        try:
            checks.whole(_where(path), value, low, high)
        except InputError as error:
            yield path, str(error)

    return check


def one_of(*choices: object) -> Shape:
    """One of some values."""

    def check(value: object, path: Path) -> Iterator[Fault]:
        if isinstance(value, bool) or value not in choices:
            expected = f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else f"{choices[0]!r}"
            yield _wrong(path, expected, value)

    return check


def list_of(shape: Shape, *, least: int = 0) -> Shape:
    """A list of values of one shape, at least so many."""

    def check(value: object, path: Path) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield _wrong(path, "a list", value)
            return
        if len(value) < least:
            yield path, f"{_where(path)} must hold at least {least}; it holds {len(value)}"
        for index, item in enumerate(value):
            yield from shape(item, (*path, index))

    return check


def dict_of(shape: Shape) -> Shape:
    """An object of any keys whose values have one shape."""

    def check(value: object, path: Path) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong(path, "an object", value)
            return
        for key, item in value.items():
            yield from shape(item, (*path, key))

    return check


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object of known keys."""
    known = {**required, **(optional or {})}

    def check(value: object, path: Path) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong(path, "an object", value)
            return
        for key in value:
            if key not in known:
                yield (*path, key), f"{_where((*path, key))} is unknown; known here: {', '.join(known)}"
        for key in required:
            if key not in value:
                yield (*path, key), f"{_where((*path, key))} is missing"
        for key, item in value.items():
            if key in known:
                yield from known[key](item, (*path, key))

    return check


words: Shape = list_of(text)


def _where(path: Path) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".") or "the file"


def _wrong(path: Path, expected: str, value: object) -> Fault:
    return path, f"{_where(path)} must be {expected}; got {checks.shown(value)}"
