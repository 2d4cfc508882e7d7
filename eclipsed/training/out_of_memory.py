"""Running out of memory in a training, in whichever way: one error that says what to lower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eclipsed.compute.memory import is_out_of_memory
from eclipsed.errors import TrainingError
from eclipsed.training.config import TrainConfig

__all__ = ["saying_what_to_lower"]


def _lighter(config: TrainConfig) -> str:
    return "lower resolution" if config.low_memory else "set low_memory=True (--low-memory), lower batch or resolution"


@contextmanager
def saying_what_to_lower(config: TrainConfig) -> Iterator[None]:
    """Turn every kind of running out of memory into one error that says what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"memory ran out with batch {config.batch}; {_lighter(config)}, or train on another device"
        ) from error
