"""Which device the networks run on when nobody says, and the way there."""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.errors import InputError

__all__ = ["as_device", "default_device", "pinned", "send"]


def default_device() -> torch.device:
    """The fastest device of this machine: CUDA, else MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def as_device(device: str | torch.device | None = None) -> torch.device:
    """Turn a device name into a device of this machine.

    Args:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, a device, or None for `default_device`.
    Returns:
        The device.
    Raises:
        InputError: there is no such device, here or at all.
    """
    if device is None:
        return default_device()
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"unknown device {device!r}; use 'cpu', 'cuda', 'cuda:0' … or 'mps'") from error
    if wanted.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"device {device!r} is not supported; use 'cpu', 'cuda' or 'mps'")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[wanted.type]
    if (wanted.index or 0) >= count:
        raise InputError(
            f"device {str(device)!r} is not on this machine; use {str(default_device())!r} or leave it out"
        )
    return wanted


def pinned(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor from which a copy to a device need not be waited for: on its way to a GPU, one in pinned memory.

    Args:
        tensor: on any device.
        device: where it is going to be copied.
    Returns:
        The tensor, or a pinned copy of it. PyTorch keeps the memory until the copy on the stream is done.
    """
    return tensor.pin_memory() if device.type == "cuda" and tensor.device.type == "cpu" else tensor


def send(tensor: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """Bring a tensor to a device, from pinned memory when that is a GPU: the program goes on while it is on its way.

    Args:
        tensor: of any shape, on any device.
        device: where it is wanted.
        dtype: the format it is wanted in; None keeps its own.
    Returns:
        The tensor itself where nothing has to change.
    """
    return pinned(tensor.to(dtype or tensor.dtype), device).to(device, non_blocking=device.type == "cuda")
