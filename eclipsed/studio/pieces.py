"""Pieces of the page that are drawn by scripts of our own: `gr.HTML` components with a JSON value and two events."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import gradio as gr

__all__ = ["event_data", "page_file", "piece", "press_link"]


@cache
def page_file(name: str) -> str:
    """The text of a file in ``page/``."""
    return (files("eclipsed.studio") / "page" / name).read_text(encoding="utf-8")


def piece(
    name: str, value: dict[str, Any], label: str, subject: str, *, place: str = "", uses: tuple[str, ...] = ()
) -> gr.HTML:
    """A piece of the page.

    Args:
        name: of its script in ``page/``.
        value: what it shows, as JSON values.
        label: what it is called by screen readers.
        subject: what the pictures show, see `World.subject`.
        place: where it stands, of a piece that the page has more than once.
        uses: further scripts in ``page/`` that come before its own.
    Returns:
        The component; its events are ``act`` and, of the stack, ``move``.
    """
    return gr.HTML(
        value=value,
        html_template=f'<div class="piece {name}" role="group" aria-label="{label}"></div>',
        js_on_load=f"const subject = {_script_text(subject)};\n"
        + "".join(page_file(f"{one}.js") for one in ("common", *uses, name)),
        apply_default_css=False,
        elem_id=f"piece-{name}-{place}" if place else f"piece-{name}",
        elem_classes=["studio-piece"],
    )


def _script_text(text: str) -> str:
    """A text as it stands in a script."""
    return json.dumps(text).replace("<", "\\u003c")


def event_data(event: gr.EventData) -> dict[str, Any]:
    """What a piece told, always a dict: anyone can send anything."""
    data = event._data
    return dict(data) if isinstance(data, dict) else {}


def press_link(name: str) -> str:
    """A script that presses the hidden download button of an id as soon as it points to the new file."""
    return """(file) => { const press = (left) => {
  const link = document.querySelector('#NAME a[href]') || document.querySelector('a#NAME[href]');
  const button = document.querySelector('#NAME button') || document.querySelector('button#NAME');
  if (link) link.click(); else if (button) button.click(); else if (left) setTimeout(() => press(left - 1), 50);
}; setTimeout(() => press(40), 60); }""".replace("NAME", name)
