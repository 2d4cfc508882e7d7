"""What tells the parts of a picture apart: the interface of every parser."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.images.masks import mix_masks, painted
from eclipsed.networks.layers import Synthesis
from eclipsed.pretrained.frozen import FrozenNetwork
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import World, find_world

__all__ = ["Parser", "Pictures", "pictures_of"]

#: what a parser is given: pictures, (N, 3, H, W), or what was drawn, with the features that some parsers read
Pictures = Tensor | Synthesis


def pictures_of(images: Pictures) -> Tensor:
    """The pictures themselves."""
    return images.image if isinstance(images, Synthesis) else images


class Parser(FrozenNetwork, ABC):
    """Says which part of its world each pixel belongs to. `BiSeNetParser` reads a file; `CallableParser` takes any
    function; a class of one's own needs `size` and `logits`.

    Args:
        world: whose parts it knows: a world, its name, or its folder; None is the world of faces.
        mean: of its networks' pictures; see `FrozenNetwork`.
        std: of its networks' pictures.
    """

    #: Whether its labels can be found by a CUDA graph.
    recordable: bool = False

    #: Whose features it reads; None where pictures are enough.
    generator: Generator | None = None

    def __init__(
        self,
        world: World | str | os.PathLike[str] | None = None,
        *,
        mean: Sequence[float] | float = 0.0,
        std: Sequence[float] | float = 1.0,
    ) -> None:
        super().__init__(mean=mean, std=std)
        self.world = find_world(world)

    @property
    @abstractmethod
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""

    @abstractmethod
    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel, before softmax; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            dtype: what convolutions are computed in; None is float32.
        Returns:
            float32, (N, parts, H, W), in the order of `parts`.
        Raises:
            InputError: `images` is not an image tensor.
        """

    @property
    def fingerprint(self) -> str | None:
        """What tells it from any other; None where nobody can say, so that nothing is kept of what it found."""
        return None

    @property
    def of_pictures(self) -> Parser:
        """What of it can be asked about pictures alone: itself, or, where it reads features, the parser beneath it."""
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the labels; the position is the label."""
        return self.world.parts

    @property
    def finds(self) -> tuple[str, ...]:
        """The parts that it can find."""
        return self.parts

    def reads(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Names of the generator's layers whose features it needs to find some parts; none where pictures are enough.

        Args:
            parts: single parts.
        """
        return ()

    def probabilities(self, images: Tensor) -> Tensor:
        """Probability of each part at each pixel; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            (N, parts, H, W) in [0, 1], summing to 1 over the parts, in the dtype of `images`.
        Raises:
            InputError: `images` is not an image tensor.
        """
        return self.logits(images).softmax(dim=1).to(images.dtype)

    @torch.no_grad()
    def labels(self, images: Pictures, *, dtype: torch.dtype | None = None) -> Tensor:
        """The likeliest part at each pixel.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            dtype: what convolutions are computed in; None is float32.
        Returns:
            Labels as in `parts`, int64, (N, H, W).
        Raises:
            InputError: `images` is not an image tensor.
        """
        # half the time of argmax, which takes pixels one by one
        return self.logits(pictures_of(images), dtype=dtype).max(dim=1).indices

    @torch.no_grad()
    def looked_up(self, images: Pictures, tables: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """What tables of numbers say of the part at each pixel, such as whether it is inside a region.

        Args:
            images: (N, 3, H, W), range [-1, 1].
            tables: one number for each of `parts`, (T, parts).
            dtype: what convolutions are computed in; None is float32.
        Returns:
            (N, T, H, W), without gradient, in the dtype and on the device of `images`.
        Raises:
            InputError: `images` is not an image tensor.
        """
        pictures = pictures_of(images)
        labels = self.labels(pictures, dtype=dtype).to(pictures.device)
        return tables.to(pictures)[:, labels].transpose(0, 1)

    def mask(self, images: Pictures, parts: Iterable[str] | str, *, soft: bool = False) -> Tensor:
        """Where some parts are.

        Args:
            images: (N, 3, H, W), range [-1, 1].
            parts: names of parts and groups, such as ``("hair", "lips")``, or one name.
            soft: give probabilities, differentiable, instead of zeros and ones.
        Returns:
            (N, 1, H, W) in [0, 1], in the dtype of `images`.
        Raises:
            InputError: a name is unknown, none is given, or `images` is not an image tensor.
        """
        names = self.world.expand([parts] if isinstance(parts, str) else parts)
        if not names:
            raise InputError("a mask needs at least one part; got none")
        chosen = torch.tensor(self.world.labels(names), device=self.device)
        pictures = pictures_of(images)
        if soft:
            return self.probabilities(pictures)[:, chosen].sum(dim=1, keepdim=True).clamp(max=1)
        return torch.isin(self.labels(pictures), chosen)[:, None].to(pictures.dtype)

    def either(self, before: Pictures, after: Pictures, region: Region) -> Tensor:
        """Where a region is in some pictures before an edit or after it.

        Args:
            before: (N, 3, H, W), range [-1, 1], or what was drawn, with the features that `reads` names.
            after: the same after the edit.
            region: its parts are looked for; what was painted stays where it is.
        Returns:
            0 or 1, (N, 1, H, W), in the dtype of `before`.
        Raises:
            InputError: a part is unknown, or the pictures are no image tensors.
        """
        if region.mask is not None:
            return painted(region.mask, pictures_of(before))
        return mix_masks(self.mask(before, region.parts), self.mask(after, region.parts), "union")
