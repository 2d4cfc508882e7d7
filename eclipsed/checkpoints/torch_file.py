"""Reading what ``torch.save`` wrote, with PyTorch's own restricted loader and errors in one sentence."""

from __future__ import annotations

import argparse
import re
import warnings
from pathlib import Path
from typing import BinaryIO

import torch

from eclipsed.errors import CheckpointError

__all__ = ["ForeignGlobalError", "load_weights"]


class ForeignGlobalError(CheckpointError):
    """A file asks for a function or class outside the list; it may be an attempt to run code."""

    @classmethod
    def of(cls, path: Path, asked: str) -> ForeignGlobalError:
        """The error for one name, ``module.name``."""
        return cls(f"{path}: refused, it asks for {asked}, which no checkpoint needs; nothing was run")


def load_weights(path: Path, stream: BinaryIO | None = None) -> object:
    """Load tensors and plain containers onto the CPU, and nothing else.

    Args:
        path: the file; also what messages name.
        stream: read this instead.
    Returns:
        What the file holds.
    Raises:
        ForeignGlobalError: it asks for a function or class beyond tensors and plain containers.
        CheckpointError: it is no torch file, is damaged or cut short.
    """
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            # Namespace: the training options that lie beside the weights. An unusual protocol is no one's concern.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path if stream is None else stream, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        text = str(error)
        asked = re.search(r"GLOBAL ([\w.]*\w)", text)
        if asked:
            name = asked[1] if "." in asked[1] else f"builtins.{asked[1]}"
            raise ForeignGlobalError.of(path, name) from error
        if "Weights only load failed" in text:  # its first lines advise to load the file unsafely
            text = text.partition("WeightsUnpickler error: ")[2]
        reason = text.strip().split("\n")[0] or "it holds more than tensors and plain containers"
        raise CheckpointError(f"{path}: no torch file, damaged or cut short ({reason:.120}); fetch it again") from error
