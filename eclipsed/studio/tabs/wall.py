"""Faces: a wall of seeds to pick from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from eclipsed.studio import views
from eclipsed.studio.actions import FACES_ON_WALL, MOST_CHOSEN, pick, shuffle
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "FacesTab"]

TITLE = "Faces"


class FacesTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        with gr.Row(elem_classes=["tools"]):
            self.back = gr.Button("‹ Earlier", size="sm", min_width=90)
            self.shuffle = gr.Button("Shuffle", size="sm", variant="primary", min_width=90)
            self.next = gr.Button("Later ›", size="sm", min_width=90)
            self.seed = gr.Textbox(label="Seed", max_length=12, scale=1, min_width=120, placeholder="a number")
        self.wall = piece("wall", {"faces": []}, "Faces to pick from")
        self.psi = gr.Slider(
            0.0, 1.2, value=0.7, step=0.05, label="Truncation", info="0 is the mean face, 1 the full variety"
        )

    def wire(self, page: Page) -> None:
        """Make it answer."""

        def drawn(session: Session, psi: float) -> Any:
            return views.wall(page.engine, session, count=FACES_ON_WALL, psi=psi)

        def turned(by: int) -> Any:
            def turn(session: Session, psi: float) -> tuple[Session, Any]:
                after = replace(session, first=max(0, min(session.first + by, 2**32 - FACES_ON_WALL)))
                return after, drawn(after, psi)

            return turn

        def shuffled(session: Session, psi: float) -> tuple[Session, Any]:
            after = shuffle(session)
            return after, drawn(after, psi)

        for button, step in (
            (self.back, turned(-FACES_ON_WALL)),
            (self.next, turned(FACES_ON_WALL)),
            (self.shuffle, shuffled),
        ):
            button.click(
                in_a_sentence(step), [page.session, self.psi], [page.session, self.wall], concurrency_id=LOOKS, **QUIET
            )
        for listener in (self.tab.select, self.psi.release, self.psi.input):
            listener(
                in_a_sentence(drawn),
                [page.session, self.psi],
                self.wall,
                concurrency_id=LOOKS,
                trigger_mode="always_last",
                **QUIET,
            )

        def told(session: Session, psi: float, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "choose":
                after = session.toggled(int(data.get("seed", -1)), most=MOST_CHOSEN)
            else:
                after = pick(session, data.get("seed"), psi)
            return (*page.drawn(session, after), drawn(after, psi))

        self.wall.act(
            in_a_sentence(told),
            [page.session, self.psi],
            [*page.look, self.wall],
            concurrency_id=LOOKS,
            trigger_mode="multiple",
            **QUIET,
        ).failure(in_a_sentence(drawn), [page.session, self.psi], self.wall, concurrency_id=LOOKS, **QUIET)

        def typed(session: Session, seed: str, psi: float) -> tuple[Any, ...]:
            after = pick(session, seed, psi)
            after = replace(after, first=max(0, min(int(after.now.seed or 0), 2**32 - FACES_ON_WALL)))
            return (*page.drawn(session, after), drawn(after, psi))

        self.seed.submit(
            in_a_sentence(typed),
            [page.session, self.seed, self.psi],
            [*page.look, self.wall],
            concurrency_id=LOOKS,
            **QUIET,
        )
