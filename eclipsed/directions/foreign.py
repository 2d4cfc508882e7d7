"""What an `Editor` does with directions of other projects: it loads them, and asks a judge for sign and strength."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from eclipsed.directions.calibration import LADDER
from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.locating import LOCATING_FACES, LOCATING_STEPS, locate
from eclipsed.directions.margins import Margin
from eclipsed.errors import DirectionError
from eclipsed.latents.direction import Direction
from eclipsed.latents.foreign import UNJUDGED
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.prompts.target import Target
from eclipsed.values.seeds import CALIBRATION_FACES

__all__ = ["TURNED", "ForeignMethods"]

#: what a direction's note says whose sign the judge has changed
TURNED = "turned round, since the file's own sign takes away what it is to bring"

_FACES = 16  # held-out faces that tell the sign


class ForeignMethods(ABC):
    """The part of `Editor` that loads directions of other projects."""

    generator: Generator
    truncation_psi: float

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def has_parser(self) -> bool:
        """Whether edits can be held to parts of the picture."""

    @abstractmethod
    def calibrate(
        self,
        direction: Direction,
        *,
        margin: Margin | Target | str | None = None,
        count: int = CALIBRATION_FACES,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Direction:
        """Give a direction its alpha = 1, its useful range and its figures."""

    @abstractmethod
    def margin_of(self, direction: Direction, margin: Margin | Target | str | None) -> Margin:
        """What judges a direction."""

    def load_foreign(
        self,
        path: str | os.PathLike[str],
        *,
        prompt: str | None = None,
        margin: Margin | Target | str | None = None,
        space: str | None = None,
        layers: Sequence[int | str] | None = None,
        region: Region | Sequence[str] | None = None,
        index: int | None = None,
        name: str = "",
        count: int = CALIBRATION_FACES,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Direction:
        """A direction that another project wrote, its region measured, and sign and strength where there is a judge.

        Args:
            path: see `Direction.load_foreign`, as for all that is not named here.
            prompt: what it brings, for CLIP to judge; see `calibrate`.
            margin: another judge; see `calibrate`. Without either the sign is the file's own, and the strength half of
                what takes faces out of the data.
            space: see there.
            layers: see there.
            region: the parts that it changes; None measures them.
            index: see there.
            name: see there.
            count: held-out faces.
            tell: called with how many steps are done, and with how many there are; what it raises ends them.
        Raises:
            EclipsedError: see `Direction.load_foreign` and `calibrate`.
        Warns:
            EclipsedWarning: it may not belong to this generator, or it cannot be told.
        """
        if prompt is not None:
            check_prompt(prompt, self.parser.world)
        if region is not None and not isinstance(region, Region):
            region = Region.from_parts(region, world=self.parser.world)
        found = Direction.load_foreign(
            path,
            generator=self.generator,
            space=space,
            layers=layers,
            region=region,
            index=index,
            name=name,
        )
        judged = prompt is not None or margin is not None
        steps = LOCATING_STEPS if region is None and self.has_parser else 0
        rungs = len(LADDER) if judged else 0
        if steps:
            faces = self._faces(LOCATING_FACES)
            found = replace(found, region=locate(found, faces, tell=lambda done: tell(done, steps + rungs)))
        found = replace(found, prompt=prompt)
        if not judged:
            return found
        if len(found) > 1:
            raise DirectionError(f"{found.name!r} holds {len(found)} directions; choose one by its index (--index)")
        found = replace(found, note=found.note.replace(UNJUDGED, "").strip("; "))
        if self._takes_away(found, self.margin_of(found, margin)):
            found = replace(found, deltas=-found.deltas, note="; ".join(filter(None, (found.note, TURNED))))
        return self.calibrate(found, margin=margin, count=count, tell=lambda done, of: tell(steps + done, steps + of))

    def _faces(self, count: int) -> HeldOut:
        return HeldOut(generator=self.generator, parser=self.parser, count=count, truncation_psi=self.truncation_psi)

    @torch.no_grad()
    def _takes_away(self, direction: Direction, margin: Margin) -> bool:
        """Whether a direction takes away from held-out faces what it is to bring, more than its opposite does."""
        held_out = self._faces(_FACES)
        latent, space = held_out.latent(), direction.space_of(self.generator)
        delta = direction.deltas[0].to(latent.ws)
        gains = []
        for strength in (-direction.scale, direction.scale):
            moved = space.move(latent, delta, strength)
            gains.append(torch.cat([margin(images) for _, images in held_out.render(moved)]).mean())
        return bool(gains[0] > gains[1])
