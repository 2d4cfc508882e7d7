"""The semantic values of a drawn picture: what they are called, how they are distributed, and which go together.

A picture is one vector ``v`` of standardised values. Three kinds:

- ``gauss``: continuous, standard normal (face width, smile; height of a tower …);
- ``flag``: bimodal, near −1 (absent) or +1 (present), with the share of present ones given (glasses, a clock …);
- ``logit``: one of a family of scores; the family's softmax mixes its members (named colours, shapes, seasons).

All of them saturate in the renderer, so that a constant step along one leads every picture to the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import torch
from torch import Tensor

from recipes.drawn.population import Population

__all__ = ["GROUPS", "Family", "Value", "Values", "presence"]

#: row groups: which values live where; `recipes.drawn.latent` maps them to rows of ws
GROUPS = ("coarse", "middle", "fine")


@dataclass(frozen=True)
class Value:
    """One semantic value: its name, row group, kind, and for flags the share of pictures that have it."""

    name: str
    group: str
    kind: str = "gauss"
    share: float = 0.0


@dataclass(frozen=True)
class Family:
    """Members that are mixed by the softmax of their scores.

    Args:
        members: name -> prior score.
        sharpness: what the scores are multiplied by.
        group: row group of the scores.
        pull: another value that moves the scores, and how far it moves each.
    """

    members: Mapping[str, float]
    sharpness: float
    group: str = "fine"
    pull: tuple[str, tuple[float, ...]] | None = None

    def values(self, name: str) -> tuple[Value, ...]:
        """The scores as values, called after the family."""
        return tuple(Value(f"{name}_{member}", self.group, "logit") for member in self.members)


@dataclass(frozen=True, eq=False)
class Values:
    """All values of a kind of picture, in the order in which a vector ``v`` has them.

    Args:
        plain: those that belong to no family.
        families: name -> its members, whose scores follow the plain values.
        population: which values depend on which.
        album: scores that are raised where pictures are made from z, so that what is rare is met.
    """

    plain: tuple[Value, ...]
    families: Mapping[str, Family]
    population: Population
    album: Mapping[str, float] = field(default_factory=dict)
    #: name -> position in v
    index: Mapping[str, int] = field(init=False, repr=False)
    _every: tuple[Value, ...] = field(init=False, repr=False)
    _flag: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        scores = [value for name, family in self.families.items() for value in family.values(name)]
        every = (*self.plain, *scores)
        object.__setattr__(self, "_every", every)
        object.__setattr__(self, "index", {value.name: i for i, value in enumerate(every)})
        object.__setattr__(self, "_flag", torch.tensor([v.kind == "flag" for v in every]))

    def __getitem__(self, place: int) -> Value:
        return self._every[place]

    def __len__(self) -> int:
        return len(self._every)

    def __iter__(self) -> Iterator[Value]:
        return iter(self._every)

    def scores(self, family: str) -> list[int]:
        """Positions of a family's scores in v."""
        return [self.index[f"{family}_{member}"] for member in self.families[family].members]

    def in_groups(self) -> Tensor:
        """Which values belong to which row group, (3, len(self)) bool."""
        return torch.tensor([[value.group == group for value in self] for group in GROUPS])

    def sample(self, n: int, *, rng: torch.Generator, wide: float = 0.0) -> Tensor:
        """Draw the values of ``n`` pictures.

        Args:
            n: how many.
            rng: the only source of randomness.
            wide: share of pictures with some values far out of the usual range. The generator learns from them that
                values saturate, so that an edit which overshoots still gives a picture of its kind.
        Returns:
            v, (n, len(self)).
        """
        z = torch.randn(n, len(self), generator=rng)
        v = self.from_normal(z)
        stretch = torch.rand(n, 1, generator=rng) < wide
        picked = torch.rand(n, len(self), generator=rng) < 0.15
        far = (torch.rand(n, len(self), generator=rng) * 2 - 1) * 3.5
        return torch.where(stretch & picked, far, v)

    def from_normal(self, z: Tensor, population: Population | None = None) -> Tensor:
        """Values from standard normal numbers: flags become bimodal, and some depend on others.

        Args:
            z: (N, len(self)), standard normal.
            population: which depend on which; None is the usual one.
        Returns:
            v, same shape.
        """
        chosen = population or self.population
        shift = torch.tensor([NormalDist().inv_cdf(1 - v.share) if v.kind == "flag" else 0.0 for v in self])
        matrix, step = (part.to(z) for part in chosen.mixing(self.index))
        felt = 0.0 if chosen.step is None else torch.tanh(4 * z[:, self.index[chosen.step], None]) * step
        z = z @ matrix.T + felt
        flags = torch.tanh(8 * (z - shift)) + 0.08 * z
        return torch.where(self._flag.to(z.device), flags, z)

    def weights(self, v: Tensor, family: str) -> Tensor:
        """Shares of the members of a family, (N, members), summing to 1."""
        mixed = self.families[family]
        score = v[:, self.scores(family)] + torch.tensor(list(mixed.members.values()), device=v.device)
        if mixed.pull is not None:
            name, by = mixed.pull
            score = score + v[:, self.index[name], None] * torch.tensor(by, device=v.device)
        return (mixed.sharpness * score).softmax(-1)

    def appearance(self, v: Tensor) -> Tensor:
        """What a picture shows, as numbers near [−1, 1]: values that no longer change the picture are cut off.

        Args:
            v: semantic values, (N, len(self)).
        Returns:
            Half of each continuous value, the presence of each flag, the shares of the members; same shape.
        """
        flags = 2 * presence(v) - 1
        out = torch.where(self._flag.to(v.device), flags, 0.5 * v.clamp(-2.6, 2.6))
        for family in self.families:
            out[:, self.scores(family)] = 2 * self.weights(v, family) - 1
        return out


def presence(v: Tensor) -> Tensor:
    """How far a flag is there, [0, 1]: a smooth step from −0.9 to 0.5."""
    t = ((v + 0.9) / 1.4).clamp(0, 1)
    return t * t * (3 - 2 * t)
