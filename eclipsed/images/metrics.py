"""Measures of an edit: one function each, per face; and the intervals that go with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError

__all__ = [
    "Interval",
    "bootstrap",
    "flicker",
    "mean_of_faces",
    "monotone",
    "psnr",
    "rank",
    "share",
    "ssim_map",
    "weighted_mean",
]

_Z = 1.959963984540054  # of a two-sided 95 % interval of the normal distribution
_RESAMPLES = 2000
_WINDOW, _SIGMA = 11, 1.5  # of SSIM, in pixels
_K1, _K2 = 0.01, 0.03
_TINY = 1e-12


@dataclass(frozen=True)
class Interval:
    """A mean over faces and its 95 % interval.

    Args:
        mean: nan when there is no face.
        low: lower end.
        high: upper end.
        count: faces it was taken over.
    """

    mean: float
    low: float
    high: float
    count: int

    def to_json(self) -> dict[str, float | int | None]:
        """Plain values; None where there is no number."""
        numbers = {"mean": self.mean, "low": self.low, "high": self.high}
        return {**{k: v if math.isfinite(v) else None for k, v in numbers.items()}, "count": self.count}


def bootstrap(values: Tensor, *, seed: int = 0) -> Interval:
    """Mean of some values and its 95 % percentile interval over 2,000 resamples of the faces.

    Args:
        values: one for each face, (N,); what is not finite is left out.
        seed: of the resampling.
    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    kept = values.detach().double().cpu().numpy()
    kept = kept[np.isfinite(kept)]
    if len(kept) == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    picked = np.random.default_rng(seed).integers(0, len(kept), (_RESAMPLES, len(kept)))
    low, high = np.quantile(kept[picked].mean(axis=1), (0.025, 0.975))
    return Interval(float(kept.mean()), float(low), float(high), len(kept))


def share(hits: Tensor) -> Interval:
    """How often something is so, with Wilson's 95 % interval.

    Args:
        hits: bool, one for each face, (N,).
    Source: Wilson 1927, Journal of the American Statistical Association 22, 209-212.
    """
    count = hits.numel()
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    p = float(hits.double().mean())
    centre = (p + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(p * (1 - p) / count + _Z**2 / (4 * count**2))
    return Interval(p, max(0.0, centre - half), min(1.0, centre + half), count)


def weighted_mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean over the places of each picture, weighted.

    Args:
        values: (N, C, H, W).
        where: weights >= 0, (N, 1, H, W).
    Returns:
        (N,); nan where no place has weight.
    Raises:
        InputError: the shapes disagree.
    """
    if values.ndim != 4 or where.shape != (values.shape[0], 1, *values.shape[2:]):
        raise InputError(f"weights must be (N, 1, H, W) of {tuple(values.shape)}; got {tuple(where.shape)}")
    weight = where.sum(dim=(1, 2, 3))
    mean = (values.mean(dim=1, keepdim=True) * where).sum(dim=(1, 2, 3)) / weight.clamp_min(_TINY)
    return torch.where(weight > 0, mean, math.nan)


def mean_of_faces(values: Tensor) -> float | None:
    """Mean over the faces that count, as one number.

    Args:
        values: one for each face, (N,); what is not finite does not count.
    Returns:
        The mean; None where no face counts, which JSON can hold.
    """
    counted = values[values.isfinite()]
    return float(counted.mean()) if len(counted) else None


def psnr(before: Tensor, after: Tensor, where: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio, in dB.

    Args:
        before: images, range [-1, 1], (N, 3, H, W); values outside are clipped.
        after: same shape.
        where: weights >= 0 of the places that count, (N, 1, H, W); None is the whole picture.
    Returns:
        (N,); infinite where nothing changed, nan where no place has weight.
    Raises:
        InputError: the shapes disagree.
    """
    _check_pair(before, after)
    square = (_unit(after) - _unit(before)).square()
    error = square.mean(dim=(1, 2, 3)) if where is None else weighted_mean(square, where)
    return -10 * error.log10()


def ssim_map(before: Tensor, after: Tensor) -> Tensor:
    """Structural similarity at every place, averaged over the channels.

    Args:
        before: images, range [-1, 1], (N, 3, H, W), at least 11 pixels a side; values outside are clipped.
        after: same shape.
    Returns:
        At most 1, (N, 1, H, W); pictures are mirrored beyond their edges.
    Raises:
        InputError: the shapes disagree, or a side is shorter than the window.
    Source: Wang, Bovik, Sheikh and Simoncelli 2004, IEEE Transactions on Image Processing 13(4), equation 13, with
        their Gaussian window of 11 pixels and standard deviation 1.5, on values in [0, 1].
    """
    _check_pair(before, after)
    if min(before.shape[2:]) < _WINDOW:
        raise InputError(f"SSIM needs pictures of {_WINDOW} pixels a side or more; got {tuple(before.shape[2:])}")
    x, y = _unit(before), _unit(after)
    mx, my = _blur(x), _blur(y)
    vx, vy, both = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    c1, c2 = _K1**2, _K2**2
    above = (2 * mx * my + c1) * (2 * both + c2)
    return (above / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean(dim=1, keepdim=True)


def rank(images: Tensor, texts: Tensor) -> Tensor:
    """Place of the prompt among other captions, by CLIP's cosine: 1 is first.

    Args:
        images: CLIP embeddings, unit norm, (N, D).
        texts: embeddings of the prompt (first) and of the other captions, (T, D).
    Returns:
        (N,), from 1 to T; captions that tie with the prompt count as behind it.
    """
    similarity = images @ texts.T
    return 1 + (similarity[:, 1:] > similarity[:, :1]).sum(dim=1)


def monotone(values: Tensor, *, slack: float = 0.0) -> Tensor:
    """Whether each face's values never fall from one strength to the next.

    Args:
        values: (strengths, N), from the weakest strength to the strongest.
        slack: how far a value may fall behind the one before.
    Returns:
        bool, (N,).
    """
    return (values.diff(dim=0) >= -slack).all(dim=0)


def _unit(images: Tensor) -> Tensor:
    return images.float().clamp(-1, 1) * 0.5 + 0.5


def _blur(images: Tensor) -> Tensor:
    offsets = torch.arange(_WINDOW, dtype=torch.float64, device=images.device) - _WINDOW // 2
    window = (-offsets.square() / (2 * _SIGMA**2)).exp()
    window = (window / window.sum()).to(images)
    channels = images.shape[1]
    padded = F.pad(images, [_WINDOW // 2] * 4, mode="reflect")
    rows = F.conv2d(padded, window.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return F.conv2d(rows, window.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)


def _check_pair(before: Tensor, after: Tensor) -> None:
    if before.shape != after.shape or before.ndim != 4 or before.shape[1] != 3:
        raise InputError(
            f"before and after must share one shape (N, 3, H, W); got {tuple(before.shape)} and {tuple(after.shape)}"
        )


def flicker(frames: Tensor, where: Tensor | None = None) -> Tensor:
    """How much a film trembles: the mean absolute second difference over time, 0 where tones change steadily.

    Args:
        frames: (T, 3, H, W) with T of at least 3.
        where: what counts, in [0, 1], (1, 1, H, W); None is everything.
    Returns:
        A number, in the frames' units; 0 where nothing counts.
    Raises:
        InputError: there are fewer frames.
    """
    if len(frames) < 3:
        raise InputError(f"flicker is seen in three frames or more; got {len(frames)}")
    bend = (frames[2:] - 2 * frames[1:-1] + frames[:-2]).abs().mean(dim=1, keepdim=True)
    weight = torch.ones_like(bend[:1]) if where is None else where.to(bend)
    return (bend.mean(dim=0, keepdim=True) * weight).sum() / weight.sum().clamp(min=1e-9)
