"""Drawing two faces at once so that one shows inside a mask and the other beyond it, joined in the feature maps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import Layer, SynthesisPrefix

__all__ = ["draw_blended"]


@torch.no_grad()
def draw_blended(
    synthesis: LayeredSynthesis,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    mask: Tensor,
    *,
    start: int,
    prefix: SynthesisPrefix | None = None,
) -> Tensor:
    """Draw the faces of `after` with the surroundings of `before`, with constant noise.

    Both are drawn side by side. From the resolution `start` on, the features after each layer and the colours after
    each ToRGB are those of `after` inside the mask and those of `before` beyond it, so that each layer goes on from
    features that fit together, and what crosses the seam is only what a convolution reaches. The colours of the last
    resolution are not joined: the caller has the picture that they belong into. In the margin of features the mask goes
    on as it is at the edge of the picture.

    Args:
        synthesis: of a frozen generator.
        before: style vectors of N faces, {name: (N, channels)}.
        after: those of the same faces edited.
        mask: in [0, 1], (N, 1, H, W) of the full picture; where it is 0 all of `before` is kept. At lower resolutions
            a place counts as much as the most covered pixel in it.
        start: side of the first feature maps that are joined.
        prefix: go on from what `LayeredSynthesis.prefix` gave for both.
    Returns:
        Images, (N, img_channels, H, W).
    Raises:
        InputError: the mask has another shape than the picture.
    """
    full = synthesis.resolution
    count = len(next(iter(after.values())))
    if mask.shape != (count, 1, full, full):
        raise InputError(f"the mask must have the shape ({count}, 1, {full}, {full}); got {tuple(mask.shape)}")
    old = new = synthesis.start(next(iter(before.values()))) if prefix is None else prefix
    for layer in synthesis.layers[old.depth :]:
        old = synthesis.run((layer,), before, old)
        new = synthesis.run((layer,), after, new)
        if layer.resolution < start:
            continue
        cover = _cover(mask, layer).to(new.x)
        image = new.image
        if layer.is_rgb and layer.resolution < full:
            assert old.image is not None
            assert image is not None
            image = _joined(old.image, image, cover)
        new = SynthesisPrefix(new.depth, _joined(old.x, new.x, cover), image)
    assert new.image is not None  # every picture ends with colours
    return new.image.contiguous()


def _cover(mask: Tensor, layer: Layer) -> Tensor:
    """How much each place of a layer's features is covered."""
    cover = F.adaptive_max_pool2d(mask, layer.resolution)
    return F.pad(cover, (layer.margin,) * 4, mode="replicate") if layer.margin else cover


def _joined(outside: Tensor, inside: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask > 0, torch.lerp(outside, inside, mask.to(inside)), outside)
