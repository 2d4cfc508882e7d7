"""Where the matrix of a generator's style channels is kept, and whose it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from eclipsed.errors import CheckpointError, EclipsedError
from eclipsed.files import header
from eclipsed.files.kinds import STYLES
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.store.files import home

__all__ = ["Measured", "StyleMatrixFile", "read_matrix"]

_Styles = tuple[tuple[str, int], ...]


class Measured(NamedTuple):
    """On how many faces channels were tried, and the sum over them of each one's unit change, (channels, D)."""

    faces: int
    total: Tensor


class StyleMatrixFile:
    """The matrix of one generator and one CLIP in the user's cache, as far as it was measured.

    It may be removed at any time. What is damaged is as if it were not there.

    Args:
        generator: whose channels they are.
        clip: that looked; nothing is kept of one that nobody can tell from any other.
        side: of the pictures, in pixels.
        step: see `StyleMatrix.of`.
        styles: names and widths of the layers, in the order of the channels.
    """

    def __init__(self, generator: Generator, clip: Clip, *, side: int, step: float | None, styles: _Styles) -> None:
        self.styles = styles
        self.facts = {**_owners(generator, clip), "side": side, "step": step, "styles": [list(one) for one in styles]}
        self.path: Path | None = None
        if clip.fingerprint is not None:
            told = [value for name, value in self.facts.items() if not name.endswith("_name")]
            key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
            self.path = home() / "styles" / f"{key}.safetensors"

    def nowhere(self) -> StyleMatrixFile:
        """Itself, from now on kept nowhere."""
        self.path = None
        return self

    def read(self) -> Measured | None:
        """What was measured so far; None where nothing is."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            data, tensors = header.read(self.path, STYLES)
            return _sound(self.path, data, tensors) if _told(data) == _told(self.facts) else None
        except EclipsedError:
            return None

    def write(self, known: Measured) -> None:
        """Keep what was measured.

        Raises:
            OutputError: it cannot be written.
        """
        if self.path is not None:
            header.write(self.path, STYLES, {**self.facts, "faces": known.faces}, {"total": known.total})


def read_matrix(path: str | os.PathLike[str], generator: Generator, clip: Clip) -> tuple[_Styles, Measured]:
    """Read a matrix by its file.

    Args:
        path: of the file.
        generator: that it must belong to.
        clip: that it must belong to.
    Returns:
        Names and widths of its layers, and what was measured.
    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is damaged, another kind of file, or the matrix of another generator or CLIP.
    """
    place = Path(path)
    data, tensors = header.read(place, STYLES)
    for what, own in (("generator", generator), ("clip", clip)):
        if data.get(what) != own.fingerprint or own.fingerprint is None:
            noun = "CLIP" if what == "clip" else what
            raise CheckpointError(
                f"{place} tells what the style channels of {data.get('generator_name')!r} do to the CLIP "
                f"{data.get('clip_name')!r}; the {noun} here, {own.name!r}, is another; leave the file out, and they "
                "are measured"
            )
    if data.get("class_index") != generator.class_index:
        raise CheckpointError(
            f"{place} was measured on faces of the class {data.get('class_index')}; those here are of the class "
            f"{generator.class_index}; leave the file out, and they are measured"
        )
    known = _sound(place, data, tensors)
    widths = {layer.name: layer.channels for layer in generator.layers}
    styles = tuple((str(name), int(width)) for name, width in data["styles"])
    if any(widths.get(name) != width for name, width in styles):
        raise CheckpointError(f"{place} is damaged: its layers are not those of {generator.name!r}")
    return styles, known


def _owners(generator: Generator, clip: Clip) -> dict[str, Any]:
    return {
        "generator": generator.fingerprint,
        "generator_name": generator.name,
        "class_index": generator.class_index,
        "clip": clip.fingerprint,
        "clip_name": clip.name,
    }


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What tells one matrix from another."""
    return {name: facts.get(name) for name in ("generator", "class_index", "clip", "side", "step", "styles")}


def _sound(path: Path, data: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Measured:
    """What a file holds, where its numbers fit what it says of itself."""
    total, faces, styles = tensors.get("total"), data.get("faces"), data.get("styles")
    try:
        channels = sum(int(width) for _, width in styles or ())
    except (TypeError, ValueError):
        channels = 0
    fits = total is not None and total.ndim == 2 and len(total) == channels > 0 and total.dtype == torch.float32
    if total is None or not fits or not isinstance(faces, int) or faces < 1 or not bool(total.isfinite().all()):
        raise CheckpointError(f"{path} is damaged: its numbers are not those of {channels} style channels")
    return Measured(faces, total)
