"""The page put together, and the server that shows it."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import replace
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing leaves this machine
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
from starlette.middleware import Middleware

from eclipsed.editing.stack import Stack
from eclipsed.errors import OutputError
from eclipsed.store import trainings as unfinished
from eclipsed.studio import api, views
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.page_state import LOOKS, QUIET, Page
from eclipsed.studio.pieces import page_file, piece
from eclipsed.studio.safety import LARGEST_UPLOAD, LOCAL_HOSTS, Guard, check_host, in_a_sentence, password_check
from eclipsed.studio.session import Session
from eclipsed.studio.tabs import compare, edit, home, learn, own, palette, wall
from eclipsed.values.checks import whole

__all__ = ["TABS", "build", "serve"]

#: the tabs in their order; the one that is open at first, by its title
TABS = (
    (wall.TITLE, wall.FacesTab),
    (own.TITLE, own.OwnTab),
    (learn.TITLE, learn.LearnTab),
    (edit.TITLE, edit.EditTab),
    (palette.TITLE, palette.PaletteTab),
    (compare.TITLE, compare.CompareTab),
    (home.TITLE, home.HomeTab),
)
OPEN_FIRST = edit.TITLE

_FORGOTTEN = 3600.0  # seconds after which the state of a closed page may go
_FONT, _MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")  # the visitor's own

_MASTHEAD = """<div id="masthead"><h1>eclipsed</h1><p>Edit faces by looking · {models}</p>
<button type="button" class="theme" aria-label="Switch between light and dark">Light / dark</button></div>"""
_THEME = """element.querySelector('.theme').addEventListener('click', () => {
  const dark = document.body.classList.toggle('dark');
  document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
});"""


def build(engine: Engine, jobs: LearningQueue) -> gr.Blocks:
    """The page.

    Args:
        engine: the shared half; it may still be loading.
        jobs: the queue of trainings.
    """
    with gr.Blocks(title="eclipsed studio", analytics_enabled=False, delete_cache=(1800, 3600)) as blocks:
        session = gr.State(Session(now=Stack(seed=FIRST_SEED)), time_to_live=24 * _FORGOTTEN)
        gr.HTML(
            _MASTHEAD.format(models="model set " + os.path.basename(engine.models)),
            js_on_load=_THEME,
            apply_default_css=False,
            elem_classes=["studio-piece"],
        )
        with gr.Row(elem_id="bench"):
            with gr.Column(elem_id="face-side"):
                viewer = piece("viewer", {"caption": "Loading the model set …"}, "The face before and after")
            with gr.Column(elem_id="tool-side"), gr.Tabs(selected=OPEN_FIRST):
                tabs: dict[str, Any] = {}
                for title, kind in TABS:
                    with gr.Tab(title, id=title, render_children=True) as tab:
                        tabs[title] = kind(tab)
        inversions = InversionQueue(engine)
        page = Page(
            engine=engine,
            jobs=jobs,
            inversions=inversions,
            session=session,
            viewer=viewer,
            stack=tabs[edit.TITLE].stack,
            shelf=tabs[edit.TITLE].shelf,
            python=tabs[home.TITLE].python,
        )
        api.publish(engine, jobs, inversions)  # first, since events of the page take names, too
        for part in tabs.values():
            part.wire(page)
        tabs[own.TITLE].expect(engine.models)
        _greet(blocks, page, tabs[wall.TITLE])
    blocks.queue(default_concurrency_limit=1, max_size=256)
    assert isinstance(blocks, gr.Blocks)
    return blocks


def _greet(blocks: gr.Blocks, page: Page, faces: wall.FacesTab) -> None:
    """The first screen: a face, and an edit of it."""

    def first(session: Session) -> tuple[Any, ...]:
        session = replace(session, now=page.engine.first_look())
        drawn = page.drawn(None, session)
        return (*drawn[:3], gr.skip(), drawn[4], gr.Slider(value=page.engine.editor.truncation_psi))

    def rest(session: Session) -> Any:
        drawn = views.shelf(page.engine, session.now)
        page.engine.warm()
        return drawn

    blocks.load(in_a_sentence(first), [page.session], [*page.look, faces.psi], concurrency_id=LOOKS, **QUIET).success(
        in_a_sentence(rest), [page.session], page.shelf, concurrency_id=LOOKS, **QUIET
    )


def serve(
    models: str = "mini",
    *,
    host: str = LOCAL_HOSTS[0],
    port: int = 7860,
    password: str | None = None,
    device: str | None = None,
    block: bool = True,
) -> tuple[gr.Blocks, str]:
    """Show the studio in the browser.

    Args:
        models: name or folder of a model set.
        host: address to be reached at; one that others can reach needs a password.
        port: of the address; 0 takes any that is free.
        password: asked for at the door; None lets everyone in who can reach the address.
        device: where the networks run; None takes the best there is.
        block: return only when the server ends.
    Returns:
        The page, and its address.
    Raises:
        InputError: the host needs a password, or the port is out of range.
        OutputError: the port is taken.
    """
    check_host(host, password)
    port = whole("the port", port, 0, 65535)
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="eclipsed-studio-cache-"))
    logging.getLogger("httpx").setLevel(logging.WARNING)
    unfinished.sweep()
    engine = Engine(models, device)
    blocks = build(engine, LearningQueue(engine))
    hosts = LOCAL_HOSTS if host in LOCAL_HOSTS else ()
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port or _free_port(host),
            auth=None if password is None else password_check(password),
            auth_message="Any name will do; the password was set when the studio was started.",
            app_kwargs={"middleware": [Middleware(Guard, hosts=hosts)], "docs_url": None, "redoc_url": None},
            css=page_file("studio.css"),
            theme=gr.themes.Base(font=_FONT, font_mono=_MONO, primary_hue="indigo", neutral_hue="slate"),
            allowed_paths=[],
            blocked_paths=[str(unfinished.state_path("0" * 16).parent.parent)],
            max_file_size=LARGEST_UPLOAD,
            footer_links=[],
            run_history=False,
            show_error=False,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            quiet=True,
            inbrowser=False,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise OutputError(f"the studio cannot be shown at {host}:{port}: that port is taken; choose another") from error
    engine.start()
    if block:
        blocks.block_thread()
    return blocks, address


def _free_port(host: str) -> int:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
