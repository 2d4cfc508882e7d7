"""Learn: a sentence, the parts that it is about, and the direction as it is being learned."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.prompts.region import MAX_PROMPT
from eclipsed.studio import views
from eclipsed.studio.actions import act, place_of
from eclipsed.studio.advice import of_sentence
from eclipsed.studio.engine import Engine
from eclipsed.studio.learning import Job
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.studio.sketching import Sketches
from eclipsed.studio.tabs import edit
from eclipsed.training.config import TrainConfig

__all__ = ["TITLE", "LearnTab"]

TITLE = "Learn"

_DEFAULTS = TrainConfig()
_EVERY = 0.7  # seconds between two looks at a running training
_PACE = "pace"  # queue of Gradio for what waits until a trial of a few steps is over
_MEASURING = "How long that takes on this machine is being measured …"


class LearnTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        world = engine.editor.world
        self.parts = gr.State(())
        self.found = gr.State(())
        self.token = gr.BrowserState("", storage_key="eclipsed-learning")
        if engine.without_clip:
            said = html.escape(f"Nothing new can be learned here: {engine.without_clip}.")
            gr.HTML(f'<div class="piece"><p class="warning" role="status">{said}</p></div>', apply_default_css=False)
        with gr.Row(elem_classes=["tools", "sentence"]):
            self.prompt = gr.Textbox(
                label=f"What shall the {world.subject} look like?",
                placeholder=world.example,
                max_length=MAX_PROMPT,
                lines=1,
                scale=4,
                min_width=220,
                elem_id="prompt",
                interactive=not engine.without_clip,
            )
            self.learn = gr.Button("Learn", variant="primary", min_width=90, elem_id="learn", interactive=False)
            self.stop = gr.Button("Stop", variant="stop", min_width=90, elem_id="stop", interactive=False)
        self.estimate = gr.Markdown("", elem_id="estimate", container=False)
        self.sketch = gr.HTML("", elem_id="sketch", apply_default_css=False)
        with gr.Row(elem_classes=["tools"]):
            self.properly = gr.Button(
                "Learn it properly", variant="primary", size="sm", elem_id="learn-sketch", visible=False
            )
            self.keep = gr.Button("Keep the sketch", size="sm", elem_id="keep-sketch", visible=False)
        self.learning = piece("learning", {"job": None, "unfinished": []}, "Learning", world.subject)
        self.region = piece("parts", {}, "Parts that may change", world.subject)
        with gr.Accordion("How it is learned", open=False), gr.Row():
            self.steps = gr.Slider(5, 600, value=_DEFAULTS.steps, step=5, label="Steps", min_width=160)
            self.preset = gr.Dropdown(
                [("eclipsed", "default"), ("the report", "report")], value="default", label="Preset", min_width=120
            )
            self.space = gr.Dropdown(["W+", "W", "S", "Z"], value=_DEFAULTS.space, label="Latent space", min_width=120)
            self.seed = gr.Number(_DEFAULTS.seed, precision=0, minimum=0, label="Seed of the training", min_width=120)
        self.timer = gr.Timer(_EVERY, active=False)

    def wire(self, page: Page) -> None:
        """Make it answer."""
        self._wire_region(page)
        self._wire_sketch(page)
        self._wire_estimate(page)
        self._wire_jobs(page)

    def _wire_region(self, page: Page) -> None:
        def drawn(session: Session, prompt: str, parts: Sequence[str], found: Sequence[str]) -> Any:
            if not prompt.strip():
                return views.found_parts(page.engine, session.now, None, tuple(parts))
            reading, advice = of_sentence(page.engine, prompt, by_hand=tuple(parts) != tuple(found))
            return views.found_parts(page.engine, session.now, reading.region, tuple(parts), advice)

        def read(session: Session, prompt: str, token: str) -> tuple[Any, ...]:
            parts = of_sentence(page.engine, prompt)[0].region.parts if prompt.strip() else ()
            return parts, parts, drawn(session, prompt, parts, parts), self._can_learn(page, prompt, _job(page, token))

        def pressed(
            session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...], event: gr.EventData
        ) -> tuple[Any, Any]:
            name = str(event_data(event).get("name"))
            world = page.engine.editor.world
            after = world.in_order({*parts} ^ {name} if name in world.parts else parts)
            return after, drawn(session, prompt, after, found)

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        asked = [page.session, self.prompt, self.parts, self.found]
        self.prompt.change(
            in_a_sentence(read),
            [page.session, self.prompt, self.token],
            [self.parts, self.found, self.region, self.learn],
            trigger_mode="always_last",
            **options,
        )
        self.region.act(in_a_sentence(pressed), asked, [self.parts, self.region], trigger_mode="multiple", **options)
        self.tab.select(in_a_sentence(drawn), asked, self.region, **options)

    def _wire_sketch(self, page: Page) -> None:
        """What the atlas makes of the sentence, as soon as nobody types."""
        sketches = Sketches(page.engine)

        def sketched(session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...]) -> tuple[Any, ...]:
            shown = sketches.drawn(session.now, prompt, None if parts == found else parts)
            buttons = gr.Button(visible=bool(shown))
            return shown, buttons, buttons

        def kept(session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...]) -> tuple[Any, ...]:
            name = sketches.keep(prompt, None if parts == found else parts)
            after = act(page.engine, session, {"do": "add", "name": name})
            go, shelf = place_of(page.engine, after.now, name), views.shelf(page.engine, after.now)
            return (gr.Tabs(selected=edit.TITLE), *page.drawn(session, after, go=go, shelf=shelf))

        asked = [page.session, self.prompt, self.parts, self.found]
        shown = [self.sketch, self.properly, self.keep]
        for listener in (self.prompt.change, self.parts.change):
            listener(in_a_sentence(sketched), asked, shown, trigger_mode="always_last", concurrency_id=SLOW, **QUIET)
        self.keep.click(in_a_sentence(kept), asked, [page.tabs, *page.look], concurrency_id=LOOKS, **QUIET)

    def _wire_estimate(self, page: Page) -> None:
        """How long it takes, before it starts."""
        if page.engine.without_clip:
            return
        pace, chosen = page.jobs.pace, [self.steps, self.preset, self.space, self.seed]

        def known(*options: Any) -> str:
            seconds = pace.known(_config(*options))
            return _MEASURING if seconds is None else _takes(seconds)

        def measured(*options: Any) -> str:  # on a thread of its own, since it waits
            busy = bool(page.jobs.unfinished_tasks())
            config = _config(*options)
            seconds = pace.known(config) if busy else pace.measured(page.engine.editor, config)
            return "" if seconds is None else _takes(seconds)

        for listener in (self.tab.select, self.steps.change, self.preset.change, self.space.change):
            listener(known, chosen, self.estimate, trigger_mode="always_last", concurrency_id=SLOW, **QUIET).success(
                measured, chosen, self.estimate, concurrency_id=_PACE, **QUIET
            )

    def _can_learn(self, page: Page, prompt: str, job: Job | None) -> Any:
        running = job is not None and not job.over
        return gr.Button(interactive=bool(prompt.strip()) and not running and not page.engine.without_clip)

    def _wire_jobs(self, page: Page) -> None:
        jobs = page.jobs
        shown = [self.learning, self.timer, self.learn, self.properly, self.stop]

        def state(job: Job | None, prompt: str) -> tuple[Any, ...]:
            running = job is not None and not job.over
            return (
                views.learning(jobs, job),
                gr.Timer(active=running),
                self._can_learn(page, prompt, job),
                gr.Button(interactive=not running),
                gr.Button(interactive=running),
            )

        def begin(
            session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...], *options: Any
        ) -> tuple[Any, ...]:
            by_hand = None if parts == found else parts
            job = jobs.submit(prompt, parts=by_hand, config=_config(*options), face=session.now)
            return (job.token, *state(job, prompt))

        def go_on(
            session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...], seed: float | None
        ) -> tuple[Any, ...]:
            """Learn what is sketched, beginning there."""
            by_hand, config = None if parts == found else parts, TrainConfig.from_atlas(seed=int(seed or 0))
            job = jobs.submit(prompt, parts=by_hand, config=config, face=session.now)
            return (job.token, *state(job, prompt))

        def tick(session: Session, token: str, prompt: str) -> tuple[Any, ...]:
            job = _job(page, token)
            over = job is None or job.over
            return (*state(job, prompt), views.shelf(page.engine, session.now) if over else gr.skip())

        def stop(token: str, prompt: str) -> tuple[Any, ...]:
            return state(jobs.stop(token), prompt)

        def told(session: Session, token: str, prompt: str, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            name, job = str(data.get("name", "")), _job(page, token)
            if data.get("do") == "resume":
                job = jobs.resume(name, face=session.now)
                return (job.token, *state(job, prompt), gr.skip(), *[gr.skip()] * len(page.look))
            if data.get("do") == "discard":
                jobs.discard(name)
                return (token, *state(job, prompt), gr.skip(), *[gr.skip()] * len(page.look))
            after = act(page.engine, session, {"do": "add", "name": name})
            again = after is session
            go = place_of(page.engine, after.now, name) if again else None
            turned = gr.Tabs(selected=edit.TITLE) if again else gr.skip()
            return (token, *[gr.skip()] * len(shown), turned, *page.drawn(session, after, go=go))

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        asked = [page.session, self.prompt, self.parts, self.found, self.steps, self.preset, self.space, self.seed]
        for listener in (self.learn.click, self.prompt.submit):
            listener(in_a_sentence(begin), asked, [self.token, *shown], **options)
        there = [page.session, self.prompt, self.parts, self.found, self.seed]
        self.properly.click(in_a_sentence(go_on), there, [self.token, *shown], **options)
        self.stop.click(in_a_sentence(stop), [self.token, self.prompt], shown, **options)
        known = [page.session, self.token, self.prompt]
        self.timer.tick(in_a_sentence(tick), known, [*shown, page.shelf], concurrency_id=SLOW, **QUIET)
        self.learning.act(in_a_sentence(told), known, [self.token, *shown, page.tabs, *page.look], **options)
        again = in_a_sentence(lambda token, prompt: state(_job(page, token), prompt))
        self.tab.select(again, [self.token, self.prompt], shown, **options)


def _job(page: Page, token: str) -> Job | None:
    try:
        return page.jobs.find(token) if token else None
    except InputError:  # of a server that is gone, or forgotten since
        return None


def _config(steps: float, preset: str, space: str, seed: float | None) -> TrainConfig:
    changes = {"steps": int(steps), "space": space, "seed": int(seed or 0)}
    return TrainConfig.report(**changes) if preset == "report" else TrainConfig().replace(**changes)


def _takes(seconds: float) -> str:
    return f"Learning takes {_about(seconds)} on this machine."


def _about(seconds: float) -> str:
    """A time as people say it, no more exact than it is known.

    >>> [_about(seconds) for seconds in (3, 44, 100, 700, 9000)]
    ['about 10 seconds', 'about 50 seconds', 'about 2 minutes', 'about 12 minutes', 'about 2.5 hours']
    """
    if seconds < 55:
        return f"about {10 * math.ceil(max(seconds, 1) / 10)} seconds"
    if seconds < 3300:
        minutes = max(1, round(seconds / 60))
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    return f"about {max(1, round(seconds / 1800) / 2):g} hour{'s' * (seconds >= 4500)}"
