"""What a worker is given, and how it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Death", "Make", "Turn", "Work"]

T = TypeVar("T")
R = TypeVar("R")


def _nothing() -> None:
    """Where Ctrl-C does not come."""


@dataclass(frozen=True)
class Turn:
    """How a piece of work is to be done this time.

    Args:
        less_memory: it did not fit into memory before.
        go_on: called before anything is written; raises KeyboardInterrupt after Ctrl-C.
    """

    less_memory: bool = False
    go_on: Callable[[], object] = _nothing


@dataclass(frozen=True)
class Death:
    """How a worker ended.

    Args:
        how: such as "exit code 7".
        memory: whether it may be for want of memory.
        elsewhere: it may have been another machine's end.
    """

    how: str
    memory: bool = False
    elsewhere: bool = False


Work = Callable[[T, Turn], R]
Make = Callable[[], Callable[[T, Turn], R]]
