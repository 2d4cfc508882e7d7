"""A sentence answered at once: the step through an atlas that does what it says, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from eclipsed.directions.atlas import Atlas
from eclipsed.directions.discriminant import Discriminant
from eclipsed.directions.margins import caption_texts, clip_margin, saying, told_apart
from eclipsed.directions.verdict import WEAK
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import FENCE
from eclipsed.latents.latent import Latent
from eclipsed.latents.spaces import make_space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import World

__all__ = ["METHOD", "Sketch", "atlas_step"]

#: how a direction was made that an atlas told, as its file says
METHOD = "atlas"

_OUTSIDE = 0.3  # what a move costs that changes the picture outside as moves do in the mean, beside its length
_COVERED = 0.25  # share of a part that an edit may cover for its pixels to be no concern of the edit's
_GAIN = 0.85  # share of what all rows gain that the chosen ones gain alone
_TRIED = 8  # faces on which strengths are tried
_RUNGS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)  # strengths, in units of the distance of the two groups
_SERVED = 1.0  # share of these faces that a full edit serves
_SMALLEST = 0.002  # share of the picture, below which a part is too small to say how much of it is covered


def atlas_step(atlas: Atlas, texts: Tensor, bystanders: Sequence[Tensor], region: Region, *, background: str) -> Tensor:
    """The step that makes CLIP's verdict on a caption true for what it costs elsewhere, (moves,).

    It costs its length, what it does to CLIP's verdicts on bystanders, and what it changes of the picture outside the
    region, except in the background and in what the region grows over. Of the cells of rows those few are kept that
    gain nearly all.

    Args:
        atlas: of the generator.
        texts: embeddings of the caption (first) and of others, (T, D).
        bystanders: for each attribute that is to stay the embeddings of its captions, (T, D).
        region: the parts that may change; a painted one is as if all might.
        background: part that whatever grows grows over.
    Returns:
        As long as the faces that have it are from those that lack it, along it.
    """
    others = [atlas.margins(one) for one in told_apart(bystanders)]
    found = Discriminant.of(atlas.along, atlas.margins(texts), bystanders=others)
    if region.warning is None and region.mask is None and not region.painted:
        grown = (atlas.growth.T @ found.step()) / atlas.seen.areas.double().mean(dim=0).clamp(min=_SMALLEST)
        weights = [
            0.0 if part == background or part in region.parts else max(0.0, 1 + min(0.0, float(growth)) / _COVERED)
            for part, growth in zip(atlas.parts, grown, strict=True)
        ]
        change = atlas.change(weights)
        mean = change.diagonal().mean()
        if float(mean) > 0:
            found = replace(found, cost=found.cost + _OUTSIDE / mean * change)
    return found.step(_cells(atlas, found))


def _cells(atlas: Atlas, found: Discriminant) -> Tensor:
    """The moves of as few neighbouring cells of rows as gain nearly all of the verdict, (moves,) bool."""
    cells = len(atlas.moves.cells)
    gains = (found.step() * found.slope).view(cells, -1).sum(dim=1)
    gains = gains / gains.sum().clamp(min=1e-12)
    runs = [range(first, last + 1) for first in range(cells) for last in range(first, cells)]
    enough = [run for run in runs if float(gains[list(run)].sum()) >= _GAIN]
    best = min(enough, key=lambda run: (len(run), -float(gains[list(run)].sum())), default=range(cells))
    among = torch.zeros(cells, len(found.slope) // cells, dtype=torch.bool)
    among[list(best)] = True
    return among.flatten()


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """Finds the direction of a sentence in an atlas, without training.

    What the sentence puts negatively is read positively and turned round; of several statements the steps add up.

    Args:
        generator: that it belongs to.
        clip: that reads the sentence.
        atlas: of both.
        prompt: what the edited face shall look like.
        region: the parts that it may change; None is the sentence's.
        world: whose words it is read with; None is that of faces.
        try_strengths: find the strength of alpha = 1 on a few faces; else it is that at which faces that lack it come
            to be as far as those that have it are in the mean.
        name: what it is called; made of the sentence when empty.
    Source: ours.
    """

    generator: Generator
    clip: Clip
    atlas: Atlas
    prompt: str
    region: Region | None = None
    world: World | None = None
    try_strengths: bool = True
    name: str = ""

    method = METHOD

    @cached_property
    def reading(self) -> Reading:
        """What the sentence says."""
        return read(self.prompt, world=self.world)

    @property
    def learned(self) -> tuple[Reading, ...]:
        """The statements as they are looked for: those of what is to go, where it is to go."""
        return (self.reading.removes or self.reading).statements

    @torch.no_grad()
    def find(self) -> Direction:
        """The direction, in W+.

        Raises:
            InputError: the sentence says nothing that can be seen, or no move leads there.
        """
        reading, region = self.reading, self.region or self.reading.region
        if not all(map(saying, self.learned)):
            raise InputError(
                f"{self.prompt!r} says nothing that could be seen; say what is to be, such as {reading.world.example!r}"
            )
        unknown = self.clip.unknown_words(" ".join(one.caption for one in self.learned))
        texts = [self._texts(one) for one in self.learned]
        kept = [] if region.warning is not None else self._bystanders(reading)
        background = reading.world.background
        step = torch.stack([atlas_step(self.atlas, one, kept, region, background=background) for one in texts]).sum(
            dim=0
        )
        delta = self.atlas.moves.delta(step)
        rows = [row for row in range(len(delta)) if bool(delta[row].any())]
        if not rows:
            raise InputError(f"the atlas knows no move towards {self.prompt!r}; train a direction, or say it otherwise")
        sign = -1.0 if reading.removes is not None else 1.0
        scores: dict[str, Any] = {"unknown": list(unknown)} if unknown else {}
        strength = 1.0
        if self.try_strengths:
            strength, served = self._strength(delta, texts)
            scores |= {"clip_success": served, "weak": served < WEAK or bool(unknown), "tried_faces": _TRIED}
        found = Direction.of(
            self.generator,
            sign * strength * delta,
            method=METHOD,
            layers=rows,
            region=region,
            prompt=self.prompt,
            name=self.name,
        )
        return replace(found, clip=self.clip.name, scores=scores, note=reading.note, config={"seeds": []})

    def _texts(self, reading: Reading) -> Tensor:
        return self.clip.encode_text(caption_texts(self.clip, reading, neutral=reading.world.neutral))

    def _bystanders(self, reading: Reading) -> list[Tensor]:
        known = [one for one in reading.bystanders if not any(map(self.clip.unknown_words, one))]
        return [self.clip.encode_text(captions) for captions in known]

    def _strength(self, delta: Tensor, texts: Sequence[Tensor]) -> tuple[float, float]:
        """The lowest strength that serves most of a few faces that lacked it, and the share that it serves."""
        margins = torch.stack([self.atlas.margins(one) for one in texts]).amin(dim=0)
        order = margins.argsort()
        lacking = order[: max(int((margins < 0).sum()), len(order) // 4)]
        some = lacking[torch.linspace(0, len(lacking) - 1, _TRIED + 2).long()[1:-1]]
        faces = Latent(self.atlas.ws(self.generator, some.tolist()))
        space = make_space("W+", self.generator)
        statistics = WStatistics.of_generator(self.generator)
        margin = clip_margin(self.clip, texts)
        options = SynthesisOptions(resolution=self.atlas.side)
        best, most = 1.0, -1.0
        for strength in _RUNGS:
            moved = space.move(faces, delta, strength)
            if float(space.distance(moved, statistics).mean()) > FENCE and most >= 0:
                break
            served = float((margin(moved.render(self.generator, options).image) > 0).double().mean())
            if served > most:
                best, most = strength, served
            if served >= _SERVED:
                break
        return best, most
