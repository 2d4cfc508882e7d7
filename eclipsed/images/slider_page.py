"""A page of pictures that one slider changes: a single HTML file that needs no network."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from PIL import Image

from eclipsed.errors import InputError

__all__ = ["Film", "slider_page"]

_TEMPLATE = "slider_page.html"
_QUALITY = 80
_SIDE = 128  # pixels of a picture on the page, at most


@dataclass(frozen=True, eq=False)
class Film:
    """One place of the page: a picture for each stop of the slider.

    Args:
        frames: pictures of one size, one for each stop.
        name: what is shown, as is said to people who do not see it.
        note: what the page shows when somebody chooses it.
    """

    frames: Sequence[Image.Image]
    name: str
    note: str


def slider_page(
    rows: Sequence[Sequence[Film]],
    *,
    title: str,
    about: str,
    columns: Sequence[str],
    labels: Sequence[str],
    stops: Sequence[str],
    label: str,
    hint: str,
) -> str:
    """Lay films out in a table, all of which follow one slider.

    Args:
        rows: the films, row by row.
        title: of the page.
        about: a sentence below it.
        columns: captions above the columns.
        labels: captions of the rows.
        stops: what the slider says at each of its stops; it begins in the middle.
        label: what the slider changes.
        hint: what choosing a picture does.
    Returns:
        The HTML text. The pictures are in it, as WebP, each film side by side in one.
    Raises:
        InputError: films, rows or captions do not match in number.
    """
    if not rows or any(len(row) != len(columns) for row in rows) or len(rows) != len(labels):
        raise InputError("a page needs a film for each of its rows and columns, and captions for both")
    if any(len(film.frames) != len(stops) for row in rows for film in row):
        raise InputError(f"each film has a frame for each of the {len(stops)} stops")
    side, middle = min(_SIDE, rows[0][0].frames[0].width), len(stops) // 2
    body = []
    for name, row in zip(labels, rows, strict=True):
        cells = "".join(_cell(film, side, middle, stops[middle]) for film in row)
        body.append(f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>')
    text = Path(__file__).with_name(_TEMPLATE).read_text(encoding="utf-8")
    plain = {"title": title, "about": about, "label": label, "hint": hint, "said": stops[middle]}
    return Template(text).substitute(
        {name: html.escape(value) for name, value in plain.items()},
        side=side,
        film=side * len(stops),
        last=len(stops) - 1,
        middle=middle,
        columns="".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns),
        rows="\n".join(body),
        stops=json.dumps(list(stops)).replace("<", "\\u003c"),  # no text ends the script
    )


def _cell(film: Film, side: int, at: int, stop: str) -> str:
    name, note = html.escape(film.name), html.escape(film.note)
    style = f"background-image:url({_data(film.frames, side)});background-position-x:{-at * side}px"
    return (
        f'<td><button type="button" aria-pressed="false" aria-label="{name}, {html.escape(stop)}" data-name="{name}" '
        f'data-note="{note}" style="{style}"></button></td>'
    )


def _data(frames: Sequence[Image.Image], side: int) -> str:
    """Pictures side by side, as a data address of WebP."""
    page = Image.new("RGB", (side * len(frames), side))
    for index, frame in enumerate(frames):
        same = frame.size == (side, side)
        page.paste(frame if same else frame.resize((side, side), Image.Resampling.LANCZOS), (index * side, 0))
    file = io.BytesIO()
    page.save(file, "WEBP", quality=_QUALITY, method=6)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
