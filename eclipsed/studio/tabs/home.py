"""Take home: pictures, films, the stack, and the Python that does the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from eclipsed.editing.stack import Stack
from eclipsed.images.animation import films_as_mp4
from eclipsed.studio import results
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import piece, press_link
from eclipsed.studio.portraits import reopened
from eclipsed.studio.safety import in_a_sentence, read_stack
from eclipsed.studio.session import Session

__all__ = ["TITLE", "HomeTab"]

TITLE = "Take home"

_MP4 = "Film (MP4)"

_MAKERS: dict[str, Callable[[Engine, Stack], Path]] = {
    "Picture (PNG)": results.picture,
    "Strip (PNG)": results.strip,
    "Film (GIF)": lambda engine, look: results.film(engine, look, ".gif"),
    _MP4: lambda engine, look: results.film(engine, look, ".mp4"),
    "Edit stack (JSON)": results.stack_file,
}
_OF_EDITS = ("Strip (PNG)", "Film (GIF)", _MP4)


class HomeTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        with gr.Row(elem_classes=["tools", "downloads"]):
            self.buttons = {
                name: gr.Button(name, size="sm", min_width=120, interactive=name not in _OF_EDITS) for name in _MAKERS
            }
        if not films_as_mp4():
            gr.Markdown('Films as MP4 need `pip install ".[video]"` where the studio runs.', elem_classes=["hint"])
        self.fetched = gr.DownloadButton("Fetched", visible="hidden", elem_id="fetched")
        self.python = piece("python", {"code": ""}, "The same in Python", engine.editor.world.subject)
        self.file = gr.File(
            label="Open a stack (.json) or a picture (.png)",
            file_types=[".json", ".png"],
            height=150,
        )

    @property
    def for_edits(self) -> tuple[gr.Button, ...]:
        """The buttons that work where an edit is on."""
        return tuple(self.buttons[name] for name in _OF_EDITS if name != _MP4 or films_as_mp4())

    def wire(self, page: Page) -> None:
        """Make it answer."""

        def maker(make: Callable[[Engine, Stack], Path]) -> Callable[[Session], str]:
            return lambda session: str(make(page.engine, session.now))

        for name, button in self.buttons.items():
            event = page.on_look_as_it_is(button.click, maker(_MAKERS[name]), [], self.fetched)
            event.success(None, self.fetched, None, js=press_link("fetched"))

        def opened(session: Session, file: str | None) -> tuple[Any, ...]:
            if file is None:
                return (*[gr.skip()] * len(page.look), None)
            look = reopened(session.now, page.engine.checked(read_stack(file)), FIRST_SEED)
            return (*page.drawn(session, session.show(look)), None)

        self.file.upload(
            in_a_sentence(opened), [page.session, self.file], [*page.look, self.file], concurrency_id=LOOKS, **QUIET
        )
