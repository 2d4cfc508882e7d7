"""Faces: a wall of seeds to pick from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from eclipsed.studio import views
from eclipsed.studio.actions import FACES_ON_WALL, MOST_CHOSEN, pick, shuffle
from eclipsed.studio.engine import Engine
from eclipsed.studio.making import MOST_MARKED
from eclipsed.studio.making_part import MakingPart
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.studio.tabs import edit

__all__ = ["TITLE", "FacesTab"]

TITLE = "Faces"

_LAST = 2**32 - FACES_ON_WALL  # seed that the last wall begins with


class FacesTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        classes, subject = engine.editor.generator.c_dim, engine.editor.world.subject
        with gr.Row(elem_classes=["tools"]):
            self.back = gr.Button("‹ Earlier", size="sm", min_width=90, interactive=False)
            self.shuffle = gr.Button("Shuffle", size="sm", variant="primary", min_width=90)
            self.next = gr.Button("Later ›", size="sm", min_width=90)
            self.seed = gr.Textbox(label="Seed", max_length=12, scale=1, min_width=120, placeholder="a number")
            self.of_class = gr.Number(
                engine.editor.generator.class_index,
                label=f"Class, 0 to {classes - 1}",
                precision=0,
                minimum=0,
                maximum=max(0, classes - 1),
                min_width=120,
                visible=classes > 0,
                elem_id="class",
            )
        self.groups = piece("groups", {"with": [], "without": []}, "A direction from two groups", subject)
        self.making = MakingPart(engine, "faces")
        self.wall = piece("wall", {"faces": [], "count": FACES_ON_WALL}, "Faces to pick from", subject)
        self.psi = gr.Slider(
            0.0,
            1.2,
            value=0.7,
            step=0.05,
            label="Variety",
            info=f"0 is the average {subject}, 1 shows all that there are (truncation)",
        )

    def shown(self, engine: Engine, session: Session) -> tuple[Any, Any]:
        """Values for variety and class: those of the face that is shown."""
        now = session.now
        psi = engine.editor.truncation_psi if now.truncation_psi is None else now.truncation_psi
        return gr.Slider(value=psi), gr.Number(value=_class(engine, now.class_index))

    def wire(self, page: Page) -> None:
        """Make it answer."""
        asked = [page.session, self.psi, self.of_class]
        wall = [self.wall, self.back, self.next]

        def drawn(session: Session, psi: float, of_class: float | None) -> tuple[Any, ...]:
            index = _class(page.engine, of_class)
            value = views.wall(page.engine, session, count=FACES_ON_WALL, psi=psi, class_index=index)
            turns = gr.Button(interactive=session.first > 0), gr.Button(interactive=session.first < _LAST)
            return (value, *turns)

        def turned(by: int) -> Any:
            def turn(session: Session, psi: float, of_class: float | None) -> tuple[Any, ...]:
                after = replace(session, first=max(0, min(session.first + by, _LAST)))
                return (after, *drawn(after, psi, of_class))

            return turn

        def shuffled(session: Session, psi: float, of_class: float | None) -> tuple[Any, ...]:
            after = shuffle(session)
            return (after, *drawn(after, psi, of_class))

        for button, step in (
            (self.back, turned(-FACES_ON_WALL)),
            (self.next, turned(FACES_ON_WALL)),
            (self.shuffle, shuffled),
        ):
            button.click(None, js=_told("turn"))
            button.click(in_a_sentence(step), asked, [page.session, *wall], concurrency_id=LOOKS, **QUIET).failure(
                None, js=_told("stay")
            )
        for listener in (self.tab.select, self.psi.release, self.psi.input, self.of_class.change):
            listener(
                in_a_sentence(drawn), asked, wall, concurrency_id=LOOKS, trigger_mode="always_last", **QUIET
            ).failure(None, js=_told("stay"))
        self._wire_picking(page, asked, wall, drawn)
        self._wire_groups(page, asked)

    def _wire_picking(self, page: Page, asked: list[Any], wall: list[Any], drawn: Any) -> None:
        def told(session: Session, psi: float, of_class: float | None, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "mark":
                after = session.marked(data.get("seed"), data.get("group"), most=MOST_MARKED)
                return (*as_it_is(after), *drawn(after, psi, of_class), self._marked(page, after, psi, of_class))
            if data.get("do") == "choose":
                after = session.toggled(int(data.get("seed", -1)), most=MOST_CHOSEN)
            else:
                after = pick(session, data.get("seed"), psi, _class(page.engine, of_class))
            return (*page.drawn(session, after), *drawn(after, psi, of_class), gr.skip())

        def as_it_is(after: Session) -> list[Any]:
            return [after, *[gr.skip()] * (len(page.look) - 1)]

        self.wall.act(
            in_a_sentence(told),
            asked,
            [*page.look, *wall, self.groups],
            concurrency_id=LOOKS,
            trigger_mode="multiple",
            **QUIET,
        ).failure(in_a_sentence(drawn), asked, wall, concurrency_id=LOOKS, **QUIET)

        def typed(session: Session, psi: float, of_class: float | None, seed: str) -> tuple[Any, ...]:
            after = pick(session, seed, psi, _class(page.engine, of_class))
            after = replace(after, first=max(0, min(int(after.now.seed or 0), _LAST)))
            return (*page.drawn(session, after), *drawn(after, psi, of_class))

        self.seed.submit(in_a_sentence(typed), [*asked, self.seed], [*page.look, *wall], concurrency_id=LOOKS, **QUIET)

    def _marked(self, page: Page, session: Session, psi: float, of_class: float | None) -> dict[str, Any]:
        """The groups as the page shows them, with the variety and the class of the wall."""
        return views.groups(page.engine, session, psi=psi, class_index=_class(page.engine, of_class))

    def _wire_groups(self, page: Page, asked: list[Any]) -> None:
        """Two groups of marked faces become a direction."""
        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        wall = [self.wall, self.groups, page.session]

        def shown(session: Session, psi: float, of_class: float | None) -> tuple[Any, ...]:
            index = _class(page.engine, of_class)
            faces = views.wall(page.engine, session, count=FACES_ON_WALL, psi=psi, class_index=index)
            return faces, self._marked(page, session, psi, of_class), session

        def told(session: Session, psi: float, of_class: float | None, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "make":
                task = page.makings.from_faces(
                    session.having,
                    session.lacking,
                    psi=psi,
                    class_index=_class(page.engine, of_class),
                    prompt=str(data.get("prompt", "")),
                    name=str(data.get("name", "")),
                )
                return (*self.making.begun(page, task), *[gr.skip()] * len(wall))
            if data.get("do") == "clear":
                after = replace(session, having=(), lacking=())
            else:
                after = session.marked(data.get("seed"), data.get("group"), most=MOST_MARKED)
            return (*[gr.skip()] * len(self.making.outputs), *shown(after, psi, of_class))

        self.groups.act(
            in_a_sentence(told), asked, [*self.making.outputs, *wall], **{**options, "trigger_mode": "multiple"}
        )
        for listener in (self.tab.select, self.psi.release, self.of_class.change):
            again = in_a_sentence(lambda *values: self._marked(page, *values))
            listener(again, asked, self.groups, **{**options, "trigger_mode": "always_last"})
        self.making.wire(page, self.tab, edit.TITLE)


def _class(engine: Engine, given: float | None) -> int | None:
    """The class that a number names; the generator's own when there is none, and none where it has no classes.

    Raises:
        InputError: the generator has no such class.
    """
    generator = engine.editor.generator
    if not generator.c_dim or given is None:
        return generator.class_index
    whole = int(given) if float(given).is_integer() else given
    return generator.of_class(whole).class_index  # type: ignore[arg-type]


def _told(what: str) -> str:
    """A script that tells the wall: ``turn``, other faces are on their way; ``stay``, none come."""
    return f"() => window.dispatchEvent(new CustomEvent('eclipsed-{what}'))"
