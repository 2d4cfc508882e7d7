"""What became of many trainings: a row for each, ranked within its sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

__all__ = ["DONE_BEFORE", "FAILED", "STOPPED", "TRAINED", "TrainedPrompt", "counted", "ranked", "worth_of"]

TRAINED, DONE_BEFORE, FAILED = "trained", "done before", "failed"
STOPPED = "stopped"  # by a search, as others were further

_BESIDE = ("strip",)  # too large for an answer


@dataclass(frozen=True, kw_only=True)
class TrainedPrompt:
    """What became of one training among many.

    Args:
        prompt: the sentence.
        models: name of the model set; "" where it could not be opened.
        seed: of the training.
        options: other options of training than the default.
        outcome: ``"trained"``, ``"done before"``, ``"failed"``, or ``"stopped"`` by a search.
        file: the direction's name in the folder; "" where it failed.
        digest: of the direction, see `Direction.digest`.
        success: share of the faces that lacked what was asked for and have it at alpha = 1, as the set's classifier or
            the witness says, else CLIP; None where nobody can tell.
        judge: who says so: ``"classifier"``, ``"witness"`` or ``"clip"``; "" for nobody.
        locality: share of the squared change that lies in the region.
        leakage: share of other attributes that flip; None without a classifier.
        clip_gain: by how much CLIP's cosine of picture and sentence rises.
        worth: by which it is ranked, in [0, 1]: success times locality times what of the others stays, as far as they
            are known.
        rank: among those of its sentence, from 1; 0 where it failed.
        seconds: that the training took.
        says: what the program says of the direction.
        reason: why it failed, in one sentence; else "".
        note: what was warned of; else "".
        strip: faces with it, as a data address of a small WebP; "" where it failed.
    """

    prompt: str
    models: str
    seed: int
    options: Mapping[str, Any]
    outcome: str
    file: str = ""
    digest: str = ""
    success: float | None = None
    judge: str = ""
    locality: float | None = None
    leakage: float | None = None
    clip_gain: float | None = None
    worth: float | None = None
    rank: int = 0
    seconds: float = 0.0
    says: str = ""
    reason: str = ""
    note: str = ""
    strip: str = field(default="", repr=False)

    @property
    def best(self) -> bool:
        """Whether it is the best of its sentence."""
        return self.rank == 1

    def to_json(self) -> dict[str, Any]:
        """Plain values; the strip is left out."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _BESIDE}
        return {**values, "options": dict(self.options), "best": self.best}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainedPrompt:
        """Read what `to_json` wrote."""
        return cls(**{name: value for name, value in data.items() if name != "best"})


def worth_of(success: float | None, locality: float | None, leakage: float | None) -> float | None:
    """By which directions of one sentence are ranked; None where nobody can tell what they reach."""
    if success is None:
        return None
    kept = None if leakage is None else 1 - leakage
    return math.prod(share for share in (success, locality, kept) if share is not None)


def ranked(rows: Sequence[TrainedPrompt]) -> list[TrainedPrompt]:
    """The rows sentence by sentence, the best of each first and those that failed last, with their ranks.

    Args:
        rows: in any order; sentences keep that in which they first come.
    """
    order = {row.prompt: place for place, row in reversed(list(enumerate(rows)))}

    def key(row: TrainedPrompt) -> tuple[object, ...]:
        worth = -1.0 if row.worth is None else row.worth
        gain = -math.inf if row.clip_gain is None else row.clip_gain
        return order[row.prompt], row.outcome == FAILED, -worth, -gain, row.seed, row.file

    found: list[TrainedPrompt] = []
    for row in sorted(rows, key=key):
        rank = 0 if row.outcome == FAILED else 1
        if rank and found and found[-1].prompt == row.prompt:
            rank = found[-1].rank + 1
        found.append(replace(row, rank=rank))
    return found


def counted(rows: Sequence[TrainedPrompt]) -> str:
    """How many trainings there are of each outcome, in words."""
    outcomes = [TRAINED, DONE_BEFORE, FAILED, *([STOPPED] if any(row.outcome == STOPPED for row in rows) else [])]
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in outcomes}
    return f"{len(rows)} trainings: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
