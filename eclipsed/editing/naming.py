"""What pictures of faces are called on disk, so that another edit has another name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eclipsed.files.names import fitting, plain

__all__ = ["NamedEdit", "picture_name"]


class NamedEdit(Protocol):
    """What a name says of an edit."""

    @property
    def name(self) -> str:
        """Of its direction."""

    @property
    def alpha(self) -> float | tuple[float, ...]:
        """Its strength."""

    @property
    def layers(self) -> Sequence[int | str] | None:
        """Rows and layers it was held to; None is all."""

    @property
    def blend(self) -> str | None:
        """How it was put into the picture before; None is not at all."""


def picture_name(face: str, edits: Sequence[NamedEdit], psi: float | None = None) -> str:
    """The file name of one face: ``"seed0007_blond-hair_a+1.00_l4-7_pixels_psi0.5.png"``.

    Args:
        face: what it is called in captions: ``"seed 7"``.
        edits: that were applied to it, each with one strength.
        psi: truncation that was asked for; None is left out.
    Returns:
        A name with as many digits as the numbers need, short enough for every file system.
    """
    kind, number = face.split()
    parts = [f"{kind}{int(number):04d}", *map(_edit, edits)]
    if psi is not None:
        parts.append(f"psi{psi:g}" if float(f"{psi:g}") == psi else f"psi{psi!r}")
    return fitting("_".join(parts), ".png")


def _edit(edit: NamedEdit) -> str:
    """One edit: its direction, strength, layers and blend."""
    alpha = edit.alpha[0] if isinstance(edit.alpha, tuple) else edit.alpha
    short = f"{alpha + 0.0:+.2f}"
    name = f"{plain(edit.name)}_a{short if float(short) == alpha else format(alpha, '+')}"
    layers = "" if edit.layers is None else f"_l{_layers(edit.layers)}"
    return f"{name}{layers}" if edit.blend is None else f"{name}{layers}_{edit.blend}"


def _layers(layers: Sequence[int | str]) -> str:
    """Rows as ranges, then names: ``"0-3,6,b8.conv1"``."""
    rows = sorted({row for row in layers if isinstance(row, int)})
    starts = [row for row in rows if row - 1 not in rows]
    ends = [row for row in rows if row + 1 not in rows]
    ranges = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return ",".join([*ranges, *(plain(one) for one in layers if isinstance(one, str))])
