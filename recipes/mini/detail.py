"""What is fine in a portrait: which patterns the noise maps begin as, and where texture counts most."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.worlds.world import find_world
from recipes.drawn.texture import Pattern
from recipes.mini.attributes import VALUES
from recipes.mini.patterns import dots, ringlets, strands, threads
from recipes.mini.portraits import ZOOM

__all__ = ["PATTERNS", "detail"]


def _on_a_face(pattern: Pattern) -> Pattern:
    """The pattern as it lies on an upright face of the usual size."""
    return lambda x, y: pattern(x / ZOOM, y / ZOOM)


#: layer -> the pattern that its noise map begins with
PATTERNS = {
    "b32.conv1": _on_a_face(strands),
    "b64.conv0": _on_a_face(ringlets),
    "b64.conv1": _on_a_face(dots),
    "b128.conv0": _on_a_face(strands),
    "b128.conv1": _on_a_face(dots),
    "b256.conv0": _on_a_face(threads),
}


def detail(values: Tensor, labels: Tensor) -> Tensor:
    """How much more texture counts at each pixel: skin that has freckles or wrinkles.

    Args:
        values: of the portraits, (B, V).
        labels: (B, H, W).
    Returns:
        (B, 1, H, W).
    """
    freckles, age = (values[:, VALUES.index[name]] for name in ("freckles", "age"))
    marks = (3 * (freckles > 0) + 2 * (age > 0.5)).to(labels.device)
    skin = labels == find_world("face").label("skin")
    return skin[:, None] * marks[:, None, None, None].to(torch.float32)
