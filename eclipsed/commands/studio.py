"""``eclipsed studio``: the page on which faces are edited by looking."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from eclipsed.commands.options import ClassIndex, Clips, Device, Models, Witness
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import note, result
from eclipsed.errors import InputError, MissingExtraError
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.extras import pip_line

__all__ = ["studio"]


def studio(
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    host: Annotated[
        str, typer.Option("--host", help="Address to be reached at; one that others can reach needs --password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port of the address; 0 takes any that is free.")] = 7860,
    password: Annotated[
        str | None,
        typer.Option(
            "--password", envvar="ECLIPSED_PASSWORD", help="What visitors are asked for.", show_default="none"
        ),
    ] = None,
    clip: Clips = None,
    witness: Witness = None,
    device: Device = None,
) -> None:
    """Show the studio in the browser.

    Find a face, write a sentence, drag, take the result home. Ctrl-C ends it.
    """
    from eclipsed.store.sets import find_set
    from eclipsed.studio.safety import check_host

    try:
        check_host(host, password)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    name = find_set(models).name
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError(f"the studio needs gradio: {pip_line(extra='studio')}")
    with waiting(f"loading {name}", at_once=True):
        from eclipsed.studio.serving import serve

        blocks, address = serve(
            models,
            host=host,
            port=port,
            password=password,
            device=device,
            class_index=class_index,
            clip=clip,
            witness=witness,
            block=False,
        )
    result(f"the studio is at {address}")
    note("Ctrl-C ends it")
    blocks.block_thread()
