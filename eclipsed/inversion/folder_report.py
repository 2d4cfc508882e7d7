"""What became of the pictures of a folder: a table for programs, and a page to look at."""

from __future__ import annotations

import csv
import html
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from urllib.parse import quote

from eclipsed.files.atomic import atomic_write
from eclipsed.inversion.edited_photo import DONE_BEFORE, EDITED, FAILED, EditedPhoto

__all__ = ["REPORT_PAGE", "REPORT_TABLE", "counted", "report_page", "write_reports"]

REPORT_TABLE, REPORT_PAGE = "report.csv", "report.html"

_COLUMNS = ("picture", "outcome", "result", "faces", "closeness_db", "seconds", "reason", "note")
_MOST_SHOWN = 1000  # rows with pictures, some 10 kB each
_PICTURE = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/]+=*")
_FORMULA = re.compile(r"[=+\-@\t\r]")  # what a table of numbers begins to reckon at


def write_reports(rows: Sequence[EditedPhoto], out: Path) -> None:
    """Write report.csv and report.html.

    Args:
        rows: one for each picture.
        out: folder of the results.
    Raises:
        OutputError: one cannot be written.
    """
    atomic_write(out / REPORT_TABLE, lambda place: _write_table(rows, place))
    page = report_page(rows)
    atomic_write(out / REPORT_PAGE, lambda place: place.write_text(page, encoding="utf-8"))


def counted(rows: Sequence[EditedPhoto]) -> str:
    """How many pictures there are of each outcome, in words."""
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in (EDITED, DONE_BEFORE, FAILED)}
    return f"{len(rows)} pictures: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def _write_table(rows: Sequence[EditedPhoto], place: Path) -> None:
    with open(place, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            figures = (row.faces, _figure(row.closeness, 2), _figure(row.seconds, 2))
            writer.writerow((_path(row.name), row.outcome, _path(row.result), *figures, _said(row.reason), row.note))


def _path(name: str) -> str:
    """A path as text of any encoding and table: bytes that are no letters as numbers, and no formula."""
    name = _said(name)
    return f"./{name}" if _FORMULA.match(name) else name


def _said(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else ""


def report_page(rows: Sequence[EditedPhoto]) -> str:
    """One HTML page of all pictures, that needs no network; at most the first thousand are shown.

    Args:
        rows: one for each picture.
    """
    about = f"{counted(rows)}. Closeness is that of what was found before the edit, in dB."
    if len(rows) > _MOST_SHOWN:
        about += f" Only the first {_MOST_SHOWN} are shown; the others are listed."
    text = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Template(text).substitute(
        title="Edited photographs",
        about=html.escape(about),
        rows="\n".join(_row(row, shown=index < _MOST_SHOWN) for index, row in enumerate(rows)),
    )


def _row(row: EditedPhoto, *, shown: bool) -> str:
    name = html.escape(_said(row.name))
    if row.result:
        name = f'<a href="./{quote(os.fsencode(row.result))}">{name}</a>'
    images = "".join(
        f"<td>{_image(address, what) if shown else ''}</td>"
        for address, what in ((row.before, "before"), (row.after, "after"))
    )
    figures = (str(row.faces or ""), _figure(row.closeness, 1), _figure(row.seconds, 1))
    cells = "".join(f'<td class="figure">{figure}</td>' for figure in figures)
    said = html.escape(_said(row.reason) or row.outcome)
    note = f"<small>{html.escape(_said(row.note))}</small>" if row.note else ""
    kind = "said failed" if row.outcome == FAILED else "said"
    return f'<tr><th scope="row">{name}</th>{images}{cells}<td class="{kind}">{said}{note}</td></tr>'


def _image(address: str, what: str) -> str:
    """A picture, unless the address is anything else."""
    return f'<img src="{address}" alt="{what}" loading="lazy">' if _PICTURE.fullmatch(address) else ""
