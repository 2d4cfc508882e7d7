"""Directions side by side: how much each changes, where, and which strengths change a face equally much."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces
from eclipsed.editing.moving import direction_of
from eclipsed.editing.seeing import seen
from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.images.change import region_changes
from eclipsed.images.metrics import mean_of_faces
from eclipsed.values.alphas import check_alpha, check_ladder

if TYPE_CHECKING:
    from eclipsed.editor import Editor
    from eclipsed.latents.direction import Direction

__all__ = ["Compared", "change", "compare", "equal_alpha"]

_HALVINGS = 12
_NEAR = 0.02  # of the wanted change: as near as an equal change has to be


@dataclass(frozen=True, eq=False, kw_only=True)
class Compared:
    """What one direction does to some faces at one strength.

    Args:
        alpha: the strength.
        faces: after the edit.
        change: mean absolute change of the whole picture, of values in [-1, 1].
        inside: the same in the region, see `eclipsed.images.change.region_changes`; None where no face shows it.
        outside: the same beyond the region and its seam; None where that is nowhere.
        clip_gain: by how much CLIP's cosine of picture and prompt rises; None for a direction without a prompt.
        reached: False when an equal change was asked for and the useful range of alpha ends before it.
    """

    alpha: float
    faces: Faces
    change: float
    inside: float | None
    outside: float | None
    clip_gain: float | None
    reached: bool = True

    def to_json(self) -> dict[str, Any]:
        """The numbers as plain values."""
        names = ("alpha", "change", "inside", "outside", "clip_gain", "reached")
        return {name: getattr(self, name) for name in names}


def change(before: Faces, after: Faces) -> float:
    """Mean absolute change of pictures whose values are in [-1, 1], over all faces, pixels and colours."""
    return float((after.images.clamp(-1, 1) - before.images.clamp(-1, 1)).abs().mean())


def equal_alpha(editor: Editor, faces: Faces, direction: Direction, wanted: float, *, sign: float = 1.0) -> float:
    """The strength at which a direction changes some faces by a wanted amount.

    Args:
        editor: of the set that the direction was trained on.
        faces: N faces.
        direction: that moves them.
        wanted: mean absolute change, see `change`.
        sign: of the strength.
    Returns:
        A strength in the direction's useful range; its end when even that changes less.
    Raises:
        InputError: `wanted` is negative or no number.
    Source: bisection; the change of a picture grows with the strength.
    """
    if check_alpha(wanted, name="wanted") < 0:
        raise InputError(f"the wanted change must be at least 0; got {wanted}")
    low, high = 0.0, direction.alpha_range[1] if sign > 0 else direction.alpha_range[0]
    if wanted == 0 or change(faces, editor.edit(faces, direction, high)) <= wanted:
        return high if wanted else 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = change(faces, editor.edit(faces, direction, middle))
        if abs(found - wanted) <= _NEAR * wanted / 4:
            return middle
        low, high = (middle, high) if found < wanted else (low, middle)
    return (low + high) / 2


def compare(
    editor: Editor,
    faces: Faces,
    directions: Sequence[Direction | str | os.PathLike[str]],
    alphas: Iterable[float],
    *,
    equal_change: bool = False,
) -> list[list[Compared]]:
    """Move faces along several directions by the same strengths, or so that they change equally much.

    Args:
        editor: of the set that the directions were trained on.
        faces: N faces.
        directions: K of them, each a single one, or their files or names.
        alphas: strengths.
        equal_change: give the other directions the strengths at which they change the faces as much as the first one
            does at `alphas`.
    Returns:
        One list for each direction, with one result for each strength.
    Raises:
        InputError: no direction, no strength, or one that is not a finite number.
        DirectionError: a direction belongs to another generator.
    """
    each = [direction_of(one, models=editor.name) for one in directions]
    if not each:
        raise InputError("a comparison needs at least one direction; got none")
    strengths = check_ladder(alphas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        wanted = [change(faces, editor.edit(faces, each[0], alpha)) for alpha in strengths]
        rows = []
        for place, direction in enumerate(each):
            row = []
            for alpha, goal in zip(strengths, wanted, strict=True):
                if equal_change and place:
                    found = equal_alpha(editor, faces, direction, goal, sign=alpha)
                    one = _measured(editor, faces, direction, found)
                    row.append(one if one.change >= (1 - _NEAR) * goal else _short_of(one))
                else:
                    row.append(_measured(editor, faces, direction, alpha))
            rows.append(row)
    return rows


def _measured(editor: Editor, faces: Faces, direction: Direction, alpha: float) -> Compared:
    after = editor.edit(faces, direction, alpha)
    old, new = (one.images.clamp(-1, 1) for one in (faces, after))
    parser, parts = editor.parser, direction.region.parts
    was, now = seen(parser, faces, parts, images=old), seen(parser, after, parts, images=new)
    mask = parser.either(was, now, direction.region)
    inside, outside = region_changes(old, new, mask)
    gain = None if direction.prompt is None else _gain(editor, old, new, direction.prompt)
    return Compared(
        alpha=alpha,
        faces=after,
        change=change(faces, after),
        inside=mean_of_faces(inside),
        outside=mean_of_faces(outside),
        clip_gain=gain,
    )


@torch.no_grad()
def _gain(editor: Editor, before: Tensor, after: Tensor, prompt: str) -> float:
    text = editor.clip.encode_text(prompt)
    return float(((editor.clip.encode_images(after) - editor.clip.encode_images(before)) @ text[0]).mean())


def _short_of(one: Compared) -> Compared:
    return Compared(**{**one.__dict__, "reached": False})
