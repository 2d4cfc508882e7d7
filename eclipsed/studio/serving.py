"""The server that shows the page, and what it keeps to this machine."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eclipsed.errors import OutputError
from eclipsed.store import trainings as unfinished
from eclipsed.store.files import data_home, home
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.studio.engine import Engine
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.safety import LARGEST_UPLOAD, LOCAL_HOSTS, Guard, check_host, password_check
from eclipsed.values.checks import whole

if TYPE_CHECKING:
    import gradio as gr

__all__ = ["serve"]

_FONT, _MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")  # the visitor's own


def serve(
    models: str = DEFAULT_SET,
    *,
    host: str = LOCAL_HOSTS[0],
    port: int = 7860,
    password: str | None = None,
    device: str | None = None,
    class_index: int | None = None,
    clip: Sequence[str] | None = None,
    witness: str | None = None,
    block: bool = True,
) -> tuple[gr.Blocks, str]:
    """Show the studio in the browser, once it is certain that the model set and the device work.

    Args:
        models: name or folder of a model set.
        host: address to be reached at; one that others can reach needs a password.
        port: of the address; 0 takes any that is free.
        password: asked for at the door; None lets everyone in who can reach the address.
        device: where the networks run; None takes the best there is.
        class_index: class of the faces, where the generator has classes; None is the set's own.
        clip: names of other CLIPs than the set's, asked together; None is the set's own.
        witness: name of a CLIP that says what a direction reached; None is none.
        block: return only when the server ends.
    Returns:
        The page, and its address.
    Raises:
        InputError: the host needs a password, the port is out of range, or the device is not on this machine.
        MissingModelError: there is no such model set, or a network of it is missing.
        CheckpointError: a network of it is damaged.
        OutputError: the port is taken.
    """
    check_host(host, password)
    port = whole("the port", port, 0, 65535)
    _stay_at_home()
    engine = Engine(models, device, class_index=class_index, clip=clip, witness=witness)
    engine.load()
    import gradio as gr
    from starlette.middleware import Middleware

    from eclipsed.studio.app import build
    from eclipsed.studio.pieces import page_file

    unfinished.sweep()
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
            blocked_paths=[str(home()), str(data_home())],
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
    if block:
        blocks.block_thread()
    return blocks, address


def _stay_at_home() -> None:
    """Let gradio, and the hub's client that comes with it, tell nobody anything; they read this when imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="eclipsed-studio-cache-")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _free_port(host: str) -> int:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
