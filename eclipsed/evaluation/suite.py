"""A whole suite of sentences: each learned, or taken where it was learned before, and judged at equal success, too."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.directions.verdict import reached, verdict
from eclipsed.errors import EclipsedWarning, InputError, TrainingError
from eclipsed.evaluation.equal_success import strength_at, success_of
from eclipsed.evaluation.evaluate import check_held_out, evaluate, judged_faces
from eclipsed.evaluation.protocol import EQUAL_SUCCESS, SEEDS
from eclipsed.evaluation.results import Strength
from eclipsed.evaluation.sentences import Sentence, suite
from eclipsed.evaluation.suite_results import SuiteEvaluation, SuiteRow
from eclipsed.files.atomic import atomic_write
from eclipsed.latents.direction import Direction, short_name
from eclipsed.prompts.reading import read
from eclipsed.prompts.target import Target
from eclipsed.values.checks import real

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.training.config import TrainConfig
    from eclipsed.training.events import Callback

__all__ = ["evaluate_suite"]


def evaluate_suite(
    editor: Editor,
    name: str = "standard",
    *,
    folder: str | os.PathLike[str],
    config: TrainConfig | None = None,
    only: Iterable[str] | None = None,
    seeds: Iterable[int] = SEEDS,
    equal_success: float = EQUAL_SUCCESS,
    tell: Callable[[int, int, Sentence], None] = lambda *_: None,
    callback: Callback | None = None,
) -> SuiteEvaluation:
    """Learn every sentence of a suite and judge what came of it on faces that training never saw.

    A direction that lies in the folder already is taken as it is, however it was made: that of "a person with an afro"
    is ``afro.safetensors``. What is learned and judged is written there sentence by sentence, so that a suite that was
    stopped goes on where it was.

    Args:
        editor: of the set.
        name: of the suite; ``"standard"``, the sentences by which the field compares.
        folder: where directions and figures are, and are written to.
        config: every option of training; None is the default, and any direction of the folder is good enough.
        only: kinds of sentences (``"hair colour"``); None takes all.
        seeds: the faces that are judged.
        equal_success: figures are also given at the strength at which this share of the faces has what was asked for.
        tell: called before each sentence with how many are done, how many there are, and the sentence.
        callback: told of every step of a training; see `Editor.train`.
    Returns:
        A row for each sentence. What the set's classifier does not know is not judged; of it stands what the program
        says.
    Raises:
        InputError: the suite or a kind is unknown, the suite is of another world, a number is out of range, a seed was
            trained on, or a direction of the folder was learned with other options or from another sentence.
        DirectionError: a direction of the folder belongs to another generator.
        OutputError: the folder cannot be written.
    """
    sentences = suite(name, world=editor.world.name, only=only)
    if real("equal_success", equal_success, 0.0, 1.0) == 0:
        raise InputError("equal_success must be above 0; got 0")
    numbers = tuple(seeds)
    run = _Run(editor, Path(folder), config, numbers, equal_success, callback)
    rows = []
    for done, sentence in enumerate(sentences):
        tell(done, len(sentences), sentence)
        rows.append(run.row(sentence))
    return SuiteEvaluation(
        suite=name, models=editor.name, seeds=run.seeds, equal_success=equal_success, rows=tuple(rows)
    )


@dataclass(frozen=True)
class _Learned:
    """A direction, or why there is none, and the seconds that it took; None where it was there already."""

    direction: Direction | None
    why: str = ""
    seconds: float | None = None


class _Run:
    """One suite on one set."""

    def __init__(
        self,
        editor: Editor,
        folder: Path,
        config: TrainConfig | None,
        seeds: tuple[int, ...],
        equal_success: float,
        callback: Callback | None,
    ) -> None:
        self.editor, self.folder, self.config = editor, folder, config
        self.seeds, self.equal_success, self.callback = seeds, equal_success, callback
        self._faces: Faces | None = None

    def row(self, sentence: Sentence) -> SuiteRow:
        """Learn, judge and keep one sentence, or find it."""
        file = self.folder / f"{short_name(sentence.prompt)}.safetensors"
        learned = self._learned(sentence, file)
        if learned.direction is None:
            return _nothing(sentence, learned.why)
        record = file.with_suffix(".json")
        key = self._key(learned.direction)
        kept = _kept(record, key)
        if kept is not None:
            return kept
        row = self._judged(sentence, learned.direction, file.name, learned.seconds)
        text = json.dumps({"key": key, **row.to_json()}, indent=1)
        atomic_write(record, lambda place: place.write_text(text, encoding="utf-8"))
        return row

    def _learned(self, sentence: Sentence, file: Path) -> _Learned:
        if file.exists():
            found = Direction.load(file)
            self._check(found, sentence, file)
            return _Learned(found)
        began = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EclipsedWarning)
                found = self.editor.train(sentence.prompt, config=self.config, callback=self.callback)
        except TrainingError as error:
            return _Learned(None, str(error))
        if "stopped_at" in found.scores or (found.config["calibrate"] and "calibration_seeds" not in found.scores):
            raise KeyboardInterrupt  # somebody stopped it: half a direction is not kept
        found.save(file)
        return _Learned(found, seconds=round(time.perf_counter() - began, 1))

    def _check(self, direction: Direction, sentence: Sentence, file: Path) -> None:
        """Refuse a direction of the folder that is not what was asked for."""
        if direction.prompt not in (None, sentence.prompt):
            raise InputError(f"{file} is of {direction.prompt!r}, not of {sentence.prompt!r}; name another folder")
        if self.config is None or not direction.config:
            return
        for name, value in self.config.to_json().items():
            if value is not None and direction.config.get(name) != value:
                raise InputError(
                    f"{file} was learned with {name} {direction.config.get(name)!r}, not {value!r};"
                    " name another folder, or leave the options out"
                )

    def _key(self, direction: Direction) -> str:
        """Twelve hex digits that change with all that figures depend on."""
        editor, judge = self.editor, self.editor.classifier
        facts = [direction.digest, editor.generator.fingerprint, editor.clip.name, list(self.seeds), self.equal_success]
        facts += [None if judge is None else {name: list(classes) for name, classes in judge.attributes.items()}]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def _judged(self, sentence: Sentence, direction: Direction, file: str, seconds: float | None) -> SuiteRow:
        editor = self.editor
        numbers = check_held_out(direction, self.seeds)
        judge = editor.classifier
        target = None if judge is None else read(sentence.prompt, world=editor.world).target(judge.attributes)
        equal = None if target is None else self._equal(direction, target)
        alphas = (1.0,) if equal is None else (1.0, equal)
        found = evaluate(editor, direction, seeds=numbers, alphas=alphas, target=target, prompt=sentence.prompt)
        at: dict[float, Strength] = {one.alpha: one for one in found.strengths}
        return SuiteRow(
            prompt=sentence.prompt,
            kind=sentence.kind,
            sources=sentence.sources,
            target=target,
            says=verdict(direction.scores),
            reached=reached(direction.scores),
            weak=direction.weak,
            file=file,
            digest=direction.digest,
            seconds=seconds,
            full=at[1.0],
            equal=None if equal is None else at[equal],
        )

    def _equal(self, direction: Direction, target: Target) -> float | None:
        if self._faces is None:
            self._faces = judged_faces(self.editor, direction, self.seeds)
        return strength_at(success_of(self.editor, direction, self._faces, target), self.equal_success)


def _nothing(sentence: Sentence, why: str) -> SuiteRow:
    """The row of a sentence that nothing was learned of; it is tried again the next time."""
    return SuiteRow(
        prompt=sentence.prompt, kind=sentence.kind, sources=sentence.sources, target=None, says=why, reached=None,
        weak=True, file="", digest="", seconds=None, full=None, equal=None,
    )  # fmt: skip


def _kept(record: Path, key: str) -> SuiteRow | None:
    """The row that a file keeps; None where it is not there or of other figures."""
    if not record.exists():
        return None
    try:
        data: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return SuiteRow.from_json(data) if data.pop("key") == key else None
    except (KeyError, TypeError, ValueError, AttributeError):  # cut off, or changed by hand: it is judged again
        return None
