"""Networks that are loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, cast

from eclipsed.errors import InputError
from eclipsed.values.checks import shown

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

        def load() -> _T:
            found: Any = given if isinstance(given, kinds) else cast("Callable[[], _T]", given)()
            if not isinstance(found, kinds):
                raise InputError(f"the function that loads the {what} gave {type(found).__name__}")
            return cast(_T, found)

        return cls(load)

    def get(self) -> _T:
        """The thing, loaded by now."""
        if self._found is _NOTHING:
            with self._lock:
                if self._found is _NOTHING:
                    self._found = self._load()
        return cast(_T, self._found)
