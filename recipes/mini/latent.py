"""Which rows of ws carry which values of a portrait."""

from __future__ import annotations

from recipes.drawn.latent import Latent
from recipes.mini.attributes import VALUES

__all__ = ["LATENT"]

#: neighbouring windows share two rows, and the last two rows, those of the block of 256 px, carry nothing
LATENT = Latent(VALUES, num_ws=14, rows={"coarse": range(6), "middle": range(4, 8), "fine": range(6, 12)})
