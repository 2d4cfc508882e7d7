"""``eclipsed sample``, ``edit``, ``strip``, ``palette`` and ``sweep``: faces into files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.options import (
    Alpha,
    AnyGenerator,
    Blend,
    ClassIndex,
    Device,
    Json,
    Latents,
    Layers,
    MaskFile,
    Models,
    Named,
    Psi,
    Seeds,
    SeedsOrNone,
    StackFile,
    parse_layers,
)
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError, MissingModelError
from eclipsed.files.atomic import check_writable
from eclipsed.store import library
from eclipsed.store.sets import DEFAULT_SET
from eclipsed.values.alphas import parse_alpha, parse_alphas
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from PIL import Image

    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.latents.direction import Direction
    from eclipsed.values.mask import Mask

__all__ = [
    "bound",
    "check_picture",
    "edit",
    "find_directions",
    "load_directions",
    "open_editor",
    "palette",
    "sample",
    "strip",
    "sweep",
    "tell_replaced",
]

Folder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the pictures; made if need be.")]
Picture = Annotated[Path, typer.Option("--out", metavar="FILE", help="Picture to write (.png, .jpg, .webp).")]

_MOST_ROWS = 100
_AT_ONCE = 8  # faces in one forward pass, so that long lists of seeds fit into memory


def sample(
    out: Folder,
    seeds: SeedsOrNone = None,
    latents: Latents = None,
    psi: Psi = None,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Draw faces: one picture per seed, or for each face of a file."""
    numbers = _seeds(seeds, None, latents)
    check_writable(out, folder=True)
    editor = open_editor(models, device, class_index)
    written: list[str] = []
    for faces in _batches(editor, numbers, latents, psi):
        written += map(str, faces.save(out))
    _report(written, as_json, {"paths": written, "seeds": list(numbers)})


def edit(
    out: Folder,
    directions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DIRECTION]...", help="Direction files, or names such as blond-hair."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            metavar="LIST",
            help="Seeds of the faces, such as 1,2,5-10.",
            show_default="the face of the stack",
        ),
    ] = None,
    latents: Latents = None,
    stack: StackFile = None,
    alpha: Alpha = "1.0",
    grid: Annotated[
        Path | None, typer.Option("--grid", metavar="FILE", help="Also draw all pairs in one picture.")
    ] = None,
    layers: Layers = None,
    blend: Blend = None,
    mask: MaskFile = None,
    psi: Psi = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Edit faces: two pictures per seed, before and after.

    They are called seed0001.png and seed0001_blond-hair_a+1.00.png.
    """
    edits = None if stack is None else _stack(stack, alpha, layers, blend)
    if edits is None and not directions:
        raise InputError("expected a direction such as blond-hair, or --stack with a file")
    if mask is not None and (blend is None or edits is not None):
        raise InputError("--mask holds a blended edit: add --blend features or --blend pixels, and no --stack")
    numbers = _seeds(seeds, edits, latents)
    if edits is not None:
        psi = edits.truncation_psi if psi is None else psi
        class_index = edits.class_index if class_index is None else class_index
    rows, alphas = parse_layers(layers), parse_alpha(alpha, directions=len(directions or ()))
    check_writable(out, folder=True)
    if grid is not None:
        _check_rows(numbers, "grid")
        check_picture(grid)
    files = find_directions(directions or [], models)
    editor = open_editor(models, device, class_index)
    painted = None if mask is None else _mask(mask)
    learned = load_directions(files)
    if edits is None:
        learned = bound(learned, editor, any_generator)
    before: list[str] = []
    after: list[str] = []
    pairs: list[Faces] = []
    for faces in _batches(editor, numbers, latents, psi):
        if edits is None:
            strengths = alphas if len(alphas) > 1 else alphas[0]
            edited = editor.edit(faces, learned, strengths, layers=rows, blend=blend, mask=painted)
        else:
            edited = editor.replay(faces, edits, directions=learned, any_generator=any_generator)
        before += map(str, faces.save(out))
        after += map(str, edited.save(out))
        pairs += [edited] if grid is not None else []
    written = [path for pair in zip(before, after, strict=True) for path in pair]
    summary: dict[str, Any] = {"before": before, "after": after}
    summary |= {"alpha": list(alphas)} if edits is None else {"stack": edits.to_json()}
    if grid is not None:
        summary["grid"] = _draw_pairs(pairs, grid)
        written.append(summary["grid"])
    _report(written, as_json, summary)


def strip(
    direction: Named,
    out: Picture,
    seeds: SeedsOrNone = None,
    latents: Latents = None,
    alphas: Annotated[str, typer.Option("--alphas", help="Strengths of the columns.")] = "-1,0,1",
    layers: Layers = None,
    blend: Blend = None,
    psi: Psi = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Draw a strip: one row per face, one column per strength."""
    numbers, strengths, rows = _seeds(seeds, None, latents), parse_alphas(alphas), parse_layers(layers)
    _check_rows(numbers, "strip")
    check_picture(out)
    files = find_directions([direction], models)
    editor = open_editor(models, device, class_index)
    (learned,) = bound(load_directions(files), editor, any_generator)
    with waiting("drawing the strip"):
        faces = editor.sample(ws=latents) if latents else editor.sample(seeds=numbers, truncation_psi=psi)
        _check_rows(range(len(faces)), "strip")
        written = _save(editor.strip(faces, learned, alphas=strengths, layers=rows, blend=blend), out)
    _report([written], as_json, {"path": written, "seeds": list(numbers), "alphas": list(strengths)})


def palette(
    first: Annotated[str, typer.Argument(metavar="DIRECTION1", help="The direction that grows downwards.")],
    second: Annotated[str, typer.Argument(metavar="DIRECTION2", help="The direction that grows to the right.")],
    seed: Annotated[str, typer.Option("--seed", help="Seed of the face.")],
    out: Picture,
    alphas1: Annotated[str, typer.Option("--alphas1", help="Strengths of the first direction.")] = "-1,0,1",
    alphas2: Annotated[str, typer.Option("--alphas2", help="Strengths of the second direction.")] = "-1,0,1",
    psi: Psi = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Draw one face under two directions.

    Every strength of one meets every strength of the other.
    """
    numbers = parse_seeds(seed)
    if len(numbers) != 1:
        raise InputError(f"a palette shows one face; got {len(numbers)} seeds")
    across, down = parse_alphas(alphas2, name="alphas2"), parse_alphas(alphas1, name="alphas1")
    check_picture(out)
    files = find_directions([first, second], models)
    editor = open_editor(models, device, class_index)
    one, two = bound(load_directions(files), editor, any_generator)
    with waiting("drawing the palette"):
        face = editor.sample(seeds=numbers, truncation_psi=psi)
        written = _save(editor.palette(face, one, two, down, across), out)
    _report([written], as_json, {"path": written, "seed": numbers[0], "alphas1": list(down), "alphas2": list(across)})


def sweep(
    direction: Named,
    seeds: Seeds,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Film to write (.gif or .mp4).")],
    alphas: Annotated[str, typer.Option("--alphas", help="First and last strength.")] = "-1,1",
    psi: Psi = None,
    any_generator: AnyGenerator = False,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Film faces while the strength goes up and down."""
    from eclipsed.images.animation import ANIMATION_SUFFIXES

    numbers, strengths = parse_seeds(seeds), parse_alphas(alphas)
    if len(strengths) != 2:
        raise InputError(f"a sweep goes from one strength to another, such as -1,1; got {alphas!r}")
    if out.suffix.lower() not in ANIMATION_SUFFIXES:
        raise InputError(f"cannot tell the film format of {str(out)!r}: end it in .gif or .mp4")
    check_writable(out)
    tell_replaced(out)
    files = find_directions([direction], models)
    editor = open_editor(models, device, class_index)
    (learned,) = bound(load_directions(files), editor, any_generator)
    with ProgressBar() as bar:
        bar.show("drawing faces", 0, None)
        faces = editor.sample(seeds=numbers, truncation_psi=psi)
        editor.sweep(faces, learned, out, alphas=strengths, tell=lambda done, total: _film(bar, done, total))
    _report([str(out)], as_json, {"path": str(out), "seeds": list(numbers)})


def open_editor(
    models: str,
    device: str | None,
    class_index: int | None = None,
    *,
    clip: list[str] | None = None,
    witness: str | None = None,
    painted: bool = True,
) -> Editor:
    """Load a model set, with other CLIPs than its own and a witness where some are named.

    Args:
        painted: whether it finds the painted parts that are kept for it.
    """
    with waiting(f"loading {models}", at_once=True):
        from eclipsed.editor import Editor  # brings torch, which takes seconds

        return Editor.from_pretrained(
            models,
            device,
            clip=clip or None,
            witness=witness,
            class_index=class_index,
            parts=None if painted else (),
        )


def check_picture(out: Path) -> None:
    """Raise unless a picture can be written at `out`; say when there is one already, which it will replace."""
    from eclipsed.images.pictures import PICTURE_FORMATS

    if out.suffix.lower() not in PICTURE_FORMATS:
        raise InputError(f"cannot tell the picture format of {str(out)!r}: end it in .png")
    check_writable(out)
    tell_replaced(out)


def tell_replaced(out: Path) -> None:
    """Say when there is a file already, which will be replaced."""
    if out.is_file():
        note(f"note: {out} is there already and will be replaced")


def _stack(path: Path, alpha: str, layers: str | None, blend: str | None) -> Stack:
    if alpha != "1.0" or layers is not None or blend is not None:
        raise InputError("a stack holds its own alphas, layers and blends; leave --alpha, --layers and --blend out")
    return Stack.load(path)


def _mask(path: Path) -> Mask:
    from eclipsed.photos.painted import read_mask

    return read_mask(path)


def _seeds(seeds: str | None, edits: Stack | None, latents: Path | None) -> tuple[int, ...]:
    """The faces that are asked for, or else that of the stack; none where they come from a file."""
    if latents is not None:
        if seeds is not None:
            raise InputError("give either --seeds or --latents")
        if not latents.is_file():
            raise MissingModelError(f"there is no file {latents}; check the name")
        return ()
    if seeds is not None:
        return parse_seeds(seeds)
    if edits is not None and edits.saved_face:
        raise InputError(
            "this stack edits a face from a photo: eclipsed photo PHOTO --from-face FACE --stack STACK "
            "(or give --seeds to put its edits on other faces)"
        )
    if edits is None or edits.seed is None:
        raise InputError("expected --seeds with the seeds of the faces, such as 1,2,5-10")
    return (edits.seed,)


def find_directions(names: Sequence[str], models: str) -> list[Path]:
    """The files of directions, by name or by file; of several of one name, that of the model set is meant."""
    return [library.find_direction(name, models=models) for name in names]


def load_directions(files: Sequence[Path]) -> list[Direction]:
    """Load directions."""
    from eclipsed.latents.direction import Direction

    return [Direction.load(file) for file in files]


def bound(directions: Sequence[Direction], editor: Editor, any_generator: bool) -> list[Direction]:
    """The directions, as those of the editor's generator where any other is welcome."""
    return [one.bound_to(editor.generator) if any_generator else one for one in directions]


def _batches(editor: Editor, seeds: Sequence[int], latents: Path | None, psi: float | None) -> Iterator[Faces]:
    """The faces of some seeds at a time, and how far one is with them; or all faces of a file."""
    with ProgressBar() as bar:
        if latents is not None:
            bar.show("drawing faces", 0, None)
            yield editor.sample(ws=latents)
            return
        for start in range(0, len(seeds), _AT_ONCE):
            bar.show("drawing faces", start, len(seeds))
            yield editor.sample(seeds=seeds[start : start + _AT_ONCE], truncation_psi=psi)
        bar.show("drawing faces", len(seeds), len(seeds))


def _film(bar: ProgressBar, done: int, total: int) -> None:
    bar.show("drawing faces", done, total)
    if done == total:
        bar.show("writing the film", 0, None)


def _check_rows(seeds: Sequence[int], what: str) -> None:
    if len(seeds) > _MOST_ROWS:
        raise InputError(f"a {what} shows at most {_MOST_ROWS} faces; got {len(seeds)} seeds")


def _draw_pairs(edited: Sequence[Faces], path: Path) -> str:
    """Write one picture of many faces before and after."""
    import torch

    from eclipsed.images import pictures

    before = torch.cat([faces.before.images for faces in edited if faces.before is not None])
    after = torch.cat([faces.images for faces in edited])
    title = ", ".join(f"{edit.prompt} {edit.strength}" for edit in edited[0].edits)
    names = [name for faces in edited for name in faces.names]
    return _save(pictures.grid(before, after, names, title=title), path)


def _save(picture: Image.Image, path: Path) -> str:
    from eclipsed.images.pictures import save_picture

    return str(save_picture(picture, path))


def _report(written: Sequence[str], as_json: bool, summary: dict[str, Any]) -> None:
    if as_json:
        result_json(summary)
        return
    for path in written:
        result(path)
