"""A table of counts as a picture: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from eclipsed.errors import InputError
from eclipsed.images import lettering
from eclipsed.images.sheets import PAPER, Style, table

__all__ = ["count_table"]

_SIDE, _SMALLEST = 96, 24  # pixels of a cell, and where there are many
_WIDE = 1600  # pixels that all cells together may take
_LEGIBLE = 40  # pixels from which on a cell has room for its count
_DARK = (33, 74, 140)


def count_table(
    counts: Sequence[Sequence[int]], names: Sequence[str], *, title: str = "", axes: tuple[str, str] | None = None
) -> Image.Image:
    """Draw a square table of counts, each cell as dark as its share of its row.

    Args:
        counts: rows of as many numbers as there are rows.
        names: of the rows, and of the columns.
        title: a line above it.
        axes: what rows and columns are called.
    Returns:
        An RGB picture.
    Raises:
        InputError: the table is empty or not square, or has another number of names.
    """
    if not counts or any(len(row) != len(counts) for row in counts) or len(names) != len(counts):
        raise InputError(f"a table of counts is square, with a name for each row; got {len(names)} names")
    side = max(_SMALLEST, min(_SIDE, _WIDE // len(counts)))
    rows = [[_cell(count, sum(row), side) for count in row] for row in counts]
    return table(rows, Style(192), columns=names, labels=names, title=title, axes=axes, gap=2)


def _cell(count: int, of: int, side: int) -> Image.Image:
    share = count / of if of else 0.0
    red, green, blue = (round(paper + share * (dark - paper)) for paper, dark in zip(PAPER, _DARK, strict=True))
    cell = Image.new("RGB", (side, side), (red, green, blue))
    ImageDraw.Draw(cell).rectangle((0, 0, side - 1, side - 1), outline=(222, 226, 230))
    if side >= _LEGIBLE and count:
        font = lettering.load(max(12, side // 5))
        ink = PAPER if share > 0.5 else lettering.INK
        lettering.draw(cell, str(count), font, (side // 2, round(side * 0.38)), limit=side, ink=ink)
    return cell
