"""How alike two pictures look to CLIP's image tower: the distance of its inner maps, not of its answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.pretrained.clip import Clip

__all__ = ["Perception"]


class Perception:
    """A perceptual distance made of a CLIP that is there anyway.

    Four maps are taken: the stages of a ResNet, or four evenly spaced blocks of a vision transformer. Each place of a
    map becomes a unit vector, and the squared distances of these are averaged, as LPIPS does without its weights.

    Args:
        clip: any; of a tower of another make, or of none that is known, only the final vector is used.
    Source: Zhang et al. 2018, arXiv:1801.03924, for the form; Vinker et al. 2022, arXiv:2202.05822, for CLIP's maps.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self._layers = _layers(clip.tower)
        self._batch_first = bool(getattr(getattr(clip.tower, "transformer", None), "batch_first", False))

    def maps(self, images: Tensor) -> list[Tensor]:
        """The maps of some pictures; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1].
        Returns:
            Tensors whose places are unit vectors, (N, places, channels).
        """
        found: list[Tensor] = []
        here = threading.get_ident()

        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            if threading.get_ident() == here:  # another thread may use the same CLIP, to learn a direction
                found.append(output)

        hooks = [layer.register_forward_hook(note) for layer in self._layers]
        try:
            vector = self.clip.encode_images(images)
        finally:
            for hook in hooks:
                hook.remove()
        if not found:
            return [vector[:, None]]
        return [F.normalize(self._places(value), dim=-1) for value in found]

    def _places(self, value: Tensor) -> Tensor:
        """(N, places, channels) from a map (N, C, h, w), or from tokens with the batch first or second."""
        if value.ndim == 4:
            return value.float().flatten(2).transpose(1, 2)
        return (value if self._batch_first else value.transpose(0, 1)).float()

    def distance(self, maps: Sequence[Tensor], goal: Sequence[Tensor]) -> Tensor:
        """How far the maps of N pictures are from those of N others, (N,), each map's in [0, 4].

        Raises:
            InputError: the maps do not match.
        """
        if len(maps) != len(goal) or any(a.shape != b.shape for a, b in zip(maps, goal, strict=False)):
            raise InputError("the maps of two batches must match in number and shape")
        each = [(a - b).square().sum(-1).mean(-1) for a, b in zip(maps, goal, strict=True)]
        return torch.stack(each).sum(0)


def _layers(visual: Any) -> list[nn.Module]:
    if hasattr(visual, "layer4"):
        return [visual.layer1, visual.layer2, visual.layer3, visual.layer4]
    blocks = list(getattr(getattr(visual, "transformer", None), "resblocks", ()))
    return [blocks[(len(blocks) * (k + 1) - 1) // 4] for k in range(4)] if len(blocks) >= 4 else blocks
