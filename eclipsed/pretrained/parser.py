"""The face parser: which of the nineteen parts each pixel of a face belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from eclipsed.checkpoints.parsing import ParserConfig, read_parser
from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images, resize
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.worlds.parts import INDEX, PARTS, expand

__all__ = ["Parser"]


class Parser(nn.Module):
    """A frozen BiSeNet with its own preprocessing. Make one with `Parser.from_file`.

    Args:
        network: the BiSeNet.
        config: the size, mean and standard deviation it was trained with.
    """

    #: Names of the labels; the position is the label.
    parts: tuple[str, ...] = PARTS
    #: Whether its labels can be found by a CUDA graph.
    recordable: bool = True
    mean: Tensor
    std: Tensor

    def __init__(self, network: BiSeNet, config: ParserConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(config.std).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()
        self._short: dict[tuple[torch.dtype, torch.device], BiSeNet] = {}

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> Parser:
        """Load ``parsing_bisenet.pth`` (facexlib, zllrunning) or a parser that eclipsed saved.

        Args:
            path: the checkpoint.
            device: where it shall run; None takes the best there is.
        Returns:
            The parser, frozen, in eval mode.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: the file is no parser, is damaged, or asks to run code.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        config, state = read_parser(path)
        with torch.device("meta"):  # no memory, and no numbers drawn from torch's generator
            network = BiSeNet(len(PARTS), config.width)
        network.load_state_dict(state, assign=True)
        return cls(network, config).to(target)

    def train(self, mode: bool = True) -> Parser:
        """Stay in eval mode whatever `mode` is: the parser is frozen, batch statistics included."""
        super().train(False)
        return self

    @property
    def device(self) -> torch.device:
        """Where the parser runs."""
        return self.mean.device

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return self.config.size

    def probabilities(self, images: Tensor) -> Tensor:
        """Probability of each part at each pixel; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            (N, 19, H, W) in [0, 1], summing to 1 over the parts, in the dtype of `images`.
        Raises:
            InputError: `images` is not an image tensor.
        """
        return self._logits(images).softmax(dim=1).to(images.dtype)

    @torch.no_grad()
    def labels(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """The likeliest part at each pixel.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            dtype: what convolutions are computed in; None is float32.
        Returns:
            Labels as in `parts`, int64, (N, H, W).
        Raises:
            InputError: `images` is not an image tensor.
        """
        return self._logits(images, dtype).max(dim=1).indices  # half the time of argmax, which takes pixels one by one

    def mask(self, images: Tensor, parts: Iterable[str] | str, *, soft: bool = False) -> Tensor:
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
        names = expand([parts] if isinstance(parts, str) else parts)
        if not names:
            raise InputError("a mask needs at least one part; got none")
        chosen = torch.tensor([INDEX[name] for name in names], device=self.device)
        if soft:
            return self.probabilities(images)[:, chosen].sum(dim=1, keepdim=True).clamp(max=1)
        return torch.isin(self.labels(images), chosen)[:, None].to(images.dtype)

    def _logits(self, images: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Logits at the images' own size, float32, (N, 19, H, W)."""
        check_images(images)
        inputs = images.to(self.mean).clamp(-1, 1) * 0.5 + 0.5
        inputs = (resize(inputs, self.config.size) - self.mean) / self.std
        if dtype is not None and dtype != inputs.dtype:
            inputs = inputs.to(dtype, memory_format=torch.channels_last)
        return self._network(dtype).logits(inputs, (images.shape[2], images.shape[3]))

    def _network(self, dtype: torch.dtype | None) -> BiSeNet:
        """The network itself, or its copy in a short format, made once."""
        if dtype is None or dtype == self.mean.dtype:
            return self.network
        key = (dtype, self.device)
        if key not in self._short:
            self._short[key] = self.network.folded(dtype)
        return self._short[key]
