"""Files of pretrained networks: every public generator layout, our own, and the sets that belong together.

Importing this package is light; torch is loaded with the first reader or writer that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from eclipsed.checkpoints.catalogue import (
    ClipSource,
    ModelSet,
    SetStatus,
    find_set,
    list_sets,
    shipped_directions,
    user_directions,
    user_sets,
)
from eclipsed.checkpoints.networks import Licence, Network, known_networks
from eclipsed.checkpoints.store import find_network, remove_network, verify_network

if TYPE_CHECKING:
    from eclipsed.checkpoints.convert import convert_generator
    from eclipsed.checkpoints.native import write_generator
    from eclipsed.checkpoints.reading import detect_layout, read_generator

__all__ = [
    "ClipSource",
    "Licence",
    "ModelSet",
    "Network",
    "SetStatus",
    "convert_generator",
    "detect_layout",
    "find_network",
    "find_set",
    "known_networks",
    "list_sets",
    "read_generator",
    "remove_network",
    "shipped_directions",
    "user_directions",
    "user_sets",
    "verify_network",
    "write_generator",
]

_HOME = {
    "convert_generator": "convert",
    "detect_layout": "reading",
    "read_generator": "reading",
    "write_generator": "native",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'eclipsed.checkpoints' has no attribute {name!r}")
    value: object = getattr(import_module(f"eclipsed.checkpoints.{_HOME[name]}"), name)
    globals()[name] = value
    return value
