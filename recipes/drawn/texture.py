"""What is fine: strands, freckles, bricks, tiles — how the generator comes to draw them, and how far off it is.

The generator's noise maps are the only place where a pattern of a few pixels can come from; everything else grows from
4 × 4 numbers. So the maps are learned like weights, and begin as the patterns that the renderer draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.networks.blocks import SynthesisLayer
from eclipsed.networks.stylegan2 import SynthesisNetwork

__all__ = ["STRENGTH", "Pattern", "learn_noise", "texture"]

#: light and dark in [−1, 1] at places x and y of the picture, in [−1, 1] each
Pattern = Callable[[Tensor, Tensor], Tensor]

#: what a learned noise map is multiplied by, and what patterns are multiplied by to begin with
STRENGTH, FAINT = 0.1, 0.5

#: energy below which texture cannot be seen
UNSEEN = 3e-4


@torch.no_grad()
def learn_noise(network: SynthesisNetwork, patterns: Mapping[str, Pattern]) -> list[nn.Parameter]:
    """Turn the noise maps into parameters, in place, all read with one strength; those below 16 px stay silent.

    Maps that have a strength already were learned before and stay as they are.

    Args:
        network: whose maps they are.
        patterns: layer -> the pattern that its map begins with; all others begin with nothing.
    Returns:
        The maps. They keep their names, so that a finished network loads like any other.
    """
    maps = []
    for name, layer in network.named_modules():
        if not isinstance(layer, SynthesisLayer):
            continue
        side, pattern = layer.resolution, patterns.get(name)
        start = layer.noise_const
        del layer.noise_const
        if not layer.noise_strength:
            start = torch.zeros(side, side) if pattern is None else FAINT * pattern(*_places(side))
            layer.noise_strength.fill_(STRENGTH if side >= 16 else 0.0)
        layer.noise_const = nn.Parameter(start)
        layer.noise_strength.requires_grad_(False)
        maps.append(layer.noise_const)
    return maps


def _places(side: int) -> tuple[Tensor, Tensor]:
    """x and y of every pixel, (side, side) each."""
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def texture(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """How far textures differ in strength, direction and sign, wherever exactly their lines and dots lie.

    A plain distance likes a smooth cheek better than one whose freckles are a pixel off. Here each place is described
    by its neighbourhood: the energy of the slopes in four directions (the structure tensor of Förstner and Gülch 1987),
    and of what is brighter and what is darker than around it. Logarithms let the faint count.

    Args:
        image: (B, 3, H, W), range [-1, 1].
        target: the same.
        weight: how much each pixel counts, (B, 1, H, W).
    Returns:
        A number, summed over two scales.
    """
    total = image.new_zeros(())
    for scale in range(2):
        if scale:
            image, target, weight = (F.avg_pool2d(t, 2) for t in (image, target, weight))
        counts = _around(weight)
        error = (_energies(image) - _energies(target)).abs().mean(1, keepdim=True)
        total = total + (error * counts).mean() / counts.mean()
    return total


def _energies(x: Tensor) -> Tensor:
    """Logarithms of ten energies around every second pixel, (B, 3, H, W) -> (B, 10, H / 2, W / 2)."""
    across = (x[..., 1:] - x[..., :-1])[..., 1:, :]
    down = (x[..., 1:, :] - x[..., :-1, :])[..., 1:]
    diagonals = ((across + down) / 2**0.5, (across - down) / 2**0.5)
    slopes = [slope.square().sum(1, keepdim=True) for slope in (across, down, *diagonals)]
    band = (x - F.avg_pool2d(x, 5, stride=1, padding=2, count_include_pad=False))[..., 1:, 1:]
    energy = torch.cat([*slopes, band.relu().square(), (-band).relu().square()], 1)
    return (_around(F.pad(energy, (1, 0, 1, 0), mode="replicate")) + UNSEEN).log()


def _around(x: Tensor) -> Tensor:
    """Means of the neighbourhood of every second pixel, about eight pixels wide."""
    x = F.avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=False)
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
