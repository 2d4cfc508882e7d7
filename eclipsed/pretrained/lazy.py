"""Networks that are loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from types import FunctionType
from typing import Any, Generic, TypeVar, cast

from eclipsed.errors import InputError
from eclipsed.values.checks import portable, shown

__all__ = ["Lazy"]

_T = TypeVar("_T")
_NOTHING = object()  # None may be what was loaded


class Lazy(Generic[_T]):
    """One thing that is loaded when it is first asked for, and once, however many threads ask.

    Args:
        load: makes it. When it fails its error goes to who asked, and who asks next tries again.
    """

    def __init__(self, load: Callable[[], _T]) -> None:
        self._load = load
        self._found: object = _NOTHING
        self._lock = RLock()  # a function that asks for what it loads fails by itself, and does not hang

    @classmethod
    def of(
        cls,
        what: str,
        given: _T | Callable[[], _T],
        *kinds: type,
        allowed: str = "one, or a function that loads it",
    ) -> Lazy[_T]:
        """What a caller gave: the thing itself, or a function that loads it.

        Args:
            what: to call it in messages.
            given: an object of one of the kinds, which need not be loaded, or a function.
            kinds: classes, of which None's may be one.
            allowed: what else a message says may be given.
        Raises:
            InputError: it is neither; or, when it is asked for, the function gave something else.
        """
        if not isinstance(given, kinds) and not callable(given):
            raise InputError(f"the {what} must be {allowed}; got {shown(given)}")

        return cls(partial(_load, what, given, kinds))

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads it by itself.

        Raises:
            InputError: it is loaded by a function that cannot go there.
        """
        what, given, kinds = self._load.args if isinstance(self._load, partial) else ("thing", self._load, ())
        if not isinstance(given, kinds):
            portable(f"what loads the {what}", given, "a function of a module, or the thing itself")
        for name, value in getattr(given, "__dict__", {}).items():
            if isinstance(value, FunctionType):  # of a parser or CLIP that is made of functions
                portable(f"the {name} of the {what}", value, "a function of a module")
        return type(self), (self._load,)

    def get(self) -> _T:
        """The thing, loaded by now."""
        if self._found is _NOTHING:
            with self._lock:
                if self._found is _NOTHING:
                    self._found = self._load()
        return cast(_T, self._found)


def _load(what: str, given: object, kinds: tuple[type, ...]) -> Any:
    """What was given, or what the function gives that was given."""
    found: Any = given if isinstance(given, kinds) else cast("Callable[[], object]", given)()
    if not isinstance(found, kinds):
        raise InputError(f"the function that loads the {what} gave {type(found).__name__}")
    return found
