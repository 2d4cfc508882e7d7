"""Learning a direction: the loop over steps, its events, stopping, saving and going on."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

from torch import Tensor

from eclipsed.directions.calibration import calibrate
from eclipsed.directions.margins import Margin, clip_margin
from eclipsed.directions.verdict import DOUBT, DOUBTED
from eclipsed.errors import EclipsedWarning, InputError, LocalityWarning, TrainingError, VocabularyWarning
from eclipsed.files.atomic import check_writable
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip, vocabulary_warning
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.training.batches import Step, step_rng
from eclipsed.training.clock import Clock
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import AdamState, advance
from eclipsed.training.events import BrokenTraining, Callback, StopTraining
from eclipsed.training.out_of_memory import saying_what_to_lower
from eclipsed.training.outcome import instead, judges, trusted
from eclipsed.training.probe import JUDGED, choose_space
from eclipsed.training.reference import Reference
from eclipsed.training.start import full_change, look, start
from eclipsed.training.state import TrainingState
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss
from eclipsed.values.checks import whole
from eclipsed.values.mask import Mask

__all__ = ["SAVE_EVERY", "train"]

#: steps after which a training is saved, where somebody said to which file
SAVE_EVERY = 25

_START = 1  # stream of random numbers, beside that of the steps


def train(
    prompt: str | Reference,
    *,
    generator: Generator,
    parser: Parser,
    clip: Clip,
    classifier: Classifier | None = None,
    witness: Clip | None = None,
    region: Region | Sequence[str] | Mask | None = None,
    config: TrainConfig | None = None,
    latents: Latent | None = None,
    truncation_psi: float = 1.0,
    callback: Callback | None = None,
    state: str | os.PathLike[str] | None = None,
    save_every: int = SAVE_EVERY,
    resume: str | os.PathLike[str] | None = None,
) -> Direction:
    """Learn a direction from a sentence.

    Args:
        prompt: what the edited face shall look like, or a picture that says so, with its region.
        generator: frozen.
        parser: frozen.
        clip: frozen.
        classifier: of the set; has no part in learning, and says in the end what was reached.
        witness: another CLIP, that has no part in learning either; where there is one, the outcome is what it says.
        region: the parts that may change, their names, or a painted mask; None finds them in the prompt. Of masks there
            may be one for each face that is trained on: the strength is then set by these faces, and the region of the
            direction is all that was painted on any.
        config: every option; None is the default, or what the resumed training had.
        latents: train on these faces rather than those of the config.
        truncation_psi: of faces made from seeds, when the config does not say.
        callback: told of every step; returning False or raising `StopTraining` stops, and what was learned is kept.
        state: file to save the training to, every `save_every` steps and when it stops.
        save_every: see `state`.
        resume: such a file, to go on from; also the place to save to unless `state` is another.
    Returns:
        The direction, calibrated unless it was interrupted by Ctrl-C. When it was stopped early in any way,
        ``scores["stopped_at"]`` says after which step.
    Raises:
        InputError: an empty prompt, an unknown part, several masks and not one for each face, or a resumed training of
            another prompt, config or generator.
        BrokenTraining: the loss is not finite, or memory ran out; its `direction` is the last good one.
        TrainingError: it was stopped before anything was learned.
        OutputError: the state cannot be written.
    """
    save_every = whole("save_every", save_every, 1)
    reference = prompt if isinstance(prompt, Reference) else None
    reading = prompt.reading(parser.world) if isinstance(prompt, Reference) else read(prompt, world=parser.world)
    saved = None if resume is None else TrainingState.load(resume, like=config)
    masks = region if isinstance(region, Mask) and len(region) > 1 else None
    region = _region(reading, region, saved)
    config = config or (saved.config if saved else TrainConfig())
    if config.class_index is None and generator.class_index is not None:
        config = config.replace(class_index=generator.class_index)
    if reference is not None and config.layers == "auto":
        config = config.replace(layers=None)  # a look has a shape and colours, which lie in rows of their own
    place = resume if state is None else state
    if place is not None:
        check_writable(place)
    _warn(reading.told if config.clip_loss == "contrast" or reference else (reading.prompt,), region, clip)
    with saying_what_to_lower(config):
        task = Task.of(
            reading,
            generator=generator,
            parser=parser,
            clip=clip,
            region=region,
            config=config,
            latents=latents,
            masks=masks,
            truncation_psi=truncation_psi,
            reference=reference,
        )
        loss = Loss(task)
    try:
        others = judges(task, classifier, witness)
        who = "" if witness is None else witness.name
        clock = Clock(task.config, callback, faces=task.start_faces)
        return _Run(loss, _digest(latents, masks), clock, place, save_every, others, who).run(saved)
    finally:
        task.recorder.clear()


class _Run:
    """One training from its start to the direction."""

    def __init__(
        self,
        loss: Loss,
        faces: str,
        clock: Clock,
        place: str | os.PathLike[str] | None,
        save_every: int,
        judges: Mapping[str, Margin],
        witness: str,
    ) -> None:
        self.loss, self.task, self.config = loss, loss.task, loss.task.config
        self.faces, self.clock, self.place, self.save_every = faces, clock, place, save_every
        self.state: TrainingState | None = None  # after the last whole step
        self.saved_at = -1
        self.judges, self.witness = judges, witness  # who say in the end what was reached, and the witness's name

    def run(self, saved: TrainingState | None) -> Direction:
        calibrated = self.config.calibrate
        try:
            with saying_what_to_lower(self.config):
                self._descend(saved)
        except StopTraining as error:
            if not self._learned:
                raise TrainingError("training was stopped before its first step; nothing was learned") from error
        except KeyboardInterrupt:
            if not self._learned:
                raise
            calibrated = False
        except TrainingError as error:
            raise self._broken(error) from error
        self._save()
        direction = self._direction()
        return self._calibrate(direction) if calibrated else direction

    @property
    def _learned(self) -> bool:
        return self.state is not None and self.state.adam.step > 0

    def _descend(self, saved: TrainingState | None) -> None:
        state = self._begin(saved)
        self.state = state
        space = self._space(state.rows)
        self.clock.begin("train", state.adam.step)
        rates, shared = self.config.learning_rates(), self.config.optimiser == "shared"
        for number in range(state.adam.step, self.config.steps):
            step = Step(number, self.config.steps, row=min(space.rows))
            faces = self.loss.batches.of(step)
            adam, figures = advance(self.loss, faces, space, state.adam, step=step, rate=rates[number], shared=shared)
            self.state = state = replace(state, adam=adam)
            if adam.step % self.save_every == 0:
                self._save()
            self.clock.tell(adam.step, figures)

    def _begin(self, saved: TrainingState | None) -> TrainingState:
        config, task = self.config, self.task
        chosen: list[tuple[Space, dict[str, float]]] = []
        if saved is None and task.start_faces:
            self.clock.begin("survey", 0)
            look(task, self.clock.tell)
        if saved is None and config.layers == "auto":
            chosen = [choose_space(self._loss_of(one), self.clock.tell, plan=self._try) for one in task.alone()]
        rows = _rows(config) if saved is None else saved.rows
        if chosen:
            rows = tuple(sorted({row for space, _ in chosen for row in space.rows}))
        space = make_space(config.space, task.generator, layers=rows, styles=config.styles)
        probe = _most(shares for _, shares in chosen)
        changes = [] if saved is not None else self._changes(space, [one.rows for one, _ in chosen])
        deltas = start(space, changes, task=task, rng=step_rng(config.seed, 0, _START))
        anchor = deltas[0].clone() if any(one is not None for one in changes) else None
        fresh = TrainingState(
            adam=AdamState.start(deltas),
            rows=space.rows,
            prompt=task.prompt,
            region=task.region,
            config=config,
            generator=task.generator.fingerprint,
            generator_sketch=task.generator.sketch,
            clip=task.clip.name,
            faces=self.faces,
            probe=probe,
            anchor=anchor,
        )
        self.loss.anchor = anchor if saved is None or saved.anchor is None else saved.anchor.to(deltas)
        if self.loss.anchor is not None and config.start == "atlas" and config.directions == 1:
            self.loss.batches.begin_with(space, self.loss.anchor)
        if saved is None:
            return fresh
        saved.check(fresh)
        return replace(
            saved,
            config=config,
            adam=saved.adam.to(task.generator.device),
            generator=fresh.generator,
            generator_sketch=fresh.generator_sketch,
        )

    def _changes(self, space: Space, rows: Sequence[tuple[int, ...]]) -> list[Tensor | None]:
        """What the faces tell of each statement, in the rows that were found for it, or in all of the space."""
        task, steps = self.task, self.config.steps
        if self.config.start not in ("faces", "atlas"):
            return []
        faces = [self.loss.batches.faces(Step(steps + k, steps)) for k in range(JUDGED)]
        alone = task.alone()
        return [
            full_change(one, space.restricted(some), faces)
            for one, some in zip(alone, rows or [space.rows] * len(alone), strict=True)
        ]

    def _try(self, steps: int) -> None:
        self.clock.plan("probe", steps)
        self.clock.begin("probe", 0)

    def _loss_of(self, task: Task) -> Loss:
        """The loss of one statement of the training."""
        return self.loss if task is self.task else Loss(task)

    def _space(self, rows: tuple[int, ...]) -> Space:
        return make_space(self.config.space, self.task.generator, layers=rows, styles=self.config.styles)

    def _save(self) -> None:
        if self.place is not None and self.state is not None and self.state.adam.step != self.saved_at:
            self.state.save(self.place)
            self.saved_at = self.state.adam.step

    def _direction(self) -> Direction:
        assert self.state is not None
        config, state = self.config, self.state
        scores: dict[str, object] = {}  # no times: the same seed gives the same file
        if math.isfinite(self.clock.last.loss):
            scores["loss"] = self.clock.last.loss
        unknown = self.task.clip.unknown_words(" ".join(self.task.told))
        if unknown:
            scores["unknown"] = list(unknown)
        if "witness" in self.judges:
            scores["witness"] = self.witness
        if state.probe:
            scores["probe"] = dict(state.probe)
        note = ""
        if state.adam.step < config.steps:
            scores["stopped_at"] = state.adam.step
            note = f"stopped at step {state.adam.step} of {config.steps}"
        found = state.direction(self.task.generator)
        if self.task.turned:
            found = replace(found, deltas=-found.deltas)
        if (shown := self.task.reference) is not None:
            found = replace(found, prompt=None, name=shown.title, reference=shown.facts)
        return replace(found, scores=scores, note=_joined(self.task.reading.note, note))

    def _calibrate(self, direction: Direction) -> Direction:
        """The direction with its strength set; as it is when that is interrupted."""
        self.clock.begin("calibrate", 0)
        task, config = self.task, self.config
        try:
            with saying_what_to_lower(config):
                found = calibrate(
                    direction,
                    clip_margin(task.clip, task.asked),
                    fast=clip_margin(task.clip, task.asked, dtype=task.dtype),
                    held_out=task.held_out(),
                    judges=self.judges,
                    unit=1.0,
                    strongest=max(abs(alpha) for alpha in config.alpha),
                    soon=config.start == "atlas",
                    advice="word the prompt otherwise, name the region, or train for more steps",
                    tell=self.clock.tell,
                )
        except (KeyboardInterrupt, StopTraining):
            return replace(direction, note=_joined(direction.note, "not calibrated"))
        except TrainingError as error:
            raise self._broken(error) from error
        if found.weak or (self.task.region.painted and not self.judges):  # CLIP alone says what a painted part has
            found = self._told_apart(found)
        if found.weak:
            warnings.warn(EclipsedWarning(f"{direction.title!r}: {found.note}"), stacklevel=4)
        return found

    def _told_apart(self, direction: Direction) -> Direction:
        """A direction with why it is weak: what it came out as, and that CLIP hardly tells what was asked for."""
        why: dict[str, Any] = {}
        notes = [direction.note]
        came_out, trust = instead(self.task, direction, self.task.held_out()), trusted(self.task)
        if came_out:
            why |= {"instead": came_out, "weak": True}
            notes.append(f"it looks more like {came_out!r}")
        if direction.weak and trust is not None and trust < DOUBTED:
            why["trust"] = round(trust, 4)
            notes.append(DOUBT)
        return replace(direction, scores={**direction.scores, **why}, note=_joined(*notes))

    def _broken(self, error: TrainingError) -> BrokenTraining:
        broken = BrokenTraining(str(error))
        if self._learned:
            self._save()
            broken.direction = self._direction()
        return broken


def _most(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The largest share of each group of rows in the trials of several statements."""
    shares: dict[str, float] = {}
    for one in found:
        for name, share in one.items():
            shares[name] = max(share, shares.get(name, share))
    return shares


def _rows(config: TrainConfig) -> tuple[int, ...] | None:
    return None if isinstance(config.layers, str) else config.layers


def _region(reading: Reading, region: Region | Sequence[str] | Mask | None, saved: TrainingState | None) -> Region:
    if isinstance(region, Mask):
        joined = reduce(or_, (region[k : k + 1] for k in range(len(region))))
        if joined.inside.all():  # of several; one alone may not
            return Region(reading.world.whole, True, world=reading.world.name)
        return Region.from_mask(joined, world=reading.world)
    if isinstance(region, Region):
        if region.world != reading.world.name:
            raise InputError(f"the region is of the world {region.world!r}; the parser's is {reading.world.name!r}")
        return region
    if region is not None:
        return Region.from_parts(region, world=reading.world)
    if saved is not None and saved.prompt == reading.prompt:
        return saved.region
    return reading.region


def _warn(told: Sequence[str], region: Region, clip: Clip) -> None:
    if region.warning is not None:
        warnings.warn(LocalityWarning(region.warning), stacklevel=4)
    unknown = clip.unknown_words(" ".join(told))
    if unknown:
        warnings.warn(VocabularyWarning(vocabulary_warning(clip, unknown)), stacklevel=4)


def _digest(latents: Latent | None, masks: Mask | None) -> str:
    """What tells the faces that were given, and what was painted on each, from others."""
    if latents is None:
        return "" if masks is None else masks.digest
    digest = hashlib.sha256(b"" if masks is None else masks.digest.encode())
    for tensor in (latents.ws, *(latents.offsets[name] for name in sorted(latents.offsets))):
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
