"""Which rows of ws carry which values of a church."""

from __future__ import annotations

from recipes.church.attributes import VALUES
from recipes.drawn.latent import Latent

__all__ = ["LATENT"]

#: neighbouring windows share two rows
LATENT = Latent(VALUES, num_ws=12, rows={"coarse": range(6), "middle": range(4, 8), "fine": range(6, 12)})
