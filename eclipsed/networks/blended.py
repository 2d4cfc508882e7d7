"""Drawing two faces at once so that one shows inside a mask and the other beyond it, joined in the feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.networks.kept_features import KeptFeatures, joined, share_of
from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import Layer, SynthesisPrefix

__all__ = ["draw_blended", "draw_held"]


@torch.no_grad()
def draw_blended(
    synthesis: LayeredSynthesis,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    mask: Tensor,
    *,
    start: int,
    prefix: SynthesisPrefix | None = None,
    kept: KeptFeatures | None = None,
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
        kept: feature maps of the surroundings' own, see `LayeredSynthesis.draw_kept`; then all is drawn from the start.
    Returns:
        Images, (N, img_channels, H, W).
    Raises:
        InputError: the mask has another shape than the picture.
    """
    full = synthesis.resolution
    count = len(next(iter(after.values())))
    if mask.shape != (count, 1, full, full):
        raise InputError(f"the mask must have the shape ({count}, 1, {full}, {full}); got {tuple(mask.shape)}")
    begun = None if kept is not None else prefix
    old = new = synthesis.start(next(iter(before.values()))) if begun is None else begun
    for layer in synthesis.layers[old.depth :]:
        old = synthesis.run((layer,), before, old)
        new = synthesis.run((layer,), after, new)
        if kept is not None and old.depth == kept.depth:
            old = kept.put(old)
        if layer.resolution < start:
            continue
        cover = share_of(mask, layer).to(new.x)
        image = new.image
        if layer.is_rgb and layer.resolution < full:
            assert old.image is not None
            assert image is not None
            image = joined(old.image, image, cover)
        new = SynthesisPrefix(new.depth, joined(old.x, new.x, cover), image)
    assert new.image is not None  # every picture ends with colours
    return new.image.contiguous()


@torch.no_grad()
def draw_held(
    synthesis: LayeredSynthesis,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    kept: KeptFeatures,
    region: Tensor,
) -> Tensor:
    """Draw an edited face in which what is kept of the unedited one stays, but where the edit acts.

    Both are drawn side by side, the unedited one with what is kept. From its depth on, features and colours are the
    unedited ones where something is kept and the edit does not act, those of the last resolution included: there
    the picture is the unedited one, bit for bit.

    Args:
        synthesis: of a frozen generator.
        before: style vectors of one face, {name: (1, channels)}.
        after: those of the same face edited.
        kept: feature maps of the unedited one.
        region: where the edit acts, in [0, 1], (1, 1, H, W) of the full picture.
    Returns:
        The image, (1, img_channels, H, W).
    """
    start = synthesis.start(next(iter(before.values())))
    old = kept.put(synthesis.run(synthesis.layers[: kept.depth], before, start))
    beyond = kept.share * (1 - F.adaptive_max_pool2d(region, kept.share.shape[-1]))
    new = replace(kept, share=beyond).put(synthesis.run(synthesis.layers[: kept.depth], after, start))
    for layer in synthesis.layers[kept.depth :]:
        old = synthesis.run((layer,), before, old)
        new = _held(old, synthesis.run((layer,), after, new), layer, kept, region)
    assert new.image is not None  # every picture ends with colours
    return new.image.contiguous()


def _held(
    old: SynthesisPrefix, new: SynthesisPrefix, layer: Layer, kept: KeptFeatures, region: Tensor
) -> SynthesisPrefix:
    """What is kept of one drawing put into the other, after a layer."""
    side = layer.resolution
    share = F.interpolate(kept.share, (side, side), mode="bilinear", align_corners=False)
    cover = (share * (1 - F.adaptive_max_pool2d(region, side))).to(new.x)
    image = new.image
    if image is not None and old.image is not None and image.shape[-1] == side:
        image = joined(image, old.image, cover)
    wide = F.pad(cover, (layer.margin,) * 4, mode="replicate") if layer.margin else cover
    return SynthesisPrefix(new.depth, new.x if layer.is_rgb else joined(new.x, old.x, wide), image)
