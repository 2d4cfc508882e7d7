"""Where what ships with eclipsed lies: directions, model sets and networks."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_folder"]


def shipped_folder() -> Path:
    """Where the shipped folders are: inside an installed package, or beside it in a checkout; only to be read."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_shipped"
    checkout = (package.parent / "pyproject.toml").is_file()
    return package.parent if checkout and not inside.is_dir() else inside
