"""Networks that were saved as whole objects: the tensors of their modules, without the code of their classes.

Of a class that nobody here knows, an object is only taken when it was stored as modules of PyTorch are: made without
arguments, and given its parameters, buffers and inner modules. What is called with arguments, or stored otherwise, is
refused by its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from eclipsed.errors import CheckpointError

__all__ = ["StoredModule", "UnknownClasses"]

_HELD = ("_parameters", "_buffers", "_modules")


class StoredModule(dict[str, object]):
    """What a file holds of a module of PyTorch: tensors as its state dict names them, then its plain attributes."""

    _classes: UnknownClasses
    _name = ""

    def __new__(cls, *arguments: object, **_: object) -> StoredModule:
        """An object that is to be told its state; one with arguments is no module."""
        if arguments:
            raise cls._classes.refuse(cls._name)
        made: StoredModule = dict.__new__(cls)
        cls._classes.waiting[id(made)] = made
        return made

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        held = [state.get(kind) for kind in _HELD] if isinstance(state, dict) else []
        if not held or not all(isinstance(values, Mapping) for values in held):
            raise self._classes.refuse(self._name)
        parameters, buffers, modules = (values for values in held if isinstance(values, Mapping))
        self.update({name: value for name, value in (*parameters.items(), *buffers.items()) if value is not None})
        for outer, module in modules.items():
            inner = module.items() if isinstance(module, StoredModule) else ()
            self.update({f"{outer}.{name}": value for name, value in inner if isinstance(value, Tensor)})
        assert isinstance(state, dict)
        for name, value in state.items():
            if isinstance(name, str) and not name.startswith("_"):
                self.setdefault(name, value)
        self._classes.waiting.pop(id(self), None)
        self._classes.seen = True

    def append(self, value: object) -> None:
        """A list of a class that nobody knows is no module."""
        raise self._classes.refuse(self._name)

    extend = add = append


class UnknownClasses:
    """The names of one file that are on no list.

    Args:
        refuse: gives the error for a name, ``module.name``.
    """

    def __init__(self, refuse: Callable[[str], CheckpointError]) -> None:
        self.refuse = refuse
        self.waiting: dict[int, StoredModule] = {}  # objects that were not told their state yet
        self.seen = False  # whether there was a module
        self._asked: list[str] = []

    def stand_in(self, module: str, name: str) -> Any:
        """A class for a name; what belongs to Python itself is refused at once.

        Raises:
            CheckpointError: see `refuse`.
        """
        asked = f"{module}.{name}"
        if module.partition(".")[0] in (*sys.stdlib_module_names, "__builtin__", "__main__.__builtins__", ""):
            raise self.refuse(asked)
        self._asked.append(asked)
        return type("Stored", (StoredModule,), {"_classes": self, "_name": asked})

    def check(self) -> None:
        """Raise unless every name was that of a module, or stands beside one and was never called.

        Raises:
            CheckpointError: see `refuse`.
        """
        if self.waiting:
            raise self.refuse(next(iter(self.waiting.values()))._name)
        if self._asked and not self.seen:
            raise self.refuse(self._asked[0])
