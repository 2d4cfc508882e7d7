"""``eclipsed photo --edit``: several people on one photograph, each edited in a way of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.commands.faces import find_directions, load_directions, open_editor
from eclipsed.commands.named_edits import STACK_SUFFIX, parse_edits
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError

if TYPE_CHECKING:
    from eclipsed.inversion.people import EditedPerson, Edits

__all__ = ["edit_people", "parse_people"]

_FORM = "--edit takes FACE:DIRECTION[=ALPHA],… or FACE:STACK.json, such as 2:smile=0.7,glasses"


def parse_people(edits: list[str]) -> dict[int, dict[str, float] | Path]:
    """Read what each face gets, such as ``"1:blond-hair"``, ``"2:smile=0.7,glasses"`` or ``"3:edits.json"``.

    Returns:
        Number of a face -> names of directions with their strengths, or the file of a stack.
    Raises:
        InputError: one is not of this form, or a face or a direction is named twice.
    """
    each: dict[int, dict[str, float] | Path] = {}
    for text in edits:
        number, _, what = (part.strip() for part in text.partition(":"))
        if not what or not (number.isascii() and number.isdigit() and int(number)):
            raise InputError(f"{_FORM}; got {text[:60]!r}")
        if int(number) in each:
            raise InputError(f"--edit names face {int(number)} twice; give all its directions in one, with commas")
        each[int(number)] = Path(what) if what.lower().endswith(STACK_SUFFIX) else _named(what, text)
    return each


def _named(what: str, text: str) -> dict[str, float]:
    """Names of directions with their strengths."""
    return parse_edits(what, option="--edit", form=_FORM, whose="one face", text=text)


def edit_people(
    picture: Path,
    edits: list[str],
    out: Path,
    *,
    level: str | None,
    force: bool,
    any_generator: bool,
    class_index: int | None,
    models: str,
    device: str | None,
    as_json: bool,
) -> None:
    """Edit the people of a photograph and write it; a face that cannot be edited is left as it is, with a sentence.

    Args:
        picture: the photograph.
        edits: see `parse_people`.
        out: the picture to write.
        level: of the inversion.
        force: take faces of another kind, too.
        any_generator: take directions of generators that are no relatives, too.
        class_index: of the faces, where the generator has classes.
        models: name or folder of the model set.
        device: where the networks run.
        as_json: print the result as JSON.
    """
    from eclipsed.photos.reading import save_photo  # brings torch

    wanted: dict[int, Edits] = {}
    found: dict[int, tuple[list[Path], list[float]]] = {}
    for number, got in parse_people(edits).items():
        if isinstance(got, Path):
            wanted[number] = Stack.load(got)
        else:
            found[number] = find_directions(list(got), models), list(got.values())
    editor = open_editor(models, device, class_index)
    for number, (files, alphas) in found.items():
        wanted[number] = dict(zip(load_directions(files), alphas, strict=True))
    with ProgressBar() as bar:
        bar.show("finding the faces", 0, None)
        edited = editor.edit_people(
            picture, wanted, level=level, force=force, any_generator=any_generator, callback=bar
        )
    save_photo(edited.picture, out)
    for person in edited.failed:
        note(f"warning: face {person.number} is left as it is: {person.reason}")
    if as_json:
        people = [_told(person) for person in edited.people]
        result_json({"faces": len(people) - len(edited.failed), "people": people, "path": str(out)})
        return
    result(str(out))


def _told(person: EditedPerson) -> dict[str, Any]:
    done = () if person.faces is None else person.faces.edits
    return {
        "face": person.number,
        "edits": [{"direction": edit.name, "alpha": edit.alpha} for edit in done],
        "reason": person.reason,
    }
