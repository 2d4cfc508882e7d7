"""Own picture: a face of one's own, inverted, edited in the other tabs, and put back where it came from."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio import results
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
    is_aligned_by_default,
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
_FACES = [*_WHICH, *((f"face {k} from the left", k) for k in range(1, MOST_FACES + 1))]


class OwnTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.token, self.ready = gr.State(""), gr.State("")
        self.mine = gr.State(None)
        with gr.Row(elem_classes=["own-choice"]):
            self.file = gr.File(
                label="Picture with a face",
                file_types=list(PICTURES),
                height=130,
                min_width=220,
                elem_id="own-file",
            )
            with gr.Column(min_width=260, scale=2):
                with gr.Row(elem_classes=["tools"]):
                    levels = [("fast: at once", LEVELS[0]), ("good: closer", LEVELS[1]), ("best: slow", LEVELS[2])]
                    self.level = gr.Dropdown(levels, value=LEVELS[1], label="Level", min_width=120, elem_id="own-level")
                    self.which = gr.Dropdown(_FACES, value=0, label="Which face", min_width=120, elem_id="own-which")
                self.aligned = gr.Checkbox(label="The whole picture is an aligned face")
        with gr.Row(elem_classes=["tools"]):
            self.invert = gr.Button("Invert", variant="primary", size="sm", min_width=120, elem_id="invert")
            self.stop = gr.Button(
                "Stop inverting", variant="stop", size="sm", min_width=120, elem_id="own-stop", interactive=False
            )
        with gr.Row(elem_classes=["own-results"]):
            with gr.Column(min_width=260):
                self.face = piece("own", {"job": None, "portrait": None}, "Own face")
            with gr.Column(min_width=260):
                self.pasted = piece("pasted", {}, "The picture with the edit")
        with gr.Row(elem_classes=["tools", "downloads"]):
            self.put = gr.Button("Put it back", size="sm", min_width=100)
            self.download = gr.Button("Edited picture (PNG)", size="sm", min_width=150)
            self.save = gr.Button("Save the face", size="sm", min_width=110)
        self.fetched = gr.DownloadButton("Fetched", visible="hidden", elem_id="own-fetched")
        with gr.Accordion("Open a face that was saved", open=False):
            self.saved = gr.File(
                label=f"Saved face ({FACE_SUFFIX})", file_types=[".safetensors"], height=130, elem_id="own-saved"
            )
        self.timer = gr.Timer(_EVERY, active=False)

    def expect(self, models: str) -> None:
        """Set what a picture is taken for, before the page is shown.

        Args:
            models: name or folder of the model set.
        """
        self.aligned.value = is_aligned_by_default(models)

    def wire(self, page: Page) -> None:
        """Make it answer."""
        jobs = page.inversions
        self.token.delete_callback = jobs.forget  # the visitor is gone
        self._wire_jobs(page, jobs)
        self._wire_face(page, jobs)
        self._wire_results(page)

    def _state(self, page: Page, session: Session, mine: Portrait | None, job: InversionJob | None) -> tuple[Any, ...]:
        """Values for `_shown`."""
        running = job is not None and not job.over
        return (
            {"job": _running(page.inversions, job), "portrait": _described(page.engine, session, mine)},
            gr.Timer(active=running),
            gr.Button(interactive=not running),
            gr.Button(interactive=running),
        )

    @property
    def _shown(self) -> list[Any]:
        return [self.face, self.timer, self.invert, self.stop]

    def _wire_jobs(self, page: Page, jobs: InversionQueue) -> None:
        def begin(
            session: Session, mine: Portrait | None, old: str, file: str | None, level: str, which: Any, aligned: bool
        ) -> tuple[Any, ...]:
            picture = _picture(file)
            if picture is None:
                raise InputError("choose a picture first")
            jobs.forget(old)
            job = jobs.submit(picture, level=level, aligned=aligned, face=which or None)
            return (job.token, "", *self._state(page, session, mine, job))

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
            mine, job.portrait = job.portrait, None
            after = adopted(session, mine)
            state = {"job": _running(jobs, job), "portrait": _described(page.engine, after, mine)}
            return (*page.drawn(session, after), mine, state, {})

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        asked = [page.session, self.mine, self.token, self.file, self.level, self.which, self.aligned]
        self.invert.click(in_a_sentence(begin), asked, [self.token, self.ready, *self._shown], **options)
        known = [page.session, self.mine, self.token]
        self.stop.click(in_a_sentence(stop), known, self._shown, **options)
        self.timer.tick(in_a_sentence(tick), known, [self.ready, *self._shown], concurrency_id=SLOW, **QUIET)
        outputs = [*page.look, self.mine, self.face, self.pasted]
        self.ready.change(in_a_sentence(taken), [page.session, self.mine, self.ready], outputs, **options)
        again = in_a_sentence(lambda session, mine, token: self._state(page, session, mine, _job(jobs, token)))
        self.tab.select(again, known, self._shown, **options)

    def _wire_face(self, page: Page, jobs: InversionQueue) -> None:
        outputs = [*page.look, self.mine, self.face, self.pasted]
        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}

        def told(session: Session, mine: Portrait | None, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            if data.get("do") == "forget":
                after, mine = forgotten(session, FIRST_SEED), None
            elif data.get("do") == "take" and mine is not None:
                after = adopted(session, mine, data.get("number", 0))
            else:
                raise InputError("that face is not here any more; invert the picture again")
            state = {"job": None, "portrait": _described(page.engine, after, mine)}
            return (*page.drawn(session, after), mine, state, {} if mine is None else gr.skip())

        self.face.act(
            in_a_sentence(told), [page.session, self.mine], outputs, **{**options, "trigger_mode": "multiple"}
        )

        def opened(session: Session, saved: str | None, file: str | None) -> tuple[Any, ...]:
            if saved is None:
                return (*[gr.skip()] * len(outputs), None)
            mine = open_face(page.engine.editor, saved, _picture(file))
            after = adopted(session, mine)
            state = {"job": None, "portrait": _described(page.engine, after, mine)}
            return (*page.drawn(session, after), mine, state, {}, None)

        self.saved.upload(
            in_a_sentence(opened), [page.session, self.saved, self.file], [*outputs, self.saved], **options
        )

        def chosen(file: str | None) -> Any:
            if file is None:
                return {}
            return {"src": _small(_picture(file)), "title": "Your picture"}

        self.file.upload(in_a_sentence(chosen), self.file, self.pasted, concurrency_id=SLOW, **QUIET)

    def _wire_results(self, page: Page) -> None:
        engine = page.engine

        def put(session: Session, file: str | None) -> Any:
            whole = results.pasted(engine, session.now, _missing(session, file))
            size = f"{whole.width} × {whole.height}"
            whole.thumbnail((_SHOWN, _SHOWN))
            return {"src": data_uri(whole.convert("RGB")), "title": f"With the edit put back, {size} in full"}

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


def _small(picture: KeptPicture | None) -> str:
    """A picture as it is shown in the page."""
    from PIL import Image

    if picture is None:
        return ""
    image = Image.fromarray(picture.read().opaque)
    image.thumbnail((_SHOWN // 2, _SHOWN // 2))
    return data_uri(image)


def _job(jobs: InversionQueue, token: str) -> InversionJob | None:
    try:
        return jobs.find(token) if token else None
    except EclipsedError:  # forgotten since
        return None


def _running(jobs: InversionQueue, job: InversionJob | None) -> dict[str, Any] | None:
    return None if job is None else {**job.to_json(), "ahead": jobs.ahead(job)}


def _described(engine: Engine, session: Session, mine: Portrait | None) -> dict[str, Any] | None:
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
