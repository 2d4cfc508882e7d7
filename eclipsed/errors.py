"""Every exception and warning that eclipsed raises on purpose.

A message says what was expected, what came, and what to do about it. Each class also derives from the built-in
that fits, so ``except ValueError`` and ``except OSError`` keep working.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "DirectionError",
    "DownloadError",
    "EclipsedError",
    "EclipsedWarning",
    "EmptyMaskError",
    "ForeignPictureError",
    "InputError",
    "LocalityWarning",
    "MissingExtraError",
    "MissingModelError",
    "OutputError",
    "TrainingError",
    "VocabularyWarning",
]


class EclipsedError(Exception):
    """Base class of every error that eclipsed raises on purpose."""


class InputError(EclipsedError, ValueError):
    """An argument is of the wrong kind, shape, range or name."""


class ForeignPictureError(InputError):
    """A picture is not of the kind that the generator draws, so that edits of its inversion are worth nothing.

    Args:
        message: all of it in one sentence, with what to do in the library and in the terminal.
        reason: its first half, without what to do.
        photographs: name of the model set for photographs, where this one draws something else; "" for none.
        whole: whether the picture was taken as an aligned face as a whole.
    """

    def __init__(self, message: str, *, reason: str = "", photographs: str = "", whole: bool = False) -> None:
        super().__init__(message)
        self.reason, self.photographs, self.whole = reason or message, photographs, whole


class EmptyMaskError(InputError):
    """Nothing is painted on a mask."""


class CheckpointError(EclipsedError, ValueError):
    """A checkpoint file is none of the known layouts, is damaged, or asks to run code."""


class DirectionError(EclipsedError, ValueError):
    """A direction file is damaged, or belongs to another generator."""


class MissingModelError(EclipsedError, FileNotFoundError):
    """A model set, a network of it, or a file is not where it should be."""


class DownloadError(EclipsedError, OSError):
    """A file could not be fetched, or what came was not it; no wrong file was kept."""


class OutputError(EclipsedError, OSError):
    """A result could not be written; nothing half-written was left behind."""


class MissingExtraError(EclipsedError, ImportError):
    """An optional package is needed for this call; the message carries the pip line."""


class TrainingError(EclipsedError, RuntimeError):
    """Training had to stop (loss not finite, out of memory); the last good state is kept."""


class EclipsedWarning(UserWarning):
    """Base class of every warning that eclipsed gives."""


class LocalityWarning(EclipsedWarning):
    """The prompt names no part of a face, so the edit is not held to one."""


class VocabularyWarning(EclipsedWarning):
    """The prompt has words that the CLIP model in use was never shown."""
