"""One training among many: learned, judged, drawn and written, or a sentence that says why not."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eclipsed.compute.crew_work import Turn
from eclipsed.compute.memory import is_out_of_memory
from eclipsed.directions.verdict import reached, verdict
from eclipsed.editor import Editor
from eclipsed.errors import EclipsedError, EclipsedWarning, VocabularyWarning
from eclipsed.evaluation.evaluate import evaluate, judged_faces
from eclipsed.evaluation.many_rows import DONE_BEFORE, FAILED, TRAINED, TrainedPrompt, worth_of
from eclipsed.evaluation.many_wanted import Wanted
from eclipsed.files.atomic import atomic_write, remove_file
from eclipsed.inversion.thumbnail import thumbnail
from eclipsed.latents.direction import Direction, short_name
from eclipsed.training.config import TrainConfig
from eclipsed.training.events import Callback
from eclipsed.training.state import TrainingState

if TYPE_CHECKING:
    from eclipsed.images.metrics import Interval

__all__ = ["STATES", "ManyJob", "Models", "plain_row", "work_at"]

#: a model set: its editor, its name, or what opens it
Models = Editor | str | os.PathLike[str] | Callable[[], Editor]

#: folder of the trainings that are not finished, in the folder of the results
STATES = ".unfinished"

_STRIP_SEEDS = (2, 3)
_STRIP_ALPHAS = (-1.0, 0.0, 0.5, 1.0)
_STRIP_SIDE = 480  # pixels


@dataclass(frozen=True)
class ManyJob:
    """What all trainings have in common.

    Args:
        out: folder of the results.
        sets: model sets.
        faces: seeds of those on which a direction is judged.
        callback: told of every step.
    """

    out: Path
    sets: tuple[Models, ...]
    faces: tuple[int, ...]
    callback: Callback | None = None


def work_at(job: ManyJob) -> Callable[[Wanted, Turn], TrainedPrompt]:
    """What one worker does with each training; it opens each model set once.

    Args:
        job: what they have in common.
    """
    opened: dict[int, Editor] = {}

    def work(wanted: Wanted, turn: Turn) -> TrainedPrompt:
        if wanted.models not in opened:
            opened[wanted.models] = _open(job.sets[wanted.models])
        return _One(job, opened[wanted.models], wanted, turn).row()

    return work


def _open(models: Models) -> Editor:
    if isinstance(models, Editor):
        return models
    return models() if callable(models) else Editor.from_pretrained(models)


class _One:
    """One training."""

    def __init__(self, job: ManyJob, editor: Editor, wanted: Wanted, turn: Turn) -> None:
        self.job, self.editor, self.wanted, self.turn = job, editor, wanted, turn
        self.began = time.monotonic()

    def row(self) -> TrainedPrompt:
        """Do it, or find what an earlier run did.

        Raises:
            MemoryError, RuntimeError: memory ran out, for the first time.
        """
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", EclipsedWarning)
            warnings.simplefilter("error", VocabularyWarning)  # of many, nobody reads that the words meant nothing
            try:
                return self._done(told)
            except (EclipsedError, VocabularyWarning) as error:
                if _wants_memory(error) and not self.turn.less_memory:
                    raise MemoryError(str(error)) from error
                return self._failed(str(error), told)
            except Exception as error:  # what nobody thought of ends this one, and none beside it
                if not is_out_of_memory(error):
                    return self._failed(f"{type(error).__name__}: {error} (unexpected; please report it)", told)
                if not self.turn.less_memory:
                    raise
                return self._failed(f"{self.wanted.prompt!r} does not fit into memory, with low_memory either", told)

    def _done(self, told: Sequence[warnings.WarningMessage]) -> TrainedPrompt:
        config = self.wanted.config
        if config.class_index is None and self.editor.generator.class_index is not None:
            config = config.replace(class_index=self.editor.generator.class_index)
        file = self.job.out / f"{short_name(self.wanted.prompt)}-{self._key(config)}.safetensors"
        direction, before = _kept_direction(file), True
        if direction is None:
            direction, before = self._trained(config, file), False
        record = file.with_suffix(".json")
        kept = _kept_row(record, self._judging_key(direction)) if before else None
        if kept is not None:
            return replace(kept, outcome=DONE_BEFORE)
        spent = round(time.monotonic() - self.began, 2)
        row = replace(self._judged(direction), file=file.name, seconds=spent, note=_sentences(told))
        self.turn.go_on()
        text = json.dumps({"key": self._judging_key(direction), "strip": row.strip, **row.to_json()}, indent=1)
        atomic_write(record, lambda place: place.write_text(text, encoding="utf-8"))
        return replace(row, outcome=DONE_BEFORE) if before else row

    def _key(self, config: TrainConfig) -> str:
        """Twelve hex digits that change with all that the direction depends on."""
        wanted, editor = self.wanted, self.editor
        witness = editor.witness
        facts: list[Any] = [
            wanted.prompt,
            wanted.region,
            config.to_json(),
            editor.generator.fingerprint,
            editor.has_parser,
        ]
        facts += [editor.clip.fingerprint or editor.clip.name, None if witness is None else witness.name]
        facts += [editor.world.name, editor.truncation_psi]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def _judging_key(self, direction: Direction) -> str:
        judge = self.editor.classifier
        facts: list[Any] = [direction.digest, list(self.job.faces), self.wanted.prompt]
        facts += [None if judge is None else {name: list(classes) for name, classes in judge.attributes.items()}]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def _trained(self, config: TrainConfig, file: Path) -> Direction:
        """Learn the direction and write it; a training that was cut off goes on where it was."""
        state = self.job.out / STATES / file.name
        if self.turn.less_memory:
            config = config.replace(low_memory=True)
        direction = self.editor.train(
            self.wanted.prompt,
            region=self.wanted.region,
            config=config,
            callback=self.job.callback,
            state=state,
            resume=state if _goes_on(state, config, again=self.turn.less_memory) else None,
        )
        self.turn.go_on()  # what Ctrl-C cut short is not kept as if it were whole
        direction.save(file)
        remove_file(state)
        return direction

    def _judged(self, direction: Direction) -> TrainedPrompt:
        editor = self.editor
        found = evaluate(editor, direction, seeds=self.job.faces, alphas=(1.0,), extras=())
        at = found.strengths[0]
        success, judge = _mean(at.success), "classifier" if found.target is not None else "witness"
        if success is None:
            success, judge = reached(direction.scores), "clip"
        locality, kept = _mean(at.localization), _mean(at.kept)
        leakage = None if kept is None else 1 - kept
        faces = judged_faces(editor, direction, _STRIP_SEEDS)
        strip = editor.strip(faces, direction, _STRIP_ALPHAS).convert("RGB")
        return replace(
            self._plain(TRAINED),
            digest=direction.digest,
            success=success,
            judge=judge if success is not None else "",
            locality=locality,
            leakage=leakage,
            clip_gain=_mean(at.clip_gain),
            worth=worth_of(success, locality, leakage),
            says=verdict(direction.scores),
            strip=thumbnail(np.asarray(strip), side=_STRIP_SIDE),
        )

    def _failed(self, reason: str, told: Sequence[warnings.WarningMessage]) -> TrainedPrompt:
        seconds = round(time.monotonic() - self.began, 2)
        return replace(self._plain(FAILED), reason=" ".join(reason.split()), seconds=seconds, note=_sentences(told))

    def _plain(self, outcome: str) -> TrainedPrompt:
        return plain_row(self.wanted, outcome, models=self.editor.name)


def plain_row(wanted: Wanted, outcome: str, *, models: str = "") -> TrainedPrompt:
    """A row that says only what was wanted.

    Args:
        wanted: the training.
        outcome: of it.
        models: name of its set.
    """
    default, options = TrainConfig().to_json(), wanted.config.to_json()
    changes = {name: value for name, value in options.items() if value != default[name] and name != "seed"}
    return TrainedPrompt(prompt=wanted.prompt, models=models, seed=wanted.config.seed, options=changes, outcome=outcome)


def _wants_memory(error: BaseException | None) -> bool:
    """Whether it was memory that ran out, however the error is wrapped."""
    return error is not None and (is_out_of_memory(error) or _wants_memory(error.__cause__))


def _mean(interval: Interval | None) -> float | None:
    return None if interval is None or not interval.count else round(float(interval.mean), 6)


def _goes_on(state: Path, config: TrainConfig, *, again: bool) -> bool:
    """Whether a training that was cut off goes on; one that is damaged, or of other options, is removed."""
    if not state.exists():
        return False
    try:
        TrainingState.load(state, like=config)
    except EclipsedError:
        again = True
    if again:
        remove_file(state)
    return not again


def _kept_direction(file: Path) -> Direction | None:
    """The direction of an earlier run; None where there is none that can be read."""
    try:
        return Direction.load(file) if file.exists() else None
    except EclipsedError:
        return None


def _kept_row(record: Path, key: str) -> TrainedPrompt | None:
    """The figures of an earlier run; None where they are not there, or were judged otherwise."""
    try:
        data: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return TrainedPrompt.from_json(data) if data.pop("key") == key else None
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _sentences(told: Sequence[warnings.WarningMessage]) -> str:
    """What was warned of, each once."""
    return "; ".join(dict.fromkeys(" ".join(str(one.message).split()) for one in told))
