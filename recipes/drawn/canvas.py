"""What pictures are drawn on: shapes laid over each other by their signed distances, with a label for every pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.worlds.world import World

__all__ = ["Canvas"]

#: from this side on single hairs, lashes and gaps between teeth are drawn; smaller pictures have no room for them
FINE = 256


class Canvas:
    """An (N, 3, H, W) picture, its (N, H, W) labels, and the coordinates to draw on it.

    Args:
        world: whose parts the labels are.
        n: how many pictures.
        size: width and height in pixels.
        roll: by how much each is turned, in radians, (N, 1, 1) or a number.
        scale: by how much each is enlarged, the same.
        zoom: the usual scale, by which the softness of edges is reckoned.
    """

    def __init__(
        self,
        world: World,
        n: int,
        size: int,
        *,
        roll: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        zoom: float = 1.0,
    ) -> None:
        self.world = world
        roll, scale = torch.as_tensor(roll), torch.as_tensor(scale)
        axis = (torch.arange(size) + 0.5) / size * 2 - 1
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self.flat_x, self.flat_y = x[None], y[None]
        cos, sin = torch.cos(roll), torch.sin(roll)
        self.x = (x * cos + y * sin) / scale  # (N, H, W)
        self.y = (y * cos - x * sin) / scale
        self.pixel = 2 / size / zoom
        self.fine = size >= FINE
        self.image = torch.zeros(n, 3, size, size)
        self.labels = torch.zeros(n, size, size, dtype=torch.uint8)

    def cover(self, distance: Tensor, soft: float = 1.0) -> Tensor:
        """Coverage in [0, 1] of the shape whose signed distance is given (negative inside)."""
        return (0.5 - distance / (self.pixel * soft)).clamp(0, 1)

    def ellipse(self, cx: Tensor | float, cy: Tensor | float, rx: Tensor | float, ry: Tensor | float) -> Tensor:
        """Approximate signed distance to an ellipse."""
        rx, ry = torch.as_tensor(rx), torch.as_tensor(ry)
        f = ((self.x - cx) / rx) ** 2 + ((self.y - cy) / ry) ** 2
        return (f.clamp_min(1e-8).sqrt() - 1) * torch.minimum(rx, ry)

    def lay(self, alpha: Tensor, colour: Tensor, part: str | None = None) -> None:
        """Blend a colour, (N, 3), (N, 3, 1, 1) or (N, 3, H, W), over the picture; label what is mostly covered."""
        if colour.ndim == 2:
            colour = colour[:, :, None, None]
        self.image = self.image + alpha[:, None] * (colour - self.image)
        if part is not None:
            self.mark(alpha > 0.5, part)

    def mark(self, where: Tensor, part: str) -> None:
        """Label the pixels where a mask (N, H, W) holds."""
        self.labels = torch.where(where, self.world.label(part), self.labels)
