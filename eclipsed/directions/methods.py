"""What an `Editor` does with directions that no sentence trained."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from eclipsed.directions.calibration import HeldOut, calibrate
from eclipsed.directions.finder import Finder
from eclipsed.directions.margins import Margin, class_margin, clip_margin
from eclipsed.editing.moving import direction_of
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction, short_name
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import read
from eclipsed.prompts.target import Target
from eclipsed.values.checks import whole
from eclipsed.values.seeds import CALIBRATION_FACES, check_seed

__all__ = ["DirectionMethods"]


class _Judge(NamedTuple):
    """A margin, what it comes from, and the CLIP model that it asks."""

    margin: Margin
    name: str
    clip: str


class DirectionMethods(ABC):
    """The part of `Editor` that takes directions however they were found."""

    generator: Generator
    name: str
    truncation_psi: float

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def clip(self) -> Clip:
        """The CLIP model."""

    @property
    @abstractmethod
    def classifier(self) -> Classifier | None:
        """What judges edits; None when there is none."""

    def find(
        self,
        finder: Finder,
        *,
        margin: Margin | Target | str | None = None,
        count: int = CALIBRATION_FACES,
        seed: int = 0,
        avoid: Collection[int] = (),
    ) -> Direction:
        """Let a finder find a direction, and calibrate it.

        Args:
            finder: whatever turns something into a direction; see `Finder`.
            margin: see `calibrate`.
            count: see `calibrate`.
            seed: see `calibrate`.
            avoid: see `calibrate`.
        Returns:
            The direction, its `method` what the finder says.
        Raises:
            InputError: what the finder gave is no direction; or see `calibrate`.
            EclipsedError: the finder found none.
        """
        direction = finder.find()
        if not isinstance(direction, Direction):
            raise InputError(f"a finder gives a Direction, see Direction.of; got {type(direction).__name__}")
        unnamed = direction.name == short_name(direction.method)
        direction = replace(direction, method=finder.method, name="" if unnamed else direction.name)
        return self.calibrate(direction, margin=margin, count=count, seed=seed, avoid=avoid)

    def calibrate(
        self,
        direction: Direction | str | os.PathLike[str],
        *,
        margin: Margin | Target | str | None = None,
        count: int = CALIBRATION_FACES,
        seed: int = 0,
        avoid: Collection[int] = (),
    ) -> Direction:
        """Give a direction its alpha = 1, its useful range and its figures; see `eclipsed.directions.calibration`.

        Args:
            direction: of this generator, of any length; or its file or name.
            margin: what tells by how much a picture has what the direction brings: a function of images (N, 3, H, W)
                that gives logits (N,), positive where it is there; a target of the set's classifier, also as
                ``"glasses=clear,sunglasses"``; None asks CLIP for the direction's prompt.
            count: held-out faces.
            seed: of their choice.
            avoid: seeds that the direction was made from.
        Raises:
            InputError: there is neither a margin nor a prompt; or no classifier, or one without that target.
            DirectionError: the direction belongs to another generator.
        """
        direction = direction_of(direction, models=self.name)
        judge = self._judge(direction, margin)
        of_class = direction.config.get("class_index")  # of the faces that it was trained on
        held_out = HeldOut(
            generator=self.generator if of_class is None else self.generator.of_class(of_class),
            parser=self.parser,
            count=whole("count", count, 2, 4096),
            seed=check_seed(seed),
            avoid=tuple(avoid),
            truncation_psi=self.truncation_psi,
        )
        found = calibrate(direction, judge.margin, held_out=held_out, judge=judge.name)
        return replace(found, clip=judge.clip) if judge.clip else found

    def _judge(self, direction: Direction, margin: Margin | Target | str | None) -> _Judge:
        if margin is None:
            if direction.prompt is None:
                raise InputError(
                    f"the direction {direction.name!r} has no prompt that CLIP could judge; give a margin, or a target "
                    'of the classifier such as "glasses=clear"'
                )
            reading = read(direction.prompt, world=self.parser.world)
            texts = [self.clip.encode_text((one.caption, *one.contrasts)) for one in reading.statements]
            return _Judge(clip_margin(self.clip, texts), "clip", self.clip.name)
        if isinstance(margin, (str, Target)):
            if self.classifier is None:
                raise InputError("this model set has no classifier; give a margin that is a function of pictures")
            target = Target.parse(margin, self.classifier.attributes) if isinstance(margin, str) else margin
            return _Judge(class_margin(self.classifier, target), "judge", "")
        if not callable(margin):
            raise InputError(f"a margin is a function of pictures, or a target; got {margin!r:.60}")
        return _Judge(margin, "margin", "")
