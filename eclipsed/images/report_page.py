"""What became of many pieces of work: one HTML page to look at, and cells of a table for programs."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

__all__ = ["MOST_SHOWN", "figure", "image", "plain_path", "plain_text", "report_page"]

#: rows of a page with pictures, some 10 kB each
MOST_SHOWN = 1000

_PICTURE = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/]+=*")
_FORMULA = re.compile(r"[=+\-@\t\r]")  # what a table of numbers begins to reckon at


def report_page(title: str, about: str, columns: Sequence[tuple[str, bool]], rows: Iterable[str]) -> str:
    """One HTML page with a table, that needs no network.

    Args:
        title: of the page.
        about: what stands above the table.
        columns: their names, and whether they hold figures.
        rows: of the table, in HTML.
    """
    kinds = {True: ' class="figure"', False: ""}
    heads = (f'<th scope="col"{kinds[number]}>{html.escape(name)}</th>' for name, number in columns)
    text = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Template(text).substitute(
        title=html.escape(title), about=html.escape(about), columns="".join(heads), rows="\n".join(rows)
    )


def image(address: str, what: str, *, wide: bool = False) -> str:
    """A picture of a page, unless the address is anything else than data of a WebP.

    Args:
        address: of the picture.
        what: it shows.
        wide: it is a strip of several.
    """
    kind = ' class="strip"' if wide else ""
    shown = f'<img{kind} src="{address}" alt="{html.escape(what)}" loading="lazy">'
    return shown if _PICTURE.fullmatch(address) else ""


def figure(value: float | None, digits: int) -> str:
    """A number with so many digits; "" where there is none."""
    return "" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def plain_path(name: str) -> str:
    """A path as text of any encoding and table: bytes that are no letters as numbers, and no formula."""
    name = plain_text(name)
    return f"./{name}" if _FORMULA.match(name) else name


def plain_text(text: str) -> str:
    """Text of any encoding: what is no letter as a number."""
    return text.encode("utf-8", "backslashreplace").decode()
