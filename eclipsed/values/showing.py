"""What a notebook shows of things that are no pictures."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["facts_table"]


def facts_table(title: str, facts: Mapping[str, object]) -> str:
    """Facts by their names as a small table of HTML.

    Args:
        title: above the table.
        facts: name -> value; what is None or "" is left out.
    """
    rows = [
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "")
    ]
    return f"<table><caption style='text-align:left'><b>{escape(title)}</b></caption>{''.join(rows)}</table>"
