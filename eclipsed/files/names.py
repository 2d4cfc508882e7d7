"""File names that every file system takes: of allowed characters, and not too long."""

from __future__ import annotations

import hashlib
import re

__all__ = ["cut", "fitting", "plain"]

_LONGEST = 140  # bytes: ext4 and NTFS take 255, encrypted folders 143


def plain(text: str) -> str:
    """A text without what file names may not hold: only letters, digits, dots, signs and hyphens are left."""
    return re.sub(r"[^\w.,+-]+", "-", text).strip("-.")


def cut(text: str, longest: int) -> str:
    """The beginning of a text that takes at most so many bytes, whole characters only."""
    return text.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")


def fitting(stem: str, suffix: str = "") -> str:
    """A name as it is, or, when it is too long, its beginning with eight digits that tell it from others.

    Args:
        stem: of the name.
        suffix: kept whole.
    """
    if len((stem + suffix).encode("utf-8", "replace")) <= _LONGEST:
        return stem + suffix
    mark = "-" + hashlib.sha256(stem.encode("utf-8", "replace")).hexdigest()[:8]
    return cut(stem, _LONGEST - len(mark) - len(suffix.encode())) + mark + suffix
