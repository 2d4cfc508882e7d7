"""The page put together."""

from __future__ import annotations

import html
import os
from dataclasses import replace
from typing import Any

import gradio as gr

from eclipsed.editing.stack import Stack
from eclipsed.studio import api, views
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.making import MakingQueue
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import piece
from eclipsed.studio.reloading import READ, restored
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.studio.tabs import compare, edit, home, learn, own, painted, palette, wall, wander

__all__ = ["OPEN_FIRST", "TABS", "build"]

#: the tabs in their order; the one that is open at first, by its title
TABS = (
    (wall.TITLE, wall.FacesTab),
    (own.TITLE, own.OwnTab),
    (painted.TITLE, painted.PartsTab),
    (learn.TITLE, learn.LearnTab),
    (wander.TITLE, wander.AtlasTab),
    (edit.TITLE, edit.EditTab),
    (palette.TITLE, palette.PaletteTab),
    (compare.TITLE, compare.CompareTab),
    (home.TITLE, home.HomeTab),
)
OPEN_FIRST = edit.TITLE

_FORGOTTEN = 3600.0  # seconds after which the state of a closed page may go

_MASTHEAD = """<div id="masthead"><h1>eclipsed</h1><p>Edit by looking · {models}</p>
<button type="button" class="theme" aria-label="Switch between light and dark">Light / dark</button></div>"""
_THEME = """element.querySelector('.theme').addEventListener('click', () => {
  const dark = document.body.classList.toggle('dark');
  document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
});"""


def build(engine: Engine, jobs: LearningQueue) -> gr.Blocks:
    """The page.

    Args:
        engine: the shared half, loaded.
        jobs: the queue of trainings.
    """
    with gr.Blocks(title="eclipsed studio", analytics_enabled=False, delete_cache=(1800, 3600)) as blocks:
        session = gr.State(Session(now=Stack(seed=FIRST_SEED)), time_to_live=24 * _FORGOTTEN)
        gr.HTML(
            _MASTHEAD.format(models="model set " + html.escape(os.path.basename(engine.models))),
            js_on_load=_THEME,
            apply_default_css=False,
            elem_classes=["studio-piece"],
        )
        with gr.Row(elem_id="bench"):
            with gr.Column(elem_id="face-side"):
                subject = engine.editor.world.subject
                viewer = piece(
                    "viewer", {"caption": "Drawing …"}, f"The {subject} before and after", subject, uses=("split",)
                )
            with gr.Column(elem_id="tool-side"), gr.Tabs(selected=OPEN_FIRST) as all_tabs:
                tabs: dict[str, Any] = {}
                for title, kind in TABS:
                    with gr.Tab(title, id=title, render_children=True) as tab:
                        tabs[title] = kind(tab, engine)
        inversions, makings = InversionQueue(engine), MakingQueue(engine)
        page = Page(
            engine=engine,
            jobs=jobs,
            inversions=inversions,
            makings=makings,
            session=session,
            viewer=viewer,
            stack=tabs[edit.TITLE].stack,
            brush=tabs[edit.TITLE].brush,
            shelf=tabs[edit.TITLE].shelf,
            people=tabs[edit.TITLE].people,
            python=tabs[home.TITLE].python,
            tabs=all_tabs,
            for_edits=tabs[home.TITLE].for_edits,
            for_faces=tabs[own.TITLE].for_faces,
            for_pictures=tabs[own.TITLE].for_pictures,
        )
        api.publish(engine, jobs, inversions, makings)  # first, since events of the page take names, too
        for part in tabs.values():
            part.wire(page)
        _greet(blocks, page, tabs[wall.TITLE], tabs[own.TITLE])
    blocks.queue(default_concurrency_limit=1, max_size=256)
    assert isinstance(blocks, gr.Blocks)
    return blocks


def _greet(blocks: gr.Blocks, page: Page, faces: wall.FacesTab, mine: own.OwnTab) -> None:
    """The first screen: a face and an edit of it, or what this tab of the browser showed before it was reloaded."""
    engine = page.engine

    def first(session: Session, kept: str) -> tuple[Any, ...]:
        session = restored(engine, session, kept) or replace(session, now=engine.first_look())
        drawn = page.drawn(None, session, shelf=gr.skip())
        return (*drawn, *faces.shown(engine, session), *mine.drawn(session))

    def rest(session: Session) -> Any:
        drawn = views.shelf(engine, session.now)
        engine.warm()
        return drawn

    shown = [*page.look, faces.psi, faces.of_class, *mine.pieces]
    kept = gr.Textbox(visible=False)
    options: dict[str, Any] = {"concurrency_id": LOOKS, **QUIET}
    blocks.load(in_a_sentence(first), [page.session, kept], shown, js=READ, **options).success(
        in_a_sentence(rest), [page.session], page.shelf, **options
    )
