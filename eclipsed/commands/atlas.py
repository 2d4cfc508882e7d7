"""``eclipsed atlas``: what a generator can do, measured once; a sentence answered at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.faces import open_editor
from eclipsed.commands.found import Name, Out, RegionParts, check_out, keep
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
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.files.atomic import check_writable
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.checks import whole
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.compute.crew import Crew
    from eclipsed.directions.atlas import Atlas
    from eclipsed.editor import Editor

__all__ = ["app"]

app = typer.Typer(help="The atlas: what a generator can do, measured once.", no_args_is_help=True)

AtlasPath = Annotated[
    Path | None, typer.Option("--atlas", metavar="FILE", help="One built elsewhere.", show_default="this machine's")
]


@app.command()
def build(
    faces: Annotated[int | None, typer.Option("--faces", help="Faces to look at.", show_default="4096 or more")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it here, too.")] = None,
    workers: Workers = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    gpus: Gpus = 0.0,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Measure the atlas of a model set.

    It takes minutes, is kept on this machine, and goes on where it was cut
    short; Ctrl-C keeps what is measured by then. That of `mini` ships.
    """
    if out is not None and out.suffix.lower() != ".safetensors":
        raise InputError(f"an atlas file ends in .safetensors; got {str(out)!r}")
    if out is not None:
        check_writable(out)
    editor = open_editor(models, device, class_index)
    found = _atlas(editor, None, faces, crew=crew_of(workers, ray, cpus, gpus))
    if out is not None:
        found.save(out, editor.generator, editor.clip, editor.parser)
    facts = {"faces": len(found.along), "moves": len(found.moves), "parts": len(found.parts)}
    if as_json:
        result_json({"path": None if out is None else str(out), **facts})
    else:
        result(f"{facts['faces']:,} faces tell of {facts['moves']} moves in {facts['parts']} parts")


@app.command()
def sketch(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the edited face shall look like.")],
    out: Out,
    region: RegionParts = None,
    atlas: AtlasPath = None,
    name: Name = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Make a direction of a sentence at once, without training."""
    check_out(out)
    parts = parse_names(region)
    editor = open_editor(models, device, class_index)
    found = editor.sketch(prompt, region=parts, atlas=_atlas(editor, atlas), name=name or "")
    keep(found, out, as_json=as_json)


@app.command()
def can(
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT...", help="Sentences.")],
    atlas: AtlasPath = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Say how far a sentence can be reached, before training.

    The best come first. 100 % is a sentence that the generator draws and that
    CLIP tells for certain.
    """
    editor = open_editor(models, device, class_index)
    known = _atlas(editor, atlas)
    found = sorted(((editor.prospect(one, atlas=known), one) for one in prompts), key=lambda pair: -pair[0].reach)
    if as_json:
        rows = [
            {"prompt": prompt, "reach": one.reach, "told": one.told, "unknown": list(one.unknown), "why": one.why}
            for one, prompt in found
        ]
        result_json({"prompts": rows})
        return
    for one, prompt in found:
        result(f"{one.reach:4.0%}  {prompt}" + (f": {one.why}" if one.why else ""))


@app.command()
def show(
    part: Annotated[list[str] | None, typer.Option("--part", help="Which; may be given several times.")] = None,
    count: Annotated[int, typer.Option("--count", help="Moves of each part.")] = 3,
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Directions and strips of them.")] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Faces of the strips.")] = "1-3",
    atlas: AtlasPath = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Show the most local moves of each part, and what CLIP calls them."""
    numbers, count = parse_seeds(seeds), whole("count", count, 1, 64)
    editor = open_editor(models, device, class_index)
    from eclipsed.directions.atlas_catalogue import local_moves

    world = editor.world
    known = _atlas(editor, atlas)
    parts = None if part is None else world.expand(part)
    found = local_moves(known, editor.clip, world=world, parts=parts, count=count)
    rows = []
    for name, moves in found.items():
        for number, move in enumerate(moves, 1):
            rows.append({"part": name, "inside": move.inside, "more": move.more, "less": move.less, "path": None})
            if out is not None:
                called = f"{name}-{number}"
                direction = move.direction(editor.generator, known, world=world, name=called)
                rows[-1]["path"] = str(direction.save(out / f"{called}.safetensors"))
                editor.strip(editor.sample(seeds=numbers), direction).save(out / f"{called}.png")
            if not as_json:
                result(f"{name:12s} {move.inside:4.0%} inside: more of {move.more!r}, less of {move.less!r}")
    if as_json:
        result_json({"moves": rows})
    elif out is not None:
        note(f"{len(rows)} directions and strips are in {out}")


def _atlas(editor: Editor, path: Path | None, faces: int | None = None, *, crew: Crew | None = None) -> Atlas:
    """The atlas, with a bar while it is measured."""
    with ProgressBar() as bar:
        return editor.atlas(
            path, faces=faces, crew=crew, tell=lambda done, total: bar.show("looking at faces", done, total)
        )
