"""``eclipsed parts``: parts that you paint on a few faces, and that are found on all others then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.faces import check_picture, open_editor
from eclipsed.commands.options import ClassIndex, Device, Json, Models, Psi
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError, MissingModelError
from eclipsed.files.atomic import check_writable
from eclipsed.store import painted_parts
from eclipsed.store.sets import DEFAULT_SET, find_set
from eclipsed.values.seeds import parse_seeds
from eclipsed.worlds.joining import check_words
from eclipsed.worlds.parts import part_key

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.pretrained.painted_part import PaintedPart

__all__ = ["app"]

app = typer.Typer(help="Parts that you paint, and that are found on all other faces.", no_args_is_help=True)

_MOST = 16  # faces on a sheet
_SUFFIXES = (".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jpg", ".jpeg")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the part is called: forehead, left-cheek.")]
Sheet = Annotated[
    Path | None, typer.Option("--sheet", metavar="FILE", help="Draw the part on faces that nobody painted.")
]
Shown = Annotated[str, typer.Option("--shown", metavar="LIST", help="Seeds of the faces on the sheet.")]


@app.command()
def learn(
    name: Name,
    seeds: Annotated[str, typer.Option("--seeds", metavar="LIST", help="Seeds of the faces that were painted.")],
    masks: Annotated[
        Path,
        typer.Option("--masks", metavar="FOLDER", help="Masks by the names of `eclipsed sample`: seed0007.png, …"),
    ],
    add: Annotated[
        bool, typer.Option("--add", help="Paint these faces beside those that were painted before.")
    ] = False,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--word", metavar="WORD", help="What sentences call it; may be repeated.", show_default="its name"
        ),
    ] = None,
    sheet: Sheet = None,
    shown: Shown = "101-108",
    psi: Psi = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, and do not keep it for the set.")
    ] = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Learn a part from faces on which you painted it.

    A mask is white where the part is and black elsewhere; one that is black all over says that the face shows none of
    it. The part is kept for the model set: sentences that name it find it, and --region takes its name. Where the
    sheet shows a mistake, paint that face and add it with --add.
    """
    numbers, faces_shown, found = parse_seeds(seeds), _shown(shown), find_set(models)
    files = [_mask_of(masks, seed, psi) for seed in numbers]
    target = painted_parts.kept_part(found.name, name) if out is None else out
    check_words(part_key(name), words or (), {one.name: one.words for one in found.parts})
    if add and not target.is_file():
        raise MissingModelError(f"there is no part {name!r} to add to: leave --add out the first time ({target})")
    check_writable(target)
    if sheet is not None:
        check_picture(sheet)
    editor = open_editor(models, device, class_index, painted=False)
    from eclipsed.pretrained.painted_part import PaintedPart

    earlier = PaintedPart.load(target) if add else None
    with waiting(f"learning {name}"):
        faces = editor.sample(seeds=numbers, truncation_psi=psi)
        part = editor.learn_part(name, faces, list(files), words=words or (), earlier=earlier)
    replaced = target.is_file() and not add
    part.save(target)
    if replaced:
        note(f"{target}: the part that was there before is replaced")
    drawn = None if sheet is None else _draw(editor, part, editor.sample(seeds=faces_shown), sheet)
    if as_json:
        result_json({**_facts(part, target), "sheet": drawn})
        return
    result(str(target))
    if drawn is not None:
        result(drawn)
    note(f"{part.name}: painted on {len(part.paintings)}; say {_said(part.words)}, or --region {part.name}")


@app.command()
def show(
    name: Name,
    sheet: Annotated[Path, typer.Option("--sheet", metavar="FILE", help="Picture to write (.png, .jpg, .webp).")],
    shown: Shown = "101-108",
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Draw a part that is kept on faces.

    NAME may also be the file of a part.
    """
    faces, found = _shown(shown), find_set(models)
    path = Path(name) if Path(name).is_file() else painted_parts.kept_part(found.name, name)
    check_picture(sheet)
    editor = open_editor(models, device, class_index, painted=False)
    from eclipsed.pretrained.painted_part import PaintedPart

    part = PaintedPart.load(path)
    drawn = _draw(editor, part, editor.sample(seeds=faces), sheet)
    if as_json:
        result_json({**_facts(part, path), "sheet": drawn})
    else:
        result(drawn)


@app.command("list")
def list_parts(models: Models = DEFAULT_SET, as_json: Json = False) -> None:
    """List the parts that are kept for a model set."""
    found = find_set(models)
    rows = [
        {"name": one.name, "words": list(one.words), "paintings": one.paintings, "path": str(one.path)}
        for one in found.parts
    ]
    if as_json:
        result_json({"models": found.name, "parts": rows})
        return
    for one in found.parts:
        result(f"{one.name:<20} painted on {one.paintings:>2}   {_said(one.words)}")
    if not rows:
        note(f"no part is kept for {found.name!r}; `eclipsed parts learn` makes one")


@app.command()
def remove(name: Name, models: Models = DEFAULT_SET) -> None:
    """Remove a part that is kept."""
    result(f"removed {painted_parts.remove_part(find_set(models).name, name)}")


def _shown(text: str) -> tuple[int, ...]:
    """Seeds of the faces on a sheet."""
    seeds = parse_seeds(text)
    if len(seeds) > _MOST:
        raise InputError(f"a sheet shows at most {_MOST} faces; got {len(seeds)}")
    return seeds


def _mask_of(folder: Path, seed: int, psi: float | None) -> Path:
    """The mask of one seed, under the name that `eclipsed sample` gives its picture."""
    stem = f"seed{seed:04d}" + ("" if psi is None else f"_psi{psi:g}")
    drawn = f"`eclipsed sample --seeds {seed}" + ("`" if psi is None else f" --psi {psi:g}`")
    if not folder.is_dir():
        raise InputError(f"there is no folder of masks {str(folder)!r}; check the name")
    found = next((folder / f"{stem}{end}" for end in _SUFFIXES if (folder / f"{stem}{end}").is_file()), None)
    if found is None:
        raise InputError(f"{folder} has no mask {stem}.png: paint white on black over the picture that {drawn} draws")
    return found


def _draw(editor: Editor, part: PaintedPart, faces: Faces, sheet: Path) -> str:
    from eclipsed.images.pictures import save_picture

    with waiting("drawing the sheet"):
        return str(save_picture(editor.part_sheet(faces, part), sheet))


def _facts(part: PaintedPart, path: Path) -> dict[str, Any]:
    return {"path": str(path), "name": part.name, "words": list(part.words), "paintings": len(part.paintings)}


def _said(words: tuple[str, ...]) -> str:
    return " or ".join(f'"{word}"' for word in words)
