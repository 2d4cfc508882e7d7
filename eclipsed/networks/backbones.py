"""Torchvision's classifiers as judges of pictures: their trunk, and one linear layer for the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["BackboneNetwork", "last_linear"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pictures
_SIDES = {"efficientnet-b1": 240, "efficientnet-b2": 288}  # pixels; others look at 224
_IMAGENET = 1000  # classes that published weights tell apart


class BackboneNetwork(nn.Module):
    """One of torchvision's classifiers whose last linear layer has the classes of our own attributes.

    Args:
        backbone: ``"resnet18"``, ``"efficientnet-b0"``, …: torchvision's name with hyphens.
        classes: how many each attribute has; None leaves ImageNet's, as in published weights.
    """

    def __init__(self, backbone: str, classes: Sequence[int] | None = None) -> None:
        super().__init__()
        from torchvision.models import get_model

        self.size = _SIDES.get(backbone, 224)
        self.classes = tuple(classes or (_IMAGENET,))
        self.network: nn.Module = get_model(backbone.replace("-", "_"), weights=None)
        if classes is not None:
            self.give_classes(classes)

    def give_classes(self, classes: Sequence[int]) -> None:
        """Put a new last layer, of random weights, in place of the one that there is."""
        name = last_linear(self.network)
        width = cast(nn.Linear, self.network.get_submodule(name)).in_features
        self.network.set_submodule(name, nn.Linear(width, sum(classes)))
        self.classes = tuple(classes)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits of every attribute.

        Args:
            images: (N, 3, size, size), range [-1, 1].
        Returns:
            One tensor (N, classes) for each attribute.
        """
        mean, std = (torch.tensor(one).to(images).view(1, 3, 1, 1) for one in (_MEAN, _STD))
        logits = self.network((images * 0.5 + 0.5 - mean) / std)
        return torch.split(logits, list(self.classes), dim=1)


def last_linear(network: nn.Module) -> str:
    """Name of the last linear layer of a network: the one that makes logits of what its trunk sees."""
    *_, name = (name for name, module in network.named_modules() if isinstance(module, nn.Linear))
    return str(name)
