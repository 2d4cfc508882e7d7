"""Which eclipsed this is; loads nothing."""

from __future__ import annotations

__all__ = ["VERSION"]

#: As pyproject.toml has it.
VERSION = "0.1.0"
