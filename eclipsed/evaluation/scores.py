"""How often a judge is right: accuracy, and precision, recall and F1 of each class, from one table of counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.images.counts import count_table

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ClassScores", "Scores"]


@dataclass(frozen=True)
class ClassScores:
    """How well one class is told from the others.

    Args:
        precision: share of the pictures judged to be of the class that are; 0 where none were.
        recall: share of the pictures of the class that are judged so; 0 where there are none.
        f1: harmonic mean of both.
        count: pictures of the class.
    """

    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True, eq=False)
class Scores:
    """How a judge did on pictures whose class is known.

    Args:
        attribute: what the classes are classes of.
        classes: their names.
        confusion: pictures, (true class, class as judged).
    """

    attribute: str
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, attribute: str, classes: tuple[str, ...], true: Tensor, judged: Tensor) -> Scores:
        """Count judgements.

        Args:
            attribute: what the classes are classes of.
            classes: their names.
            true: the class of each picture, as its place in `classes`, (N,).
            judged: the class that the judge saw, (N,).
        """
        side = len(classes)
        counts = torch.bincount(true.cpu() * side + judged.cpu(), minlength=side * side).view(side, side)
        return cls(attribute, classes, tuple(tuple(row) for row in counts.tolist()))

    @property
    def count(self) -> int:
        """Pictures in all."""
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of the pictures that are judged right."""
        return sum(row[place] for place, row in enumerate(self.confusion)) / self.count

    @cached_property
    def by_class(self) -> dict[str, ClassScores]:
        """Precision, recall and F1 of each class by its name, as scikit-learn has them with ``zero_division=0``."""
        found = {}
        for place, name in enumerate(self.classes):
            right = self.confusion[place][place]
            count, judged = sum(self.confusion[place]), sum(row[place] for row in self.confusion)
            f1 = _share(2 * right, count + judged)
            found[name] = ClassScores(_share(right, judged), _share(right, count), f1, count)
        return found

    @property
    def macro(self) -> ClassScores:
        """Means over the classes, each counting as much as any other; its count is that of all pictures."""
        every = list(self.by_class.values())
        precision, recall, f1 = (
            sum(getattr(one, name) for one in every) / len(every) for name in ("precision", "recall", "f1")
        )
        return ClassScores(precision, recall, f1, self.count)

    def picture(self) -> Image.Image:
        """The table of confusions as a picture: a row for each true class, a column for each as judged."""
        macro = self.macro
        title = f"{self.attribute}: {self.accuracy:.1%} of {self.count} pictures right, macro F1 {macro.f1:.3f}"
        return count_table(self.confusion, self.classes, title=title, axes=("true", "as judged"))

    def __str__(self) -> str:
        """A table of the classes, with macro means in its last line."""
        rows = [*self.by_class.items(), ("macro mean", self.macro)]
        width = max(len(name) for name, _ in rows)
        lines = [f"{self.attribute}: {self.accuracy:.1%} of {self.count} pictures right"]
        lines.append(f"{'':{width}}  precision  recall     F1  pictures")
        lines += [
            f"{name:{width}}  {one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}  {one.count:8d}"
            for name, one in rows
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with what follows from the counts."""
        return {
            "attribute": self.attribute,
            "classes": list(self.classes),
            "confusion": [list(row) for row in self.confusion],
            "accuracy": self.accuracy,
            "by_class": {name: _plain(one) for name, one in self.by_class.items()},
            "macro": _plain(self.macro),
        }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _plain(one: ClassScores) -> dict[str, Any]:
    return {"precision": one.precision, "recall": one.recall, "f1": one.f1, "count": one.count}
