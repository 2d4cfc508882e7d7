"""``eclipsed directions channels``: directions of single style channels."""

from __future__ import annotations

from typing import Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.found import Margin, Name, Out, RegionParts, check_out, keep
from eclipsed.commands.options import ClassIndex, Device, Json, Models, parse_names
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import note
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.seeds import parse_seeds

__all__ = ["channels"]


def channels(
    out: Out,
    named: Annotated[
        str | None,
        typer.Argument(metavar="[CHANNELS]", help="Layer and channel, with weights if need be: s:12.479,12.266=-0.5."),
    ] = None,
    examples: Annotated[
        str | None,
        typer.Option("--examples", metavar="LIST", help="Find them instead: seeds of faces that have it in common."),
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many channels examples give.")] = 1,
    margin: Margin = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="The sentence that it stands for, which CLIP judges it by.")
    ] = None,
    region: RegionParts = None,
    name: Name = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make a direction of single style channels.

    They are numbered as StyleSpace does, or found from examples. --margin or --prompt says what the full edit is to
    reach.
    """
    check_out(out)
    if (named is None) == (examples is None):
        raise InputError("give either channels such as s:12.479, or --examples with seeds")
    if margin is None and prompt is None:
        raise InputError("say what the full edit is to reach: --margin TARGET or --prompt SENTENCE")
    seeds, parts = None if examples is None else parse_seeds(examples), parse_names(region)
    editor = open_editor(models, device, class_index)
    with waiting("locating and calibrating"):
        from eclipsed.directions.style_channels import StyleChannels, channels_of_examples, parse_channels
        from eclipsed.prompts.region import Region

        if seeds is None:
            assert named is not None
            chosen = parse_channels(named)
        else:
            chosen = channels_of_examples(editor.generator, editor.sample(seeds=seeds), count=count)
        finder = StyleChannels(
            generator=editor.generator,
            channels=chosen,
            region=None if parts is None else Region.from_parts(parts, world=editor.world),
            prompt=prompt,
            name=name or "",
        )
        found = editor.find(finder, margin=margin, avoid=seeds or ())
    if not as_json:
        note(f"note: style channels {found.config['channels']}")
    keep(found, out, as_json=as_json)
