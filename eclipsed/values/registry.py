"""Things that are known by name: built-in ones, loaded when they are first asked for, and those of a caller's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from eclipsed.errors import InputError
from eclipsed.values.checks import shown

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for.

    Args:
        what: it holds, for messages: ``"latent space"``.
        built_in: name -> ``"module:attribute"``, which is imported when the name is first asked for, so that a module
            that only checks names stays light.
    """

    def __init__(self, what: str, built_in: Mapping[str, str]) -> None:
        self.what = what
        self._built_in = dict(built_in)
        self._found: dict[str, T] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._built_in, *self._found)))

    def __len__(self) -> int:
        return len(set(self._built_in) | set(self._found))

    def __getitem__(self, name: str) -> T:
        """What a name stands for.

        Raises:
            InputError: nothing has this name; the message lists those that there are.
        """
        if name not in self:
            raise InputError(f"unknown {self.what} {shown(name)}; known: {', '.join(self)}")
        if name not in self._found:
            module, _, attribute = self._built_in[name].partition(":")
            self._found[name] = getattr(import_module(module), attribute)
        return self._found[name]

    def __delitem__(self, name: str) -> None:
        """Forget something of the caller's own.

        Raises:
            InputError: it is built in, or was never registered.
        """
        if name in self._built_in or name not in self._found:
            raise InputError(f"no {self.what} {shown(name)} was registered; what is built in stays")
        del self._found[name]

    def register(self, thing: T, *, name: str | None = None) -> T:
        """Make something of one's own known by name, so that files which name it can be read.

        Args:
            thing: what the name shall stand for; a class or function that was defined anew takes the old one's place.
            name: None takes the thing's own ``name``.
        Returns:
            `thing`, so that this can decorate a class.
        Raises:
            InputError: it has no name, or the name stands for something else.
        """
        called = self.name_of(thing) if name is None else name
        if called in self._built_in or not _is_same(self._found.get(called, thing), thing):
            raise InputError(f"the {self.what} {called!r} is there already; give yours another name")
        self._found[called] = thing
        return thing

    def name_of(self, thing: T | str) -> str:
        """What something is called: a name as it is, or the ``name`` or ``__name__`` of a thing.

        Raises:
            InputError: it has neither.
        """
        if isinstance(thing, str):
            return thing
        given: Any = thing
        name = getattr(given, "name", None) or getattr(given, "__name__", None)
        if not isinstance(name, str) or not name:
            raise InputError(f"a {self.what} of your own needs a name; got {shown(thing)}")
        return name


def _is_same(old: object, new: object) -> bool:
    """Whether two things are one, or were made by the same lines, as in a notebook cell that is run again."""
    places = [(getattr(one, "__module__", None), getattr(one, "__qualname__", id(one))) for one in (old, new)]
    return old is new or places[0] == places[1]
