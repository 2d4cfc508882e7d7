"""Finders: whatever turns something into a direction."""

from __future__ import annotations

from typing import Protocol

from eclipsed.latents.direction import Direction

__all__ = ["Finder"]


class Finder(Protocol):
    """Turns something, a sentence, examples, labels, a foreign file, into a direction; `Editor.find` takes it.

    It need not care how strong the direction is: calibration finds the strength that becomes alpha = 1.
    """

    @property
    def method(self) -> str:
        """How the direction was made, in a word or two, as its file says: ``"difference of means"``."""

    def find(self) -> Direction:
        """The direction, made with `Direction.of`; not calibrated.

        Raises:
            EclipsedError: there is none to be found; says why.
        """
