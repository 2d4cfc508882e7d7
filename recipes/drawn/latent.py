"""How the semantic values of a picture lie in W, and which rows of ws carry which of them.

``w = CENTRE + v @ basis``: a fixed orthonormal frame, shifted so far that w is almost always positive. The public
mapping network ends in a leaky ReLU, and this is a W that such a network can give exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recipes.drawn.values import Values

__all__ = ["CENTRE", "LEAK", "SIDE", "W_DIM", "Frame", "Latent"]

W_DIM = 128
CENTRE = 3.0

#: slope of the leaky ReLU that ends the mapping
LEAK = 0.2

#: side of the pictures that every network but a generator's last block learns from, and that CLIP and the judge see
SIDE = 128


@dataclass(frozen=True)
class Frame:
    """How the values of a picture are read from the w that a mapping network gives, and changed in it.

    Args:
        values: w (N, w_dim) to values (N, V).
        moved: w (N, w_dim) of the same pictures with something added to their values (N, V).
    """

    values: Callable[[Tensor], Tensor]
    moved: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Latent:
    """The W of a kind of picture.

    Args:
        values: what it carries, at most `W_DIM`.
        num_ws: rows of ws.
        rows: value group -> rows that carry it; those that no group has carry nothing.
    """

    values: Values
    num_ws: int
    rows: Mapping[str, range]

    @cached_property
    def rows_mask(self) -> Tensor:
        """Which values a row carries, (num_ws, len(values)) bool."""
        return torch.tensor([[row in self.rows[value.group] for value in self.values] for row in range(self.num_ws)])

    @property
    def silent(self) -> frozenset[int]:
        """Rows that carry nothing."""
        return frozenset(range(self.num_ws)).difference(*self.rows.values())

    @cached_property
    def basis(self) -> Tensor:
        """The orthonormal frame, (len(values), W_DIM), the same whenever it is made."""
        rng = torch.Generator().manual_seed(20_221)
        q: Tensor = torch.linalg.qr(torch.randn(W_DIM, W_DIM, generator=rng))[0]
        return q[: len(self.values)].contiguous()

    def w_of(self, v: Tensor) -> Tensor:
        """Values (N, V) to w (N, W_DIM)."""
        return CENTRE + v @ self.basis

    def values_of(self, w: Tensor) -> Tensor:
        """Read the values back out of w, (N, W_DIM) -> (N, V)."""
        return (w - CENTRE) @ self.basis.T

    def rows_of(self, values: Tensor, *, rng: torch.Generator, mixed: float = 0.7) -> Tensor:
        """Centred ws of pictures, (B, num_ws, W_DIM); in a share of them others fill what a row need not know."""
        n = len(values)
        swap = torch.rand(n, 1, generator=rng) < mixed
        rows, done = [], {}
        for mask in self.rows_mask:
            key = tuple(mask.tolist())
            if key not in done:  # rows that carry the same values are alike
                other = values[torch.randperm(n, generator=rng)]
                done[key] = torch.where(mask | ~swap, values, other) @ self.basis
            rows.append(done[key])
        return torch.stack(rows, 1)

    @cached_property
    def frame(self) -> Frame:
        """How values are read behind the mapping's last leaky ReLU."""
        return Frame(lambda w: self.values_of(_straight(w).cpu()), self._moved)

    def _moved(self, w: Tensor, by: Tensor) -> Tensor:
        straight = _straight(w) + by.to(w) @ self.basis.to(w)
        return torch.where(straight < 0, straight * LEAK, straight)


def _straight(w: Tensor) -> Tensor:
    return torch.where(w < 0, w / LEAK, w)
