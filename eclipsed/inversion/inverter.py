"""From an aligned picture to latents: an encoder's guess, a descent in W+, and a generator tuned around the result."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.images import metrics
from eclipsed.images.conversion import check_images, resize
from eclipsed.inversion.inversion_step import Callback, InversionStep
from eclipsed.inversion.keeping import keep, strange_places
from eclipsed.inversion.pivotal_tuning import tune, tune_finest, tune_together
from eclipsed.inversion.w_plus_descent import descend
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.photos.kept import STRANGE
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.identity import Identity
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.perception import Perception
from eclipsed.pretrained.tuning import Tuning
from eclipsed.values.checks import boolean, checked_fields, one_of, option, real, whole

__all__ = ["InversionConfig", "Inverted", "Inverter", "Level"]

Level = Literal["fast", "good", "best"]

_TOGETHER = 2  # times as many steps where many frames share a generator
_AT_ONCE = 8 * 256 * 256  # pixels of pictures that are inverted side by side


@dataclass(frozen=True)
class InversionConfig:
    """Every option of an inversion.

    Args:
        level: ``"fast"``: the encoder's guess; ``"good"``: a descent from there, and the generator's finest layers
            tuned; ``"best"``: the descent, the whole generator tuned, and feature maps of what it cannot draw.
        steps: of the descent, when it begins at an encoder's guess.
        steps_from_mean: of the descent, when there is no encoder and it begins at the mean face.
        coarse: share of these steps for which pictures of half of the generator's side are drawn.
        rate: learning rate of the descent, in typical deviations of w.
        pixels: weight of the squared error of pixels, in [-1, 1], in the descent.
        perception: weight of the distance of CLIP's maps.
        identity: weight of 1 - cosine of ArcFace's vectors, where there is an ArcFace.
        rows: weight of the distance of the rows from their mean: edits work best where it is small (e4e).
        fence: weight of what a row is further from the mean latent than `reach`.
        reach: that distance, over the one of an ordinary face.
        finish_steps: of the generator's finest layers, for ``"good"``.
        finish_rate: learning rate of their difference.
        tuning_steps: of the whole generator, for ``"best"``; twice as many for the frames of a film together.
        tuning_rate: learning rate of its difference.
        tuning_pixels: weight of the squared error of pixels once latents are found, in place of `pixels`.
        keep_above: mean error of the colours, of pictures in [-1, 1], from which a place counts as one that the tuned
            generator cannot draw; there feature maps are searched for.
        keep_steps: of the feature maps.
        keep_rate: their learning rate, in their own deviations; 0 keeps none.
        seed: of all that is random.
        low_memory: take one face after the other, and recompute activations for the gradient of the descent, for less
            memory and more time.
    Raises:
        InputError: a value is out of range.
    """

    level: Level = option("good", one_of, get_args(Level))
    steps: int = option(75, whole, 0)
    steps_from_mean: int = option(400, whole, 0)
    coarse: float = option(0.8, real, 0, 1)
    rate: float = option(0.08, real, 0)
    pixels: float = option(10.0, real, 0)
    perception: float = option(1.0, real, 0)
    identity: float = option(0.5, real, 0)
    rows: float = option(0.6, real, 0)
    fence: float = option(0.2, real, 0)
    reach: float = option(1.2, real, 0)
    finish_steps: int = option(30, whole, 0)
    finish_rate: float = option(0.02, real, 0)
    tuning_steps: int = option(40, whole, 0)
    tuning_rate: float = option(0.01, real, 0)
    tuning_pixels: float = option(30.0, real, 0)
    keep_above: float = option(0.05, real, 0)
    keep_steps: int = option(120, whole, 0)
    keep_rate: float = option(0.1, real, 0)
    seed: int = option(0, whole, 0)
    low_memory: bool = option(False, boolean)

    def __post_init__(self) -> None:
        checked_fields(self)

    def replace(self, **changes: Any) -> InversionConfig:
        """The same with some options changed.

        Raises:
            InputError: an option is unknown or out of range.
        """
        try:
            return replace(self, **changes)
        except TypeError as error:
            raise InputError(f"no such option of an inversion: {error}") from error


#: the defaults
_USUAL = InversionConfig()


@dataclass(frozen=True, eq=False)
class Inverted:
    """What an inversion found.

    Args:
        ws: (N, num_ws, w_dim).
        tunings: one for each face, or None each.
        kept: what of each the generator cannot draw, or None each.
        which: of the pictures these are; all of them, unless who looked them over left some out.
    """

    ws: Tensor
    tunings: tuple[Tuning | None, ...]
    kept: tuple[KeptFeatures | None, ...]
    which: tuple[int, ...]


class Inverter:
    """Everything that looks at a picture while it is inverted.

    Args:
        generator: whose latents are looked for.
        perception: how alike two pictures look.
        encoder: guesses where to begin; None begins at the mean face.
        identity: who is on a face; None leaves it out.
        parser: tells where a drawing shows other parts than the picture; None compares colours alone.
        config: every option.
        callback: told of every step; returning False, or Ctrl-C, stops and keeps the best so far.
        look_over: given the pictures and the ws found for them before the generator is tuned, unless the search was
            stopped or had fewer steps than is usual; says of each whether to go on with it, or raises.
    Raises:
        InputError: the encoder belongs to another kind of generator, or is missing where nothing else is asked for.
    """

    def __init__(
        self,
        generator: Generator,
        perception: Perception,
        *,
        encoder: Encoder | None,
        identity: Identity | None = None,
        parser: Parser | None = None,
        config: InversionConfig,
        callback: Callback | None = None,
        look_over: Callable[[Tensor, Tensor], Sequence[bool]] | None = None,
    ) -> None:
        if encoder is not None and (encoder.num_ws, encoder.w_dim) != (generator.num_ws, generator.w_dim):
            raise InputError(
                f"the encoder gives ws of {encoder.num_ws} x {encoder.w_dim}; the generator {generator.name!r} takes "
                f"{generator.num_ws} x {generator.w_dim}"
            )
        if encoder is None and config.level == "fast":
            raise InputError('the level "fast" is an encoder\'s guess, and this model set has none; take "good"')
        self.generator, self.perception, self.encoder, self.identity = generator, perception, encoder, identity
        self.parser, self.config, self._callback, self._stopped = parser, config, callback, False
        self._look_over = look_over
        self._statistics = WStatistics.of_generator(generator)

    def invert(self, images: Tensor, *, start: Tensor | None = None) -> Inverted:
        """Find latents that draw some pictures.

        Args:
            images: aligned faces, (N, 3, H, W), range [-1, 1]; each is inverted as if it were alone.
            start: ws to begin at, such as an earlier search found, (N, num_ws, w_dim); None begins at the encoder's
                guess, or at the mean face.
        Raises:
            InputError: `images` is not an image tensor, or empty, or `start` has another shape.
        Warns:
            EclipsedWarning: there is no encoder to begin with.
        """
        check_images(images)
        if not len(images):
            raise InputError("expected at least one picture to invert; got none")
        self._stopped = False
        descents = math.ceil(len(images) / self._at_once)
        self._whole, self._done = descents * self._steps + len(images) * self._tuned_steps, 0
        goals = resize(images.to(self.generator.device).float(), self.generator.resolution).clamp(-1, 1)
        start = self._begin(goals) if start is None else self._checked(start, len(goals))
        if self.config.level == "fast":
            which = self._looked_over(goals, start)
            return _untuned(start, which)
        pairs = zip(torch.split(start, self._at_once), torch.split(goals, self._at_once), strict=True)
        ws = torch.cat([self._descend(some, goal) for some, goal in pairs])
        which = list(range(len(goals)))
        if not self._stopped and self._steps >= (_USUAL.steps_from_mean if self.encoder is None else _USUAL.steps):
            which = self._looked_over(goals, ws)
        self._whole -= (len(goals) - len(which)) * self._tuned_steps  # those that were left out
        tune_one = self._finish if self.config.level == "good" else self._tune
        found = [tune_one(ws[k : k + 1], goals[k : k + 1]) for k in which]
        return Inverted(ws[which], tuple(one for one, _ in found), tuple(one for _, one in found), tuple(which))

    def tune_together(
        self, pivots: Tensor, picture: Callable[[int], Tensor], tell: Callable[[int, int], object]
    ) -> Tuning | None:
        """One difference of the generator for many pivots; None where no steps are asked for.

        Args:
            pivots: (N, num_ws, w_dim).
            picture: gives what each shall draw, (1, 3, H, W).
            tell: called with the steps done, and how many there are.
        """
        config = self.config
        if not config.tuning_steps:
            return None

        def loss(drawn: Tensor, number: int) -> Tensor:
            goal = picture(number).to(drawn)
            with torch.no_grad():
                seen = self._look(goal)
            return self._likeness(drawn, goal, seen, pixels=config.tuning_pixels).sum()

        steps, rate = _TOGETHER * config.tuning_steps, config.tuning_rate
        return tune_together(self.generator, pivots, loss, steps=steps, rate=rate, seed=config.seed, tell=tell)

    @property
    def _steps(self) -> int:
        """Of the descent."""
        return self.config.steps_from_mean if self.encoder is None else self.config.steps

    @property
    def _at_once(self) -> int:
        """How many pictures are inverted side by side."""
        return 1 if self.config.low_memory else max(1, _AT_ONCE // self.generator.resolution**2)

    @property
    def _tuned_steps(self) -> int:
        """Of the phases that each face goes through by itself."""
        config = self.config
        if config.level == "good":
            return config.finish_steps
        return config.tuning_steps + (config.keep_steps if config.keep_rate else 0) if config.level == "best" else 0

    def _looked_over(self, goals: Tensor, ws: Tensor) -> list[int]:
        """With which pictures to go on, by the word of who wants to look them over."""
        each = [True] * len(goals) if self._look_over is None else self._look_over(goals, ws)
        return [index for index, go_on in enumerate(each) if go_on]

    def _begin(self, goals: Tensor) -> Tensor:
        if self.encoder is not None:
            return self.encoder.encode(goals)
        warnings.warn(
            EclipsedWarning(
                f"the model set {self.generator.name!r} has no encoder, so the search begins at the mean face, which "
                "takes longer and ends less close"
            ),
            stacklevel=4,
        )
        return self._statistics.mean.expand(len(goals), self.generator.num_ws, -1).clone()

    def _checked(self, start: Tensor, count: int) -> Tensor:
        wanted = (count, self.generator.num_ws, self.generator.w_dim)
        if tuple(start.shape) != wanted or not bool(start.isfinite().all()):
            raise InputError(f"the search begins at finite ws of the shape {wanted}; got {tuple(start.shape)}")
        return start.detach().to(self.generator.device, torch.float32)

    def _descend(self, start: Tensor, goals: Tensor) -> Tensor:
        """The ws of some faces, searched for side by side."""
        config, steps, began = self.config, self._steps, time.monotonic()
        unit = self._statistics.radius / math.sqrt(self.generator.w_dim)  # a typical deviation of w
        ws, stopped = descend(
            self.generator,
            start,
            goals,
            look=self._look,
            loss=lambda ws, drawn, goal, seen: (
                self._likeness(drawn, goal, seen, pixels=config.pixels) + self._stray(ws)
            ),
            steps=steps,
            rate=config.rate * unit,
            coarse=config.coarse,
            checkpointing=config.low_memory,
            tell=lambda step, losses, psnr: self._tell("latents", step, steps, losses, psnr, began),
        )
        self._stopped |= stopped
        self._done += steps
        return ws

    def _look(self, images: Tensor) -> tuple[list[Tensor], Tensor | None]:
        return self.perception.maps(images), None if self.identity is None else self.identity.encode(images)

    def _likeness(
        self, drawn: Tensor, goals: Tensor, seen: tuple[list[Tensor], Tensor | None], *, pixels: float
    ) -> Tensor:
        """How unlike the goals some pictures are, (N,)."""
        config = self.config
        maps, who = self._look(drawn)
        loss = pixels * (drawn - goals).square().mean((1, 2, 3))
        loss = loss + config.perception * self.perception.distance(maps, seen[0])
        if who is not None and seen[1] is not None:
            loss = loss + config.identity * (1 - (who * seen[1]).sum(-1))
        return loss

    def _stray(self, ws: Tensor) -> Tensor:
        """How far some latents are from where edits work, (N,)."""
        config = self.config
        apart = (ws - ws.mean(dim=1, keepdim=True)).square().sum(-1).mean(-1) / self._statistics.radius**2
        beyond = (self._statistics.distance(ws) - config.reach).clamp(min=0).square().mean(-1)
        return config.rows * apart + config.fence * beyond

    def _finish(self, pivot: Tensor, goal: Tensor) -> tuple[Tuning | None, None]:
        """The difference of the generator's finest layers for one face."""
        config = self.config
        if self._stopped or not config.finish_steps:
            return None, None
        drawable = self._drawable(pivot, goal)
        loss, tell = self._searched(drawable, "generator", config.finish_steps)
        steps, rate = config.finish_steps, config.finish_rate
        tuning, stopped = tune_finest(self.generator, pivot, loss, steps=steps, rate=rate, seed=config.seed, tell=tell)
        self._stopped |= stopped
        self._done += steps
        return tuning, None

    @torch.no_grad()
    def _drawable(self, pivot: Tensor, goal: Tensor) -> Tensor:
        """A picture with what is strange in it left as the generator draws it, for weights draw no logo on the wall."""
        drawn = self.generator.synthesis(pivot).image
        return torch.lerp(goal, drawn, strange_places(self.parser, goal, drawn, above=STRANGE))

    def _tune(self, pivot: Tensor, goal: Tensor) -> tuple[Tuning | None, KeptFeatures | None]:
        """The generator's difference for one face, and what of it the generator cannot draw."""
        config = self.config
        if self._stopped or not config.tuning_steps:
            return None, None
        drawable = self._drawable(pivot, goal) if config.keep_rate else goal
        loss, tell = self._searched(drawable, "generator", config.tuning_steps)
        steps, rate = config.tuning_steps, config.tuning_rate
        tuning, stopped = tune(self.generator, pivot, loss, steps=steps, rate=rate, seed=config.seed, tell=tell)
        self._stopped |= stopped
        self._done += steps
        if self._stopped or not config.keep_rate:
            return tuning, None
        maker = tuning.generator(self.generator)
        with torch.no_grad():
            strange = strange_places(self.parser, goal, maker.synthesis(pivot).image, above=config.keep_above)
        if not bool(strange.any()):
            self._done += config.keep_steps
            return tuning, None
        loss, tell = self._searched(goal, "features", config.keep_steps)
        steps, rate = config.keep_steps, config.keep_rate
        kept, stopped = keep(maker, pivot, strange, loss, steps=steps, rate=rate, tell=tell)
        self._stopped |= stopped
        self._done += steps
        return tuning, kept

    def _searched(
        self, goal: Tensor, phase: str, steps: int
    ) -> tuple[Callable[[Tensor], Tensor], Callable[[int, float], bool]]:
        """The loss of a drawing of one face, and what tells of each step."""
        with torch.no_grad():
            seen = self._look(goal)
        began, psnr = time.monotonic(), torch.zeros(1)

        def loss(drawn: Tensor) -> Tensor:
            psnr.copy_(metrics.psnr(drawn.detach(), goal))
            return self._likeness(drawn, goal, seen, pixels=self.config.tuning_pixels).sum()

        def tell(step: int, value: float) -> bool:
            return self._tell(phase, step, steps, torch.tensor([value]), psnr, began)

        return loss, tell

    def _tell(self, phase: str, step: int, steps: int, losses: Tensor, psnr: Tensor, began: float) -> bool:
        """Tell the callback; False when it wants to stop, and ever after."""
        if self._stopped:
            return False
        if self._callback is None:
            return True
        left = (time.monotonic() - began) / max(step, 1) * (steps - step)
        share = min(1.0, (self._done + step) / max(1, self._whole))
        told = InversionStep(phase, step, steps, float(losses.mean()), float(psnr.mean()), left, share)
        self._stopped = self._callback(told) is False
        return not self._stopped


def _untuned(ws: Tensor, which: list[int]) -> Inverted:
    nothing = (None,) * len(which)
    return Inverted(ws[which], nothing, nothing, tuple(which))
