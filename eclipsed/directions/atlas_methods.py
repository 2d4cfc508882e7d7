"""What an `Editor` does with an atlas: directions of sentences at once, and what can be expected of one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence

from eclipsed.compute.crew import Crew
from eclipsed.directions.atlas import Atlas
from eclipsed.directions.prospect import Prospect, prospect
from eclipsed.directions.sketch import Sketch
from eclipsed.directions.trusting import TrustMethods
from eclipsed.errors import InputError, LocalityWarning, VocabularyWarning
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.clip import vocabulary_warning
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.values.mask import Mask

__all__ = ["AtlasMethods"]


class AtlasMethods(TrustMethods):
    """The part of `Editor` that asks an atlas."""

    def atlas(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        faces: int | None = None,
        crew: Crew | None = None,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Atlas:
        """The atlas of the generator: read, or measured and kept on this machine.

        That of `mini` ships. Another takes minutes, once; it goes on where it was cut short.

        Args:
            path: of one that was built elsewhere; None is that of the package or of this machine, or a new one.
            faces: on how many it is measured at least; None is as many as its moves need.
            crew: who measures it; None is this process.
            tell: called with how many faces are looked at, and how many are to be.
        Raises:
            InputError: `faces` is out of range.
            CheckpointError: the file is damaged, or the atlas of other networks.
        """
        parser = self.parser.of_pictures
        if path is not None:
            return Atlas.load(path, self.generator, self.clip, parser)
        return Atlas.of(self.generator, self.clip, parser, faces=faces, crew=crew, tell=tell)

    def sketch(
        self,
        prompt: str,
        *,
        region: Region | Sequence[str] | None = None,
        atlas: Atlas | str | os.PathLike[str] | None = None,
        try_strengths: bool = True,
        name: str = "",
    ) -> Direction:
        """Make a direction of a sentence at once, out of the atlas.

        It is nearly as good as one that is trained where CLIP can be believed, in a fraction of a second; for more,
        train. Its scores are those of a few faces; `calibrate` and `evaluate` say more.

        Args:
            prompt: what the edited face shall look like, e.g. ``"a person with blond hair"``.
            region: the parts that it may change; None is the sentence's.
            atlas: of this generator and CLIP, or its file; None is `atlas()`.
            try_strengths: find the strength of alpha = 1 on a few faces.
            name: what it is called; made of the sentence when empty.
        Returns:
            The direction, in W+, its `method` ``"atlas"``.
        Raises:
            InputError: an empty prompt, or one that says nothing that can be seen; an unknown part, or a painted
                region; or nothing in the atlas leads there.
        Warns:
            LocalityWarning: the prompt is about nothing in a face, so the edit is not held to a part of it.
            VocabularyWarning: CLIP was never shown a word of the prompt.
        """
        check_prompt(prompt)
        world = self.parser.world
        if isinstance(region, Mask) or (isinstance(region, Region) and region.mask is not None):
            raise InputError(
                "a sketch is held to parts of the picture, and not to a painted mask; train with it, or edit with mask="
            )
        if region is not None and not isinstance(region, Region):
            region = Region.from_parts(region, world=world)
        sketch = Sketch(
            generator=self.generator,
            clip=self.clip,
            atlas=atlas if isinstance(atlas, Atlas) else self.atlas(atlas),
            prompt=prompt,
            region=region,
            world=world,
            try_strengths=try_strengths,
            name=name,
        )
        found = sketch.find()
        if found.region.warning is not None:
            warnings.warn(LocalityWarning(found.region.warning), stacklevel=2)
        if found.scores.get("unknown"):
            warnings.warn(VocabularyWarning(vocabulary_warning(self.clip, found.scores["unknown"])), stacklevel=2)
        return found

    def prospect(self, prompt: str, *, atlas: Atlas | str | os.PathLike[str] | None = None) -> Prospect:
        """How far the generator and this CLIP can go with a sentence, before anything is trained.

        Args:
            prompt: what the edited face shall look like.
            atlas: of this generator and CLIP, or its file; None is `atlas()`.
        Raises:
            InputError: an empty prompt.
        """
        check_prompt(prompt)
        known = atlas if isinstance(atlas, Atlas) else self.atlas(atlas)
        sketch = Sketch(generator=self.generator, clip=self.clip, atlas=known, prompt=prompt, world=self.parser.world)
        return prospect(sketch)
