"""Learning a direction: the loop over steps, its events, stopping, saving and going on."""

from __future__ import annotations

import hashlib
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from eclipsed.errors import EclipsedWarning, InputError, LocalityWarning, TrainingError, VocabularyWarning
from eclipsed.files.atomic import check_writable
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.calibration import LADDER, calibrate
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import Point, advance
from eclipsed.training.objective import Objective, Terms, step_rng
from eclipsed.training.probe import choose_space
from eclipsed.training.state import TrainingState
from eclipsed.values.checks import whole
from eclipsed.worlds.world import World

__all__ = ["BrokenTraining", "Callback", "StopTraining", "TrainStep", "train"]

_START = 1  # stream of random numbers, beside that of the steps


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """What a callback is told after each step.

    Args:
        phase: ``"probe"`` (in which rows the edit lives), ``"train"`` or ``"calibrate"``.
        step: steps of the phase that are done, from 1.
        steps: of the phase.
        loss: of this step.
        clip: mean cosine of the edited pictures and the prompt.
        locality: share of the change that fell inside the region, [0, 1]; nan when locality is off.
        seconds: since the training began.
        seconds_left: until all phases are done, as far as one can tell.
    """

    phase: str
    step: int
    steps: int
    loss: float
    clip: float
    locality: float
    seconds: float
    seconds_left: float


Callback = Callable[[TrainStep], object]


class StopTraining(Exception):
    """Raise it in a callback, or return False there, to stop early and keep what was learned."""


class BrokenTraining(TrainingError):
    """Training had to stop.

    Attributes:
        direction: what was learned up to the last good step, not calibrated; None when that is nothing.
    """

    direction: Direction | None = None


def train(
    prompt: str,
    *,
    generator: Generator,
    parser: Parser,
    clip: Clip,
    region: Region | Sequence[str] | None = None,
    config: TrainConfig | None = None,
    latents: Latent | None = None,
    truncation_psi: float = 1.0,
    callback: Callback | None = None,
    state: str | os.PathLike[str] | None = None,
    save_every: int = 25,
    resume: str | os.PathLike[str] | None = None,
) -> Direction:
    """Learn a direction from a sentence.

    Args:
        prompt: what the edited face shall look like.
        generator: frozen.
        parser: frozen.
        clip: frozen.
        region: the parts that may change, or their names; None finds them in the prompt.
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
        InputError: an empty prompt, an unknown part, or a resumed training of another prompt, config or generator.
        BrokenTraining: the loss is not finite, or memory ran out; its `direction` is the last good one.
        TrainingError: it was stopped before anything was learned.
        OutputError: the state cannot be written.
    """
    save_every = whole("save_every", save_every, 1)
    saved = None if resume is None else TrainingState.load(resume)
    region = _region(prompt, region, saved, parser.world)
    config = config or (saved.config if saved else TrainConfig())
    place = resume if state is None else state
    if place is not None:
        check_writable(place)
    _warn(prompt, region, clip)
    with _memory(config):
        objective = Objective(
            generator,
            parser,
            clip,
            prompt=prompt,
            region=region,
            config=config,
            latents=latents,
            truncation_psi=truncation_psi,
        )
    try:
        return _Run(objective, _digest(latents), _Clock(config, callback), place, save_every).run(saved)
    finally:
        objective.recorder.clear()


class _Run:
    """One training from its start to the direction."""

    def __init__(
        self, objective: Objective, faces: str, clock: _Clock, place: str | os.PathLike[str] | None, save_every: int
    ) -> None:
        self.objective, self.config = objective, objective.config
        self.faces, self.clock, self.place, self.save_every = faces, clock, place, save_every
        self.state: TrainingState | None = None  # after the last whole step
        self.saved_at = -1

    def run(self, saved: TrainingState | None) -> Direction:
        calibrated = self.config.calibrate
        try:
            with _memory(self.config):
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
        return self.state is not None and self.state.point.step > 0

    def _descend(self, saved: TrainingState | None) -> None:
        state = self._begin(saved)
        self.state = state
        space = self._space(state.rows)
        self.clock.begin("train", state.point.step)
        for step in range(state.point.step, self.config.steps):
            batches = self.objective.batches(step, row=min(space.rows))
            rate = self.config.learning_rate_at(step)
            point, terms = advance(
                self.objective, batches, space, state.point, rate=rate, shared=self.config.optimiser == "shared"
            )
            self.state = state = replace(state, point=point)
            if point.step % self.save_every == 0:
                self._save()
            self.clock.tell(point.step, terms)

    def _begin(self, saved: TrainingState | None) -> TrainingState:
        config, generator = self.config, self.objective.generator
        probe: dict[str, float] = {}
        if saved is not None:
            space = self._space(saved.rows)
        elif config.layers == "auto":
            self.clock.begin("probe", 0)
            space, probe = choose_space(self.objective, self.clock.tell)
        else:
            space = make_space(config.space, generator, layers=_rows(config), styles=config.styles)
        rng = step_rng(config.seed, 0, _START)
        deltas = space.start(config.directions, kind=config.start, scale=config.start_scale, rng=rng)
        fresh = TrainingState(
            point=Point.start(deltas),
            rows=space.rows,
            prompt=self.objective.prompt,
            region=self.objective.region,
            config=config,
            generator=generator.fingerprint,
            clip=self.objective.clip.name,
            faces=self.faces,
            probe=probe,
        )
        if saved is None:
            return fresh
        saved.check(fresh)
        return replace(saved, point=saved.point.to(generator.device))

    def _space(self, rows: tuple[int, ...]) -> Space:
        return make_space(self.config.space, self.objective.generator, layers=rows, styles=self.config.styles)

    def _save(self) -> None:
        if self.place is not None and self.state is not None and self.state.point.step != self.saved_at:
            self.state.save(self.place)
            self.saved_at = self.state.point.step

    def _direction(self) -> Direction:
        assert self.state is not None
        config, state = self.config, self.state
        scores: dict[str, object] = {"seconds": round(self.clock.seconds, 1)}
        if math.isfinite(self.clock.last.clip):
            scores["loss"] = float(self.clock.last.loss)
        if state.probe:
            scores["probe"] = dict(state.probe)
        note = ""
        if state.point.step < config.steps:
            scores["stopped_at"] = state.point.step
            note = f"stopped at step {state.point.step} of {config.steps}"
        return replace(state.direction(self.objective.generator), scores=scores, note=note)

    def _calibrate(self, direction: Direction) -> Direction:
        """The direction with its strength set; as it is when that is interrupted."""
        self.clock.begin("calibrate", 0)
        space = self._space(direction.layers)
        try:
            with _memory(self.config):
                found = calibrate(self.objective, space, direction, tell=self.clock.tell)
        except (KeyboardInterrupt, StopTraining):
            return replace(direction, note=_joined(direction.note, "not calibrated"))
        except TrainingError as error:
            raise self._broken(error) from error
        if found.weak:
            warnings.warn(EclipsedWarning(f"{direction.prompt!r}: {found.note}"), stacklevel=4)
        return replace(found, scores={**found.scores, "seconds": round(self.clock.seconds, 1)})

    def _broken(self, error: TrainingError) -> BrokenTraining:
        broken = BrokenTraining(str(error))
        if self._learned:
            self._save()
            broken.direction = self._direction()
        return broken


class _Clock:
    """Tells the callback where training stands, and estimates what is left."""

    def __init__(self, config: TrainConfig, callback: Callback | None) -> None:
        groups = len(config.probe_groups) if config.layers == "auto" else 0
        probe = config.probe_steps if groups > 1 else 0
        ladder = config.directions * len(LADDER) if config.calibrate else 0
        self.steps = {"probe": probe, "train": config.steps, "calibrate": ladder}
        # what a step of a phase costs; a rendering without gradient is about a third of one with it
        self.costs = {
            "probe": config.directions,
            "train": config.directions,
            "calibrate": config.calibration_faces / config.batch / 3,
        }
        self.callback = callback
        self.began = time.monotonic()
        self.done = 0.0
        self.phase = ""
        self.skipped = 0
        self.last = Terms.unknown()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def begin(self, phase: str, step: int) -> None:
        """Start a phase at a step; the steps before it were done in an earlier run."""
        self.phase, self.skipped = phase, step
        self.done = sum(self.costs[name] * self.steps[name] for name in self._before(phase))
        if step:  # resumed: neither the probe nor these steps took any of this run's time
            self.began = time.monotonic()

    def tell(self, step: int, terms: Terms | None = None) -> None:
        """Call back after a step; `terms` are those of the last one when None."""
        self.last = terms = self.last if terms is None else terms
        if self.callback is None:
            return
        event = TrainStep(
            phase=self.phase,
            step=step,
            steps=self.steps[self.phase],
            loss=float(terms.loss),
            clip=terms.clip,
            locality=terms.locality,
            seconds=self.seconds,
            seconds_left=self._left(step),
        )
        if self.callback(event) is False:
            raise StopTraining

    def _left(self, step: int) -> float:
        spent = self.done * (not self.skipped) + self.costs[self.phase] * (step - self.skipped)
        total = sum(self.costs[name] * self.steps[name] for name in self.steps)
        return self.seconds / max(spent, 1e-9) * max(total - self.done - self.costs[self.phase] * step, 0.0)

    def _before(self, phase: str) -> list[str]:
        names = list(self.steps)
        return names[: names.index(phase)]


def _rows(config: TrainConfig) -> tuple[int, ...] | None:
    return None if isinstance(config.layers, str) else config.layers


def _region(prompt: str, region: Region | Sequence[str] | None, saved: TrainingState | None, world: World) -> Region:
    reading = read(prompt, world=world)
    if isinstance(region, Region):
        if region.world != world.name:
            raise InputError(f"the region is of the world {region.world!r}; the parser's is {world.name!r}")
        return region
    if region is not None:
        return Region.from_parts(region, world=world)
    if saved is not None and saved.prompt == prompt:
        return saved.region
    return reading.region


def _warn(prompt: str, region: Region, clip: Clip) -> None:
    if region.warning is not None:
        warnings.warn(LocalityWarning(region.warning), stacklevel=4)
    unknown = clip.unknown_words(prompt)
    if unknown:
        words = ", ".join(repr(word) for word in unknown)
        message = f"the CLIP model {clip.name!r} was never shown {words}; the edit may have nothing to do with it"
        warnings.warn(VocabularyWarning(message), stacklevel=4)


def _digest(latents: Latent | None) -> str:
    if latents is None:
        return ""
    digest = hashlib.sha256()
    for tensor in (latents.ws, *(latents.offsets[name] for name in sorted(latents.offsets))):
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _lighter(config: TrainConfig) -> str:
    return "lower resolution" if config.low_memory else "set low_memory=True (--low-memory), lower batch or resolution"


@contextmanager
def _memory(config: TrainConfig) -> Iterator[None]:
    """Turn every kind of running out of memory into one error that says what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = ("out of memory", "not enough memory", "can't allocate memory")
        if not isinstance(error, MemoryError) and not any(word in str(error) for word in words):
            raise
        raise TrainingError(
            f"memory ran out with batch {config.batch}; {_lighter(config)}, or train on another device"
        ) from error
