"""What benchmarks of many trainings share: trained once, judged face by face, kept in a file that can be gone on with.

A record belongs to a key: what was trained, with every option, on which set of models, judged on which faces. What is
already in the file is not measured again; an option or a network that has changed makes another key.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from eclipsed import Direction, Editor, TrainConfig
from eclipsed.files.atomic import atomic_write
from eclipsed.images.metrics import Interval
from eclipsed.latents.direction import short_name
from eclipsed.store.sets import find_set
from recipes.drawn.truth import Truth

__all__ = ["FACES", "MEASURES", "Records", "as_share", "crossed", "digest", "judge", "models_digest", "train"]

#: faces that are judged; training and calibration draw from other ranges of seeds
FACES = tuple(range(2000, 2064))

#: what a record holds of each face, see `Truth.judge`
MEASURES = (
    "clip_gain", "localization", "inside", "outside", "success", "strict", "colour", "kept", "distance",
)  # fmt: skip

_RESAMPLES = 2000


def digest(*facts: object) -> str:
    """Twelve hex digits that change with any of some facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def models_digest(name: str) -> str:
    """Twelve hex digits that change with any network that directions are trained and judged with."""
    files = find_set(name)
    out = hashlib.sha256()
    for path in sorted(files.generator.parent.rglob("*.safetensors")):
        if path != files.encoder and not path.name.startswith("atlas-"):  # which says nothing that these do not
            out.update(path.read_bytes())
    return out.hexdigest()[:12]


class Records:
    """Records in a JSON file, one a line; several processes may add to it.

    Args:
        path: the file; made by the first `add`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[dict[str, Any]]:
        """Every record of the file."""
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else []

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of a key, or None."""
        wanted = json.loads(json.dumps(key))
        return next((one for one in self.all() if one["key"] == wanted), None)

    def add(self, record: dict[str, Any]) -> None:
        """Put a record in, in place of one with the same key."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = json.loads(json.dumps(record))
        with FileLock(f"{self.path}.lock"):
            kept = [one for one in self.all() if one["key"] != record["key"]] + [record]
            lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in kept)
            atomic_write(self.path, lambda place: place.write_text(f"[\n{lines}\n]\n", encoding="utf-8"))


def train(editor: Editor, prompt: str, config: TrainConfig, *, folder: Path, models: str) -> tuple[Direction, float]:
    """Train a direction, or load it where the same was trained before.

    Args:
        editor: of the set.
        prompt: to learn.
        config: every option.
        folder: where directions are kept.
        models: from `models_digest`.
    Returns:
        The direction, and the seconds that its training took.
    """
    path = folder / f"{short_name(prompt)}-{digest(prompt, config.to_json(), models)}.safetensors"
    if path.exists():
        direction = Direction.load(path)
        return direction, float(direction.scores["wall_seconds"])
    began = time.perf_counter()
    direction = editor.train(prompt, config=config)
    seconds = time.perf_counter() - began
    folder.mkdir(parents=True, exist_ok=True)
    replace(direction, scores={**direction.scores, "wall_seconds": seconds}).save(path)
    return direction, seconds


def judge(
    editor: Editor, direction: Direction, truth: Truth, *, prompt: str | None = None, alpha: float = 1.0
) -> dict[str, Any]:
    """Edit the faces of a truth and judge them.

    Args:
        editor: of the set that the direction was trained on.
        direction: what to apply.
        truth: the faces, and their exact edits.
        prompt: what CLIP compares the pictures with; None is the direction's own.
        alpha: strength.
    Returns:
        ``"values"``: each of `MEASURES` -> one number a face, None where a face does not count; ``"flips"``:
        attribute -> share of the faces in which it flipped.
    """
    after = editor.edit(truth.before, direction, alpha)
    found = truth.judge(
        editor,
        after,
        prompt=direction.title if prompt is None else prompt,
        parts=direction.region.parts,
        rows=direction.space_of(editor.generator).rows,
    )
    return plain(found)


def plain(found: Mapping[str, Tensor]) -> dict[str, Any]:
    """What `Truth.judge` gives as a part of a record; see `judge`."""
    values = {name: [_rounded(x) for x in found[name].tolist()] for name in MEASURES}
    flips = {name[5:]: flip.nan_to_num(0.0).mean().item() for name, flip in found.items() if name.startswith("flip ")}
    return {"values": values, "flips": {name: round(share, 4) for name, share in flips.items()}}


def _rounded(x: float) -> float | None:
    return None if x != x or x in (float("inf"), -float("inf")) else round(x, 5)


def grid(records: Sequence[Mapping[str, Any]], measure: str) -> NDArray[np.float64]:
    """One measure of records of the same faces, (records, faces); nan where a face does not count."""
    return np.array([one["values"][measure] for one in records], dtype=np.float64)


def crossed(
    cells: Sequence[Sequence[Mapping[str, Any]]],
    measure: Callable[[Callable[[str], NDArray[np.float64]]], NDArray[np.float64]] | str,
    *,
    seed: int = 0,
) -> Interval:
    """Mean over cells (prompts) of a measure, with the 95 % interval over training seeds × faces.

    Training seeds and faces are drawn again separately, since all faces share a training and all trainings the faces.

    Args:
        cells: for each prompt its records, one for each training seed, all of the same faces.
        measure: one of `MEASURES`, or a function of means by their names, such as
            ``lambda mean: mean("outside") / mean("inside")``.
        seed: of the resampling.
    Source: Efron and Tibshirani 1993, section 13.3; Owen 2007, Annals of Applied Statistics 1(2), for two crossed
        factors: the interval errs on the wide side.
    """
    rng = np.random.default_rng(seed)
    grids: list[dict[str, NDArray[np.float64]]] = [{name: grid(cell, name) for name in MEASURES} for cell in cells]

    def drawn(index: Callable[[dict[str, NDArray[np.float64]]], tuple[Any, ...]]) -> NDArray[np.float64]:
        out = []
        for cell in grids:
            where = index(cell)

            def mean(name: str, cell: Any = cell, where: Any = where) -> NDArray[np.float64]:
                picked = cell[name][where]
                known = np.isfinite(picked)
                total, count = np.where(known, picked, 0.0).sum(axis=(-2, -1)), known.sum(axis=(-2, -1))
                return np.where(count > 0, total / np.maximum(count, 1), np.nan)

            out.append(mean(measure) if isinstance(measure, str) else measure(mean))
        found = np.stack([np.asarray(one) for one in out])
        known = np.isfinite(found)
        total = np.where(known, found, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

    def again(cell: dict[str, NDArray[np.float64]]) -> tuple[Any, ...]:
        rows, faces = cell["inside"].shape
        first = rng.integers(0, rows, (_RESAMPLES, rows, 1))
        return first, rng.integers(0, faces, (_RESAMPLES, 1, faces))

    whole = float(drawn(lambda cell: (slice(None), slice(None))))
    samples = drawn(again)
    low, high = np.nanquantile(samples, (0.025, 0.975)) if np.isfinite(samples).any() else (np.nan, np.nan)
    return Interval(whole, float(low), float(high), sum(cell["inside"].size for cell in grids))


def as_share(value: float, digits: int = 0) -> str:
    """A share as a percentage; a dash where there is none."""
    return "–" if value != value else f"{value:.{digits}%}"
