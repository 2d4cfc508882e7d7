"""Edit: the stack of the face, and the shelf of directions under it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.store import library
from eclipsed.studio import views
from eclipsed.studio.actions import act, move, place_of
from eclipsed.studio.engine import Engine
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "EditTab"]

TITLE = "Edit"


class EditTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        self.stack = piece("stack", {"rows": []}, f"Edits of the {subject}", subject)
        gr.HTML("<h3>Shelf</h3>", apply_default_css=False, elem_classes=["studio-piece"])
        self.shelf = piece("shelf", {"items": [], "waiting": True}, "Directions", subject)
        with gr.Accordion("Put a direction file on the shelf", open=False):
            self.file = gr.File(label="Direction file (.safetensors)", file_types=[".safetensors"], height=150)

    def wire(self, page: Page) -> None:
        """Make it answer."""
        engine = page.engine
        page.on_act(page.viewer, lambda session, data: act(engine, session, data))
        page.on_act(page.stack, lambda session, data: act(engine, session, data))

        def moved(session: Session, event: gr.EventData) -> tuple[Any, Any]:
            data = event_data(event)
            after = move(session, data)
            return after, {**views.viewer(engine, after), "sent": data.get("sent")}

        self.stack.move(
            in_a_sentence(moved),
            [page.session],
            [page.session, page.viewer],
            concurrency_id=LOOKS,
            trigger_mode="multiple",  # the script sends one at a time
            **QUIET,
        )

        def told(session: Session, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") != "forget":
                after = act(engine, session, data)
                go = place_of(engine, after.now, data.get("name")) if after is session else None
                return page.drawn(session, after, go=go)
            name = str(data.get("name", ""))
            if engine.shelf.named(name).shipped:
                raise InputError(f"the direction {name!r} ships with the package and stays")
            library.remove_direction(name)
            return page.drawn(session, session, shelf=views.shelf(engine, session.now))

        self.shelf.act(
            in_a_sentence(told), [page.session], page.look, concurrency_id=LOOKS, trigger_mode="multiple", **QUIET
        )

        def given(session: Session, file: str | None) -> tuple[Any, Any]:
            if file is None:
                return gr.skip(), None
            name = engine.shelf.keep(file)
            gr.Info(f"“{name}” is on the shelf.", duration=5)
            return views.shelf(engine, session.now), None

        self.file.upload(
            in_a_sentence(given), [page.session, self.file], [self.shelf, self.file], concurrency_id=LOOKS, **QUIET
        )
