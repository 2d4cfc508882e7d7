"""What a model set draws, and how close inversions of pictures of its own kind usually come to them.

How close is a closeness, see `eclipsed.inversion.belonging`: a figure without a unit, measured by the recipe of a set
and written into its ``set.json``, or measured once on this machine and kept in the user's data folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError
from eclipsed.files.atomic import atomic_write
from eclipsed.store.own import own_folder
from eclipsed.values.checks import is_real

__all__ = ["OwnKind", "keep_closeness", "kept_closeness", "read_kind"]


@dataclass(frozen=True)
class OwnKind:
    """What a model set draws.

    Args:
        draws: in a few words: ``"avatars, no photographs"``; "" where nobody says.
        photographs: name of the set to take for photographs; "" where this is one.
        closeness: level of inversion -> usual closeness of pictures of its own kind; see the module.
        source: name or folder that the set is found by.
    """

    draws: str = ""
    photographs: str = ""
    closeness: Mapping[str, float] = field(default_factory=dict)
    source: str = ""


def read_kind(path: Path, content: Mapping[str, Any], source: str) -> OwnKind:
    """Read what a ``set.json`` says of it under ``draws``, ``photographs`` and ``closeness``.

    Args:
        path: of the file, for messages.
        content: of the file.
        source: see `OwnKind`.
    Raises:
        CheckpointError: a field is of another kind.
    """
    for key in ("draws", "photographs"):
        if not isinstance(content.get(key, ""), str):
            raise CheckpointError(f"{path}: {key!r} must be a text; found {content[key]!r}")
    found = content.get("closeness", {})
    if not isinstance(found, dict) or not all(is_real(value, 0, 1) for value in found.values()):
        raise CheckpointError(f"{path}: 'closeness' must hold numbers from 0 to 1 by level; found {found!r:.60}")
    closeness = {level: float(value) for level, value in found.items()}
    return OwnKind(content.get("draws", ""), content.get("photographs", ""), closeness, source)


def kept_closeness(fingerprint: str, clip: str) -> dict[str, float]:
    """What was measured on this machine: level -> closeness; empty where nothing was.

    Args:
        fingerprint: of the generator.
        clip: name of the CLIP that compared the pictures.
    """
    found = _kept(_path(fingerprint)).get(clip)
    if not isinstance(found, dict):
        return {}
    return {str(level): float(value) for level, value in found.items() if is_real(value, 0, 1)}


def keep_closeness(fingerprint: str, clip: str, closeness: Mapping[str, float]) -> Path:
    """Keep what was measured, beside what was measured with other CLIPs.

    Args:
        fingerprint: of the generator.
        clip: name of the CLIP that compared the pictures.
        closeness: level -> closeness.
    Returns:
        The file.
    Raises:
        OutputError: it cannot be written.
    """
    path = _path(fingerprint)
    text = json.dumps({**_kept(path), clip: {**kept_closeness(fingerprint, clip), **closeness}}, indent=1) + "\n"
    return atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _path(fingerprint: str) -> Path:
    return own_folder("closeness") / f"{fingerprint[:16]}.json"


def _kept(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
