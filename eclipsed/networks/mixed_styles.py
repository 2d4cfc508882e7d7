"""Drawing one face with two styles at once: one inside a mask and the other beyond it, at every convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import Layer, SynthesisPrefix

__all__ = ["draw_mixed"]

_SHARP = 16  # side up to which the mask is not blurred; beyond it, sigma is a 16th of the side
_LEAST = 1e-3  # of a style's largest entry: below it an entry does not divide


@torch.no_grad()
def draw_mixed(
    synthesis: LayeredSynthesis,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    mask: Tensor,
    *,
    prefix: SynthesisPrefix | None = None,
    kept: KeptFeatures | None = None,
) -> Tensor:
    """Draw faces whose style is a map, that of `after` inside the mask and that of `before` beyond it.

    Each convolution, those that give colours too, multiplies the features that come in by the style of each place;
    demodulation is that of `before` everywhere. Features flow freely over the edge of the mask. StyleGAN3's first layer
    makes features of nothing but its style: those of both are joined.

    Args:
        synthesis: of a frozen generator.
        before: style vectors of N faces, {name: (N, channels)}.
        after: those of the same faces edited.
        mask: in [0, 1], (N, 1, H, W) of the full picture; its mean over each place counts, blurred where features are
            larger than 16 px.
        prefix: go on from what the network's `prefix` gave for both.
        kept: feature maps that take the place of the drawn ones beyond the mask, of one face; then all is drawn from
            the start.
    Returns:
        Images, (N, img_channels, H, W).
    Raises:
        InputError: the mask has another shape than the picture.
    Source: Bau et al. 2021, Paint by Word, arXiv:2103.10951; all rows of ws are mixed, and `after` is any edit.
    """
    full, count = synthesis.resolution, len(next(iter(after.values())))
    if mask.shape != (count, 1, full, full):
        raise InputError(f"the mask must have the shape ({count}, 1, {full}, {full}); got {tuple(mask.shape)}")
    begun = None if kept is not None else prefix
    drawn = synthesis.start(next(iter(before.values()))) if begun is None else begun
    for layer in synthesis.layers[drawn.depth :]:
        if not drawn.x.shape[1]:
            drawn = _joined(synthesis, layer, before[layer.name], after[layer.name], mask, drawn)
            continue
        share = _share(mask, drawn.x, synthesis.layers[: drawn.depth])
        old, new = (_safe(before[layer.name]), after[layer.name])
        scaled = drawn.x * (1 + share * (new / old - 1)[:, :, None, None]).to(drawn.x)
        went = synthesis.run((layer,), {layer.name: old}, SynthesisPrefix(drawn.depth, scaled, drawn.image))
        drawn = SynthesisPrefix(went.depth, drawn.x if layer.is_rgb else went.x, went.image)
        if kept is not None and drawn.depth == kept.depth:
            side = kept.share.shape[-1]
            share = kept.share * (1 - F.adaptive_max_pool2d(mask, side))
            drawn = KeptFeatures(kept.depth, share, kept.x, kept.image).put(drawn)
    assert drawn.image is not None  # every picture ends with colours
    return drawn.image.contiguous()


def _joined(
    synthesis: LayeredSynthesis, layer: Layer, before: Tensor, after: Tensor, mask: Tensor, drawn: SynthesisPrefix
) -> SynthesisPrefix:
    """What a layer into which no features come gives: that of `after` inside the mask, and that of `before` beyond."""
    old, new = (synthesis.run((layer,), {layer.name: style}, drawn) for style in (before, after))
    share = _share(mask, old.x, synthesis.layers[: old.depth])
    return SynthesisPrefix(old.depth, torch.lerp(old.x, new.x, share.to(old.x)), old.image)


def _safe(style: Tensor) -> Tensor:
    """A style that can be divided by."""
    least = _LEAST * style.abs().amax(dim=1, keepdim=True)
    return torch.where(style.abs() < least, torch.where(style < 0, -least, least), style)


def _share(mask: Tensor, x: Tensor, passed: Sequence[Layer]) -> Tensor:
    """How much of each place of the features that come in is inside, (N, 1, h, w)."""
    last = next((layer for layer in reversed(passed) if not layer.is_rgb), None)
    side, margin = (x.shape[-1], 0) if last is None else (last.resolution, last.margin)
    share = F.adaptive_avg_pool2d(mask, side)
    if side > _SHARP:
        share = _blurred(share, side / 16)
    return F.pad(share, (margin,) * 4, mode="replicate") if margin else share


def _blurred(mask: Tensor, sigma: float) -> Tensor:
    """A Gaussian of ``2 · int(sigma) − 1`` places, the edge of the picture going on beyond it."""
    reach = int(sigma) - 1
    places = torch.arange(-reach, reach + 1, device=mask.device, dtype=mask.dtype)
    taps = torch.exp(-places.square() / (2 * sigma**2))
    taps = taps / taps.sum()
    padded = F.pad(mask, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
