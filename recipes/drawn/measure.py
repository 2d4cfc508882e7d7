"""Judge an edit of a drawn picture: did the named attribute change, and did the rest stay?

The judge is that of `recipes.drawn.judge`, which no direction was trained with. Change is measured in the picture, the
region is the parser's, before and after the edit together; inside and outside are those of
`eclipsed.images.change.region_changes`: outside begins 5 % of the width beyond the region.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from eclipsed.editor import Editor
from eclipsed.errors import EclipsedWarning
from eclipsed.evaluation.evaluate import check_held_out
from eclipsed.latents.direction import Direction
from eclipsed.prompts.target import Target
from recipes.drawn.recipe import Recipe
from recipes.drawn.truth import Truth

__all__ = ["Figures", "judged", "measure"]


@dataclass(frozen=True)
class Figures:
    """What an edit did to some pictures.

    Args:
        lacked: pictures that could have the attribute and did not before.
        success: share of them that have it after.
        strict: share of them that have it after, in nearly the colour of their exact edit (`recipes.drawn.truth.NEAR`).
        inside: mean absolute change in the region, of pictures in [−1, 1].
        outside: the same beyond the region and its seam.
        leakage: share of the other attributes that flipped, of those that can be seen before and after.
        floor: the same of the exact edit, where every flip is the classifier's own wavering or a true consequence.
        distance: mean Mahalanobis distance of edited ws from the mean of w, where 1 is an ordinary picture.
        flips: attribute -> share of all pictures in which it flipped where it could be seen.
        floors: the same of the exact edit.
    """

    lacked: int
    success: float
    strict: float
    inside: float
    outside: float
    leakage: float
    floor: float
    distance: float
    flips: dict[str, float]
    floors: dict[str, float]

    @property
    def ratio(self) -> float:
        """Outside over inside."""
        return self.outside / max(self.inside, 1e-9)

    @property
    def worst(self) -> tuple[str, float]:
        """The attribute that flips most beyond its floor, and by how much more."""
        return max(((name, flip - self.floors[name]) for name, flip in self.flips.items()), key=lambda item: item[1])

    @classmethod
    def of(cls, values: Mapping[str, Tensor], floor: Mapping[str, Tensor]) -> Figures:
        """Sum up what `Truth.judge` and `Truth.ceiling` gave."""
        lacked = int(values["success"].isfinite().sum())
        return cls(
            lacked=lacked,
            success=_mean(values["success"]) if lacked else 1.0,
            strict=_mean(values["strict"]) if lacked else 1.0,
            inside=_mean(values["inside"]),
            outside=_mean(values["outside"]),
            leakage=1 - _mean(values["kept"]),
            floor=1 - _mean(floor["kept"]),
            distance=_mean(values["distance"]),
            flips=_flips(values),
            floors=_flips(floor),
        )


def measure(
    editor: Editor,
    direction: Direction,
    target: Target,
    *,
    recipe: Recipe,
    seeds: Sequence[int],
    alpha: float = 1.0,
    truth: Truth | None = None,
) -> Figures:
    """Edit the pictures of some seeds and judge the result.

    Args:
        editor: of the set that the direction was trained on.
        direction: what to apply.
        target: what it should reach.
        recipe: of the set.
        seeds: pictures; they must not have been trained on.
        alpha: strength.
        truth: of the same target and seeds, where it is at hand.
    Raises:
        InputError: a seed was trained on.
    """
    found, floor = judged(editor, direction, target, recipe=recipe, seeds=seeds, alpha=alpha, truth=truth)
    return Figures.of(found, floor)


def judged(
    editor: Editor,
    direction: Direction,
    target: Target,
    *,
    recipe: Recipe,
    seeds: Sequence[int],
    alpha: float = 1.0,
    truth: Truth | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What `measure` sums up, picture by picture: of the edit, and of the exact edit; see `Truth.judge`."""
    numbers = check_held_out(direction, seeds)
    truth = truth or Truth.of(editor, target, recipe=recipe, seeds=numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        after = editor.edit(truth.before, direction, alpha)
    rows = direction.space_of(editor.generator).rows
    found = truth.judge(editor, after, prompt=direction.title, parts=direction.region.parts, rows=rows)
    return found, truth.ceiling(editor, prompt=direction.title)


def _mean(values: Tensor) -> float:
    return float(values.double().nanmean())


def _flips(values: Mapping[str, Tensor]) -> dict[str, float]:
    return {name[5:]: float(flip.nan_to_num(0.0).mean()) for name, flip in values.items() if name.startswith("flip ")}
