"""The classifier's network: one small picture to the logits of every attribute."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["AttributeNetwork", "JudgeNetwork"]


class AttributeNetwork(nn.Module):
    """Plain strided convolutions, a layer that keeps places apart, and one linear head for all classes.

    Args:
        classes: how many each attribute has.
    """

    #: side of the pictures that it looks at, in pixels
    size = 128

    def __init__(self, classes: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(pairwise((3, 24, 48, 80, 128, 128))):
            layers += [
                nn.Conv2d(before, after, 3, stride=2 if k < 4 else 1, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.SiLU(),
            ]
        self.features = nn.Sequential(*layers)  # (N, 128, 8, 8)
        self.places = nn.Conv2d(128, 32, 1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(32 * 64, 320),
            nn.SiLU(),
            nn.Linear(320, sum(self.classes)),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits of every attribute.

        Args:
            images: (N, 3, 128, 128), range [-1, 1].
        Returns:
            One tensor (N, classes) for each attribute.
        """
        logits = self.head(F.silu(self.places(self.features(images))))
        return torch.split(logits, list(self.classes), dim=1)


class JudgeNetwork(AttributeNetwork):
    """The same trunk for pictures of any kind: its last layer also sees what there is wherever it is.

    The layers of `AttributeNetwork` but the last are called as they are there, so that what they learned can be loaded.

    Args:
        classes: how many each attribute has.
    """

    def __init__(self, classes: Sequence[int]) -> None:
        super().__init__(classes)
        self.head = self.head[:-1]  # to (N, 320)
        self.last = nn.Linear(320 + 2 * 128, sum(self.classes))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits of every attribute; see `AttributeNetwork.forward`."""
        seen = self.features(images)
        parts = (self.head(F.silu(self.places(seen))), seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3)))
        return torch.split(self.last(torch.cat(parts, dim=1)), list(self.classes), dim=1)
