"""The latent spaces by name; loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eclipsed.values.registry import Registry

if TYPE_CHECKING:
    from eclipsed.latents.space import Space

__all__ = ["SPACES"]

_HERE = "eclipsed.latents.spaces"

#: every latent space by its name, those of a caller's own included
SPACES: Registry[type[Space]] = Registry(
    "latent space", {"Z": f"{_HERE}:Z", "W": f"{_HERE}:W", "W+": f"{_HERE}:WPlus", "S": f"{_HERE}:StyleSpace"}
)
