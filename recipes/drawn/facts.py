"""What is true of a drawn picture, read from its values: one class per attribute, or none where it cannot be seen.

The captions, CLIP's training and the judge all speak of these attributes and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from recipes.drawn.values import Values

__all__ = ["UNKNOWN", "Facts", "Steps", "there"]

#: the class of an attribute that cannot be seen or lies between two classes
UNKNOWN = -1

#: the values that add up to a measure, each with its weight, and the gaps that lie between its classes
Steps = tuple[Mapping[str, float], tuple[tuple[float, float], ...]]

#: share of a member in the mixture from which on it gives the picture its class
_PLAIN = 0.55


@dataclass(frozen=True, eq=False)
class Facts:
    """The attributes of a kind of picture; called with values, it gives their classes.

    Args:
        values: of the pictures.
        attributes: attribute -> its classes.
        flags: attribute -> the value whose sign it is.
        steps: attribute -> the measure that it divides.
        families: attribute -> the family whose members are its classes.
        pairs: attribute -> a flag and a second one, which tells two kinds of the first apart: three classes.
        requires: attribute -> other attribute -> its classes without which the first has none.
        in_view: values -> attribute -> where it can be seen, (N,) bool; what is not named can be seen everywhere.
    """

    values: Values
    attributes: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, str]
    steps: Mapping[str, Steps]
    families: Mapping[str, str]
    pairs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    requires: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    in_view: Callable[[Tensor], Mapping[str, Tensor]] = lambda _v: {}

    @property
    def classes(self) -> list[tuple[str, str]]:
        """Every class of every attribute, (attribute, class)."""
        return [(attribute, name) for attribute, names in self.attributes.items() for name in names]

    def __call__(self, v: Tensor) -> dict[str, Tensor]:
        """Classes of pictures.

        Args:
            v: semantic values, (N, len(values)).
        Returns:
            attribute -> (N,) int64 positions in its classes, `UNKNOWN` where it cannot be told.
        """
        visible, out = self.in_view(v), {}
        for name in self.attributes:
            known = self._known(v, name)
            out[name] = torch.where(visible[name], known, UNKNOWN) if name in visible else known
        return out

    def _known(self, v: Tensor, name: str) -> Tensor:
        """The class of one attribute, whether it can be seen or not."""
        if name in self.pairs:
            first, second = (there(v[:, self.values.index[flag]]) for flag in self.pairs[name])
            return torch.where(first == 1, torch.where(second < 0, UNKNOWN, 1 + second), first)
        if name in self.flags:
            return there(v[:, self.values.index[self.flags[name]]])
        if name in self.steps:
            parts, gaps = self.steps[name]
            total = torch.stack([weight * v[:, self.values.index[value]] for value, weight in parts.items()]).sum(0)
            return _steps(total, *gaps)
        share, best = self.values.weights(v, self.families[name]).max(1)
        return torch.where(share > _PLAIN, best, UNKNOWN)


def there(flag: Tensor) -> Tensor:
    """Whether a flag is there: 0 or 1, unknown between."""
    return _steps(flag, (-0.25, 0.25))


def _steps(value: Tensor, *bounds: tuple[float, float]) -> Tensor:
    """Class k where the value lies between the k-th and the next gap; unknown inside a gap."""
    out = torch.zeros(len(value), dtype=torch.long, device=value.device)
    for k, (low, high) in enumerate(bounds):
        out = torch.where(value >= high, k + 1, out)
        out = torch.where((value > low) & (value < high), UNKNOWN, out)
    return out
