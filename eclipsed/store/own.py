"""Where what is the user's own is kept: directions, model sets, unfinished trainings and what was measured.

They lie in ``$ECLIPSED_HOME``, or else in the user's data folder: a cache may be emptied, and they could not be fetched
again.
"""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

from eclipsed.errors import EclipsedWarning
from eclipsed.store.files import data_home, home

__all__ = ["own_folder"]


def own_folder(name: str) -> Path:
    """The folder of one kind of what is the user's own; it need not be there yet.

    What an earlier version kept in the cache is moved there first, once, and a warning says so.

    Args:
        name: ``"directions"``, ``"sets"``, ``"unfinished"`` or ``"closeness"``.
    """
    old, new = home() / name, data_home() / name
    if old == new or not old.is_dir():
        return new
    try:
        _move(old, new)
    except OSError as error:  # what cannot be moved is read where it is
        reason = error.strerror or str(error)
        warnings.warn(EclipsedWarning(f"{old} cannot be moved to {new} ({reason}); it is used there"), stacklevel=2)
        return old
    return new


def _move(old: Path, new: Path) -> None:
    """Move the content of a folder; what has its name in the new one already stays."""
    wanted = [each for each in sorted(old.iterdir()) if not os.path.lexists(new / each.name)]
    if wanted:
        new.mkdir(parents=True, exist_ok=True)
        for each in wanted:
            shutil.move(each, new / each.name)
        many = f"{len(wanted)} file{'s' * (len(wanted) > 1)} of yours"
        warnings.warn(EclipsedWarning(f"{many} moved from the cache, {old}, to {new}"), stacklevel=3)
    if not any(old.iterdir()):
        old.rmdir()
