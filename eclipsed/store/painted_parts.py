"""Parts that were painted for a model set, kept on this machine as the user's own; needs no torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from eclipsed.errors import EclipsedError, EclipsedWarning, InputError
from eclipsed.files.atomic import remove_file
from eclipsed.files.header import read_data
from eclipsed.files.kinds import PAINTED_PART
from eclipsed.files.names import fitting, plain
from eclipsed.store.own import own_folder
from eclipsed.worlds.parts import is_spelled, part_key

__all__ = ["KeptPart", "kept_part", "kept_parts", "remove_part"]

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class KeptPart:
    """A painted part that is kept.

    Args:
        name: as worlds spell it.
        path: its file.
        words: that name it in sentences.
        paintings: on how many faces it was painted.
    """

    name: str
    path: Path
    words: tuple[str, ...]
    paintings: int


def kept_parts(models: str) -> tuple[KeptPart, ...]:
    """The parts that are kept for a model set, by name.

    Args:
        models: name of the set.
    Warns:
        EclipsedWarning: a file is damaged, and left out.
    """
    folder = _folder(models)
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
        if path.name.startswith("."):  # what a killed process was writing
            continue
        try:
            data = read_data(path, PAINTED_PART)
            words = tuple(str(word) for word in data["words"])
            if not is_spelled(data["name"]) or not words:
                raise KeyError("name")
            found.append(KeptPart(data["name"], path, words, len(data["paintings"])))
        except (EclipsedError, KeyError, TypeError) as error:
            reason = error if isinstance(error, EclipsedError) else f"{path} is damaged: it is no painted part"
            warnings.warn(EclipsedWarning(f"{reason}; this part is left out"), stacklevel=3)
    return tuple(found)


def kept_part(models: str, name: str) -> Path:
    """The file of a part that is kept for a model set, there or not.

    Raises:
        InputError: it is no name of a part.
    """
    key = part_key(name)
    if not is_spelled(key):
        raise InputError(f"the name of a part has small letters, digits and underscores; got {name!r}")
    return _folder(models) / f"{key}{_SUFFIX}"


def remove_part(models: str, name: str) -> Path:
    """Remove a part that is kept.

    Returns:
        The file that was there.
    Raises:
        InputError: there is none of this name.
        OutputError: it cannot be removed.
    """
    path = kept_part(models, name)
    if not path.is_file():
        raise InputError(f"no part {part_key(name)!r} is kept for {models!r}; see `eclipsed parts list`")
    remove_file(path)
    return path


def _folder(models: str) -> Path:
    return own_folder("parts") / (fitting(plain(models)) or "unnamed")
