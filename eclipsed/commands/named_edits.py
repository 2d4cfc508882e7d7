"""The edits that commands for photographs and films are told to make: directions with their alphas, or stacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eclipsed.commands.faces import find_directions, load_directions
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.values.alphas import check_alpha, parse_alpha

if TYPE_CHECKING:
    from eclipsed.inversion.people import Edits
    from eclipsed.latents.direction import Direction

__all__ = ["STACK_SUFFIX", "NamedEdits", "NamedStacks", "parse_edits"]

#: what the file of a stack ends in
STACK_SUFFIX = ".json"

_FORM = "--stack takes FILE.json once, or NAME=FILE.json or NAME=DIRECTION[=ALPHA],… for each stack"


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


@dataclass(frozen=True, eq=False)
class NamedStacks:
    """Several stacks of edits by their names, before anything is loaded.

    Args:
        each: name -> a stack, or files of directions with their strengths.
    """

    each: dict[str, Stack | dict[Path, float]]

    @classmethod
    def of(cls, texts: list[str], models: str) -> NamedStacks:
        """Read the options, such as ``"blond=blond-hair=0.8,smile"`` or ``"old=old.json"``.

        Args:
            texts: one for each stack.
            models: that the directions belong to.
        Raises:
            InputError: one is not of this form, or two have one name.
            MissingModelError: there is no such direction or file.
        """
        from eclipsed.inversion.folder_stacks import check_stack_name  # brings torch

        each: dict[str, Stack | dict[Path, float]] = {}
        for text in texts:
            name, _, what = (part.strip() for part in text.partition("="))
            if not what:
                raise InputError(f"{_FORM}; got {text[:60]!r}")
            if check_stack_name(name) in each:
                raise InputError(f"--stack names {name!r} twice; give each stack a name of its own")
            if what.lower().endswith(STACK_SUFFIX):
                each[name] = Stack.load(what)
                continue
            named = parse_edits(what, option="--stack", form=_FORM, whose="one stack", text=text)
            each[name] = dict(zip(find_directions(list(named), models), named.values(), strict=True))
        return cls(each)

    def load(self) -> dict[str, Edits]:
        """Name -> a stack, or directions with their strengths."""
        found: dict[str, Edits] = {}
        for name, one in self.each.items():
            if isinstance(one, Stack):
                found[name] = one
            else:
                found[name] = dict(zip(load_directions(list(one)), one.values(), strict=True))
        return found


def parse_edits(what: str, *, option: str, form: str, whose: str, text: str) -> dict[str, float]:
    """Read names of directions with their strengths, such as ``"smile=0.7,glasses"``.

    Args:
        what: is read.
        option: that it belongs to.
        form: of the option, in a sentence.
        whose: the edits are: "one face".
        text: the option as it was given.
    Raises:
        InputError: it is not of this form, or a direction is named twice.
    """
    named: dict[str, float] = {}
    for item in what.split(","):
        name, _, strength = item.rpartition("=") if "=" in item else (item, "", "1")
        if not name.strip():
            raise InputError(f"{form}; got {text[:60]!r}")
        if name.strip() in named:
            raise InputError(f"{option} names {name.strip()} twice for {whose}; give it one strength")
        try:
            named[name.strip()] = check_alpha(float(strength))
        except ValueError:
            raise InputError(f"a strength in {option} is a finite number, as in smile=0.7; got {text[:60]!r}") from None
    return named
