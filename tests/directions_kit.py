"""Directions with known numbers."""

from __future__ import annotations

import torch

from eclipsed.latents.direction import Direction
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.region import Region


def make(generator, space="W+", *, count=1, **fields):
    """A direction with known numbers."""
    place = make_space(space, generator, layers=fields.pop("layers", None))
    size = count * torch.Size(place.shape).numel()
    deltas = torch.linspace(-1, 1, size).view(count, *place.shape)
    return Direction(
        **{
            "deltas": deltas,
            "prompt": "a person with blond hair",
            "region": Region.from_parts(["hair"]),
            "space": space,
            "layers": place.rows,
            "styles": place.columns,
            "generator": generator.fingerprint,
            "generator_name": generator.name,
            "generator_sketch": generator.sketch,
            "config": {"steps": 3, "seeds": None},
            "seed": 7,
            "scale": 1.5,
            "alpha_range": (-1.25, 1.25),
            "scores": {"clip_gain": 2.5},
            "note": "a note",
            **fields,
        }
    )
