"""The encoder behind one interface: pictures of faces to latents, frozen, with its own preprocessing."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from eclipsed.checkpoints.encoding import read_encoder
from eclipsed.compute.devices import as_device
from eclipsed.images.conversion import check_images, resize
from eclipsed.networks import encoder as networks
from eclipsed.pretrained.frozen import FrozenNetwork

__all__ = ["Encoder"]

_AT_ONCE = 8  # pictures in one pass


class Encoder(FrozenNetwork):
    """A frozen e4e or pSp encoder. Make one with `Encoder.from_file`.

    Args:
        network: the encoder.
        latent_avg: what its guesses are added to, (num_ws, w_dim).
    """

    latent_avg: Tensor

    def __init__(self, network: networks.Encoder, latent_avg: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("latent_avg", latent_avg)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Encoder:
        """Load the ``.pt`` of e4e or pSp, or an encoder that eclipsed saved.

        Args:
            path: the checkpoint.
            device: where it shall run; None takes the best there is.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: the file is no encoder, is damaged, or asks to run code.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        config, state, latent_avg = read_encoder(path)
        with torch.device("meta"):
            network = networks.Encoder(config)
        network.load_state_dict(state, assign=True)
        return cls(network, latent_avg).to(target)

    @property
    def num_ws(self) -> int:
        """Rows of ws that it gives."""
        return self.network.config.num_ws

    @property
    def w_dim(self) -> int:
        """Length of a row."""
        return self.network.config.w_dim

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Guess the latents of aligned faces.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            ws, (N, num_ws, w_dim), float32.
        Raises:
            InputError: `images` is not an image tensor.
        """
        check_images(images)
        inputs = resize(images.to(self.latent_avg).clamp(-1, 1), self.network.config.size)
        return torch.cat([self.network(some) for some in torch.split(inputs, _AT_ONCE)]) + self.latent_avg
