"""What became of one picture of a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["DONE_BEFORE", "EDITED", "FAILED", "EditedPhoto"]

EDITED, DONE_BEFORE, FAILED = "edited", "done before", "failed"


@dataclass(frozen=True)
class EditedPhoto:
    """What became of one picture of a folder, or of one of the stacks of edits that it got.

    Args:
        name: its path in the folder, with slashes.
        outcome: ``"edited"``, ``"done before"`` or ``"failed"``.
        result: path of the edited picture in the folder of results, with slashes; "" where it failed.
        faces: how many were edited.
        closeness: of what was found before the edit to the picture, in dB (PSNR); of several faces that of the least
            close one, nan where it failed.
        seconds: that it took; of several stacks the first bears what all share.
        reason: why it failed, in one sentence; else "".
        note: what was warned of; else "".
        before: the first face as it was, as a data address of a small WebP; "" where the picture could not be read.
        after: the same after the edit; "" where it failed.
        stack: name of the stack; "" where there is one only.
    """

    name: str
    outcome: str
    result: str = ""
    faces: int = 0
    closeness: float = math.nan
    seconds: float = 0.0
    reason: str = ""
    note: str = ""
    before: str = ""
    after: str = ""
    stack: str = ""
