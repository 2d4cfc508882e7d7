"""Which device the networks run on when nobody says."""

from __future__ import annotations

import torch

from eclipsed.errors import InputError

__all__ = ["as_device", "default_device"]


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
