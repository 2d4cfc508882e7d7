"""LPIPS: how different two pictures look to a person, place by place. An extra, for it needs weights of AlexNet."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from eclipsed.checkpoints.plain import fill_network
from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError, MissingExtraError
from eclipsed.images.conversion import check_images, resize
from eclipsed.pretrained.frozen import FrozenNetwork
from eclipsed.store.files import find_network
from eclipsed.values.extras import pip_line

__all__ = ["Lpips"]

_SMALLEST = 64  # pixels a side, below which AlexNet's maps vanish


class Lpips(FrozenNetwork):
    """A frozen LPIPS, version 0.1 on AlexNet. Make one with `Lpips.from_file` or `Lpips.from_store`.

    Args:
        network: lpips' own, which gives a map of distances.
    Source: Zhang et al. 2018, arXiv:1801.03924, and the authors' package ``lpips``, which brings the linear weights.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Lpips:
        """Load torchvision's ``alexnet-owt-7be5be79.pth``.

        Args:
            path: the checkpoint.
            device: where it shall run; None takes the best there is.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: it is no AlexNet, is damaged, or asks to run code.
            MissingExtraError: the package ``lpips`` is not installed.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        try:
            import lpips
            from torchvision.models import alexnet
        except ImportError as error:
            raise MissingExtraError(f"LPIPS needs an extra package: {pip_line(extra='lpips')}") from error
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # lpips speaks to an older torchvision
            network: Any = lpips.LPIPS(net="alex", pnet_rand=True, spatial=True, verbose=False)
            backbone = alexnet(weights=None)
        fill_network(Path(path), backbone, "backbone of LPIPS (AlexNet)")
        for name, parameter in network.net.named_parameters():  # slice2.3.weight is features.3.weight
            parameter.copy_(backbone.get_parameter("features." + name.partition(".")[2]))
        return cls(network).to(target)

    @classmethod
    def from_store(cls, *, device: str | torch.device | None = None) -> Lpips:
        """Load the AlexNet that ``eclipsed models fetch alexnet`` brought.

        Raises:
            MissingModelError: it is not on this machine.
            CheckpointError, MissingExtraError, InputError: see `from_file`.
        """
        return cls.from_file(find_network("alexnet"), device=device)

    @torch.no_grad()
    def map(self, before: Tensor, after: Tensor) -> Tensor:
        """Distance of two pictures at each place.

        Args:
            before: (N, 3, H, W), range [-1, 1]; values outside are clipped.
            after: the same shape.
        Returns:
            (N, 1, H, W), from 0; its mean is the LPIPS of the two.
        Raises:
            InputError: one is no image tensor, or they differ in shape.
        """
        check_images(before, name="before")
        check_images(after, name="after")
        if before.shape != after.shape:
            raise InputError(
                f"LPIPS compares pictures of one shape; got {tuple(before.shape)} and {tuple(after.shape)}"
            )
        height, width = before.shape[2:]
        scale = max(1.0, _SMALLEST / min(height, width))
        size = (round(height * scale), round(width * scale))
        found: Tensor = self.network(*(resize(images.float().clamp(-1, 1), size) for images in (before, after)))
        return resize(found, (height, width))
