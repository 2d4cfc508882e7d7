"""Whether memory ran out, on any device."""

from __future__ import annotations

import gc

import torch

__all__ = ["give_back", "is_out_of_memory"]

_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's own, or one of torch's."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
    )


def give_back() -> None:
    """Let go of memory that nobody uses: rings of objects, and what torch keeps of a GPU's for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
