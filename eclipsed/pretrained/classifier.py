"""The classifier of a model set: it reads attributes from a picture to judge edits, and never takes part in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.checkpoints.plain import compare_state, in_float32, state_of, with_counters
from eclipsed.checkpoints.torch_file import is_safetensors, load_weights
from eclipsed.checkpoints.unwrapping import keys_seen, unwrap
from eclipsed.compute.devices import as_device
from eclipsed.errors import CheckpointError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import CLASSIFIER
from eclipsed.images.conversion import check_images, resize
from eclipsed.networks.backbones import BackboneNetwork
from eclipsed.networks.classifier import AttributeNetwork, JudgeNetwork
from eclipsed.pretrained.frozen import FrozenNetwork
from eclipsed.values.choices import BACKBONES

__all__ = ["Classifier", "new_network"]

_CHUNK = 64  # pictures in one pass
_OWN = ("mini", "scratch")  # backbones of the architecture that sets have, too


class Classifier(FrozenNetwork):
    """A frozen network that names the class of every attribute of a picture. Make one with `Classifier.from_file`.

    Args:
        attributes: attribute -> names of its classes, in the order of the logits.
        requires: attribute -> other attribute -> classes of that, one of which a face must have for the first to be
            seen at all: ``{"hat_colour": {"hat": ("yes",)}}``. Attributes that are not named can always be seen.
        network: of as many classes; None makes one of random weights.
        backbone: which network that is, as a judge's file names it; None is that of model sets.
    Raises:
        InputError: `requires` names an attribute or class that there is not, or goes round in a circle.
    """

    def __init__(
        self,
        attributes: Mapping[str, tuple[str, ...]],
        requires: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
        network: AttributeNetwork | BackboneNetwork | None = None,
        *,
        backbone: str | None = None,
    ) -> None:
        super().__init__()
        self.attributes = {name: tuple(classes) for name, classes in attributes.items()}
        self.requires = {name: {k: tuple(v) for k, v in wanted.items()} for name, wanted in (requires or {}).items()}
        for name in self.requires:
            self._check_requires(name)
        self.backbone = backbone
        self.network = network or new_network(backbone, [len(classes) for classes in self.attributes.values()])

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Classifier:
        """Load the ``classifier.safetensors`` of a model set, a judge of one's own, or what ``torch.save`` keeps.

        Args:
            path: the file. One of PyTorch holds the weights of such a network as sets have, wrapped in whatever it may
                be, and beside them ``attributes`` and ``requires`` as plain data; see `Classifier`.
            device: where it shall run; None takes the best there is.
        Returns:
            The classifier, frozen, in eval mode.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: the file is no classifier, or is damaged.
            InputError: the device is unknown or absent.
        """
        path, target = Path(path), as_device(device)
        data, content = _read(path)
        attributes, requires, backbone = _attributes(path, data), _requires(path, data), _backbone(path, data)
        with torch.device("meta"):  # no memory, and no numbers drawn from torch's generator
            network = new_network(backbone, [len(classes) for classes in attributes.values()])
        try:
            classifier = cls(attributes, requires, network, backbone=backbone)
        except InputError as error:
            raise CheckpointError(f"{path}: {error}") from error
        expected = network.state_dict()
        state = with_counters(expected, in_float32(state_of(path, content, "classifier", expected)))
        compare_state(path, expected, state, "a classifier of these attributes")
        network.load_state_dict(state, assign=True)
        return classifier.to(target)

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> dict[str, Tensor]:
        """Probabilities of the classes of every attribute.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            attribute -> (N, classes), each row summing to 1.
        Raises:
            InputError: `images` is not an image tensor.
        """
        check_images(images)
        inputs = resize(images.to(self.mean).clamp(-1, 1), self.network.size)
        parts = [self.network(batch) for batch in torch.split(inputs, _CHUNK)]
        logits = [torch.cat(each) for each in zip(*parts, strict=True)]
        return {name: each.softmax(dim=1) for name, each in zip(self.attributes, logits, strict=True)}

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


def new_network(backbone: str | None, classes: Sequence[int]) -> AttributeNetwork | BackboneNetwork:
    """A network of random weights.

    Args:
        backbone: one of `eclipsed.values.choices.BACKBONES`; None is the network of model sets.
        classes: how many each attribute has.
    """
    if backbone is None:
        return AttributeNetwork(classes)
    return JudgeNetwork(classes) if backbone in _OWN else BackboneNetwork(backbone, classes)


def _read(path: Path) -> tuple[Mapping[str, Any], object]:
    """What a file says of its classifier, and the content that its weights are in."""
    if not path.is_file() or path.stat().st_size < 9 or is_safetensors(path):  # ours, or nothing that could be read
        return header.read(path, CLASSIFIER)
    content = load_weights(path)
    with torch.device("meta"):
        found = unwrap(content, AttributeNetwork([2]).state_dict())
    if found is None:
        raise CheckpointError(f"{path} is not a classifier: {keys_seen(content)}")
    told = {name: found.beside(name) for name in ("attributes", "requires")}
    return {name: _as_lists(value) for name, value in told.items() if value is not None}, content


def _as_lists(value: object) -> object:
    """Plain data with its tuples as lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {name: _as_lists(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _attributes(path: Path, data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found = data.get("attributes")
    if not isinstance(found, dict) or not all(
        isinstance(names, list) and len(names) > 1 and all(isinstance(n, str) for n in names)
        for names in found.values()
    ):
        raise CheckpointError(
            f"{path} does not say which attributes it reads; expected attributes beside its weights, a list of two or"
            " more classes for each name"
        )
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


def _backbone(path: Path, data: Mapping[str, Any]) -> str | None:
    found = data.get("backbone")
    if found is not None and found not in BACKBONES:
        raise CheckpointError(
            f"{path} has the backbone {found!r}, which this eclipsed does not know; known: {', '.join(BACKBONES)}"
        )
    return found
