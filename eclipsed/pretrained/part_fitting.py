"""A linear map from a generator's features to one part of its pictures, fitted to a few painted faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.images.conversion import resize
from eclipsed.images.masks import grow_mask
from eclipsed.networks.layers import Layer
from eclipsed.pretrained.generator import Generator
from eclipsed.values.mask import Mask

__all__ = ["fit_part", "layers_of", "part_logits"]

_FINEST, _COARSEST = 128, 8  # px: sides of the feature maps that are read
_PLACES = 24_576  # places that the map is fitted to, of all faces together
_NEAR = 0.03  # of the width: how far around a painted part places count as near its edge
_SHARES = (0.4, 0.35, 0.25)  # of the places: those of the part, near it, and far from it
_DECAY = 1e-3  # weight of the squared norm, beside the mean logistic loss
_STEPS = 80


def layers_of(generator: Generator) -> tuple[Layer, ...]:
    """The layers whose features are read: the last one of each size from 8 to 128 px, or of the smallest there is."""
    by_side = {layer.resolution: layer for layer in generator.layers if not layer.is_rgb}
    sides = [side for side in by_side if _COARSEST <= side <= _FINEST] or [min(by_side)]
    return tuple(by_side[side] for side in sides)


def part_logits(features: Sequence[Tensor], weights: Sequence[Tensor], bias: Tensor, size: int) -> Tensor:
    """How likely some parts are at each place, before the sigmoid; differentiable.

    Each layer's share is worked out in its own size and enlarged then, which gives the same as enlarging features.

    Args:
        features: of each layer, without margin, (N, C, h, w).
        weights: of each layer, (P, C).
        bias: (P,).
        size: side of what is wanted, in pixels.
    Returns:
        float32, (N, P, size, size).
    """
    side = max(one.shape[-1] for one in features)
    total = bias[None, :, None, None]
    for values, weight in zip(features, weights, strict=True):
        total = total + resize(F.conv2d(values.float(), weight[:, :, None, None]), side)
    return resize(total, size)


def fit_part(features: Sequence[Tensor], paintings: Sequence[Mask | None]) -> tuple[tuple[Tensor, ...], float]:
    """Fit a logistic regression of one part to painted faces; the same input gives the same numbers.

    Args:
        features: of each layer, without margin, (N, C, h, w).
        paintings: where the part is on each of the N faces; None is nowhere.
    Returns:
        Weights for each layer, (C,), and the bias.
    Raises:
        InputError: the part is painted on none of the faces.
    Source: LinearGAN (Xu and Zheng 2021, arXiv:2104.09037): a linear map of all feature maps, enlarged to one size.
        It differs in one part at a time, layers from 8 to 128 px, and places chosen near the edge.
    """
    if all(one is None for one in paintings):
        raise InputError("the part is painted on none of the faces: paint white where it is, on one of them at least")
    side = max(one.shape[-1] for one in features)
    inside = np.stack([np.zeros((side, side), bool) if one is None else one.resized(side)[0] for one in paintings])
    places, counts = _places(torch.from_numpy(inside))
    values = [_read(one.float().cpu(), places, side) for one in features]
    table = torch.cat(values, dim=1)  # (places, features)
    mean, deviation = table.mean(dim=0), table.std(dim=0).clamp(min=1e-6)
    weight, bias = _regression((table - mean) / deviation, torch.from_numpy(inside)[places].float(), counts)
    weight = weight / deviation
    return tuple(weight.split([one.shape[1] for one in features])), float(bias - weight @ mean)


def _places(inside: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Places in and around a part, and how many like it each stands for.

    Args:
        inside: (N, side, side) bool.
    Returns:
        Indices of faces, rows and columns, and a weight for each place; the weights sum to 1.
    """
    near = grow_mask(inside[:, None].float(), _NEAR)[:, 0] > 0
    rng = torch.Generator().manual_seed(0)
    chosen, weights = [], []
    for group, share in zip((inside, near & ~inside, ~near), _SHARES, strict=True):
        found = group.flatten().nonzero()[:, 0]
        count = min(len(found), round(share * _PLACES))
        chosen.append(found[torch.randperm(len(found), generator=rng)[:count]])
        weights.append(torch.full((count,), len(found) / max(1, count)))
    weight = torch.cat(weights)
    indices = torch.unravel_index(torch.cat(chosen), inside.shape)
    return (indices[0], indices[1], indices[2]), weight / weight.sum()


def _read(features: Tensor, places: tuple[Tensor, Tensor, Tensor], side: int) -> Tensor:
    """Features at some places of the finest map, as enlarging would give them, (places, C)."""
    face, row, column = places
    out = features.new_empty(len(face), features.shape[1])
    for index in range(len(features)):
        own = (face == index).nonzero()[:, 0]
        grid = torch.stack([column[own], row[own]], dim=1).float().add(0.5).mul(2 / side).sub(1)
        found = F.grid_sample(features[index][None], grid[None, None], padding_mode="border", align_corners=False)
        out[own] = found[0, :, 0].T
    return out


def _regression(table: Tensor, wanted: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (features,) and bias of a logistic regression with a small weight decay."""
    with torch.inference_mode(False), torch.enable_grad():
        weight = torch.zeros(table.shape[1], requires_grad=True)
        bias = torch.zeros((), requires_grad=True)
        solver = torch.optim.LBFGS(
            [weight, bias], max_iter=_STEPS, history_size=20, line_search_fn="strong_wolfe", tolerance_grad=1e-6
        )

        def loss() -> Tensor:
            solver.zero_grad()
            each = F.binary_cross_entropy_with_logits(table @ weight + bias, wanted, reduction="none")
            total: Tensor = (each * counts).sum() + _DECAY / 2 * weight.square().sum()
            total.backward()
            return total

        solver.step(loss)
    return weight.detach(), bias.detach()
