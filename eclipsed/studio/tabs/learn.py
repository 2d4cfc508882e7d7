"""Learn: a sentence, the parts that it is about, and the direction as it is being learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.prompts.reading import read as read_sentence
from eclipsed.prompts.region import MAX_PROMPT, Region
from eclipsed.studio import views
from eclipsed.studio.learning import Job
from eclipsed.studio.page_state import LOOKS, QUIET, SLOW, Page
from eclipsed.studio.pieces import event_data, piece
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.training.config import TrainConfig

__all__ = ["TITLE", "LearnTab"]

TITLE = "Learn"

_DEFAULTS = TrainConfig()
_EVERY = 0.7  # seconds between two looks at a running training


class LearnTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab) -> None:
        self.tab = tab
        self.parts = gr.State(())
        self.found = gr.State(())
        self.token = gr.BrowserState("", storage_key="eclipsed-learning")
        with gr.Row(elem_classes=["tools", "sentence"]):
            self.prompt = gr.Textbox(
                label="What shall the face look like?",
                placeholder="a person with blond hair",
                max_length=MAX_PROMPT,
                lines=1,
                scale=4,
                min_width=220,
                elem_id="prompt",
            )
            self.learn = gr.Button("Learn", variant="primary", min_width=90, elem_id="learn")
            self.stop = gr.Button("Stop", variant="stop", min_width=90, elem_id="stop", interactive=False)
        self.learning = piece("learning", {"job": None, "unfinished": []}, "Learning")
        self.region = piece("parts", {}, "Parts that may change")
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
        self._wire_jobs(page)

    def _wire_region(self, page: Page) -> None:
        def found(prompt: str) -> Region:
            return read_sentence(prompt, world=page.engine.editor.world).region

        def drawn(session: Session, prompt: str, parts: Sequence[str]) -> Any:
            region = found(prompt) if prompt.strip() else None
            return views.found_parts(page.engine, session.now, region, tuple(parts))

        def read(session: Session, prompt: str) -> tuple[Any, ...]:
            parts = found(prompt).parts if prompt.strip() else ()
            return parts, parts, drawn(session, prompt, parts)

        def pressed(session: Session, prompt: str, parts: tuple[str, ...], event: gr.EventData) -> tuple[Any, Any]:
            name = str(event_data(event).get("name"))
            world = page.engine.editor.world
            after = world.in_order({*parts} ^ {name} if name in world.parts else parts)
            return after, drawn(session, prompt, after)

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        self.prompt.change(
            in_a_sentence(read),
            [page.session, self.prompt],
            [self.parts, self.found, self.region],
            trigger_mode="always_last",
            **options,
        )
        self.region.act(
            in_a_sentence(pressed),
            [page.session, self.prompt, self.parts],
            [self.parts, self.region],
            trigger_mode="multiple",
            **options,
        )
        self.tab.select(in_a_sentence(drawn), [page.session, self.prompt, self.parts], self.region, **options)

    def _wire_jobs(self, page: Page) -> None:
        jobs = page.jobs
        shown = [self.learning, self.timer, self.learn, self.stop]

        def state(job: Job | None) -> tuple[Any, ...]:
            running = job is not None and not job.over
            return (
                views.learning(jobs, job),
                gr.Timer(active=running),
                gr.Button(interactive=not running),
                gr.Button(interactive=running),
            )

        def begin(
            session: Session, prompt: str, parts: tuple[str, ...], found: tuple[str, ...], *options: Any
        ) -> tuple[Any, ...]:
            by_hand = None if parts == found else parts
            job = jobs.submit(prompt, parts=by_hand, config=_config(*options), face=session.now)
            return (job.token, *state(job))

        def tick(session: Session, token: str) -> tuple[Any, ...]:
            job = _job(page, token)
            over = job is None or job.over
            return (*state(job), views.shelf(page.engine, session.now) if over else gr.skip())

        def stop(token: str) -> tuple[Any, ...]:
            return state(jobs.stop(token))

        def told(session: Session, token: str, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            name, job = str(data.get("name", "")), _job(page, token)
            if data.get("do") == "resume":
                job = jobs.resume(name, face=session.now)
                return (job.token, *state(job), *[gr.skip()] * len(page.look))
            if data.get("do") == "discard":
                jobs.discard(name)
                return (token, *state(job), *[gr.skip()] * len(page.look))
            after = session.show(page.engine.added(session.now, name))
            return (token, *[gr.skip()] * len(shown), *page.drawn(session, after))

        options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
        asked = [page.session, self.prompt, self.parts, self.found, self.steps, self.preset, self.space, self.seed]
        for listener in (self.learn.click, self.prompt.submit):
            listener(in_a_sentence(begin), asked, [self.token, *shown], **options)
        self.stop.click(in_a_sentence(stop), self.token, shown, **options)
        self.timer.tick(
            in_a_sentence(tick), [page.session, self.token], [*shown, page.shelf], concurrency_id=SLOW, **QUIET
        )
        self.learning.act(in_a_sentence(told), [page.session, self.token], [self.token, *shown, *page.look], **options)
        self.tab.select(in_a_sentence(lambda token: state(_job(page, token))), self.token, shown, **options)


def _job(page: Page, token: str) -> Job | None:
    try:
        return page.jobs.find(token) if token else None
    except InputError:  # of a server that is gone, or forgotten since
        return None


def _config(steps: float, preset: str, space: str, seed: float | None) -> TrainConfig:
    changes = {"steps": int(steps), "space": space, "seed": int(seed or 0)}
    return TrainConfig.report(**changes) if preset == "report" else TrainConfig().replace(**changes)
