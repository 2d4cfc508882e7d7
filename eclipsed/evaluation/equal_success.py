"""The strength at which an edit succeeds as often as another one, so that methods of other strength can be compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.values.checks import real

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.latents.direction import Direction
    from eclipsed.prompts.target import Target

__all__ = ["STRENGTHS", "strength_at", "success_of"]

#: Strengths that are tried one after the other.
STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)

_HALVINGS = 4
_CHUNK = 8  # faces at once


def success_of(editor: Editor, direction: Direction, before: Faces, target: Target) -> Callable[[float], float]:
    """A function of alpha: the share of the faces without a target that have it after the edit.

    Args:
        editor: whose classifier judges.
        direction: what to apply.
        before: the faces.
        target: what counts as success. A face counts where it can be seen, and is a success where it still can.
    Returns:
        The function; 1 at every strength where no face lacks the target.
    Raises:
        InputError: the model set has no classifier.
    """
    classifier = editor.classifier
    if classifier is None:
        raise InputError(f"the model set {editor.name!r} has no classifier, so nothing says what succeeds")
    parts = [before[start : start + _CHUNK] for start in range(0, len(before), _CHUNK)]

    def looked_at(faces: Faces) -> tuple[Tensor, Tensor]:
        labels = classifier.labels(faces.images)
        return classifier.seen(labels)[target.attribute], target.reached(labels, classifier.attributes)

    lacking = [there & ~has for there, has in map(looked_at, parts)]
    count = int(torch.cat(lacking).sum())

    def success(alpha: float) -> float:
        served = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EclipsedWarning)
            for faces, lack in zip(parts, lacking, strict=True):
                if lack.any():
                    there, has = looked_at(editor.edit(faces, direction, alpha))
                    served += int((lack & there & has).sum())
        return served / count if count else 1.0

    return success


def strength_at(success: Callable[[float], float], wanted: float) -> float | None:
    """The smallest alpha at which success is as wanted.

    Args:
        success: of an alpha.
        wanted: in (0, 1].
    Returns:
        A strength up to the last of `STRENGTHS`; None where none of them is enough. Beyond the strength that serves
        most, faces may be spoilt, so that success need not rise.
    Raises:
        InputError: `wanted` is out of range.
    Source: the first rung of a ladder that is enough, then bisection.
    """
    if real("the wanted success", wanted, 0.0, 1.0) == 0:
        raise InputError("the wanted success must be above 0; got 0")
    low = 0.0
    for high in STRENGTHS:
        if success(high) >= wanted:
            break
        low = high
    else:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if success(middle) >= wanted else (middle, high)
    return high
