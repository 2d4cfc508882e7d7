"""Own picture: a face of one's own, made editable, edited in the other tabs, and put back where it came from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio import reloading, results
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.images import data_uri
from eclipsed.studio.inverting import LEVELS, InversionJob, InversionQueue
from eclipsed.studio.kept_pictures import PICTURES, KeptPicture
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece, press_link
from eclipsed.studio.portraits import (
    FACE_SUFFIX,
    MOST_FACES,
    PhotoLook,
    Portrait,
    adopted,
    forgotten,
    open_face,
    portrait_of,
)
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["TITLE", "OwnTab"]

TITLE = "Own picture"

_EVERY = 0.5  # seconds between two looks at a running inversion
_SHOWN = 1024  # pixels: the longer side of a picture in the page
_WHICH: list[tuple[str, int | str]] = [("the only one", 0), ("all", "all")]
_LEVELS = list(zip(("fast: at once", "good: closer", "best: slow"), LEVELS, strict=True))


class OwnTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        which = [*_WHICH, *((f"{subject} {k} from the left", k) for k in range(1, MOST_FACES + 1))]
        self.token, self.ready = gr.State(""), gr.State("")
        self.mine = gr.State(None)
        with gr.Row(elem_classes=["own-choice"]):
            self.file = gr.File(
                label=f"Picture with a {subject}",
                file_types=list(PICTURES),
                height=130,
                min_width=220,
                elem_id="own-file",
            )
            with gr.Column(min_width=260, scale=2):
                with gr.Row(elem_classes=["tools"]):
                    self.level = gr.Dropdown(
                        _LEVELS, value=LEVELS[1], label="How close", min_width=120, elem_id="own-level"
                    )
                    self.which = gr.Dropdown(which, value=0, label="Which one", min_width=120, elem_id="own-which")
                self.aligned = gr.Checkbox(label=f"The whole picture is one {subject}, placed as on the wall")
        with gr.Row(elem_classes=["tools"]):
            self.invert = gr.Button(
                "Make it editable", variant="primary", size="sm", min_width=120, elem_id="invert", interactive=False
            )
            self.stop = gr.Button(
                "Stop here", variant="stop", size="sm", min_width=120, elem_id="own-stop", interactive=False
            )
        with gr.Row(elem_classes=["own-results"]):
            with gr.Column(min_width=260):
                self.face = piece("own", {"job": None, "portrait": None}, f"Own {subject}", subject)
            with gr.Column(min_width=260):
                self.pasted = piece("pasted", {}, "The picture with the edit", subject)
        with gr.Row(elem_classes=["tools", "downloads"]):
            self.put = gr.Button("Put it back", size="sm", min_width=100, interactive=False)
            self.download = gr.Button("Edited picture (PNG)", size="sm", min_width=150, interactive=False)
            self.save = gr.Button(f"Save the {subject}", size="sm", min_width=110, interactive=False)
        self.fetched = gr.DownloadButton("Fetched", visible="hidden", elem_id="own-fetched")
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

    def wire(self, page: Page) -> None:
        """Make it answer."""
        jobs = page.inversions
        self.token.delete_callback = jobs.forget  # the visitor is gone
        self._wire_choice(page)
        self._wire_jobs(page, jobs)
        self._wire_face(page)
        self._wire_results(page)

    def described(self, page: Page, session: Session, mine: Portrait | None, job: InversionJob | None = None) -> Any:
        """The piece that shows how an inversion stands and what came of it."""
        return {"job": _running(page.inversions, job), "portrait": _described(session, mine)}

    def _state(self, page: Page, session: Session, mine: Portrait | None, job: InversionJob | None) -> tuple[Any, ...]:
        """Values for `_shown`."""
        running = job is not None and not job.over
        return (
            self.described(page, session, mine, job),
            gr.Timer(active=running),
            gr.Button(interactive=session.picture and not running),
            gr.Button(interactive=running),
        )

    @property
    def _shown(self) -> list[Any]:
        return [self.face, self.timer, self.invert, self.stop]

    def _wire_choice(self, page: Page) -> None:
        """A picture is chosen, or taken away."""
        buttons = [*page.for_edits, *page.for_faces, *page.for_pictures]

        def chosen(session: Session, token: str, file: str | None) -> tuple[Any, ...]:
            after = replace(session, picture=file is not None)
            job = _job(page.inversions, token)
            free = job is None or job.over
            return (after, gr.Button(interactive=after.picture and free), *page.usable(session, after))

        def seen(file: str | None) -> tuple[Any, Any]:
            picture = _picture(file)
            if picture is None:
                return {}, gr.Checkbox(value=False)
            whole = Image.fromarray(picture.read().opaque)
            alike = page.engine.likeness.of(whole)
            note = "" if alike else _unlike(page.engine)
            return {"src": _small(whole), "title": "Your picture", "note": note}, gr.Checkbox(value=alike)

        self.file.change(
            in_a_sentence(chosen),
            [page.session, self.token, self.file],
            [page.session, self.invert, *buttons],
            concurrency_id=LOOKS,
            **QUIET,
        ).success(in_a_sentence(seen), self.file, [self.pasted, self.aligned], concurrency_id=SLOW, **QUIET)

    def _wire_jobs(self, page: Page, jobs: InversionQueue) -> None:
        def begin(session: Session, mine: Portrait | None, *asked: Any) -> tuple[Any, ...]:
            return self._begun(page, session, mine, *asked)

        def tick(session: Session, mine: Portrait | None, token: str) -> tuple[Any, ...]:
            job = _job(jobs, token)
            ready = token if job is not None and job.portrait is not None else ""
            return (ready, *self._state(page, session, mine, job))

        def stop(session: Session, mine: Portrait | None, token: str) -> tuple[Any, ...]:
            return self._state(page, session, mine, jobs.stop(token))

        def taken(session: Session, mine: Portrait | None, token: str) -> tuple[Any, ...]:
            job = _job(jobs, token)
            if job is None or job.portrait is None:
                return tuple([gr.skip()] * (len(page.look) + 3))
            reloading.forget(mine)
            mine, job.portrait = job.portrait, None
            after = adopted(session, mine)
            return (*page.drawn(session, after), mine, self.described(page, after, mine, job), {})

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        self.invert.click(in_a_sentence(begin), self._asked(page), [self.token, self.ready, *self._shown], **options)
        known = [page.session, self.mine, self.token]
        self.stop.click(in_a_sentence(stop), known, self._shown, **options)
        self.timer.tick(in_a_sentence(tick), known, [self.ready, *self._shown], concurrency_id=SLOW, **QUIET)
        outputs = [*page.look, self.mine, self.face, self.pasted]
        self.ready.change(in_a_sentence(taken), [page.session, self.mine, self.ready], outputs, **options)
        again = in_a_sentence(lambda session, mine, token: self._state(page, session, mine, _job(jobs, token)))
        self.tab.select(again, known, self._shown, **options)

    def _asked(self, page: Page) -> list[Any]:
        """What `_begun` reads."""
        return [page.session, self.mine, self.token, self.file, self.level, self.which, self.aligned]

    def _begun(
        self,
        page: Page,
        session: Session,
        mine: Portrait | None,
        old: str,
        file: str | None,
        level: str,
        which: Any,
        aligned: bool,
        *,
        force: bool = False,
    ) -> tuple[Any, ...]:
        """Let a picture wait for its turn: values for the token, what is ready, and `_shown`."""
        picture = _picture(file)
        if picture is None:
            raise InputError("choose a picture first")
        page.inversions.forget(old)
        job = page.inversions.submit(picture, level=level, aligned=aligned, face=which or None, force=force)
        return (job.token, "", *self._state(page, session, mine, job))

    def _wire_face(self, page: Page) -> None:
        outputs = [*page.look, self.mine, self.face, self.pasted]
        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        started = [self.token, self.ready, self.timer, self.invert, self.stop]

        def told(
            session: Session,
            mine: Portrait | None,
            token: str,
            file: str | None,
            level: str,
            which: Any,
            aligned: bool,
            event: gr.EventData,
        ) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "force":
                begun, ready, face, *buttons = self._begun(
                    page, session, mine, token, file, level, which, aligned, force=True
                )
                kept = [gr.skip()] * (len(page.look) + 1)
                return (begun, ready, *buttons, *kept, face, gr.skip())
            if data.get("do") == "forget":
                reloading.forget(mine)
                after, mine = forgotten(session, FIRST_SEED), None
            elif data.get("do") == "take" and mine is not None:
                after = adopted(session, mine, data.get("number", 0))
            else:
                raise InputError("that face is not here any more; make the picture editable again")
            return (
                *[gr.skip()] * len(started),
                *page.drawn(session, after),
                mine,
                self.described(page, after, mine),
                {} if mine is None else gr.skip(),
            )

        self.face.act(
            in_a_sentence(told), self._asked(page), [*started, *outputs], **{**options, "trigger_mode": "multiple"}
        )

        def opened(session: Session, old: Portrait | None, saved: str | None, file: str | None) -> tuple[Any, ...]:
            if saved is None:
                return (*[gr.skip()] * len(outputs), None)
            mine = open_face(page.engine.editor, saved, _picture(file))
            reloading.forget(old)
            after = adopted(session, mine)
            return (*page.drawn(session, after), mine, self.described(page, after, mine), {}, None)

        self.saved.upload(
            in_a_sentence(opened),
            [page.session, self.mine, self.saved, self.file],
            [*outputs, self.saved],
            **options,
        )

    def _wire_results(self, page: Page) -> None:
        engine = page.engine

        def put(session: Session, file: str | None) -> Any:
            whole = results.pasted(engine, session.now, _missing(session, file))
            size = f"{whole.width} × {whole.height}"
            return {"src": _small(whole, _SHOWN), "title": f"With the edit put back, {size} in full"}

        page.on_look_as_it_is(self.put.click, put, [self.file], self.pasted)

        def download(session: Session, file: str | None) -> str:
            return str(results.pasted_file(engine, session.now, _missing(session, file)))

        def save(session: Session) -> str:
            return str(results.saved_face(engine, session.now))

        for button, make, inputs in ((self.download, download, [self.file]), (self.save, save, [])):
            event = page.on_look_as_it_is(button.click, make, inputs, self.fetched)
            event.success(None, self.fetched, None, js=press_link("own-fetched"))


def _picture(file: str | None) -> KeptPicture | None:
    return None if file is None else KeptPicture(file)


def _missing(session: Session, file: str | None) -> KeptPicture | None:
    """The picture that is chosen now, where the face came without one."""
    mine = portrait_of(session.now)
    return _picture(file) if mine is not None and mine.picture is None else None


def _unlike(engine: Engine) -> str:
    """What is said of a picture that looks unlike those of the set, where it is known what to do instead."""
    kind = engine.kind
    if not kind.photographs:
        return ""
    draws = f"“{engine.editor.name}” draws {kind.draws or 'pictures of its own kind'}"
    return f"{draws}. For photographs take another set: eclipsed models fetch {kind.photographs}"


def _small(picture: Any, side: int = _SHOWN // 2) -> str:
    """A picture as it is shown in the page."""
    image = picture.convert("RGB")
    image.thumbnail((side, side))
    return data_uri(image)


def _job(jobs: InversionQueue, token: str) -> InversionJob | None:
    try:
        return jobs.find(token) if token else None
    except EclipsedError:  # forgotten since
        return None


def _running(jobs: InversionQueue, job: InversionJob | None) -> dict[str, Any] | None:
    return None if job is None else {**job.to_json(), "ahead": jobs.ahead(job)}


def _described(session: Session, mine: Portrait | None) -> dict[str, Any] | None:
    """The visitor's own faces as the page shows them."""
    from eclipsed.studio.images import to_uris

    if mine is None:
        return None
    now = session.now
    number = now.number if isinstance(now, PhotoLook) and now.portrait is mine else None
    drawn = to_uris(mine.faces.images)
    faces = [
        {
            "number": k,
            "before": mine.before[k] if k < len(mine.before) else None,
            "after": drawn[k],
            "psnr": round(mine.psnr[k], 1) if k < len(mine.psnr) else None,
            "shown": k == number,
        }
        for k in range(len(mine.faces))
    ]
    return {"name": mine.name, "faces": faces, "picture": mine.picture is not None}
