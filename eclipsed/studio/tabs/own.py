"""Own picture: faces of one's own, made editable, edited in the other tabs, and put back where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio import album, own_views, reloading, results
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.images import shrunk_uri
from eclipsed.studio.inverting import LEVELS, InversionJob, InversionQueue
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece, press_link
from eclipsed.studio.portraits import FACE_SUFFIX, MOST_FACES, open_face, portrait_of
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "OwnTab"]

TITLE = "Own picture"

_EVERY = 0.5  # seconds between two looks at running inversions
_SHOWN = 1280  # pixels: the longer side of a picture that was chosen
_LEVELS = list(zip(("fast: at once", "good: closer", "best: slow"), LEVELS, strict=True))
_WHOLE = "whole"  # instead of a face: the whole picture is one


class OwnTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        which: list[tuple[str, int | str]] = [
            (f"every {subject}", "all"),
            (f"the whole picture is one {subject}", _WHOLE),
        ]
        which += [(f"{subject} {k} from the left", k) for k in range(1, MOST_FACES + 1)]
        self.tokens, self.ready = gr.State(()), gr.State(())
        self.files = gr.File(label=f"Pictures with {subject}s", file_count="multiple", height=150, elem_id="own-file")
        with gr.Row(elem_classes=["tools", "own-choice"]):
            self.level = gr.Dropdown(_LEVELS, value=LEVELS[1], label="How close", min_width=120, elem_id="own-level")
            self.which = gr.Dropdown(which, value="all", label="Which one", min_width=160, elem_id="own-which")
            self.invert = gr.Button(
                "Make it editable", variant="primary", size="sm", min_width=120, elem_id="invert", interactive=False
            )
        self.jobs = piece("inversions", {"jobs": []}, "Pictures that are made editable", subject)
        self.pasted = piece("pasted", {}, "The whole picture, before and after", subject, uses=("split",))
        with gr.Row(elem_classes=["tools", "downloads"]):
            self.put = gr.Button("Put it back", size="sm", min_width=100, interactive=False)
            self.download = gr.Button("Edited picture (PNG)", size="sm", min_width=150, interactive=False)
            self.save = gr.Button(f"Save the {subject}", size="sm", min_width=110, interactive=False)
        self.fetched = gr.DownloadButton("Fetched", visible="hidden", elem_id="own-fetched")
        self.album = piece("own", {"portraits": []}, f"Own {subject}s", subject)
        with gr.Accordion(f"Open a {subject} that was saved", open=False):
            self.saved = gr.File(
                label=f"Saved {subject} ({FACE_SUFFIX})",
                file_types=[".safetensors"],
                height=130,
                elem_id="own-saved",
            )
        self.timer = gr.Timer(_EVERY, active=False)

    @property
    def for_faces(self) -> tuple[gr.Button, ...]:
        """The buttons that work on a face of the visitor's own."""
        return (self.save,)

    @property
    def for_pictures(self) -> tuple[gr.Button, ...]:
        """The buttons that also need its picture."""
        return (self.put, self.download)

    @property
    def pieces(self) -> list[Any]:
        """What `drawn` gives values for."""
        return [self.album, self.pasted]

    def drawn(self, session: Session) -> tuple[Any, Any]:
        """The visitor's own pictures, and the whole one of the face that is shown."""
        return own_views.album(session), own_views.photograph(session)

    def wire(self, page: Page) -> None:
        """Make it answer."""
        queue = page.inversions

        def forget(tokens: Sequence[str]) -> None:  # the visitor is gone
            for token in tokens:
                queue.forget(token)

        self.tokens.delete_callback = forget
        self._wire_choice(page)
        self._wire_jobs(page, queue)
        self._wire_faces(page)
        self._wire_saved(page)
        self._wire_results(page)

    def _state(self, queue: InversionQueue, session: Session, tokens: Sequence[str]) -> tuple[Any, ...]:
        """Values for `_standing`."""
        jobs = _found(queue, tokens)
        running = any(not job.over for job in jobs)
        return (
            own_views.inversions(queue, jobs),
            gr.Timer(active=running),
            gr.Button(interactive=session.picture and not running),
        )

    @property
    def _standing(self) -> list[Any]:
        """The components that show how inversions stand."""
        return [self.jobs, self.timer, self.invert]

    def _wire_choice(self, page: Page) -> None:
        """Pictures are chosen, or taken away."""
        buttons = [*page.for_edits, *page.for_faces, *page.for_pictures]

        def chosen(session: Session, tokens: Sequence[str], files: list[str] | None) -> tuple[Any, ...]:
            after = replace(session, picture=bool(files))
            free = all(job.over for job in _found(page.inversions, tokens))
            return (after, gr.Button(interactive=after.picture and free), *page.usable(session, after))

        def seen(session: Session, files: list[str] | None) -> Any:
            picture = next(filter(None, map(_readable, files or [])), None)
            if picture is None:
                return own_views.photograph(session)
            whole = Image.fromarray(picture.read().opaque)
            note = "" if page.engine.likeness.of(whole) else _unlike(page.engine)
            title = "Your picture" if len(files or []) == 1 else f"The first of {len(files or [])} pictures"
            return {"before": shrunk_uri(whole, _SHOWN), "title": title, "note": note}

        self.files.change(
            in_a_sentence(chosen),
            [page.session, self.tokens, self.files],
            [page.session, self.invert, *buttons],
            concurrency_id=LOOKS,
            **QUIET,
        ).success(in_a_sentence(seen), [page.session, self.files], self.pasted, concurrency_id=SLOW, **QUIET)

    def _wire_jobs(self, page: Page, queue: InversionQueue) -> None:
        def begin(
            session: Session, old: Sequence[str], files: list[str] | None, level: str, which: Any
        ) -> tuple[Any, ...]:
            if not files:
                raise InputError("choose a picture first")
            for token in old:
                queue.forget(token)
            how: dict[str, Any] = {"level": level, "aligned": True} if which == _WHOLE else {"level": level}
            if which != _WHOLE:
                how |= {"face": which, "aligned": None if which == "all" else False}
            tokens = tuple(queue.submit_file(file, **how).token for file in files)
            return (tokens, (), *self._state(queue, session, tokens))

        def tick(session: Session, tokens: Sequence[str]) -> tuple[Any, ...]:
            ready = tuple(job.token for job in _found(queue, tokens) if job.portrait is not None)
            return (ready, *self._state(queue, session, tokens))

        def told(session: Session, tokens: tuple[str, ...], event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            token = data.get("token")
            if token not in tokens:
                raise InputError("that picture is not waiting any more")
            if data.get("do") == "stop":
                queue.stop(token)
            elif data.get("do") == "force":
                again = queue.again(queue.find(token)).token
                queue.forget(token)
                tokens = tuple(again if one == token else one for one in tokens)
            return (tokens, *self._state(queue, session, tokens))

        def taken(session: Session, tokens: Sequence[str]) -> tuple[Any, ...]:
            jobs, after = _found(queue, tokens), session
            for job in jobs:
                if job.portrait is None:
                    continue
                first = not any(one.taken for one in jobs)
                portrait, job.portrait, job.taken = job.portrait, None, True
                try:
                    after = album.adopted(after, portrait, show=first)
                except InputError as error:
                    job.message = str(error)
            _let_go(session, after)
            drawn = self.drawn(after) if after is not session else (gr.skip(), gr.skip())
            return (*page.drawn(session, after), *drawn, own_views.inversions(queue, jobs))

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        asked = [page.session, self.tokens, self.files, self.level, self.which]
        self.invert.click(in_a_sentence(begin), asked, [self.tokens, self.ready, *self._standing], **options)
        known = [page.session, self.tokens]
        self.timer.tick(in_a_sentence(tick), known, [self.ready, *self._standing], concurrency_id=SLOW, **QUIET)
        self.jobs.act(in_a_sentence(told), known, [self.tokens, *self._standing], **options)
        self.ready.change(in_a_sentence(taken), known, [*page.look, *self.pieces, self.jobs], **options)
        self.tab.select(
            in_a_sentence(lambda session, tokens: (*self._state(queue, session, tokens), *self.drawn(session))),
            known,
            [*self._standing, *self.pieces],
            **options,
        )

    def _wire_faces(self, page: Page) -> None:
        """A face is pressed, on the picture or in the list, or a picture is forgotten."""

        def told(session: Session, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "forget":
                after = album.forgotten(session, data.get("token"), FIRST_SEED)
            else:
                after = album.act(session, data)
            _let_go(session, after)
            return (*page.drawn(session, after), *self.drawn(after))

        for one in (self.album, self.pasted):
            one.act(
                in_a_sentence(told),
                [page.session],
                [*page.look, *self.pieces],
                **{"concurrency_id": LOOKS, "trigger_mode": "multiple", **QUIET},
            )

    def _wire_saved(self, page: Page) -> None:
        """A face that was saved earlier is opened."""
        outputs = [*page.look, *self.pieces]

        def opened(session: Session, saved: str | None, files: list[str] | None) -> tuple[Any, ...]:
            if saved is None:
                return (*[gr.skip()] * len(outputs), None)
            portrait = open_face(page.engine.editor, saved)
            after = album.adopted(session, portrait)
            _let_go(session, after)
            return (*page.drawn(session, after), *self.drawn(after), None)

        self.saved.upload(
            in_a_sentence(opened),
            [page.session, self.saved, self.files],
            [*outputs, self.saved],
            concurrency_id=LOOKS,
            **QUIET,
        )

    def _wire_results(self, page: Page) -> None:
        engine = page.engine

        def put(session: Session, files: list[str] | None) -> Any:
            mine = portrait_of(session.now)
            photo = None if mine is None else mine.photo(_missing(session, files))
            edited = results.pasted(engine, session.now, photo)
            failed = [f"number {person.number} could not be edited: {person.reason}" for person in edited.failed]
            assert photo is not None
            return own_views.put_back(session, photo.pil(), edited.picture, failed)

        page.on_look_as_it_is(self.put.click, put, [self.files], self.pasted)

        def download(session: Session, files: list[str] | None) -> str:
            return str(results.pasted_file(engine, session.now, _missing(session, files)))

        def save(session: Session) -> str:
            return str(results.saved_face(engine, session.now))

        for button, make, inputs in ((self.download, download, [self.files]), (self.save, save, [])):
            event = page.on_look_as_it_is(button.click, make, inputs, self.fetched)
            event.success(None, self.fetched, None, js=press_link("own-fetched"))


def _readable(file: str) -> KeptPicture | None:
    """A picture that was chosen; None where it is none, which is said when it is to be made editable."""
    try:
        return KeptPicture(file)
    except EclipsedError:
        return None


def _missing(session: Session, files: list[str] | None) -> KeptPicture | None:
    """Of the pictures that are chosen now the one that a face was taken from which came without it.

    Raises:
        InputError: the only one that is chosen is no picture.
    """
    mine = portrait_of(session.now)
    if mine is None or mine.picture is not None or not files:
        return None
    if len(files) == 1:
        return KeptPicture(files[0])
    pictures = [picture for picture in map(_readable, files) if picture is not None]
    return next((one for one in pictures if one.read().sha256 == mine.source), None)


def _unlike(engine: Engine) -> str:
    """What is said of a picture that looks unlike those of the set, where it is known what to do instead."""
    kind = engine.kind
    if not kind.photographs:
        return ""
    draws = f"“{engine.editor.name}” draws {kind.draws or 'pictures of its own kind'}"
    return f"{draws}. For photographs take another set: eclipsed models fetch {kind.photographs}"


def _found(queue: InversionQueue, tokens: Sequence[str]) -> list[InversionJob]:
    """The jobs of some tokens that are not forgotten since."""
    found = []
    for token in tokens:
        try:
            found.append(queue.find(token))
        except EclipsedError:
            continue
    return found


def _let_go(before: Session, after: Session) -> None:
    """Let nobody reach a picture that is gone from a session."""
    for portrait in before.album:
        if portrait not in after.album:
            reloading.forget(portrait)
