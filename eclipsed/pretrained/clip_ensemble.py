"""Several CLIPs as one: each looks in its own way, their verdicts are averaged, and none outweighs another."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from eclipsed.errors import InputError
from eclipsed.pretrained.clip import Clip

__all__ = ["ClipEnsemble"]

_TINY = 1e-20


class ClipEnsemble(Clip):
    """Several CLIPs that look at the same pictures, each with its own preprocessing, tokenizer and scale.

    Its vectors are those of its members after one another, each as long as its member's scale has it, so that a cosine
    times `logit_scale` is the mean of the members' own logits. `split` parts them again. The gradients of the members
    meet at the picture, where each face's are brought to one length before they are averaged.

    Args:
        clips: at least two, of different names, on one device.
    Raises:
        InputError: there are fewer, two have one name, or they run on different
            devices, or one multiplies its cosines by nothing.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        names = [clip.name for clip in clips]
        if len(names) < 2:
            raise InputError(f"several CLIPs are at least two; got {len(names)}")
        if len(set(names)) < len(names):
            raise InputError(f"several CLIPs must have different names; got {', '.join(map(repr, names))}")
        devices = sorted({str(clip.device) for clip in clips})
        if len(devices) > 1:
            raise InputError(f"several CLIPs must run on one device; got {' and '.join(devices)}")
        each = [clip.logit_scale for clip in clips]
        if min(each) <= 0:
            raise InputError(f"several CLIPs need scales above 0 to be averaged; got {', '.join(map(str, each))}")
        known = [set(clip.words) for clip in clips if clip.words is not None]
        words = set.intersection(*known) if known else None
        super().__init__(" + ".join(names), max(clip.size for clip in clips), vocabulary=words)
        self._clips = nn.ModuleList(clips)
        self.recordable = all(clip.recordable for clip in clips)
        self._logit_scale = sum(each) / len(each)
        self._lengths = [math.sqrt(scale / sum(each)) for scale in each]  # of their parts in a unit vector
        self._widths: tuple[int, ...] | None = None  # known when something was encoded
        self.to(clips[0].device)

    @property
    def members(self) -> tuple[Clip, ...]:
        """The CLIPs."""
        return tuple(clip for clip in self._clips if isinstance(clip, Clip))

    @property
    def scales(self) -> tuple[float, ...]:
        """The scale of each member, in units of their mean."""
        return tuple(clip.logit_scale / self._logit_scale for clip in self.members)

    @property
    def fingerprint(self) -> str | None:
        """What tells it from any other: its members and their scales; None where nobody can say of one of them."""
        known = [clip.fingerprint for clip in self.members]
        return None if None in known else hashlib.sha256(json.dumps([known, self.scales]).encode()).hexdigest()

    @property
    def logit_scale(self) -> float:
        """What the members multiply cosines by, on average."""
        return self._logit_scale

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors, (N, the sum of the members' D); see `Clip.encode_images`."""
        meeting = torch.is_grad_enabled() and images.requires_grad
        each = _Meeting.apply(images, len(self._clips)) if meeting else [images] * len(self._clips)
        seen = [clip.encode_images(own, dtype=dtype) for clip, own in zip(self.members, each, strict=True)]
        return self._joined(seen)

    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences; see `Clip.sentence_vectors`."""
        return self._joined([clip.encode_text(sentences) for clip in self.members])

    def split(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """The members' own unit vectors.

        Args:
            vectors: from `encode_images` or `encode_text`, (..., the sum of the members' D).
        Returns:
            For each member (..., D).
        """
        assert self._widths is not None
        parts = vectors.split(self._widths, dim=-1)
        return tuple(part / length for part, length in zip(parts, self._lengths, strict=True))

    def _joined(self, vectors: Sequence[Tensor]) -> Tensor:
        self._widths = tuple(part.shape[1] for part in vectors)
        return torch.cat([length * part for length, part in zip(self._lengths, vectors, strict=True)], dim=1)


class _Meeting(torch.autograd.Function):
    """The picture that several CLIPs look at: passes it to each, and averages the directions of what comes back.

    Of each face the gradients of those that say anything are brought to their mean length, and added up; so a loss
    that is averaged over the CLIPs falls along the average of their directions, as fast as they wish on average.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, count: int) -> tuple[Tensor, ...]:
        return tuple(images.view_as(images) for _ in range(count))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        each = torch.stack(gradients)  # (CLIPs, N, 3, H, W)
        lengths = each.float().flatten(2).norm(dim=2)
        mean = lengths.sum(dim=0) / (lengths > 0).sum(dim=0).clamp(min=1)
        factors = (mean / lengths.clamp(min=_TINY)).to(each.dtype)
        return (each * factors[:, :, None, None, None]).sum(dim=0), None
