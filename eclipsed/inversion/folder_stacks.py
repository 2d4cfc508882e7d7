"""The stacks of edits that every picture of a folder gets; of several each has a name, and a folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eclipsed.editing import moving
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.inversion.people import Edits
from eclipsed.latents.direction import Direction
from eclipsed.values.alphas import check_alpha, check_alphas
from eclipsed.values.checks import shown

__all__ = ["FolderEdits", "FolderStack", "check_stack_name", "folder_stacks"]

#: what every picture gets: edits, or several stacks of them by their names
FolderEdits = Stack | moving.Directions | Mapping[str, Edits]

_LONGEST = 100  # letters of a name
_PATHS = frozenset('/\\:*?"<>|')  # what no folder is called by on one system or another
_TAKEN = ("report.csv", "report.html", "table.parquet")


@dataclass(frozen=True, eq=False)
class FolderStack:
    """Edits that are made together.

    Args:
        name: folder of the results in the folder of results; "" is that itself.
        edits: directions, or a stack.
        alphas: one for each direction; none of a stack.
    """

    name: str
    edits: Sequence[Direction] | Stack
    alphas: tuple[float, ...]

    def place(self, result: str) -> str:
        """Where a result goes in the folder of results.

        Args:
            result: where it would go if there were one stack only; "" where it has no place.
        """
        return f"{self.name}/{result}" if self.name and result else result

    def facts(self) -> dict[str, Any]:
        """What tells these edits from any others, as plain JSON values."""
        if isinstance(self.edits, Stack):
            return {"stack": self.edits.to_json(), "alphas": []}
        return {"directions": [one.digest for one in self.edits], "alphas": list(self.alphas)}


def check_stack_name(name: object) -> str:
    """Return the name of a stack, if a folder of results can have it.

    Raises:
        InputError: it is no text, empty, too long, a path, begins with a dot, or is that of a report.
    """
    fits = isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable() and name == name.strip(" .")
    if not fits or not isinstance(name, str) or _PATHS & set(name) or name.casefold() in _TAKEN:
        raise InputError(
            "a stack is named by a short word, which its folder gets: no path, no dot or space at either end, "
            f"none of {', '.join(_TAKEN)}; got {shown(name)}"
        )
    return name


def folder_stacks(given: FolderEdits, alpha: float | Sequence[float], *, models: str) -> tuple[FolderStack, ...]:
    """The stacks that were asked for; of names and files the directions are loaded.

    Args:
        given: a stack, directions, or a mapping from names to such; strengths of directions may be given as a mapping.
        alpha: of all directions, or one for each; where several stacks have names, each holds its own.
        models: name of the model set in use.
    Raises:
        InputError: a name cannot be that of a folder, two are the same, or alphas do not fit.
        MissingModelError: there is no such direction.
    """
    if not isinstance(given, Mapping):
        return (_stack("", given, alpha, models),)
    if not given:
        raise InputError("name at least one stack; got none")
    if alpha != 1.0:
        raise InputError("of several stacks each holds its own alphas; leave alpha out")
    names = [check_stack_name(name) for name in given]
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"the stacks {other!r} and {name!r} would share a folder; rename one of them")
    numbers = [name for name, edits in given.items() if isinstance(edits, (int, float))]
    if numbers:
        example = {"NAME": {numbers[0]: given[numbers[0]]}}
        raise InputError(f"a stack is named with what it does, such as {example}; got a number for {numbers[0]!r}")
    return tuple(_stack(name, edits, 1.0, models) for name, edits in given.items())


def _stack(name: str, edits: Edits, alpha: float | Sequence[float], models: str) -> FolderStack:
    if isinstance(edits, Stack):
        if alpha != 1.0:
            raise InputError("a stack holds its own alphas; leave alpha out")
        return FolderStack(name, edits, ())
    if isinstance(edits, Mapping):
        strong = [(moving.directions_of(one, models=models), check_alpha(strength)) for one, strength in edits.items()]
        found = [direction for several, _ in strong for direction in several]
        if not found:
            raise InputError("expected at least one direction; got none")
        return FolderStack(name, found, tuple(strength for several, strength in strong for _ in several))
    found = moving.directions_of(edits, models=models)
    return FolderStack(name, found, check_alphas(alpha, len(found)))
