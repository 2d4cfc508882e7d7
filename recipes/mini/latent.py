"""How the semantic values of a portrait lie in W, and which rows of ws carry which of them.

``w = CENTRE + v @ basis``: a fixed orthonormal frame, shifted so far that w is almost always positive. The public
mapping network ends in a leaky ReLU, and this is a W that such a network can give exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.mini.attributes import VALUES

__all__ = ["CENTRE", "FRAME", "LEAK", "NUM_WS", "ROWS", "SIDE", "W_DIM", "Frame", "basis", "rows_mask", "values_of",
           "w_of"]  # fmt: skip

W_DIM = 128
NUM_WS = 14
CENTRE = 3.0

#: slope of the leaky ReLU that ends the mapping
LEAK = 0.2

#: side of the pictures that every network but the generator's last block learns from, and that CLIP and the judge see
SIDE = 128

#: value group -> rows of ws that carry it; neighbouring windows share two rows, and the last two rows carry nothing
ROWS = {"coarse": range(6), "middle": range(4, 8), "fine": range(6, 12)}


def rows_mask() -> Tensor:
    """Which values a row carries, (NUM_WS, len(VALUES)) bool."""
    return torch.tensor([[row in ROWS[value.group] for value in VALUES] for row in range(NUM_WS)])


def basis() -> Tensor:
    """The orthonormal frame, (len(VALUES), W_DIM), the same at every call."""
    rng = torch.Generator().manual_seed(20_221)
    q: Tensor = torch.linalg.qr(torch.randn(W_DIM, W_DIM, generator=rng))[0]
    return q[: len(VALUES)].contiguous()


def w_of(v: Tensor) -> Tensor:
    """Values (N, V) to w (N, W_DIM)."""
    return CENTRE + v @ basis()


def values_of(w: Tensor) -> Tensor:
    """Read the values back out of w, (N, W_DIM) -> (N, V)."""
    return (w - CENTRE) @ basis().T


@dataclass(frozen=True)
class Frame:
    """How the values of a portrait are read from the w that a mapping network gives, and changed in it.

    Args:
        values: w (N, w_dim) to values (N, V).
        moved: w (N, w_dim) of the same portraits with something added to their values (N, V).
    """

    values: Callable[[Tensor], Tensor]
    moved: Callable[[Tensor, Tensor], Tensor]


def _straight(w: Tensor) -> Tensor:
    return torch.where(w < 0, w / LEAK, w)


def _moved(w: Tensor, by: Tensor) -> Tensor:
    straight = _straight(w) + by.to(w) @ basis().to(w)
    return torch.where(straight < 0, straight * LEAK, straight)


#: of mini
FRAME = Frame(lambda w: values_of(_straight(w).cpu()), _moved)
