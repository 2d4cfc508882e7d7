"""Small random changes of framing and light, so that CLIP cannot be won by a trick of single pixels."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.compute.devices import send

__all__ = ["Jitter"]


@dataclass(init=False, eq=False)
class Jitter:
    """One random crop, shift and change of brightness and contrast per image; differentiable.

    The same object treats two batches alike, so that pictures before and after an edit stay comparable.

    Args:
        count: images in the batch.
        rng: source of the random numbers; on the CPU, so that every device gets the same ones.
        crop: the smallest share of the side that is shown.
        light: largest change of brightness (of the range [-1, 1]) and of contrast (a factor).
        device: of the images; None is that of `rng`.
    """

    zoom: Tensor
    shift: Tensor
    contrast: Tensor
    brightness: Tensor

    def __init__(
        self,
        count: int,
        rng: torch.Generator,
        *,
        crop: float = 0.85,
        light: float = 0.08,
        device: torch.device | None = None,
    ) -> None:
        draw = send(torch.rand(count, 5, generator=rng), rng.device if device is None else device)
        self.zoom = crop + (1 - crop) * draw[:, 0]
        self.shift = (2 * draw[:, 1:3] - 1) * (1 - self.zoom)[:, None]  # stays inside the picture
        self.contrast = 1 + light * (2 * draw[:, 3] - 1)
        self.brightness = light * (2 * draw[:, 4] - 1)

    def __getitem__(self, part: slice) -> Jitter:
        """The same changes for a part of the batch."""
        other = copy.copy(self)
        other.zoom, other.shift = self.zoom[part], self.shift[part]
        other.contrast, other.brightness = self.contrast[part], self.brightness[part]
        return other

    def __call__(self, images: Tensor) -> Tensor:
        """Apply the changes.

        Args:
            images: (count, 3, H, W) in [-1, 1].
        Returns:
            Same shape and dtype.
        """
        theta = images.new_zeros(len(images), 2, 3)
        theta[:, 0, 0] = self.zoom
        theta[:, 1, 1] = self.zoom
        theta[:, :, 2] = self.shift
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        contrast, brightness = (one.to(images.dtype).view(-1, 1, 1, 1) for one in (self.contrast, self.brightness))
        return moved * contrast + brightness
