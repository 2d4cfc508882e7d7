"""What every StyleGAN3 drawing begins with: waves over the plane, turned and shifted by the style."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from eclipsed.networks.mapping import FullyConnected, normal

__all__ = ["FourierInput"]


class FourierInput(nn.Module):
    """Sine waves of fixed frequencies and phases over the picture and its margin, mixed by one matrix.

    Args:
        w_dim: length of w.
        channels: waves, and features that they become.
        size: side of what it gives, in pixels.
        rate: pixels per width of the picture.
        bandwidth: the highest frequency of a wave, in cycles per width of the picture.
    Source: Karras et al. 2021, arXiv:2106.12423, sections 3.1 and 3.2, and appendix C.
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, w_dim: int, channels: int, *, size: int, rate: int, bandwidth: float) -> None:
        super().__init__()
        self.size, self.rate, self.bandwidth = size, rate, bandwidth
        self.affine = FullyConnected(w_dim, 4)
        self.weight = nn.Parameter(normal(channels, channels))
        self.register_buffer("transform", torch.eye(3))
        directions = normal(channels, 2)
        share = _uniform(channels, 1).sqrt()  # the square root spreads them evenly over a disc
        self.register_buffer("freqs", directions / directions.norm(dim=1, keepdim=True) * share * bandwidth)
        self.register_buffer("phases", _uniform(channels) - 0.5)
        with torch.no_grad():  # all drawings begin upright
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0], device=self.affine.bias.device))

    def forward(self, style: Tensor) -> Tensor:
        """Draw the waves.

        Args:
            style: cosine and sine of a turn, of any common length, and the shift in widths of the picture in units of
                that length: rightwards and downwards, (N, 4).
        Returns:
            (N, channels, size, size), channels last.
        """
        moved = self._placed(style)  # (N, 2, 3)
        freqs = self.freqs @ moved[:, :, :2]  # (N, channels, 2)
        phases = self.phases + (self.freqs @ moved[:, :, 2:]).squeeze(2)  # (N, channels)
        # A wave that would be too fast for the pixels after the transform fades away.
        room = self.rate / 2 - self.bandwidth
        heights = (1 - (freqs.norm(dim=2) - self.bandwidth) / room).clamp(0, 1)
        places = (torch.arange(self.size, device=style.device, dtype=style.dtype) + (0.5 - self.size / 2)) / self.rate
        across, down = (freqs[:, None, :, axis] * places[:, None] for axis in (0, 1))  # (N, size, channels)
        turns = across[:, None] + down[:, :, None] + phases[:, None, None]  # (N, rows, columns, channels)
        waves = torch.sin(turns * (2 * math.pi)) * heights[:, None, None]
        mixed: Tensor = waves @ (self.weight / math.sqrt(self.weight.shape[1])).t()
        return mixed.permute(0, 3, 1, 2)

    def _placed(self, style: Tensor) -> Tensor:
        """Where a place of the picture lies among the waves: turn after shift after the file's own transform."""
        style = style / style[:, :2].norm(dim=1, keepdim=True)
        cosine, sine, right, below = style.unbind(1)
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        turned = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], dim=1).view(-1, 3, 3)
        shifted = torch.stack([one, zero, -right, zero, one, -below, zero, zero, one], dim=1).view(-1, 3, 3)
        return (turned @ shifted @ self.transform)[:, :2]


def _uniform(*shape: int) -> Tensor:
    """Random numbers from 0 to 1; on the meta device only their shape."""
    x = torch.empty(shape)
    return x if x.is_meta else x.uniform_()
