"""A parser that errs: mini's, which now and then misses a part of a face, and whose borders are ragged."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.pretrained.parser import Parser

__all__ = ["Damaged"]

#: what a lost part's logits become; its pixels go to what is likeliest beside it
_NEVER = -1e4


class Damaged(Parser):
    """A parser with errors that hang on the picture alone: the same picture is always parsed in the same way.

    Args:
        parser: that errs little.
        lost: share of the parts of each face that are missed. The background, and the skin, which all else lies on,
            are always found.
        ragged: how far borders are shifted, in pixels of a picture of 128 px, by its standard deviation.
        seed: decides which pictures suffer from what.
    """

    projection: Tensor
    fields: Tensor
    losable: Tensor

    #: pictures are told apart by this many pixels a side, and are others when these differ by so much
    SIDE, GRAIN = 8, 0.05
    #: kinds of raggedness, and blobs of each a side
    KINDS, BLOBS = 16, 24

    def __init__(self, parser: Parser, *, lost: float = 0.15, ragged: float = 1.2, seed: int = 0) -> None:
        super().__init__(parser.world)
        self.parser, self.lost, self.ragged = parser, lost, ragged
        rng = torch.Generator().manual_seed(seed)
        pixels = 3 * self.SIDE**2
        projection = torch.randn(pixels, len(self.parts) + 1, generator=rng) / pixels**0.5
        self.register_buffer("projection", projection, persistent=False)
        blobs = torch.randn(self.KINDS, 2, self.BLOBS, self.BLOBS, generator=rng) * (2 * ragged / 128)
        self.register_buffer("fields", blobs, persistent=False)
        kept = [self.world.background, "skin"]
        self.register_buffer("losable", torch.tensor([part not in kept for part in self.parts]), persistent=False)

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return self.parser.size

    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel; see `Parser.logits`."""
        logits = self.parser.logits(images, dtype=dtype)
        chance = self.chances(images)
        kind = (chance[:, -1] * self.KINDS).long().clamp(max=self.KINDS - 1)
        shift = F.interpolate(self.fields[kind], size=logits.shape[2:], mode="bicubic", align_corners=False)
        identity = torch.eye(2, 3, device=logits.device).expand(len(logits), -1, -1)
        grid = F.affine_grid(identity, list(logits.shape), align_corners=False) + shift.movedim(1, 3)
        moved = F.grid_sample(logits, grid, padding_mode="border", align_corners=False)
        gone = (chance[:, :-1] < self.lost) & self.losable
        return moved.masked_fill(gone[:, :, None, None], _NEVER)

    @torch.no_grad()
    def chances(self, images: Tensor) -> Tensor:
        """Numbers that are as good as random in [0, 1), one for each part and one more, (N, parts + 1)."""
        small = F.adaptive_avg_pool2d(images.float().clamp(-1, 1), self.SIDE).flatten(1)
        return (small @ self.projection / self.GRAIN).remainder(1.0)
