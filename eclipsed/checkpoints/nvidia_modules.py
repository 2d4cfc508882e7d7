"""The modules of a network that NVIDIA's PyTorch code pickled: their tensors, and the settings that they remember."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from eclipsed.checkpoints.assembly import NOT_SQUARE
from eclipsed.checkpoints.stand_ins import PersistentObject
from eclipsed.errors import CheckpointError
from eclipsed.values.checks import is_real, is_whole

__all__ = ["StoredSettings", "stored_modules", "stored_tensors"]

_ABSENT = object()


def stored_modules(path: Path, content: object, whole: str) -> dict[str, PersistentObject]:
    """Every module of a network by its dotted name, the network itself by the empty one.

    Args:
        path: the file, for messages.
        content: what lies in the file.
        whole: what it lies under, for messages.
    Raises:
        CheckpointError: one is no stored module.
    """
    found: dict[str, PersistentObject] = {}
    waiting: list[tuple[str, object]] = [("", content)]
    while waiting:
        name, module = waiting.pop()
        if not isinstance(module, PersistentObject) or name.count(".") > 8:
            raise CheckpointError(f"{path}: {whole}{'.' if name else ''}{name} is not one of NVIDIA's stored modules")
        found[name] = module
        children = module.state.get("_modules") or {}
        for key, child in children.items() if isinstance(children, Mapping) else ():
            waiting.append((f"{name}.{key}" if name else str(key), child))
    return found


def stored_tensors(path: Path, modules: Mapping[str, PersistentObject]) -> dict[str, Tensor]:
    """Every parameter and buffer by its dotted name.

    Raises:
        CheckpointError: one is no tensor.
    """
    raw = {}
    for name, module in modules.items():
        for group in ("_parameters", "_buffers"):
            values = module.state.get(group) or {}
            if not isinstance(values, Mapping):
                raise CheckpointError(f"{path}: {name}.{group} must be a dictionary; found a {type(values).__name__}")
            for key, value in values.items():
                if value is not None and not isinstance(value, Tensor):
                    raise CheckpointError(f"{path}: {name}.{key} must be a tensor; found a {type(value).__name__}")
                if value is not None:
                    raw[f"{name}.{key}" if name else str(key)] = value
    return raw


class StoredSettings:
    """The settings of a pickled network: what a module remembers, else what it was made with, else a default."""

    def __init__(self, path: Path, modules: Mapping[str, PersistentObject]) -> None:
        self.path = path
        self.modules = modules
        top = self.made_with("")
        self.synthesis = {**top, **_mapping(top.get("synthesis_kwargs")), **self.made_with("synthesis")}
        self.synthesis |= _mapping(self.synthesis.get("block_kwargs"))
        self.mapping = {**_mapping(top.get("mapping_kwargs")), **self.made_with("mapping")}

    def made_with(self, name: str) -> dict[str, Any]:
        """What a module was constructed with."""
        return _mapping(self.modules[name].state.get("_init_kwargs")) if name in self.modules else {}

    def of(self, name: str, key: str, default: object) -> Any:
        """The setting of one module."""
        if name in self.modules and key in self.modules[name].state:
            return self.modules[name].state[key]
        shared = self.synthesis if name.startswith("synthesis") else self.mapping if name.startswith("mapping") else {}
        return {**shared, **self.made_with(name)}.get(key, default)

    def whole(self, name: str, key: str, default: object = _ABSENT) -> int:
        """A setting that must be a whole number from 0.

        Raises:
            CheckpointError: it is something else.
        """
        value = self.of(name, key, default)
        if not is_whole(value, 0, 2**20 - 1):
            found = "nothing" if value is _ABSENT else repr(value)
            oblong = isinstance(value, tuple | list) and len(set(map(repr, value))) > 1
            raise CheckpointError(
                f"{self.path}: the setting {key} must be a whole number; found {found}{NOT_SQUARE if oblong else ''}"
            )
        return value

    def lr_multiplier(self) -> float:
        """The learning-rate multiplier of the mapping network.

        Raises:
            CheckpointError: it is no number.
        """
        return _number(
            self.path, "lr_multiplier", self.of("mapping.fc0", "bias_gain", self.mapping.get("lr_multiplier", 0.01))
        )

    def real(self, name: str, key: str, default: float) -> float:
        """A setting that must be a number.

        Raises:
            CheckpointError: it is something else.
        """
        return _number(self.path, key, self.of(name, key, default))


def _number(path: Path, key: str, value: object) -> float:
    if not is_real(value):
        raise CheckpointError(f"{path}: the setting {key} must be a number; found {value!r}")
    return float(value)


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
