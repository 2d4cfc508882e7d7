"""What `evaluate` found: figures of an edit at several strengths, with their intervals."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from html import escape
from typing import Any

from eclipsed.images.metrics import Interval
from eclipsed.prompts.target import Target

_PAGE = 120  # characters in a line of a notebook

__all__ = ["Evaluation", "Strength"]

_LEAKS = 5  # attributes that are named

#: rows of the table: what they are called, field of a `Strength`, digits (None for shares)
_ROWS: tuple[tuple[str, str, int | None], ...] = (
    ("success", "success", None),
    ("others kept", "kept", None),
    ("CLIP gain", "clip_gain", 2),
    ("CLIP rank", "clip_rank", 1),
    ("locality", "localization", 2),
    ("inside", "inside", 3),
    ("outside", "outside", 3),
    ("PSNR, dB", "psnr", 1),
    ("SSIM", "ssim", 3),
    ("LPIPS", "lpips", 3),
    ("identity", "identity", 2),
)


@dataclass(frozen=True)
class Strength:
    """What an edit of one strength does. Intervals are over faces; None where the set has no classifier.

    Args:
        alpha: the strength.
        clip_gain: by how much CLIP's cosine of picture and prompt rises.
        clip_rank: place of the prompt among captions that name something else; 1 is first.
        localization: share of the squared change that lies in the region or its seam.
        inside: mean absolute change in the region, of pictures in [-1, 1]; see `eclipsed.images.change.region_changes`.
        outside: the same beyond the region and its seam.
        psnr: of what lies outside, in dB.
        ssim: of what lies outside.
        lpips: mean LPIPS distance of what lies outside; None where its weights or its package are not there.
        identity: cosine of ArcFace's vectors before and after; None where it is not there, or the set has no
            photographed faces.
        success: share of the faces without the target that have it afterwards.
        kept: share of the other attributes that stay what they were.
        flips: attribute -> share of faces in which it flips. An attribute counts for a face only where it can be seen
            both before and after the edit (`Classifier.seen`): a face without a hat has no colour of a hat to lose.
            The same goes for the target: bald faces do not count where hair should turn blond, and faces that lose
            their hair are no success.
    """

    alpha: float
    clip_gain: Interval
    clip_rank: Interval
    localization: Interval
    inside: Interval
    outside: Interval
    psnr: Interval
    ssim: Interval
    lpips: Interval | None
    identity: Interval | None
    success: Interval | None
    kept: Interval | None
    flips: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Plain values, intervals as objects."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            out[field.name] = value.to_json() if isinstance(value, Interval) else value
        return {**out, "flips": {name: flip.to_json() for name, flip in self.flips.items()}}


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Args:
        prompt: of the direction.
        seeds: the faces.
        target: what counts as success; None when the prompt names no attribute, or there is no classifier.
        strengths: from the weakest to the strongest.
        monotone: share of faces whose CLIP cosine never falls from one strength to the next, alpha 0 included.
        seconds_per_edit: time of one edited face.
        peak_memory: bytes; of the device, or of the whole process on a CPU; None where it cannot be read.
        notes: what is missing, and why.
    """

    prompt: str
    seeds: tuple[int, ...]
    target: Target | None
    strengths: tuple[Strength, ...]
    monotone: Interval
    seconds_per_edit: float
    peak_memory: int | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        alphas = ", ".join(f"{one.alpha:+g}" for one in self.strengths)
        return f"Evaluation({self.prompt!r}, {len(self.seeds)} faces, alphas {alphas})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the table."""
        return f"<pre>{escape(_as_text(self, _PAGE))}</pre>"

    def __str__(self) -> str:
        """The table that ``eclipsed evaluate`` shows, as wide as the terminal."""
        return _as_text(self, shutil.get_terminal_size().columns)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        target = self.target and {"attribute": self.target.attribute, "classes": list(self.target.classes)}
        return {
            "prompt": self.prompt,
            "seeds": list(self.seeds),
            "target": target,
            "strengths": [one.to_json() for one in self.strengths],
            "monotone": self.monotone.to_json(),
            "seconds_per_edit": self.seconds_per_edit,
            "peak_memory": self.peak_memory,
            "notes": list(self.notes),
        }


def _as_text(found: Evaluation, width: int) -> str:
    """A table with a column for each strength, and what flips, rises and costs below it."""
    title = f"{found.prompt} · {len(found.seeds)} faces"
    if found.target is not None:
        title += f" · success is {found.target.attribute} = {' or '.join(found.target.classes)}"
    lines = [title, *_table(found, width), ""]
    strongest = min(found.strengths, key=lambda one: abs(one.alpha - 1))
    counted = [item for item in strongest.flips.items() if item[1].count]
    leaks = sorted(counted, key=lambda item: -item[1].mean)[:_LEAKS]
    if leaks:
        lines.append(f"flips most at {strongest.alpha:+g}: " + ", ".join(f"{n} {i.mean:.0%}" for n, i in leaks))
    lines.append(f"CLIP rises, or stays, with every strength for {found.monotone.mean:.0%} of the faces")
    memory = "" if found.peak_memory is None else f", {found.peak_memory / 2**20:.0f} MB at the most"
    lines.append(f"{1000 * found.seconds_per_edit:.1f} ms an edit{memory}")
    return "\n".join(lines)


def _table(found: Evaluation, width: int) -> list[str]:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for one in found.strengths:
        table.add_column(f"{one.alpha:+g}", justify="right", no_wrap=True)
    for name, field, digits in _ROWS:
        values: list[Interval | None] = [getattr(one, field) for one in found.strengths]
        if any(value is not None for value in values):
            table.add_row(name, *(_cell(value, digits).replace(" ", "\n", 1) for value in values))
    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(table)
    return [line.rstrip() for line in page.getvalue().rstrip().splitlines()]


def _cell(value: Interval | None, digits: int | None) -> str:
    if value is None or not value.count or not math.isfinite(value.mean):
        return "–"
    if digits is None:
        return f"{value.mean:.0%} {value.low:.0%}…{value.high:.0%}"
    return f"{value.mean:.{digits}f} {value.low:.{digits}f}…{value.high:.{digits}f}"
