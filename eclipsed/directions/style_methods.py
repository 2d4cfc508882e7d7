"""What an `Editor` does with style channels: directions of sentences, found without training."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from eclipsed.compute.crew import Crew
from eclipsed.directions.finder import Finder
from eclipsed.directions.foreign import ForeignMethods
from eclipsed.directions.global_styles import GlobalStyles
from eclipsed.directions.margins import Margin
from eclipsed.directions.style_matrix import STYLE_FACES, StyleMatrix
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.clip import Clip
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.prompts.target import Target
from eclipsed.values.seeds import CALIBRATION_FACES

__all__ = ["StyleMethods"]


class StyleMethods(ForeignMethods):
    """The part of `Editor` that finds directions among style channels."""

    @property
    @abstractmethod
    def clip(self) -> Clip:
        """The CLIP model."""

    @abstractmethod
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
        """Let a finder find a direction, locate it in the picture, and calibrate it."""

    def global_styles(
        self,
        prompt: str,
        *,
        target: str | None = None,
        neutral: str | Sequence[str] | None = None,
        beta: float | None = None,
        count: int | None = None,
        margin: Margin | Target | str | None = None,
        region: Region | Sequence[str] | None = None,
        name: str = "",
        faces: int = STYLE_FACES,
        matrix: StyleMatrix | str | os.PathLike[str] | None = None,
        crew: Crew | None = None,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Direction:
        """Make a direction of a sentence without training: StyleCLIP's global direction.

        What every style channel does to CLIP's view of this generator's faces is measured once, which takes minutes for
        `mini`, and kept on this machine; a sentence is then a product of two matrices.

        Args:
            prompt: what the edited face shall look like.
            target: the text for CLIP; None is the sentence's own caption.
            neutral: what is seen before, a text or several; None is the world's neutral caption.
            beta: channels of less relevance stay as they are; None chooses it, as published.
            count: how many channels there shall be instead.
            margin: what judges the strength, see `calibrate`; None is CLIP for the prompt.
            region: the parts that it may change; None is the sentence's.
            name: what it is called.
            faces: on how many the channels are measured, where that is yet to be done.
            matrix: what was measured elsewhere, or its file.
            crew: who measures; None is this process.
            tell: called as faces are measured, with how many are done and how many are to be.
        Returns:
            The direction, in S, calibrated.
        Raises:
            InputError: CLIP knows no word of the sentence, no channel is relevant, an option is out of range, or the
                generator has no style channels; or see `calibrate`.
            CheckpointError: the file of the matrix is damaged, or of another generator or CLIP.
        """
        world = self.parser.world
        check_prompt(prompt, world)
        if isinstance(matrix, (str, os.PathLike)):
            matrix = StyleMatrix.load(matrix, self.generator, self.clip)
        parts = region if region is None or isinstance(region, Region) else Region.from_parts(region, world=world)
        finder = GlobalStyles(
            generator=self.generator,
            clip=self.clip,
            prompt=prompt,
            matrix=matrix,
            target=target,
            neutral=neutral,
            beta=beta,
            count=count,
            region=parts,
            world=world,
            name=name,
        )
        assert finder.texts  # what cannot be said is refused before anything is measured
        if matrix is None:
            measured = StyleMatrix.of(self.generator, self.clip, faces=faces, crew=crew, tell=tell)
            finder = replace(finder, matrix=measured)
        return self.find(finder, margin=margin)
