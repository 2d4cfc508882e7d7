"""Faces that a direction was not made from, on which it is calibrated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.values.seeds import CALIBRATION_FACES, CALIBRATION_SEEDS

__all__ = ["HeldOut"]

_CHUNK = 8  # faces at once


@dataclass(frozen=True, eq=False, kw_only=True)
class HeldOut:
    """The faces that a direction is calibrated on, and how they are drawn.

    Args:
        generator: that the direction belongs to.
        parser: finds the region.
        count: faces.
        seed: of the choice among the seeds that are kept for calibration.
        avoid: seeds that the direction was made from.
        truncation_psi: of the faces.
        resolution: side of their pictures; None is the full picture.
        dtype: what the ladder is computed in; figures are computed in float32.
        share: of variance that the kept components of w hold, which distances are measured in; None is that of
            `WStatistics`.
        given: these faces instead of any: of a direction that was made for them alone.
    """

    generator: Generator
    parser: Parser
    count: int = CALIBRATION_FACES
    seed: int = 0
    avoid: Collection[int] = ()
    truncation_psi: float = 1.0
    resolution: int | None = None
    dtype: torch.dtype | None = None
    share: float | None = None
    given: Latent | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the faces; none where the faces were given."""
        return self._seeds(0) if self.given is None else ()

    def _seeds(self, block: int) -> tuple[int, ...]:
        """The seeds of as many faces after those of the blocks before."""
        taken = set(self.avoid)
        start = CALIBRATION_SEEDS.start + self.seed % 1000 * 10_000
        free = (seed for seed in range(start, CALIBRATION_SEEDS.stop) if seed not in taken)
        return tuple(islice(free, block * self.count, (block + 1) * self.count))

    @property
    def statistics(self) -> WStatistics:
        """Where the data of the generator lies."""
        return WStatistics.of_generator(self.generator, share=self.share)

    def latent(self, block: int = 0) -> Latent:
        """The faces; of a later block as many others, unless the faces were given."""
        if self.given is not None:
            return self.given
        return Latent.of_seeds(self.generator, self._seeds(block), truncation_psi=self.truncation_psi)

    def render(self, latent: Latent, *, exact: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """Pictures of some faces, a few at a time and without gradient; exact ones are computed in float32."""
        for part, drawing in self.drawn(latent, exact=exact):
            yield part, drawing.image

    def drawn(
        self, latent: Latent, *, exact: bool = False, layers: Sequence[str] = ()
    ) -> Iterator[tuple[slice, Synthesis]]:
        """The same with the features of some layers."""
        dtype = None if exact else self.dtype
        options = SynthesisOptions(resolution=self.resolution, dtype=dtype, features=layers)
        for start in range(0, len(latent), _CHUNK):
            part = slice(start, start + _CHUNK)
            with torch.no_grad():  # closed before the yield, for a suspended one would stay in force outside
                drawing = latent[part].render(self.generator, options)
            yield part, drawing
