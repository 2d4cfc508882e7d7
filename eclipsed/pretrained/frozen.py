"""What all pretrained networks share: they are used and never trained."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from eclipsed.images.conversion import check_images

__all__ = ["FrozenNetwork", "fingerprint_of", "shortened"]

_F = TypeVar("_F", bound="FrozenNetwork")


class FrozenNetwork(nn.Module):
    """Base of everything that holds a pretrained network: no gradient reaches its weights, and it stays in eval mode.

    Whatever module is made an attribute is frozen with it.

    Args:
        mean: what is subtracted from the channels of pictures in [0, 1], one number for each or one for all.
        std: what they are divided by then; the defaults leave pictures as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: Sequence[float] | float = 0.0, std: Sequence[float] | float = 1.0) -> None:
        super().__init__()
        self.training = False
        self.register_buffer("mean", _channels(mean), persistent=False)
        self.register_buffer("std", _channels(std), persistent=False)
        self._short: dict[tuple[torch.dtype, torch.device], Any] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, nn.Module):
            value.eval().requires_grad_(False)
        super().__setattr__(name, value)

    def train(self: _F, mode: bool = True) -> _F:
        """Stay in eval mode whatever `mode` is, batch statistics included."""
        super().train(False)
        return self

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.mean.device

    def standardised(self, images: Tensor, resized: Callable[[Tensor], Tensor]) -> Tensor:
        """Bring pictures to what the network was trained on; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            resized: brings pictures in [0, 1] to the size that the network looks at.
        Returns:
            What `resized` gives, with the mean and the deviation of the network's own pictures, float32.
        Raises:
            InputError: `images` is not an image tensor.
        """
        check_images(images)
        inputs = images.to(self.mean).clamp(-1, 1) * 0.5 + 0.5
        return (resized(inputs) - self.mean) / self.std

    def autocast(self, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
        """Let PyTorch choose, operation by operation, between a short format and float32.

        Args:
            dtype: the short format; None and float32 change nothing.
        """
        return nullcontext() if dtype in (None, torch.float32) else torch.autocast(self.device.type, dtype)

    def short_copy(self, dtype: torch.dtype, build: Callable[[], Any]) -> Any:
        """A copy of a network whose weights lie in a short format, built once for each format and device.

        Args:
            dtype: the format.
            build: makes the copy.
        """
        key = (dtype, self.device)
        if key not in self._short:
            with torch.inference_mode(False):  # later steps may need it in a graph of gradients
                self._short[key] = build()
        return self._short[key]


def shortened(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy for use under autocast, which finds the weights of its products in the short format that it wants."""
    copied = copy.deepcopy(network).requires_grad_(False).eval()
    for module in copied.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.MultiheadAttention)):
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(parameter.to(dtype), requires_grad=False))
    return copied


def _channels(values: Sequence[float] | float) -> Tensor:
    numbers = [float(values)] * 3 if isinstance(values, (int, float)) else [float(value) for value in values]
    return torch.tensor(numbers).view(1, 3, 1, 1)


def fingerprint_of(facts: object, weights: Mapping[str, Tensor]) -> str:
    """What tells a network from any other to the bit: SHA-256 of facts about it and of its float32 weights.

    Args:
        facts: JSON values.
        weights: name -> tensor on any device; their order plays no part.
    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for key, value in sorted(weights.items()):
        digest.update(f"{key} {tuple(value.shape)}".encode())
        digest.update(value.cpu().float().contiguous().numpy().astype("<f4").tobytes())
    return digest.hexdigest()
