"""Reading files of weights, whatever wrote them, with errors in one sentence."""

from __future__ import annotations

from pathlib import Path

from eclipsed.checkpoints.unpickling import read_stream
from eclipsed.errors import CheckpointError

__all__ = ["load_weights"]


def load_weights(path: Path) -> object:
    """Load tensors and plain data onto the CPU, and nothing else; nothing in the file is run.

    Args:
        path: what ``torch.save`` wrote, in its present form or the one before; a TorchScript archive, of which only
            the tensors are read; or a pickle.
    Returns:
        What the file holds; stand-ins where it holds plain data of other packages.
    Raises:
        ForeignGlobalError: it asks for a function or class beyond tensors and plain data.
        CheckpointError: it is no torch file, is damaged or cut short.
    """
    try:
        with open(path, "rb") as file:
            return read_stream(file, path)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        reason = str(error).strip().split("\n")[0] or "it ends too early"
        raise CheckpointError(f"{path}: no torch file, damaged or cut short ({reason:.120}); fetch it again") from error
