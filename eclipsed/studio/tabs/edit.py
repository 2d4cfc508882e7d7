"""Edit: the stack of the face, and the shelf of directions under it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.files.header import is_bare
from eclipsed.prompts.region import MAX_PROMPT
from eclipsed.store import library
from eclipsed.studio import album, views
from eclipsed.studio.actions import act, move, place_of
from eclipsed.studio.brush import brush
from eclipsed.studio.descriptions import described
from eclipsed.studio.engine import Engine
from eclipsed.studio.making_part import MakingPart
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import NUMBERS, in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.studio.sums import MOST_TERMS, read_lines, summed

__all__ = ["TITLE", "EditTab"]

TITLE = "Edit"


class EditTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        self.people = piece("people", {"faces": []}, f"Your own {subject}s", subject)
        self.stack = piece("stack", {"rows": []}, f"Edits of the {subject}", subject)
        self.brush = brush("Paint where an edit may act", subject, place="edit")
        gr.HTML("<h3>Shelf</h3>", apply_default_css=False, elem_classes=["studio-piece"])
        self.shelf = piece("shelf", {"items": [], "waiting": True}, "Directions", subject)
        with gr.Accordion("Add and subtract directions", open=False):
            self.sums = piece("sums", {"most": MOST_TERMS}, "Add and subtract directions", subject)
        with gr.Accordion("Put a direction file on the shelf", open=False):
            with gr.Row(elem_classes=["tools"]):
                self.sentence = gr.Textbox(
                    label="What it brings",
                    info="for a file of another project, if you know: CLIP then judges sign and strength",
                    placeholder=engine.editor.world.example,
                    max_length=MAX_PROMPT,
                    scale=2,
                    min_width=220,
                    elem_id="import-sentence",
                )
                self.index = gr.Textbox(
                    label="Which one",
                    info="of several in a file, from 0",
                    max_length=6,
                    min_width=120,
                    elem_id="import-index",
                )
                self.name = gr.Textbox(
                    label="Name",
                    info="the file's, if you give none",
                    max_length=60,
                    min_width=160,
                    elem_id="import-name",
                )
            self.file = gr.File(
                label="Direction (.safetensors, .npy, .npz, .pt, .pkl)",
                file_types=list(NUMBERS),
                height=150,
                elem_id="import-file",
            )
        self.making = MakingPart(engine, "edit")

    def wire(self, page: Page) -> None:
        """Make it answer."""
        engine = page.engine
        page.on_act(page.viewer, lambda session, data: act(engine, session, data))
        page.on_act(page.stack, lambda session, data: act(engine, session, data))
        page.on_act(page.people, album.act)
        page.on_act(page.brush, lambda session, data: act(engine, session, data))

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

        self._wire_files(page)
        self._wire_sums(page)

    def _wire_files(self, page: Page) -> None:
        """Files of directions come to the shelf: our own at once, those of other projects when they are measured."""
        engine, making = page.engine, self.making

        def given(session: Session, sentence: str, index: str, name: str, file: str | None) -> tuple[Any, ...]:
            waiting = [gr.skip()] * len(making.outputs)
            if file is None:
                return (*waiting, gr.skip(), None)
            if file.lower().endswith(library.SUFFIX) and not is_bare(file):
                kept = engine.shelf.keep(file, name)
                gr.Info(f"“{kept}” is on the shelf.", duration=5)
                return (*waiting, views.shelf(engine, session.now), None)
            task = page.makings.from_file(file, prompt=sentence, index=_number(index), name=name)
            return (*making.begun(page, task), gr.skip(), None)

        self.file.upload(
            in_a_sentence(given),
            [page.session, self.sentence, self.index, self.name, self.file],
            [*making.outputs, page.shelf, self.file],
            concurrency_id=LOOKS,
            **QUIET,
        ).failure(lambda: None, None, self.file, **QUIET)
        making.wire(page, self.tab, TITLE)

    def _wire_sums(self, page: Page) -> None:
        """Directions of the shelf are added and subtracted."""
        engine = page.engine

        def told(session: Session, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") != "sum":
                after = act(engine, session, {"do": "add", "name": data.get("name")})
                go = place_of(engine, after.now, data.get("name")) if after is session else None
                return (gr.skip(), *page.drawn(session, after, go=go))
            direction = summed(engine, *read_lines(data.get("lines")))
            name = engine.shelf.take(direction, str(data.get("name", "")))
            said = {"most": MOST_TERMS, "made": name, "message": described(direction, name)}
            kept = [gr.skip() if one is not page.shelf else views.shelf(engine, session.now) for one in page.look]
            return (said, *kept)

        self.sums.act(
            in_a_sentence(told),
            [page.session],
            [self.sums, *page.look],
            concurrency_id=LOOKS,
            trigger_mode="multiple",
            **QUIET,
        )


def _number(text: str) -> int | str | None:
    """A number that somebody wrote; as it stands where it is none."""
    stripped = text.strip()
    return int(stripped) if stripped.isdecimal() else stripped or None
