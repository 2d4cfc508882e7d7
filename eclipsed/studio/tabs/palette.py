"""Palette: the face under two directions, every strength of one with every strength of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio import views
from eclipsed.studio.actions import act
from eclipsed.studio.engine import Engine
from eclipsed.studio.images import to_uris
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "PaletteTab", "cells"]

TITLE = "Palette"

_SIZES = (3, 5, 7)


class PaletteTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        self.shown = gr.State(())
        with gr.Row(elem_classes=["tools"]):
            self.first = gr.Dropdown([], label="Downwards", min_width=140, elem_id="palette-first")
            self.second = gr.Dropdown([], label="To the right", min_width=140, elem_id="palette-second")
            self.size = gr.Dropdown([(f"{k} × {k}", k) for k in _SIZES], value=5, label="Size", min_width=90)
            self.reach = gr.Slider(0.25, 2.0, value=1.0, step=0.25, label="Strongest", min_width=140)
        self.draw = gr.Button(
            "Draw the palette", variant="primary", size="sm", elem_id="draw-palette", interactive=False
        )
        hint = "Choose two different directions, then draw."
        self.palette = piece("palette", {"hint": hint}, "Palette", engine.editor.world.subject)

    def wire(self, page: Page) -> None:
        """Make it answer."""

        def usable(first: str | None, second: str | None) -> Any:
            return gr.Button(interactive=bool(first and second) and first != second)

        def offered(first: str | None, second: str | None) -> tuple[Any, ...]:
            names = [one.name for one in page.engine.shelf.all()]
            kept = [first if first in names else None, second if second in names else None]
            free = [name for name in names if name not in kept]
            values = [value or (free.pop(0) if free else None) for value in kept]
            dropdowns = [gr.Dropdown(choices=names, value=value) for value in values]
            return (*dropdowns, usable(*values))

        both = [self.first, self.second]
        self.tab.select(in_a_sentence(offered), both, [*both, self.draw], concurrency_id=SLOW, **QUIET)
        for one in both:
            one.change(usable, both, self.draw, concurrency_id=SLOW, **QUIET)

        def drawn(session: Session, first: str, second: str, size: int, reach: float) -> tuple[Any, Any]:
            down, across, rows = cells(page.engine, session.now, first, second, int(size), float(reach))
            pictures = [[to_uris(faces, thumbnails=False)[0] for faces in row] for row in rows]
            return (first, second), views.palette((first, second), down, across, pictures)

        page.on_look_as_it_is(self.draw.click, drawn, [*both, self.size, self.reach], [self.shown, self.palette])

        def taken(session: Session, shown: tuple[str, ...], event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            names = list(shown)
            return page.drawn(session, act(page.engine, session, {"do": "take", **data, "names": names}))

        self.palette.act(
            in_a_sentence(taken),
            [page.session, self.shown],
            page.look,
            concurrency_id=LOOKS,
            trigger_mode="multiple",
            **QUIET,
        )


def cells(
    engine: Engine, look: Stack, first: str, second: str, size: int, reach: float
) -> tuple[list[float], list[float], list[list[Any]]]:
    """A look under two directions, whose own entries in it are replaced.

    Args:
        engine: the shared half.
        look: face and edits.
        first: direction of the rows.
        second: direction of the columns.
        size: cells a side, 2 to 9.
        reach: the strengths go from -reach to +reach, within each direction's useful range.
    Returns:
        Strengths downwards, strengths to the right, and rows of image tensors (1, 3, H, W).
    Raises:
        InputError: the two are one, or a number is out of range.
    """
    if not first or not second or first == second:
        raise InputError("a palette needs two different directions")
    if not 2 <= size <= 9 or not 0 < reach <= 10:
        raise InputError(f"a palette has 2 to 9 cells a side and strengths up to 10; got {size} and {reach:g}")
    engine.checked(look)
    directions = [engine.shelf.direction(name) for name in (first, second)]
    digests = [one.digest for one in directions]
    look = replace(look, entries=tuple(entry for entry in look.entries if entry.digest not in digests))
    strengths = []
    for one in directions:
        low, high = max(-reach, one.alpha_range[0]), min(reach, one.alpha_range[1])
        strengths.append([round(low + (high - low) * index / (size - 1), 4) for index in range(size)])
    rows = []
    for down in strengths[0]:
        base = engine.added(look, first, alpha=down)
        rows.append([engine.show(engine.added(base, second, alpha=across)).images for across in strengths[1]])
    return strengths[0], strengths[1], rows
