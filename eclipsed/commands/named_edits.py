"""The edits that commands for photographs and films are told to make: directions with their alphas, or a stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eclipsed.commands.faces import find_directions, load_directions
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.values.alphas import parse_alpha

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction

__all__ = ["NamedEdits"]


@dataclass(frozen=True, eq=False)
class NamedEdits:
    """What a command line says, before anything is loaded.

    Args:
        files: of the directions, see `eclipsed.commands.faces.find_directions`.
        alphas: one for all directions, or one for each.
        stack: in place of both.
    """

    files: list[Path]
    alphas: tuple[float, ...]
    stack: Stack | None

    @classmethod
    def of(cls, directions: list[str] | None, alpha: str, stack: Path | None, models: str, *, what: str) -> NamedEdits:
        """Read the options.

        Args:
            directions: files or names.
            alpha: one number, or one for each direction.
            stack: file of a stack.
            models: that the directions belong to.
            what: is edited: "the photos".
        Raises:
            InputError: neither directions nor a stack, both, or alphas that do not fit.
        """
        if not directions and stack is None:
            raise InputError(f"name a direction to edit {what} with, such as blond-hair; `eclipsed directions list`")
        if stack is not None and (directions or alpha != "1.0"):
            raise InputError("a stack holds its own directions and alphas; leave them out")
        alphas = parse_alpha(alpha, directions=len(directions or ()))
        loaded = None if stack is None else Stack.load(stack)
        return cls(find_directions(directions or [], models), alphas, loaded)

    def load(self) -> Stack | list[Direction]:
        """The stack, or the directions."""
        return load_directions(self.files) if self.stack is None else self.stack

    @property
    def alpha(self) -> float | tuple[float, ...]:
        """What an `eclipsed.Editor` is told beside them: one strength, or one for each direction."""
        if self.stack is not None:
            return 1.0
        return self.alphas if len(self.alphas) > 1 else self.alphas[0]
