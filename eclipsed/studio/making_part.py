"""The part of a tab that shows a direction being made: how it stands, Stop, and what came of it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.studio import views
from eclipsed.studio.actions import act, place_of
from eclipsed.studio.engine import Engine
from eclipsed.studio.making import Making
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["MakingPart"]

_EVERY = 0.7  # seconds between two looks at a direction that is being made


class MakingPart:
    """Draws its part when it is made; see `wire`.

    Args:
        engine: the shared half.
        place: the tab, in a word, which tells one part from another.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self.token = gr.BrowserState("", storage_key=f"eclipsed-making-{place}")
        label, subject = "Making a direction", engine.editor.world.subject
        self.piece = piece("making", {"task": None}, label, subject, place=place)
        self.timer = gr.Timer(_EVERY, active=False)

    @property
    def outputs(self) -> list[Any]:
        """What `begun` gives values for."""
        return [self.token, self.piece, self.timer]

    def begun(self, page: Page, task: Making) -> tuple[Any, ...]:
        """Values for `outputs` when a direction was asked for."""
        return (task.token, *self._state(page, task))

    def _state(self, page: Page, task: Making | None) -> tuple[Any, Any]:
        running = task is not None and not task.over
        return views.making(page.makings, task), gr.Timer(active=running)

    def wire(self, page: Page, tab: gr.Tab, edit_tab: str) -> None:
        """Make it answer.

        Args:
            page: all of it.
            tab: that it stands in.
            edit_tab: title of the tab with the rows of the edits.
        """
        queue = page.makings
        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}

        def find(token: str) -> Making | None:
            try:
                return queue.find(token) if token else None
            except InputError:  # of a server that is gone, or forgotten since
                return None

        def tick(session: Session, token: str) -> tuple[Any, ...]:
            task = find(token)
            over = task is None or task.over
            return (*self._state(page, task), views.shelf(page.engine, session.now) if over else gr.skip())

        def told(session: Session, token: str, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "stop":
                return (*self._state(page, queue.stop(token)), gr.skip(), *[gr.skip()] * len(page.look))
            after = act(page.engine, session, {"do": "add", "name": str(data.get("name", ""))})
            again = after is session
            go = place_of(page.engine, after.now, data.get("name")) if again else None
            turned = gr.Tabs(selected=edit_tab) if again else gr.skip()
            return (gr.skip(), gr.skip(), turned, *page.drawn(session, after, go=go))

        shown = [self.piece, self.timer]
        self.timer.tick(
            in_a_sentence(tick),
            [page.session, self.token],
            [*shown, page.shelf],
            concurrency_id=SLOW,
            **QUIET,
        )
        self.piece.act(in_a_sentence(told), [page.session, self.token], [*shown, page.tabs, *page.look], **options)
        tab.select(in_a_sentence(lambda token: self._state(page, find(token))), [self.token], shown, **options)
