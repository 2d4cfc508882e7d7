"""What a CLIP saw of the faces of a generator, kept on this machine so that no other process looks at them again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.errors import EclipsedError, OutputError
from eclipsed.files import header
from eclipsed.files.kinds import SURVEY
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.store.files import home
from eclipsed.store.sets import shipped_measured
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["SurveyFile", "survey_key"]


def survey_key(generator: Generator, clip: Clip, resolution: int | None) -> str | None:
    """What tells a survey from any other: the networks, and the pictures that are looked at.

    Args:
        generator: whose faces they are.
        clip: that looks.
        resolution: side of the pictures; None is the generator's.
    Returns:
        Sixteen hex digits; None where nobody can say which CLIP it is.
    """
    if clip.fingerprint is None:
        return None
    side = resolution or generator.resolution
    facts = (generator.fingerprint, generator.class_index, clip.fingerprint, side, TRAINING_SEEDS.start)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


class SurveyFile:
    """Where a survey is kept: in the package with the set that it belongs to, or in the user's cache.

    It may be removed at any time, and holds as many faces as were looked at so far. What is damaged, or cannot be
    written, is as if it were not there: it can be made again.

    Args:
        key: from `survey_key`; None keeps nothing.
    """

    def __init__(self, key: str | None) -> None:
        self.key = key

    @property
    def path(self) -> Path | None:
        """In the user's cache, whether it is there or not."""
        return None if self.key is None else home() / "surveys" / f"{self.key}.safetensors"

    def read(self) -> Tensor | None:
        """CLIP's view of the first faces, unit norm, (N, D), as many as are known; None where none are."""
        found = [_embedding(place) for place in self._places()]
        known = [one for one in found if one is not None]
        return max(known, key=len) if known else None

    def write(self, embedding: Tensor) -> None:
        """Keep what was seen, unless as much is known already.

        Args:
            embedding: of the first faces, (N, D), in values that half precision holds.
        """
        path = self.path
        if path is None:
            return
        known = self.read()
        if known is not None and len(known) >= len(embedding) and torch.equal(known[:1], embedding[:1].cpu()):
            return
        try:
            header.write(path, SURVEY, {}, {"embedding": embedding.half()})
        except OutputError:
            return

    def _places(self) -> list[Path]:
        if self.key is None or self.path is None:
            return []
        return [*shipped_measured("survey", self.key), *([self.path] if self.path.is_file() else [])]


def _embedding(path: Path) -> Tensor | None:
    try:
        found = header.read(path, SURVEY)[1].get("embedding")
    except EclipsedError:
        return None
    sound = found is not None and found.ndim == 2 and bool(found.isfinite().all())
    return found.float() if found is not None and sound else None
