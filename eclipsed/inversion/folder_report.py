"""What became of the pictures of a folder: a table for programs, and a page to look at."""

from __future__ import annotations

import csv
import html
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from eclipsed.files.atomic import atomic_write
from eclipsed.images.report_page import MOST_SHOWN, figure, image, plain_path, plain_text, report_page
from eclipsed.inversion.edited_photo import DONE_BEFORE, EDITED, FAILED, EditedPhoto

__all__ = ["REPORT_PAGE", "REPORT_TABLE", "counted", "photos_page", "write_reports"]

REPORT_TABLE, REPORT_PAGE = "report.csv", "report.html"

_COLUMNS = ("picture", "stack", "outcome", "result", "faces", "closeness_db", "seconds", "reason", "note")
_COLUMNS_SHOWN = (
    ("Picture", False),
    ("Before", False),
    ("After", False),
    ("Faces", True),
    ("Closeness", True),
    ("Seconds", True),
    ("What became of it", False),
)


def write_reports(rows: Sequence[EditedPhoto], out: Path) -> None:
    """Write report.csv and report.html.

    Args:
        rows: one for each picture, or for each of its stacks.
        out: folder of the results.
    Raises:
        OutputError: one cannot be written.
    """
    atomic_write(out / REPORT_TABLE, lambda place: _write_table(rows, place))
    page = photos_page(rows)
    atomic_write(out / REPORT_PAGE, lambda place: place.write_text(page, encoding="utf-8"))


def counted(rows: Sequence[EditedPhoto]) -> str:
    """How many pictures there are of each outcome, in words; of several stacks each counts."""
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in (EDITED, DONE_BEFORE, FAILED)}
    stacks, pictures = _stacks(rows), f"{len({row.name for row in rows})} pictures"
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return f"{pictures}, {len(stacks)} stacks: {said}" if stacks else f"{pictures}: {said}"


def _stacks(rows: Sequence[EditedPhoto]) -> list[str]:
    """Names of the stacks, each once, in order."""
    return list(dict.fromkeys(row.stack for row in rows if row.stack))


def _write_table(rows: Sequence[EditedPhoto], place: Path) -> None:
    with open(place, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            figures = (row.faces, figure(row.closeness, 2), figure(row.seconds, 2))
            writer.writerow(
                (
                    *(plain_path(row.name), plain_path(row.stack), row.outcome, plain_path(row.result), *figures),
                    *(plain_text(row.reason), row.note),
                )
            )


def photos_page(rows: Sequence[EditedPhoto]) -> str:
    """One HTML page of all pictures, that needs no network; at most the first thousand are shown.

    Args:
        rows: one for each picture, or for each of its stacks.
    """
    about = f"{counted(rows)}. Closeness is that of what was found before the edit, in dB."
    if len(rows) > MOST_SHOWN:
        about += f" Only the first {MOST_SHOWN} are shown; the others are listed."
    several = bool(_stacks(rows))
    shown = (_row(row, shown=index < MOST_SHOWN, several=several) for index, row in enumerate(rows))
    columns = (*_COLUMNS_SHOWN[:1], *([("Stack", False)] if several else []), *_COLUMNS_SHOWN[1:])
    return report_page("Edited photographs", about, columns, shown)


def _row(row: EditedPhoto, *, shown: bool, several: bool) -> str:
    name = html.escape(plain_text(row.name))
    if row.result:
        name = f'<a href="./{quote(os.fsencode(row.result))}">{name}</a>'
    stack = f"<td>{html.escape(row.stack)}</td>" if several else ""
    images = "".join(
        f"<td>{image(address, what) if shown else ''}</td>"
        for address, what in ((row.before, "before"), (row.after, "after"))
    )
    figures = (str(row.faces or ""), figure(row.closeness, 1), figure(row.seconds, 1))
    cells = "".join(f'<td class="figure">{each}</td>' for each in figures)
    said = html.escape(plain_text(row.reason) or row.outcome)
    note = f"<small>{html.escape(plain_text(row.note))}</small>" if row.note else ""
    kind = "said failed" if row.outcome == FAILED else "said"
    return f'<tr><th scope="row">{name}</th>{stack}{images}{cells}<td class="{kind}">{said}{note}</td></tr>'
