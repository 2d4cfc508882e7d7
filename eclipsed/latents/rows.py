"""Rows of ws: which of them an edit may change, by number, by the layers that read them, or by what they do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from eclipsed.errors import InputError
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import is_whole

__all__ = ["ranges", "row_cells", "row_groups", "rows_of"]


def rows_of(generator: Generator, layers: Sequence[int | str] | None) -> tuple[int, ...]:
    """Rows of ws from row numbers and names of layers; None is all of them.

    Raises:
        InputError: a row or a name is unknown, or the sequence is empty.
    """
    if layers is None:
        return tuple(range(generator.num_ws))
    if isinstance(layers, (str, int)) or not len(layers):
        raise InputError(f"layers must be a sequence of rows from 0 to {generator.num_ws - 1}; got {layers!r}")
    rows = set()
    for layer in layers:
        if isinstance(layer, str):
            rows.add(generator.layer(layer).row)
        elif not is_whole(layer, 0, generator.num_ws - 1):
            raise InputError(f"this generator has the rows 0 to {generator.num_ws - 1}; got layer {layer!r}")
        else:
            rows.add(int(layer))
    return tuple(sorted(rows))


def row_groups(num_ws: int) -> dict[str, tuple[int, ...]]:
    """Rows that act alike: coarse (pose, shape), middle (features), fine (colours), and all.

    Neighbours overlap by two rows, since no generator draws the line in just one place: rows 0-5, 4-7 and 6-11 of 12
    at 128 px; rows 0-5, 4-7 and 6-17 of 18 at 1024 px. Small generators have halves and a middle third.
    """
    n = min(num_ws, 12)
    return {
        "coarse": tuple(range(n // 2)),
        "middle": tuple(range(n // 3, -(-2 * n // 3))),
        "fine": tuple(range(n // 2, num_ws)),
        "all": tuple(range(num_ws)),
    }


def row_cells(num_ws: int, seen: Collection[int]) -> tuple[tuple[int, ...], ...]:
    """Rows that are alike to all groups of `row_groups`: every group is made of whole cells; the coarsest come first.

    Args:
        num_ws: rows of ws.
        seen: rows that count; a cell without one of them is left out.

    >>> row_cells(14, range(12))
    ((0, 1, 2, 3), (4, 5), (6, 7), (8, 9, 10, 11))
    """
    groups = row_groups(num_ws).values()
    cells: dict[tuple[bool, ...], list[int]] = {}
    for row in sorted(seen):
        cells.setdefault(tuple(row in rows for rows in groups), []).append(row)
    return tuple(map(tuple, cells.values()))


def ranges(rows: Sequence[int]) -> str:
    """Rows as people write them.

    >>> ranges([6, 0, 1, 2, 3])
    '0-3,6'
    """
    pieces: list[list[int]] = []
    for row in sorted(rows):
        if pieces and row == pieces[-1][1] + 1:
            pieces[-1][1] = row
        else:
            pieces.append([row, row])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in pieces)
