"""The classifier of a model set: it reads attributes from a picture to judge edits, and never takes part in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.compute.devices import as_device
from eclipsed.errors import CheckpointError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import CLASSIFIER
from eclipsed.images.conversion import check_images, resize

__all__ = ["Classifier"]

_CHUNK = 64  # pictures in one pass


class Classifier(nn.Module):
    """Plain strided convolutions, a layer that keeps places apart, and one linear head for all classes.

    Args:
        attributes: attribute -> names of its classes, in the order of the logits.
        requires: attribute -> other attribute -> classes of that, one of which a face must have for the first to be
            seen at all: ``{"hat_colour": {"hat": ("yes",)}}``. Attributes that are not named can always be seen.
    Raises:
        InputError: `requires` names an attribute or class that there is not, or goes round in a circle.
    """

    #: Side of the pictures it looks at, in pixels.
    size = 128

    def __init__(
        self,
        attributes: Mapping[str, tuple[str, ...]],
        requires: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    ) -> None:
        super().__init__()
        self.attributes = {name: tuple(classes) for name, classes in attributes.items()}
        self.requires = {name: {k: tuple(v) for k, v in wanted.items()} for name, wanted in (requires or {}).items()}
        for name in self.requires:
            self._check_requires(name)
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
            nn.Linear(320, sum(map(len, self.attributes.values()))),
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Classifier:
        """Load the ``classifier.safetensors`` of a model set.

        Args:
            path: the file.
            device: where it shall run; None takes the best there is.
        Returns:
            The classifier, frozen, in eval mode.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: the file is no classifier, or is damaged.
            InputError: the device is unknown or absent.
        """
        path = Path(path)
        data, state = header.read(path, CLASSIFIER)
        try:
            network = cls(_attributes(path, data), _requires(path, data))
        except InputError as error:
            raise CheckpointError(f"{path}: {error}") from error
        try:
            network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit a classifier: {' '.join(str(error).split())}") from error
        return network.eval().requires_grad_(False).to(as_device(device))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of every attribute.

        Args:
            images: (N, 3, 128, 128), range [-1, 1].
        Returns:
            attribute -> (N, classes).
        """
        logits = self.head(F.silu(self.places(self.features(images))))
        split = torch.split(logits, [len(names) for names in self.attributes.values()], dim=1)
        return dict(zip(self.attributes, split, strict=True))

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> dict[str, Tensor]:
        """Probabilities of the classes of every attribute, in eval mode.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            attribute -> (N, classes), each row summing to 1.
        Raises:
            InputError: `images` is not an image tensor.
        """
        check_images(images)
        self.eval()
        inputs = resize(images.to(self.places.weight).clamp(-1, 1), self.size)
        parts = [self(batch) for batch in torch.split(inputs, _CHUNK)]
        return {name: torch.cat([part[name] for part in parts]).softmax(dim=1) for name in self.attributes}

    def labels(self, images: Tensor) -> dict[str, Tensor]:
        """The likeliest class of every attribute: attribute -> (N,) int64; see `probabilities`."""
        return {name: p.argmax(dim=1) for name, p in self.probabilities(images).items()}

    def seen(self, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Whether each attribute can be seen on each face: a face without a hat has no colour of a hat.

        The classifier names a class of every attribute on every face; where what an attribute requires is not there,
        that name means nothing. What is required must itself be seen.

        Args:
            labels: from `labels`.
        Returns:
            attribute -> (N,) bool; all true for an attribute that requires nothing.
        """
        return {name: self._seen(name, labels) for name in self.attributes}

    def _seen(self, name: str, labels: Mapping[str, Tensor]) -> Tensor:
        out = torch.ones_like(labels[name], dtype=torch.bool)
        for other, classes in self.requires.get(name, {}).items():
            wanted = torch.tensor([self.attributes[other].index(one) for one in classes], device=out.device)
            out &= torch.isin(labels[other], wanted) & self._seen(other, labels)
        return out

    def _check_requires(self, name: str, above: tuple[str, ...] = ()) -> None:
        if name in above:
            raise InputError(f"what {name!r} requires goes round in a circle: {' → '.join((*above, name))}")
        for one in (name, *self.requires.get(name, ())):
            if one not in self.attributes:
                raise InputError(f"unknown attribute {one!r} in what is required; known: {', '.join(self.attributes)}")
        for other, classes in self.requires.get(name, {}).items():
            wrong = [one for one in classes if one not in self.attributes[other]]
            if wrong or not classes:
                known = ", ".join(self.attributes[other])
                raise InputError(f"{name!r} requires a class of {other!r}, which has {known}; got {wrong}")
            self._check_requires(other, (*above, name))


def _attributes(path: Path, data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found = data.get("attributes")
    if not isinstance(found, dict) or not all(
        isinstance(names, list) and len(names) > 1 and all(isinstance(n, str) for n in names)
        for names in found.values()
    ):
        raise CheckpointError(f"{path} does not say which attributes it reads")
    return {name: tuple(classes) for name, classes in found.items()}


def _requires(path: Path, data: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    found = data.get("requires", {})
    if not isinstance(found, dict) or not all(
        isinstance(wanted, dict)
        and all(isinstance(names, list) and all(isinstance(n, str) for n in names) for names in wanted.values())
        for wanted in found.values()
    ):
        raise CheckpointError(f"{path}: requires must say which classes of which attributes an attribute needs")
    return {name: {other: tuple(names) for other, names in wanted.items()} for name, wanted in found.items()}
