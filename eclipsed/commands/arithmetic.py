"""``eclipsed directions arithmetic``: sums, differences and multiples of directions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import typer

from eclipsed.commands.faces import find_directions, load_directions, open_editor
from eclipsed.commands.found import Margin, Name, Out, check_out, keep
from eclipsed.commands.options import ClassIndex, Device, Json, Models
from eclipsed.commands.progress import waiting
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET

__all__ = ["arithmetic"]


def arithmetic(
    terms: Annotated[
        list[str],
        typer.Argument(metavar="TERM...", help="Directions, each with a weight if need be: smile glasses=-0.5."),
    ],
    out: Out,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", metavar="DIRECTION", help="Take out what this direction does, by projection; may be repeated."
        ),
    ] = None,
    eased: Annotated[
        bool,
        typer.Option("--eased", help="Take out three quarters of each, in the measure of the data; better of many."),
    ] = False,
    margin: Margin = None,
    name: Name = None,
    models: Models = DEFAULT_SET,
    device: Device = None,
    class_index: ClassIndex = None,
    as_json: Json = False,
) -> None:
    """Add, subtract and scale directions.

    One can also be taken out of another. The full edit of the result is all full edits together, each by its weight.
    With --margin its strength is found anew on held-out faces.
    """
    check_out(out)
    if eased and not without:
        raise InputError("--eased says how directions are taken out; name them with --without")
    weights = [_term(text) for text in terms]
    files = find_directions([term for term, _ in weights], models)
    taken = load_directions(find_directions(without or [], models))
    editor = open_editor(models, device, class_index) if margin is not None or (taken and eased) else None
    total = None
    for direction, (_, weight) in zip(load_directions(files), weights, strict=True):
        part = direction * weight
        total = part if total is None else total + part
    assert total is not None  # typer asks for one term or more
    if taken:
        total = total.without(*taken, generator=editor.generator if editor is not None and eased else None)
    if name is not None:
        total = replace(total, name=name)
    if margin is not None and editor is not None:
        with waiting("finding its strength"):
            total = editor.calibrate(total, margin=margin)
    keep(total, out, as_json=as_json)


def _term(text: str) -> tuple[str, float]:
    """A direction and its weight: ``"smile"``, ``"smile=0.5"``.

    Raises:
        InputError: the weight is no number.
    """
    name, equals, weight = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise InputError(f"a term is a direction, or one with a weight such as smile=-0.5; got {text[:60]!r}")
    return name, value
