"""Where an atlas is kept, and whose it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from eclipsed.errors import CheckpointError, EclipsedError
from eclipsed.files import header
from eclipsed.files.kinds import ATLAS
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.store.files import home
from eclipsed.store.sets import shipped_measured
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["AtlasFile", "Seen"]

_OWNERS = ("generator", "clip", "parser")


class Seen(NamedTuple):
    """What was seen of some faces.

    Args:
        embedding: CLIP's view of them, (N, D).
        areas: share of the picture that each part takes, (N, parts).
        slopes: random mixtures of the pixels of each part, over some faces, by each move, (parts, R, moves).
    """

    embedding: Tensor
    areas: Tensor
    slopes: Tensor

    @classmethod
    def joined(cls, chunks: Sequence[Seen]) -> Seen:
        """What was seen of several chunks of faces, one after the other."""
        embedding, areas, slopes = zip(*chunks, strict=True)
        return cls(torch.cat(embedding), torch.cat(areas), torch.cat(slopes, dim=1))


class AtlasFile:
    """The atlas of one generator, CLIP and parser: in the package with the set that it belongs to, or in the cache.

    What is in the cache may be removed at any time, and holds as much as was seen so far. What is damaged there is as
    if it were not there.

    Args:
        generator: whose faces are seen.
        clip: that looks; nothing is kept of one that nobody can tell from any other.
        parser: that tells their parts apart; likewise.
        side: of the pictures, in pixels.
    """

    def __init__(self, generator: Generator, clip: Clip, parser: Parser, *, side: int) -> None:
        self.facts = {
            "generator": generator.fingerprint,
            "clip": clip.fingerprint,
            "parser": parser.fingerprint,
            "class": generator.class_index,
            "side": side,
            "first_seed": TRAINING_SEEDS.start,
        }
        self._names = dict(zip(_OWNERS, (generator.name, clip.name, type(parser).__name__), strict=True))
        told = None not in (clip.fingerprint, parser.fingerprint)
        self.key = hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()[:16] if told else None

    @property
    def path(self) -> Path | None:
        """In the user's cache, whether it is there or not; None where nothing is kept."""
        return None if self.key is None else home() / "atlases" / f"{self.key}.safetensors"

    def read(self) -> Seen | None:
        """What was seen so far, of the file that holds most; None where nothing was."""
        if self.key is None or self.path is None:
            return None
        places = [*shipped_measured("atlas", self.key), *([self.path] if self.path.is_file() else [])]
        found = []
        for place in places:
            try:
                found.append(self.read_from(place))
            except EclipsedError:
                continue
        return max(found, key=lambda seen: len(seen.embedding), default=None)

    def read_from(self, path: str | os.PathLike[str]) -> Seen:
        """What a file holds.

        Raises:
            MissingModelError: it is not there.
            CheckpointError: it is damaged, another kind of file, or the atlas of other networks.
        """
        data, tensors = header.read(path, ATLAS)
        known: dict[str, Any] = data.get("networks", {})
        for name in (*_OWNERS, "class", "side", "first_seed"):
            if known.get(name) != self.facts[name]:
                which = f"another {name}" if name in _OWNERS else f"the {name.replace('_', ' ')} {known.get(name)!r}"
                mine = f"; here it is {self._names[name]!r}" if name in _OWNERS else f"; here {self.facts[name]!r}"
                raise CheckpointError(f"{path}: an atlas of {which}{mine}; build one with `eclipsed atlas build`")
        try:
            seen = Seen(*(tensors[name].float() for name in Seen._fields))
            sound = seen.embedding.ndim == seen.areas.ndim == 2 and seen.slopes.ndim == 3
            sound = sound and len(seen.embedding) == len(seen.areas) and seen.areas.shape[1] == len(seen.slopes)
            sound = sound and all(bool(one.isfinite().all()) for one in seen)
        except KeyError:
            sound = False
        if not sound:
            raise CheckpointError(
                f"{path}: an atlas that is damaged; remove it, and build one with `eclipsed atlas build`"
            )
        return seen

    def write(self, seen: Seen, path: str | os.PathLike[str] | None = None) -> None:
        """Keep what was seen.

        Args:
            seen: in values that half precision holds.
            path: where; None is the cache.
        Raises:
            OutputError: it cannot be written.
        """
        place = self.path if path is None else path
        if place is not None:
            tensors = {name: value.half().contiguous() for name, value in seen._asdict().items()}
            header.write(place, ATLAS, {"networks": self.facts, "faces": len(seen.embedding)}, tensors)
