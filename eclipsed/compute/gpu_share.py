"""What share of a GPU a worker needs, from the memory that a piece of work was seen to take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch

__all__ = ["CudaMemory", "DeviceMemory", "Taken", "share_of"]

_MARGIN = 1.25  # of the peak: other sentences and faces take somewhat more or less
_CONTEXT = 768 << 20  # bytes that CUDA and its libraries hold in each process, of which torch does not tell
_MOST = 12  # workers on one GPU: more were not tried, see docs/many-machines.md
_STEPS = 10_000  # Ray counts shares in these


@dataclass(frozen=True)
class Taken:
    """Memory of a GPU.

    Args:
        peak: bytes that torch held at most.
        total: bytes that the GPU has.
    """

    peak: int
    total: int


class DeviceMemory(Protocol):
    """Tells how much memory work takes on a device."""

    def begin(self) -> None:
        """Forget what was before."""

    def taken(self) -> Taken:
        """The peak since then."""


class CudaMemory:
    """Memory of the GPU that this process works on."""

    def begin(self) -> None:
        """Forget what was before."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def taken(self) -> Taken:
        """The peak since then: what torch had set aside, since that is what others cannot have."""
        return Taken(torch.cuda.max_memory_reserved(), torch.cuda.mem_get_info()[1])


def share_of(taken: Taken) -> float:
    """The share of a GPU that a worker is to be given: one over how many fit side by side.

    Args:
        taken: by one piece of work in a process of its own; a quarter more is reckoned with, and what CUDA holds.
    Returns:
        In (0, 1], rounded down to what Ray counts in, so that as many fit as were reckoned; 1 where two do not fit.
    """
    fit = int(taken.total // (taken.peak * _MARGIN + _CONTEXT))
    return math.floor(_STEPS / min(max(fit, 1), _MOST)) / _STEPS
