"""Atlas: what the generator can do, part by part, on the face as it looks."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eclipsed.studio import views
from eclipsed.studio.actions import act, place_of
from eclipsed.studio.engine import Engine
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.studio.tabs import edit
from eclipsed.studio.wandering import Wanderer
from eclipsed.values.alphas import check_alpha

__all__ = ["TITLE", "AtlasTab"]

TITLE = "Atlas"


class AtlasTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        self.part = gr.Dropdown([], label="Part", min_width=160, elem_id="atlas-part")
        self.moves = piece(
            "atlas", {"hint": "Looking …", "moves": []}, "Moves of the atlas", engine.editor.world.subject
        )

    def wire(self, page: Page) -> None:
        """Make it answer."""
        wanderer = Wanderer(page.engine)

        def offered(part: str | None) -> Any:
            names = wanderer.parts
            choices = [(name.replace("_", " "), name) for name in names]
            return gr.Dropdown(choices=choices, value=part if part in names else next(iter(names), None))

        def drawn(session: Session, part: str | None) -> Any:
            return wanderer.shown(session.now, part)

        def taken(session: Session, part: str, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            alpha = check_alpha(data.get("alpha"))
            name = wanderer.keep(str(part), data.get("number", -1))
            after = act(page.engine, session, {"do": "add", "name": name})
            go = place_of(page.engine, after.now, name)
            if go is not None:
                after = session.show(after.now.changed(go, alpha=alpha))
            shelf = views.shelf(page.engine, after.now)
            return (gr.Tabs(selected=edit.TITLE), *page.drawn(session, after, go=go, shelf=shelf))

        found = self.tab.select(in_a_sentence(offered), self.part, self.part, concurrency_id=SLOW, **QUIET)
        for listener in (found.success, self.part.input):
            page.on_look_as_it_is(listener, drawn, [self.part], self.moves)
        self.moves.act(
            in_a_sentence(taken), [page.session, self.part], [page.tabs, *page.look], concurrency_id=LOOKS, **QUIET
        )
