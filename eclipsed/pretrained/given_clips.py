"""CLIPs as a caller gives them: an object, a name, a file or a function that loads one; and several of these."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch

from eclipsed.errors import InputError
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.clip_ensemble import ClipEnsemble
from eclipsed.pretrained.lazy import Lazy
from eclipsed.store.clips import split_clip

__all__ = ["AnyClip", "ClipName", "given_clip"]

#: ``"MODEL/TAG"`` by open_clip's names, ``"MODEL//path"`` with a file of weights, or a folder.
ClipName: TypeAlias = str | os.PathLike[str]

#: One CLIP in any form.
AnyClip: TypeAlias = Clip | ClipName | Callable[[], Clip]

_ALLOWED = "one, its file, or a function that loads it, or a list of these"


def given_clip(what: str, given: AnyClip | Sequence[AnyClip], device: str | torch.device) -> Lazy[Clip]:
    """The CLIP that a caller gave; of several a `ClipEnsemble`. What is given by name is loaded at once.

    Args:
        what: to call it in messages.
        given: one, or a list of some; a list of one is that one.
        device: where what is given by name runs.
    Raises:
        InputError: it is none of these, the list is empty, or several are no ensemble.
        MissingModelError, CheckpointError: what was named is not there, or damaged.
    """
    each = list(given) if isinstance(given, (list, tuple)) else [given]
    if not each:
        raise InputError(f"the {what} must be {_ALLOWED}; got an empty list")
    there = [_named(one, device) if isinstance(one, (str, os.PathLike)) else one for one in each]
    loads = [Lazy.of(what, one, Clip, allowed=_ALLOWED) for one in there]
    if len(loads) == 1:
        return loads[0]
    together: Lazy[Clip] = Lazy.of(what, _Together(loads), Clip)
    if all(isinstance(one, Clip) for one in there):
        together.get()  # what cannot go together is said at once
    return together


class _Together:
    """Loads several CLIPs as one.

    Args:
        loads: each of them.
    """

    def __init__(self, loads: Sequence[Lazy[Clip]]) -> None:
        self.loads = tuple(loads)

    def __call__(self) -> Clip:
        return ClipEnsemble([one.get() for one in self.loads])


def _named(model: ClipName, device: str | torch.device) -> Clip:
    """A CLIP model of a folder, or of open_clip's name and a tag or file parted by a slash."""
    text = os.fspath(model)
    if not Path(text).expanduser().is_dir() and not text.startswith(("local-dir:", "hf-hub:", ".", "~", os.sep)):
        name, slash, tag = text.rpartition("/")
        if slash and split_clip(text) is None:  # the name of no model, which will be said
            return Clip.from_pretrained(name, tag, device=device)
    return Clip.from_pretrained(text, device=device)
