"""Feature maps that take the place of a generator's own, somewhere in the picture and at one depth of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.networks.layers import Layer, SynthesisPrefix

__all__ = ["KeptFeatures", "joined", "share_of"]


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """What a drawing goes on with where a generator cannot draw what is to be seen.

    Args:
        depth: how many layers have run then.
        share: how much of each place is kept, (1, 1, side, side) in [0, 1], without the features' margin.
        x: features, (1, C, h, w), margin included.
        image: colours so far, (1, img_channels, side, side); None where the network has none yet.
    """

    depth: int
    share: Tensor
    x: Tensor
    image: Tensor | None = None

    def put(self, drawn: SynthesisPrefix) -> SynthesisPrefix:
        """A drawing of this depth with what is kept in its place; differentiable."""
        cover = _margin(self.share, self.x)
        image = drawn.image
        if image is not None and self.image is not None:
            image = torch.lerp(image, self.image.to(image), self.share.to(image))
        x = torch.lerp(drawn.x, self.x.to(drawn.x), cover.to(drawn.x))
        return SynthesisPrefix(drawn.depth, x, image, drawn.features)

    def half(self) -> KeptFeatures:
        """The same as it is saved: in half precision, on the CPU, without gradients."""
        image = None if self.image is None else self.image.detach().cpu().half()
        return KeptFeatures(self.depth, self.share.detach().cpu().half(), self.x.detach().cpu().half(), image)

    def small(self) -> dict[str, Tensor]:
        """What is needed to make it again: of the maps only the places that hold, in half precision."""
        here = _margin(self.share, self.x)[0, 0] > 0
        found = {"share": self.share[0, 0].half(), "x": self.x[0, :, here].half()}
        if self.image is not None:
            found["image"] = self.image[0, :, self.share[0, 0] > 0].half()
        found["margin"] = torch.tensor((self.x.shape[-1] - self.share.shape[-1]) // 2)
        return found

    @classmethod
    def of_small(cls, depth: int, found: Mapping[str, Tensor]) -> KeptFeatures:
        """Make it again of what `small` gave.

        Args:
            depth: how many layers have run.
            found: the tensors of `small`.
        Raises:
            InputError: they do not fit each other.
        """
        try:
            share, margin = found["share"][None, None], int(found["margin"])
            side = share.shape[-1] + 2 * margin
            x = found["x"].new_zeros(1, len(found["x"]), side, side)
            x[0, :, F.pad(share, (margin,) * 4, mode="replicate")[0, 0] > 0] = found["x"]
            image = None
            if "image" in found:
                image = found["image"].new_zeros(1, len(found["image"]), *share.shape[-2:])
                image[0, :, share[0, 0] > 0] = found["image"]
        except (KeyError, IndexError, RuntimeError, ValueError) as error:
            raise InputError(f"what is kept of a face is damaged: {error}") from error
        return cls(depth, share, x, image)

    def to(self, like: Tensor) -> KeptFeatures:
        """The same on the device and in the dtype of a tensor."""
        image = None if self.image is None else self.image.to(like)
        return KeptFeatures(self.depth, self.share.to(like), self.x.to(like), image)


def _margin(share: Tensor, x: Tensor) -> Tensor:
    """A share of each place of features, their margin included."""
    margin = (x.shape[-1] - share.shape[-1]) // 2
    return F.pad(share, (margin,) * 4, mode="replicate") if margin else share


def joined(outside: Tensor, inside: Tensor, mask: Tensor) -> Tensor:
    """`inside` where a mask is 1, `outside` where it is 0, bit for bit, and a mixture between."""
    return torch.where(mask > 0, torch.lerp(outside, inside, mask.to(inside)), outside)


def share_of(mask: Tensor, layer: Layer) -> Tensor:
    """How much each place of a layer's features is covered by a mask of the picture: as the most covered pixel in it.

    Args:
        mask: in [0, 1], (N, 1, H, W).
        layer: whose features.
    Returns:
        (N, 1, h, w), in the margin as at the edge of the picture.
    """
    cover = F.adaptive_max_pool2d(mask, layer.resolution)
    return F.pad(cover, (layer.margin,) * 4, mode="replicate") if layer.margin else cover
