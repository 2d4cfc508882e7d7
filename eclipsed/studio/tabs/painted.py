"""Parts: a part painted on a few faces, found on all others, and one of the world's from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.studio import painting, results
from eclipsed.studio.brush import brush, painted_mask
from eclipsed.studio.engine import Engine
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.painting import Learned, Painting
from eclipsed.studio.pieces import event_data, piece, press_link
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "PartsTab"]

TITLE = "Parts"

_HINT = "No part is kept yet. One that is saved can be named in sentences, as “a person with a red forehead”."


class PartsTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        self.work, self.learned = gr.State(Painting()), gr.State(None)
        with gr.Row(elem_classes=["tools"]):
            self.name = gr.Textbox(
                label="Part", placeholder="forehead", max_length=60, min_width=160, elem_id="part-name"
            )
            self.words = gr.Textbox(
                label="Also called",
                placeholder="front, brow; its name, if you give none",
                max_length=200,
                min_width=200,
                scale=2,
                elem_id="part-words",
            )
        self.faces = piece("painting", {"faces": []}, f"{subject.capitalize()}s to paint on", subject, place="faces")
        self.brush = brush("Paint where the part is", subject, place="parts")
        with gr.Row(elem_classes=["tools"]):
            self.learn = gr.Button(
                "Find it on others", variant="primary", size="sm", min_width=130, elem_id="part-learn"
            )
            self.save = gr.Button("Save the part", size="sm", min_width=110, elem_id="part-save", interactive=False)
            self.file = gr.Button("Part (file)", size="sm", min_width=100, elem_id="part-file", interactive=False)
            self.anew = gr.Button("Begin anew", size="sm", min_width=100, elem_id="part-anew")
        self.fetched = gr.DownloadButton("Fetched", visible="hidden", elem_id="part-fetched")
        self.found = piece("painting", {"faces": []}, "Where it is found", subject, place="found")
        self.kept = piece("kept", {"parts": [], "hint": _HINT}, "Parts that are kept", subject)
        with gr.Accordion("Open a part that was saved", open=False):
            self.saved = gr.File(
                label="Painted part (.safetensors)", file_types=[".safetensors"], height=130, elem_id="part-saved"
            )

    @property
    def _asked(self) -> list[Any]:
        return [self.work, self.learned, self.name, self.words]

    @property
    def _easel(self) -> list[Any]:
        """What `_painted_on` gives values for."""
        return [self.work, self.faces, self.brush]

    @property
    def _buttons(self) -> list[Any]:
        """What works on a part that is learned from all that is painted."""
        return [self.save, self.file]

    @property
    def _all(self) -> list[Any]:
        """What `_begun` gives values for."""
        return [*self._easel, self.learned, self.found, self.name, self.words, *self._buttons]

    def wire(self, page: Page) -> None:
        """Make it answer."""
        engine = page.engine
        options: dict[str, Any] = {"concurrency_id": LOOKS, "trigger_mode": "multiple", **QUIET}

        def shown(session: Session, work: Painting, name: str) -> tuple[Any, ...]:
            if not work.paintings and work.earlier is None:
                work = replace(work, class_index=session.now.class_index)
            return (*_painted_on(engine, work, name), _kept(engine))

        self.tab.select(
            in_a_sentence(shown), [page.session, self.work, self.name], [*self._easel, self.kept], **options
        )
        self._wire_painting(engine, options)
        self._wire_learning(page, options)
        self._wire_kept(engine, options)

    def _wire_painting(self, engine: Engine, options: dict[str, Any]) -> None:
        """A face is chosen and painted."""

        def chosen(work: Painting, learned: Learned | None, name: str, words: str, event: gr.EventData) -> Any:
            data = event_data(event)
            step = _STEPS.get(str(data.get("do")))
            if step is None:
                raise InputError(f"the tab knows no action {str(data.get('do'))[:40]!r}")
            after = step(engine, work, learned, data)
            same = after.paintings == work.paintings
            return (*_painted_on(engine, after, name), *[gr.skip() if same else _button(False)] * 2)

        def painted(work: Painting, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "close":
                after = work.closed()
                return (
                    after,
                    painting.row_to_paint(engine, after),
                    painting.brush_on(engine, after, ""),
                    *[gr.skip()] * 2,
                )
            after = work.painted(data.get("key"), painted_mask(data.get("mask")))
            return (after, painting.row_to_paint(engine, after), gr.skip(), *[_button(False)] * 2)

        def corrected(work: Painting, learned: Learned | None, name: str, words: str, event: gr.EventData) -> Any:
            if event_data(event).get("do") != "turn" or learned is None:
                return (*chosen(work, learned, name, words, event), gr.skip(), gr.skip())
            turned = learned.turned()
            return (*[gr.skip()] * 5, turned, painting.row_of_found(engine, turned))

        outputs = [*self._easel, *self._buttons]
        self.faces.act(in_a_sentence(chosen), self._asked, outputs, **options)
        self.brush.act(in_a_sentence(painted), [self.work], outputs, **options)
        self.found.act(in_a_sentence(corrected), self._asked, [*outputs, self.learned, self.found], **options)

    def _wire_learning(self, page: Page, options: dict[str, Any]) -> None:
        """The part is learned, shown on other faces, and saved."""
        engine = page.engine

        def learn(session: Session, work: Painting, name: str, words: str) -> tuple[Any, ...]:
            learned = painting.learn(engine, work, name, words)
            return (learned, painting.row_of_found(engine, learned), *[_button(True)] * 2)

        outputs = [self.learned, self.found, *self._buttons]
        page.on_look_as_it_is(self.learn.click, learn, [self.work, self.name, self.words], outputs)

        def called(work: Painting, learned: Learned | None, name: str, words: str) -> Any:
            if learned is None:
                raise InputError("find it on other faces first, then save it")
            key, given = painting.named(engine, work, name, words)
            return replace(learned.part, name=key, words=given)

        def save(work: Painting, learned: Learned | None, name: str, words: str) -> tuple[Any, ...]:
            part = called(work, learned, name, words)
            engine.keep_part(part)
            gr.Info(f"“{part.words[0]}” is a part now: sentences that name it find it.", duration=8)
            after = replace(work.closed(), paintings={}, corrects=part.name, earlier=part)
            return (*_painted_on(engine, after, name), _kept(engine), _button(False))

        saved = [*self._easel, self.kept, self.save]
        self.save.click(in_a_sentence(save), self._asked, saved, **options)
        event = self.file.click(
            in_a_sentence(lambda *asked: str(results.part_file(called(*asked)))), self._asked, self.fetched, **options
        )
        event.success(None, self.fetched, None, js=press_link("part-fetched"))

    def _wire_kept(self, engine: Engine, options: dict[str, Any]) -> None:
        """A part that is kept, or of a file, is painted further; or it is removed."""

        def told(work: Painting, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            part = painting.kept_part(engine, data.get("name"))
            if data.get("do") == "correct":
                begun = Painting(corrects=part.name, earlier=part, class_index=work.class_index)
                return (*_begun(engine, begun), gr.skip())
            engine.drop_part(part.name)
            mine = work.corrects == part.name
            return (replace(work, corrects="") if mine else work, *[gr.skip()] * (len(self._all) - 1), _kept(engine))

        self.kept.act(in_a_sentence(told), [self.work], [*self._all, self.kept], **options)

        def opened(work: Painting, file: str | None) -> tuple[Any, ...]:
            if file is None:
                return (*[gr.skip()] * len(self._all), None)
            begun = Painting(earlier=painting.opened(engine, file), class_index=work.class_index)
            return (*_begun(engine, begun), None)

        self.saved.upload(in_a_sentence(opened), [self.work, self.saved], [*self._all, self.saved], **options).failure(
            lambda: None, None, self.saved, **QUIET
        )

        def anew(work: Painting) -> tuple[Any, ...]:
            return _begun(engine, Painting(class_index=work.class_index))

        self.anew.click(in_a_sentence(anew), [self.work], self._all, concurrency_id=LOOKS, **QUIET)


def _open(engine: Engine, work: Painting, learned: Learned | None, data: dict[str, Any]) -> Painting:
    """A face under the brush, with the part as it is found there by now."""
    seed = data.get("seed")
    return work.opened(seed, None if learned is None or seed in work.paintings else learned.on(engine, seed))


_STEPS: dict[str, Callable[[Engine, Painting, Learned | None, dict[str, Any]], Painting]] = {
    "open": _open,
    "turn": lambda engine, work, learned, data: work.turned(),
    "none": lambda engine, work, learned, data: work.without_any(),
    "out": lambda engine, work, learned, data: work.left_out().closed(),
}


def _painted_on(engine: Engine, work: Painting, name: str) -> tuple[Any, Any, Any]:
    return work, painting.row_to_paint(engine, work), painting.brush_on(engine, work, name)


def _begun(engine: Engine, work: Painting) -> tuple[Any, ...]:
    """Everything for paintings that go on from a part, or begin anew."""
    part = work.earlier
    learned = None if part is None else Learned(part=part, class_index=work.class_index)
    name = "" if part is None else part.name.replace("_", " ")
    words = "" if part is None or part.words == (name,) else ", ".join(part.words)
    usable = [_button(part is not None)] * 2
    return (*_painted_on(engine, work, name), learned, painting.row_of_found(engine, learned), name, words, *usable)


def _kept(engine: Engine) -> dict[str, Any]:
    """The parts that are kept."""
    parts = [
        {
            "name": part.name,
            "title": part.name.replace("_", " "),
            "words": list(part.words),
            "paintings": len(part.paintings),
        }
        for part in engine.editor.parts
    ]
    return {"parts": parts, "hint": _HINT}


def _button(usable: bool) -> Any:
    return gr.Button(interactive=usable)
