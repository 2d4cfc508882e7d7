"""A BiSeNet as a parser: facexlib's of faces, or one of any world."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from eclipsed.checkpoints.parsing import ParserConfig, read_parser
from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError
from eclipsed.images.conversion import resize
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.pretrained.frozen import fingerprint_of
from eclipsed.pretrained.parser import Parser
from eclipsed.worlds.world import World, find_world

__all__ = ["BiSeNetParser"]


class BiSeNetParser(Parser):
    """A frozen BiSeNet with its own preprocessing. Make one with `BiSeNetParser.from_file`.

    Args:
        network: the BiSeNet.
        config: the size, mean and standard deviation it was trained with.
        world: whose parts its classes are; None is the world of faces.
    Raises:
        InputError: the network has more or fewer classes than the world has parts.
    """

    recordable = True

    def __init__(
        self, network: BiSeNet, config: ParserConfig, *, world: World | str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(world, mean=config.mean, std=config.std)
        if network.num_class != len(self.parts):
            raise InputError(
                f"the network tells {network.num_class} classes apart, the world {self.world.name!r} has"
                f" {len(self.parts)} parts"
            )
        self.network = network
        self.config = config
        self._fingerprint: str | None = None

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        world: World | str | os.PathLike[str] | None = None,
        device: str | torch.device | None = None,
    ) -> BiSeNetParser:
        """Load ``parsing_bisenet.pth`` (facexlib, zllrunning) or a parser that eclipsed saved.

        Args:
            path: the checkpoint.
            world: whose parts its classes are: a world, its name, or its folder; None is the world of faces.
            device: where it shall run; None takes the best there is.
        Returns:
            The parser, frozen, in eval mode.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: the file is no parser, is damaged, asks to run code, or has another number of classes
                than the world has parts.
            InputError: the device is unknown or absent, or there is no such world.
        """
        target, kind = as_device(device), find_world(world)
        config, state = read_parser(path, world=kind)
        with torch.device("meta"):  # no memory, and no numbers drawn from torch's generator
            network = BiSeNet(len(kind.parts), config.width)
        network.load_state_dict(state, assign=True)
        return cls(network, config, world=kind).to(target)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights, of how pictures are brought to them and of the names of parts, as hex digits."""
        if self._fingerprint is None:
            facts = (self.parts, self.config.size, self.mean.tolist(), self.std.tolist())
            self._fingerprint = fingerprint_of(facts, self.network.state_dict())
        return self._fingerprint

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return self.config.size

    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel; see `Parser.logits`."""
        inputs = self.standardised(images, lambda pictures: resize(pictures, self.config.size))
        network = self.network
        if dtype is not None and dtype != inputs.dtype:
            inputs = inputs.to(dtype, memory_format=torch.channels_last)
            network = self.short_copy(dtype, lambda: self.network.folded(dtype))
        return network.logits(inputs, (images.shape[2], images.shape[3]))
