"""What became of many trainings: a table for programs, and a page to look at."""

from __future__ import annotations

import csv
import html
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from eclipsed.evaluation.many_rows import FAILED, TrainedPrompt, counted
from eclipsed.files.atomic import atomic_write
from eclipsed.images.report_page import MOST_SHOWN, figure, image, plain_path, plain_text, report_page

__all__ = ["REPORT_PAGE", "REPORT_TABLE", "options_in_words", "share", "trainings_page", "write_reports"]

REPORT_TABLE, REPORT_PAGE = "report.csv", "report.html"

_COLUMNS = (
    "prompt", "models", "seed", "options", "rank", "outcome", "file", "success", "judge", "locality", "leakage",
    "clip_gain", "worth", "seconds", "says", "reason", "note",
)  # fmt: skip
_COLUMNS_SHOWN = (
    ("Prompt", False),
    ("Strip", False),
    ("Success", True),
    ("Locality", True),
    ("Leakage", True),
    ("Seconds", True),
    ("Seed", True),
    ("What became of it", False),
)


def write_reports(rows: Sequence[TrainedPrompt], out: Path) -> None:
    """Write report.csv and report.html.

    Args:
        rows: ranked.
        out: folder of the results.
    Raises:
        OutputError: one cannot be written.
    """
    atomic_write(out / REPORT_TABLE, lambda place: _write_table(rows, place))
    page = trainings_page(rows)
    atomic_write(out / REPORT_PAGE, lambda place: place.write_text(page, encoding="utf-8"))


def options_in_words(row: TrainedPrompt) -> str:
    """Options other than the default, such as "steps=30, space=W"."""
    return ", ".join(f"{name}={value}" for name, value in row.options.items())


def share(value: float | None) -> str:
    """A share as whole percents; "" where there is none."""
    return "" if value is None else f"{value:.0%}"


def _write_table(rows: Sequence[TrainedPrompt], place: Path) -> None:
    with open(place, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            figures = [figure(value, 4) for value in (row.locality, row.leakage, row.clip_gain, row.worth)]
            writer.writerow(
                (
                    plain_path(row.prompt), plain_path(row.models), row.seed, options_in_words(row), row.rank or "",
                    row.outcome, plain_path(row.file), figure(row.success, 4), row.judge, *figures,
                    figure(row.seconds, 2), row.says, plain_text(row.reason), plain_text(row.note),
                )
            )  # fmt: skip


def trainings_page(rows: Sequence[TrainedPrompt]) -> str:
    """One HTML page of all trainings, that needs no network; strips of the first thousand are shown.

    Args:
        rows: ranked.
    """
    about = (
        f"{counted(rows)}. Of each prompt the best comes first: success times locality times what stays of the rest. "
        "Strips go from alpha -1 over 0 and 0.5 to 1."
    )
    if len(rows) > MOST_SHOWN:
        about += f" Only the first {MOST_SHOWN} strips are shown; the other directions are listed."
    shown = (_row(row, shown=place < MOST_SHOWN) for place, row in enumerate(rows))
    return report_page("Trained directions", about, _COLUMNS_SHOWN, shown)


def _row(row: TrainedPrompt, *, shown: bool) -> str:
    name = html.escape(plain_text(row.prompt)) or "<i>empty</i>"
    if row.file:
        name = f'<a href="./{quote(row.file)}">{name}</a>'
    details = html.escape(", ".join(text for text in (row.models, options_in_words(row)) if text))
    mark = '<small class="best">★ the best of its prompt</small>' if row.best else ""
    strip = image(row.strip, row.prompt, wide=True) if shown else ""
    shares = (share(row.success), share(row.locality), share(row.leakage), figure(row.seconds, 1), str(row.seed))
    cells = "".join(f'<td class="figure">{each}</td>' for each in shares)
    said = html.escape(plain_text(row.reason or row.says) or row.outcome)
    note = f"<small>{html.escape(plain_text(row.note))}</small>" if row.note else ""
    kind = "said failed" if row.outcome == FAILED else "said"
    first = f'<th scope="row">{name}<small>{details}</small>{mark}</th>'
    return f'<tr>{first}<td>{strip}</td>{cells}<td class="{kind}">{said}{note}</td></tr>'
