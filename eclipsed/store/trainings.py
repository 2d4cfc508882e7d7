"""Trainings that were stopped or cut off, kept in the user's folder so that they can be resumed; needs no torch."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from eclipsed.errors import EclipsedError, InputError
from eclipsed.files import header
from eclipsed.files.atomic import remove_file
from eclipsed.files.kinds import TRAINING
from eclipsed.store.own import own_folder

__all__ = ["Unfinished", "discard", "new_state", "state_path", "sweep", "unfinished"]

_SUFFIX = ".safetensors"
_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Unfinished:
    """A training that can be resumed.

    Args:
        name: of its file, without suffix.
        prompt: what it trains for.
        step: steps done.
        steps: of the whole training.
        generator: fingerprint of its generator.
        generator_sketch: what its latents mean; "" where that was not kept.
    """

    name: str
    prompt: str
    step: int
    steps: int
    generator: str
    generator_sketch: str = ""


def new_state() -> tuple[str, Path]:
    """A name, and the file, for the state of a new training."""
    name = secrets.token_hex(8)
    return name, state_path(name)


def state_path(name: str) -> Path:
    """The file of a training's state.

    Raises:
        InputError: the name is none that `new_state` gives.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"an unfinished training is named by 16 hex digits; got {str(name)[:40]!r}")
    return _folder() / f"{name}{_SUFFIX}"


def unfinished() -> list[Unfinished]:
    """What can be resumed, the latest first; files that cannot be read are left out."""
    folder = _folder()
    paths = [path for path in folder.glob(f"*{_SUFFIX}") if _NAME.fullmatch(path.stem)] if folder.is_dir() else []
    paths.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [found for found in map(_read, paths) if found is not None]


def discard(name: str) -> None:
    """Remove the state of a training; nothing happens when it is gone already.

    Raises:
        InputError: the name is none that `new_state` gives.
        OutputError: it cannot be removed.
    """
    remove_file(state_path(name))


def sweep() -> None:
    """Remove what a killed process was in the middle of writing."""
    folder = _folder()
    for path in folder.glob(f".*{_SUFFIX}") if folder.is_dir() else ():
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return own_folder("unfinished")


def _read(path: Path) -> Unfinished | None:
    try:
        data = header.read_data(path, TRAINING)
        steps = int(data["config"]["steps"])
        generator, sketch = str(data["generator"]), str(data.get("generator_sketch", ""))
        return Unfinished(path.stem, str(data["prompt"]), int(data["step"]), steps, generator, sketch)
    except (EclipsedError, KeyError, TypeError, ValueError):
        return None
