"""The faces of a step of training before the edit, and all that is worked out of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.training.augment import Jitter

__all__ = ["Batch", "Before"]


@dataclass(frozen=True)
class Batch:
    """The faces of one step before the edit.

    Args:
        latent: N faces.
        alpha: their strengths, (N,).
        image: (N, 3, H, W).
        places: where change is measured: name -> (N, C, h, w).
        mask: the region, (N, 1, H, W); None when locality is off.
        protected: parts that are never inside, (N, 1, H, W); None when locality is off.
        jitter: what happens to pictures before CLIP sees them; None for nothing.
        embedding: CLIP's view of `image`; None when the loss does not need it.
        begun: what is drawn alike before and after the edit; None when the edit may change the first row.
        keep: weight of the bystander loss in this step; the number 0 leaves it out.
    """

    latent: Latent
    alpha: Tensor
    image: Tensor
    places: dict[str, Tensor]
    mask: Tensor | None
    protected: Tensor | None
    jitter: Jitter | None
    embedding: Tensor | None
    begun: SynthesisPrefix | None = None
    keep: float | Tensor = 0.0

    def __len__(self) -> int:
        return len(self.latent)


@dataclass(frozen=True)
class Before:
    """Some faces as they are before the edit; see `Batch`."""

    image: Tensor
    features: Mapping[str, Tensor]
    mask: Tensor | None
    protected: Tensor | None
    begun: SynthesisPrefix | None

    @classmethod
    def cat(cls, faces: list[Before]) -> Before:
        first = faces[0]
        begun = first.begun
        if begun is not None:
            begun = SynthesisPrefix.cat([face.begun for face in faces if face.begun is not None])
        return cls(
            torch.cat([face.image for face in faces]),
            {name: torch.cat([face.features[name] for face in faces]) for name in first.features},
            _cat([face.mask for face in faces]),
            _cat([face.protected for face in faces]),
            begun,
        )


def _cat(parts: list[Tensor | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None
