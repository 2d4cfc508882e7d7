"""Who is on a face: ArcFace's vectors, which are alike for two pictures of one person."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.checkpoints.plain import fill_network
from eclipsed.compute.devices import as_device
from eclipsed.errors import MissingExtraError
from eclipsed.images.conversion import check_images, resize
from eclipsed.pretrained.frozen import FrozenNetwork

__all__ = ["Identity"]

_FACE = (slice(35, 223), slice(32, 220))  # rows and columns of the face in an aligned picture of 256 px
_SIZE = 112


class Identity(FrozenNetwork):
    """A frozen ArcFace. Make one with `Identity.from_file`.

    Args:
        network: takes (N, 3, 112, 112) in [-1, 1] and gives vectors.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Identity:
        """Load ``model_ir_se50.pth``.

        Args:
            path: the checkpoint.
            device: where it shall run; None takes the best there is.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: it is no IR-SE-50, is damaged, or asks to run code.
            MissingExtraError: facexlib cannot be imported.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        try:
            from facexlib.recognition.arcface_arch import Backbone
        except ImportError as error:
            raise MissingExtraError(f"faces are recognised with facexlib, which cannot be imported: {error}") from error
        with torch.random.fork_rng(devices=[]):
            network = Backbone(num_layers=50, drop_ratio=0.6, mode="ir_se")
        fill_network(Path(path), network, "face recogniser (IR-SE-50)")
        return cls(network).to(target)

    def encode(self, images: Tensor) -> Tensor:
        """Turn aligned faces into unit vectors; differentiable.

        Args:
            images: aligned as FFHQ is, (N, 3, H, W), range [-1, 1].
        Returns:
            (N, D).
        Raises:
            InputError: `images` is not an image tensor.
        """
        check_images(images)
        face = resize(images.clamp(-1, 1), 256)[:, :, _FACE[0], _FACE[1]]
        return F.normalize(self.network(resize(face, _SIZE)), dim=-1)
