"""Commands that only read text start in a second: nothing of theirs loads torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec

__all__ = ["light_start"]

#: commands that compute nothing
_TEXT_ONLY = ("region",)


class _Absent(MetaPathFinder):
    """Says of one package that it is not installed.

    Args:
        package: its name.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None, /) -> ModuleSpec | None:
        """Where a module is; this package is nowhere, and of all others nothing is known."""
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"{name} is left out of this command", name=name)
        return None


@contextmanager
def light_start(words: Sequence[str]) -> Iterator[None]:
    """Let a command that only reads text run without torch, which spaCy imports wherever it finds it.

    spaCy then believes for good that there is no torch, so this is for a process that ends with its command. Where
    torch is loaded already, nothing is hidden.

    Args:
        words: of the command line.
    """
    if "torch" in sys.modules or not words or words[0] not in _TEXT_ONLY:
        yield
        return
    absent = _Absent("torch")
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
