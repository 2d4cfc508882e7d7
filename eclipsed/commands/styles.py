"""``eclipsed directions styles``: a direction of a sentence, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.found import Margin, Name, Out, RegionParts, check_out, keep
from eclipsed.commands.options import (
    ClassIndex,
    Cpus,
    Device,
    Gpus,
    Json,
    Models,
    RayAddress,
    Workers,
    crew_of,
    parse_names,
)
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import note
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["styles"]


def styles(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the edited face shall look like.")],
    out: Out,
    target: Annotated[
        str | None, typer.Option("--target", help="The text for CLIP.", show_default="the sentence's own caption")
    ] = None,
    neutral: Annotated[
        list[str] | None,
        typer.Option(
            "--neutral",
            help="What is seen before; may be given several times.",
            show_default="a neutral caption",
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option("--beta", help="Channels of less relevance stay as they are.", show_default="as published"),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", metavar="N", help="So many channels instead.")] = None,
    faces: Annotated[
        int | None, typer.Option("--faces", help="Faces on which channels are measured.", show_default="48")
    ] = None,
    matrix: Annotated[
        Path | None,
        typer.Option("--matrix", metavar="FILE", help="What was measured elsewhere.", show_default="the cache"),
    ] = None,
    margin: Margin = None,
    region: RegionParts = None,
    name: Name = None,
    workers: Workers = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    gpus: Gpus = 0.0,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make StyleCLIP's global direction of a sentence.

    What each channel does is measured once for a generator and a CLIP, which
    takes minutes for `mini`, and kept; Ctrl-C keeps what is measured by then.
    """
    check_out(out)
    parts = parse_names(region)
    editor = open_editor(models, device, class_index)
    from eclipsed.directions.style_matrix import STYLE_FACES

    with ProgressBar() as bar:
        bar.show("measuring channels", 0, None)
        found = editor.global_styles(
            prompt,
            target=target,
            neutral=neutral,
            beta=beta,
            count=count,
            margin=margin,
            region=parts,
            name=name or "",
            faces=STYLE_FACES if faces is None else faces,
            matrix=matrix,
            crew=crew_of(workers, ray, cpus, gpus),
            tell=lambda done, total: bar.show("measuring channels", done, total),
        )
    if not as_json:
        note(f"{found.config['channels']} style channels of a relevance of {found.config['beta']:.2f} and more")
    keep(found, out, as_json=as_json)
