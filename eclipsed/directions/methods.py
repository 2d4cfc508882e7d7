"""What an `Editor` does with directions that no sentence trained."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from eclipsed.directions.between import Between
from eclipsed.directions.calibration import HeldOut, calibrate
from eclipsed.directions.finder import Finder
from eclipsed.directions.locating import LOCATING_FACES, locate
from eclipsed.directions.margins import Margin, class_margin, clip_margin, examples_margin
from eclipsed.editing import mixing
from eclipsed.editing.faces import Faces
from eclipsed.editing.moving import direction_of
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction, short_name
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
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
    def has_parser(self) -> bool:
        """Whether edits can be held to parts of the picture."""

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
        """Let a finder find a direction, locate it in the picture, and calibrate it.

        Where the finder leaves the region open (the whole picture, and no prompt), the parts that change are measured;
        see `eclipsed.directions.locating`.

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
        if direction.region.whole_face and not direction.region.prompt and self.has_parser:
            held_out = self._held_out(direction, count=LOCATING_FACES, seed=seed, avoid=avoid)
            direction = replace(direction, region=locate(direction, held_out))
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
        held_out = self._held_out(direction, count=count, seed=seed, avoid=avoid)
        found = calibrate(direction, judge.margin, held_out=held_out, judge=judge.name)
        return replace(found, clip=judge.clip) if judge.clip else found

    def between(
        self,
        faces_with: Faces,
        faces_without: Faces,
        *,
        paired: bool = False,
        margin: Margin | Target | str | None = None,
        layers: Sequence[int | str] | None = None,
        region: Region | Sequence[str] | None = None,
        prompt: str | None = None,
        name: str = "",
    ) -> Direction:
        """Make a direction from examples: faces that have something, and faces that lack it.

        Args:
            faces_with: from `sample`, `invert` or `edit`.
            faces_without: that lack it.
            paired: the groups are the same faces in the same order, with it and without; what all pairs share counts.
            margin: what tells whether a picture has it, see `calibrate`; None is CLIP for the prompt, and where there
                is none, which group of pictures CLIP finds another to be nearer to.
            layers: rows of ws, or names of layers, that it may change; None is all.
            region: the parts that it changes; None measures them.
            prompt: the sentence that it stands for, if there is one.
            name: what it is called.
        Returns:
            The direction, located and calibrated.
        Raises:
            InputError: no faces, pairs that do not match, or an unknown part; or see `calibrate`.
            DirectionError: both groups are alike.
        """
        if region is not None and not isinstance(region, Region):
            region = Region.from_parts(region, world=self.parser.world)
        finder = Between(
            generator=self.generator,
            faces_with=faces_with,
            faces_without=faces_without,
            paired=paired,
            layers=layers,
            region=region,
            prompt=prompt,
            name=name,
        )
        if margin is None and prompt is None:
            margin = examples_margin(self.clip, faces_with.images, faces_without.images)
        return self.find(finder, margin=margin, avoid=(*faces_with.seeds, *faces_without.seeds))

    def mix(
        self,
        faces: Faces | Sequence[Faces],
        weights: Sequence[float],
        *,
        rows: Sequence[int | str] | None = None,
        shell: bool = True,
    ) -> Faces:
        """One face made of several, or of groups of them, by weights; see `eclipsed.editing.mixing.mix`."""
        return mixing.mix(self.generator, faces, weights, rows=rows, shell=shell)

    def _held_out(self, direction: Direction, *, count: int, seed: int, avoid: Collection[int]) -> HeldOut:
        of_class = direction.config.get("class_index")  # of the faces that it was trained on
        return HeldOut(
            generator=self.generator if of_class is None else self.generator.of_class(of_class),
            parser=self.parser,
            count=whole("count", count, 2, 4096),
            seed=check_seed(seed),
            avoid=tuple(avoid),
            truncation_psi=self.truncation_psi,
        )

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
