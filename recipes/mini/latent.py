"""How the semantic values of a portrait lie in W, and which rows of ws carry which of them.

``w = CENTRE + v @ basis``: a fixed orthonormal frame, shifted so far that w is almost always positive. The public
mapping network ends in a leaky ReLU, and this is a W that such a network can give exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.attributes import VALUES

__all__ = ["CENTRE", "NUM_WS", "ROWS", "W_DIM", "basis", "values_of", "w_of", "ws_of"]

W_DIM = 128
NUM_WS = 12
CENTRE = 3.0

#: row group -> rows of ws at 128 px: 4–16 px, 16–32 px, 32–128 px
ROWS = {"coarse": range(0, 4), "middle": range(4, 6), "fine": range(6, NUM_WS)}


def basis() -> Tensor:
    """The orthonormal frame, (len(VALUES), W_DIM), the same at every call."""
    rng = torch.Generator().manual_seed(20_221)
    q, _ = torch.linalg.qr(torch.randn(W_DIM, W_DIM, generator=rng))
    return q[: len(VALUES)].contiguous()


def w_of(v: Tensor) -> Tensor:
    """Values (N, V) to w (N, W_DIM)."""
    return CENTRE + v @ basis()


def values_of(w: Tensor) -> Tensor:
    """Read the values back out of w, (N, W_DIM) -> (N, V)."""
    return (w - CENTRE) @ basis().T


def ws_of(coarse: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
    """Rows of ws from three people's w, each (N, W_DIM) -> (N, NUM_WS, W_DIM)."""
    sources = {"coarse": coarse, "middle": middle, "fine": fine}
    rows = [sources[group] for group, span in ROWS.items() for _ in span]
    return torch.stack(rows, 1)
