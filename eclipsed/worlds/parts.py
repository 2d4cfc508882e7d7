"""The nineteen classes of the face parser, in its order, and the groups that people speak of."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from eclipsed.errors import InputError

__all__ = ["GROUPS", "INDEX", "PARTS", "WHOLE_FACE", "expand"]

#: CelebAMask-HQ classes in the order of the BiSeNet parser; the position is the label.
PARTS: tuple[str, ...] = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "glasses",
    "left_ear",
    "right_ear",
    "earrings",
    "nose",
    "mouth",
    "upper_lip",
    "lower_lip",
    "neck",
    "necklace",
    "clothes",
    "hair",
    "hat",
)

#: part name -> label
INDEX = MappingProxyType({name: label for label, name in enumerate(PARTS)})

#: Everything that belongs to the head: what an edit may touch when the prompt names no part.
WHOLE_FACE: tuple[str, ...] = tuple(p for p in PARTS if p not in ("background", "clothes", "necklace"))

#: What people call several parts together. ``mouth`` means the inner mouth and both lips.
GROUPS = MappingProxyType(
    {
        "brows": ("left_brow", "right_brow"),
        "eyes": ("left_eye", "right_eye"),
        "ears": ("left_ear", "right_ear"),
        "lips": ("upper_lip", "lower_lip"),
        "mouth": ("mouth", "upper_lip", "lower_lip"),
        "face": WHOLE_FACE,
    }
)


def expand(names: Iterable[str]) -> tuple[str, ...]:
    """Spell out part and group names as single parts, in the parser's order, each once.

    Args:
        names: part names (``"hair"``) and group names (``"eyes"``, ``"mouth"``, ``"face"``).
            Case, spaces and hyphens do not matter: ``"Left Eye"`` is ``"left_eye"``.
    Returns:
        Parts in the order of `PARTS`.
    Raises:
        InputError: a name is unknown; the message lists the known ones.
    """
    wanted: set[str] = set()
    for name in names:
        key = str(name).strip().lower().replace(" ", "_").replace("-", "_")
        if key in GROUPS:
            wanted.update(GROUPS[key])
        elif key in INDEX:
            wanted.add(key)
        else:
            known = ", ".join((*PARTS, *(g for g in GROUPS if g not in INDEX)))
            raise InputError(f"unknown part {name!r}; known parts and groups: {known}")
    return tuple(p for p in PARTS if p in wanted)
