"""What an `Editor` does with directions that no sentence trained."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from eclipsed.compute.crew import Crew
from eclipsed.directions.atlas_methods import AtlasMethods
from eclipsed.directions.between import Between
from eclipsed.directions.boundary import EXTREMES, Boundary
from eclipsed.directions.calibration import LADDER, calibrate
from eclipsed.directions.finder import Finder
from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.labelling import LABELLED, check_labels, label_faces, labelled_seeds, w_of_seeds
from eclipsed.directions.locating import LOCATING_FACES, LOCATING_STEPS, locate
from eclipsed.directions.margins import (
    Margin,
    class_margin,
    clip_margin,
    examples_margin,
    witness_margin,
)
from eclipsed.directions.plane import alphas_to_reach
from eclipsed.directions.style_methods import StyleMethods
from eclipsed.directions.survey import SURVEY_CHUNK, Survey, looked_side
from eclipsed.editing import mixing, moving
from eclipsed.editing.faces import Faces, check_faces, render
from eclipsed.editing.moving import direction_of
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction, short_name
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.values.alphas import check_alpha
from eclipsed.values.checks import whole
from eclipsed.values.seeds import CALIBRATION_FACES, check_seed

__all__ = ["DirectionMethods"]

_SHOWN = 32  # faces of each extreme that CLIP compares with


class _Judge(NamedTuple):
    """A margin, what it comes from, the CLIP model that it asks, and the margin of a witness."""

    margin: Margin
    name: str
    clip: str = ""
    witness: Margin | None = None


class DirectionMethods(StyleMethods, AtlasMethods):
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
    def witness(self) -> Clip | None:
        """The CLIP that says what a direction reached; None when there is none."""

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
        tell: Callable[[int, int], object] = lambda *_: None,
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
            tell: called with how many steps are done, and with how many there are; what it raises ends them.
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
        is_open = direction.region.whole_face and not direction.region.prompt and self.has_parser
        before = LOCATING_STEPS if is_open else 0
        if is_open:
            held_out = self._held_out(direction, count=LOCATING_FACES, seed=seed, avoid=avoid)
            of = before + len(LADDER) * len(direction)
            direction = replace(direction, region=locate(direction, held_out, tell=lambda done: tell(done, of)))
        return self.calibrate(
            direction,
            margin=margin,
            count=count,
            seed=seed,
            avoid=avoid,
            tell=lambda done, of: tell(before + done, before + of),
        )

    def calibrate(
        self,
        direction: Direction | str | os.PathLike[str],
        *,
        margin: Margin | Target | str | None = None,
        count: int = CALIBRATION_FACES,
        seed: int = 0,
        avoid: Collection[int] = (),
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Direction:
        """Give a direction its alpha = 1, its useful range and its figures; see `eclipsed.directions.calibration`.

        Args:
            direction: of this generator, of any length; or its file or name.
            margin: what tells by how much a picture has what the direction brings: a function of images (N, 3, H, W)
                that gives logits (N,), positive where it is there; a target of the set's classifier, also as
                ``"glasses=clear,sunglasses"``; None asks CLIP for the direction's prompt, and the witness, where there
                is one, what is reached.
            count: held-out faces.
            seed: of their choice.
            avoid: seeds that the direction was made from.
            tell: called with how many rungs are done, and with how many there are; what it raises ends them.
        Raises:
            InputError: there is neither a margin nor a prompt; or no classifier, or one without that target.
            DirectionError: the direction belongs to another generator.
        """
        direction = direction_of(direction, models=self.name)
        judge = self._judge(direction, margin)
        held_out = self._held_out(direction, count=count, seed=seed, avoid=avoid)
        if judge.witness is not None and self.witness is not None:
            direction = replace(direction, scores={**direction.scores, "witness": self.witness.name})
        others = {} if judge.witness is None else {"witness": judge.witness}
        rungs = len(LADDER) * len(direction)
        found = calibrate(
            direction,
            judge.margin,
            held_out=held_out,
            judge=judge.name,
            judges=others,
            tell=lambda done: tell(done, rungs),
        )
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
        tell: Callable[[int, int], object] = lambda *_: None,
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
            tell: see `find`.
        Returns:
            The direction, located and calibrated.
        Raises:
            InputError: no faces, pairs that do not match, or an unknown part; or see `calibrate`.
            DirectionError: both groups are alike.
        """
        finder = Between(
            generator=self.generator,
            faces_with=faces_with,
            faces_without=faces_without,
            paired=paired,
            layers=layers,
            region=self._region(region),
            prompt=prompt,
            name=name,
        )
        if margin is None and prompt is None:
            margin = examples_margin(self.clip, faces_with.images, faces_without.images)
        return self.find(finder, margin=margin, avoid=(*faces_with.seeds, *faces_without.seeds), tell=tell)

    def boundary(
        self,
        *,
        captions: tuple[str, str] | None = None,
        margin: Margin | Target | str | None = None,
        labels: Mapping[int, float] | None = None,
        count: int = LABELLED,
        extremes: float = EXTREMES,
        layers: Sequence[int | str] | None = None,
        region: Region | Sequence[str] | None = None,
        prompt: str | None = None,
        name: str = "",
        crew: Crew | None = None,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Direction:
        """Make a direction from labels: straight across the boundary between those that have it and those that lack it.

        Just one of `captions`, `margin` and `labels` says who labels the faces. It calibrates the direction, too; where
        there are labels alone, CLIP does, for the prompt, or by the pictures of the extremes.

        Args:
            captions: of what has it and of what lacks it, for CLIP.
            margin: a target of the set's classifier (``"glasses=clear,sunglasses"``), or a judge of your own: a
                function of images (N, 3, H, W) that gives scores (N,), positive where it is there.
            labels: a score for each of some seeds, of faces without truncation; see
                `eclipsed.directions.labelling.read_labels`.
            count: faces to be labelled.
            extremes: share of the faces that count as having it, and as many as lacking it, in (0, 0.5].
            layers: rows of ws, or names of layers, that it may change; None is all.
            region: the parts that it changes; None measures them.
            prompt: the sentence that it stands for, if there is one.
            name: what it is called.
            crew: who labels; None is this process.
            tell: called with how many faces are labelled, and with how many there are.
        Returns:
            The direction, in W, located and calibrated; its scores hold the number of samples and of extremes, and the
            accuracy on extremes that were held back (``"validation"``) and on all the rest. See `bring`.
        Raises:
            InputError: none of the three or several, too few faces, or labels that do not tell them apart.
            MissingExtraError: scikit-learn is not here.
        """
        if sum(one is not None for one in (captions, margin, labels)) != 1:
            raise InputError("a boundary needs just one of captions, margin and labels, which say what faces have")
        whole("count", count, 2, 1_000_000)
        if labels is not None:
            known = check_labels(labels)
            seeds: Sequence[int] = list(known)
            w, scores, source = w_of_seeds(self.generator, seeds), torch.tensor(list(known.values())), "labels"
            if prompt is None:
                margin = self._extremes_margin(seeds, scores)
        elif captions is not None:
            texts = self.clip.encode_text(captions)
            drawn = SynthesisOptions(resolution=looked_side(self.generator, self.clip))

            def looked(chunks: int) -> None:
                tell(min(chunks * SURVEY_CHUNK, count), count)

            survey = Survey.of(self.generator, self.clip, options=drawn, count=count, crew=crew, tell=looked)
            w, scores, source, seeds = survey.w, survey.margins(texts), "clip", ()
            margin = clip_margin(self.clip, texts)
        else:
            judge, seeds = self._asked(margin), labelled_seeds(count)
            w, scores = label_faces(self.generator, judge.margin, seeds, crew=crew, tell=tell)
            source, seeds = ("classifier" if judge.name == "judge" else "margin"), ()
        finder = Boundary(
            generator=self.generator,
            w=w,
            scores=scores,
            labels=source,
            extremes=extremes,
            layers=layers,
            region=self._region(region),
            prompt=prompt,
            name=name,
            seeds=seeds,
        )
        return self.find(finder, margin=margin, avoid=seeds)

    def bring(self, faces: Faces, direction: Direction | str | os.PathLike[str], distance: float) -> Faces:
        """Bring every face to one distance from a direction's boundary, wherever it was.

        Args:
            faces: to edit.
            direction: from `boundary`, of any strength; or its file or name.
            distance: beyond the boundary, in standard deviations of faces; a negative one is on the side of those that
                lack it.
        Raises:
            DirectionError: the direction knows of no boundary, or belongs to another generator.
        """
        chosen = direction_of(direction, models=self.name)
        alphas = alphas_to_reach(chosen, check_faces(faces).ws, check_alpha(distance, name="distance"))
        return moving.edit(self.generator, faces, replace(chosen, alpha_range=(min(alphas), max(alphas))), alphas)

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

    def _region(self, region: Region | Sequence[str] | None) -> Region | None:
        """A region that was named, or None."""
        if region is None or isinstance(region, Region):
            return region
        return Region.from_parts(region, world=self.parser.world)

    def _extremes_margin(self, seeds: Sequence[int], scores: Tensor) -> Margin:
        """CLIP's verdict on whether a picture is like those of the highest scores or of the lowest."""
        order = scores.argsort(descending=True, stable=True).tolist()
        some = min(_SHOWN, len(order) // 2)
        if not some:
            raise InputError("the labels do not tell the faces apart; give more of them")
        ends = (order[:some], order[-some:])
        with_, without = (Latent.of_seeds(self.generator, [seeds[k] for k in end]) for end in ends)
        return examples_margin(self.clip, *(render(self.generator, one) for one in (with_, without)))

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

    def margin_of(self, direction: Direction, margin: Margin | Target | str | None) -> Margin:
        """What judges a direction, as `calibrate` takes it: by how much pictures have what it brings.

        Args:
            direction: that is to be judged.
            margin: see `calibrate`.
        Raises:
            InputError: see `calibrate`.
        """
        return self._judge(direction, margin).margin

    def _judge(self, direction: Direction, margin: Margin | Target | str | None) -> _Judge:
        if margin is None:
            if direction.prompt is None:
                raise InputError(
                    f"the direction {direction.name!r} has no prompt that CLIP could judge; give a margin, or a target "
                    'of the classifier such as "glasses=clear"'
                )
            reading = read(direction.prompt, world=self.parser.world)
            texts = [self.clip.encode_text((one.caption, *one.contrasts)) for one in reading.statements]
            return _Judge(clip_margin(self.clip, texts), "clip", self.clip.name, witness_margin(self.witness, reading))
        return self._asked(margin)

    def _asked(self, margin: object) -> _Judge:
        """A judge that was named."""
        if isinstance(margin, (str, Target)):
            if self.classifier is None:
                raise InputError("this model set has no classifier; give a margin that is a function of pictures")
            target = Target.parse(margin, self.classifier.attributes) if isinstance(margin, str) else margin
            return _Judge(class_margin(self.classifier, target), "judge")
        if not callable(margin):
            raise InputError(f"a margin is a function of pictures, or a target; got {margin!r:.60}")
        return _Judge(margin, "margin")
