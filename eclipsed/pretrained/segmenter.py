"""Torchvision's segmentation networks as parsers: DeepLabV3 and LR-ASPP, with the twenty classes of Pascal VOC."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from eclipsed.checkpoints.plain import fill_network
from eclipsed.errors import InputError
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.callable_parser import CallableParser
from eclipsed.pretrained.parser import Parser
from eclipsed.store.files import find_network
from eclipsed.store.segmentation import SEGMENTERS, VOC_CLASSES, check_classes
from eclipsed.store.sets import ModelSet
from eclipsed.worlds.world import World

__all__ = ["Segmenter", "new_segmenter", "set_parser"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pictures
_SIDE = 520  # px: what torchvision shows them


class Segmenter(CallableParser):
    """One of torchvision's segmentation networks as a parser. Make one with `Segmenter.from_store`.

    Args:
        network: gives ``{"out": logits}``, (N, 21, h, w), of standardised pictures.
        classes: class of Pascal VOC -> the part or group of the world that it is; all others are no part of it.
        world: whose parts they are: a world, its name, or its folder; None is the world of faces.
        size: side of the square that the network shall be shown, in pixels.
        device: where it runs; None takes the best there is.
    Raises:
        InputError: a class or a part is unknown, none is given, or there is no such world.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: Mapping[str, str],
        *,
        world: World | str | os.PathLike[str] | None = None,
        size: int = _SIDE,
        device: str | torch.device | None = None,
    ) -> None:
        chosen = check_classes(classes)
        parts = [chosen.get(name) for name in VOC_CLASSES]
        super().__init__(_Standardised(network), parts, world=world, size=size, device=device)

    @classmethod
    def from_store(
        cls,
        name: str,
        classes: Mapping[str, str],
        *,
        world: World | str | os.PathLike[str] | None = None,
        size: int = _SIDE,
        device: str | torch.device | None = None,
    ) -> Segmenter:
        """Load a network that was fetched: ``eclipsed models fetch deeplabv3-resnet50``.

        Args:
            name: one of `eclipsed.store.segmentation.SEGMENTERS`.
            classes: see `Segmenter`.
            world: see `Segmenter`.
            size: see `Segmenter`.
            device: see `Segmenter`.
        Raises:
            MissingModelError: it is not on this machine; names the command that gets it.
            CheckpointError: its file is damaged, or another network's.
            InputError: there is no such network, class or part.
        """
        _check_name(name)
        return cls.from_file(name, find_network(name), classes, world=world, size=size, device=device)

    @classmethod
    def from_file(
        cls,
        name: str,
        path: str | os.PathLike[str],
        classes: Mapping[str, str],
        *,
        world: World | str | os.PathLike[str] | None = None,
        size: int = _SIDE,
        device: str | torch.device | None = None,
    ) -> Segmenter:
        """Load a network of such a name from a file of torchvision's; otherwise like `from_store`.

        Args:
            name: one of `eclipsed.store.segmentation.SEGMENTERS`.
            path: of the ``.pth``.
            classes: see `Segmenter`.
            world: see `Segmenter`.
            size: see `Segmenter`.
            device: see `Segmenter`.
        """
        network = new_segmenter(name)
        fill_network(Path(path), network, f"segmentation network ({name})")
        return cls(network, classes, world=world, size=size, device=device)


def set_parser(models: ModelSet, *, device: str | torch.device | None = None) -> Parser:
    """The parser of a model set, which has one: a BiSeNet, or the segmentation network that its ``set.json`` names.

    Args:
        models: the set.
        device: where it runs; None takes the best there is.
    Raises:
        CheckpointError: its file is damaged, or another network's.
    """
    assert models.parser is not None
    world, named = models.world.unpainted, models.segmentation
    if named is None:
        return BiSeNetParser.from_file(models.parser, world=world, device=device)
    return Segmenter.from_file(named.name, models.parser, named.classes, world=world, device=device)


def new_segmenter(name: str) -> nn.Module:
    """One of torchvision's networks, of random weights.

    Raises:
        InputError: there is none of this name.
    """
    _check_name(name)
    from torchvision.models import get_model

    options = {} if name.startswith("lraspp") else {"aux_loss": True}  # published weights have it
    network: nn.Module = get_model(
        name.replace("-", "_"), weights=None, weights_backbone=None, num_classes=len(VOC_CLASSES), **options
    )
    return network


def _check_name(name: str) -> None:
    if name not in SEGMENTERS:
        raise InputError(f"there is no segmentation network {name!r}; known: {', '.join(SEGMENTERS)}")


class _Standardised(nn.Module):
    """A network that is shown pictures in [-1, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        mean, std = (torch.tensor(one).to(images).view(1, 3, 1, 1) for one in (_MEAN, _STD))
        found: Tensor = self.network((images * 0.5 + 0.5 - mean) / std)["out"]
        return found
