"""How parts and groups of parts are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["is_spelled", "part_key", "unknown_part"]

_PART = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def is_spelled(name: str) -> bool:
    """Whether a name is one of a part or group: small letters, digits and underscores."""
    return _PART.fullmatch(name) is not None


def part_key(name: object) -> str:
    """The name of a part or group as worlds spell it: ``"Left Eye"`` is ``"left_eye"``."""
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")


def unknown_part(name: object, parts: Iterable[str], groups: Mapping[str, object]) -> str:
    """The sentence that says that there is no such part or group."""
    alone = list(parts)
    known = ", ".join((*alone, *(group for group in groups if group not in alone)))
    return f"unknown part {name!r}; known parts and groups: {known}"
