"""Some faces as the numbers that the synthesis reads: made from seeds, cut, joined and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from eclipsed.networks.layers import DEFAULT_OPTIONS, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.pretrained.generator import Generator

__all__ = ["Latent"]


@dataclass(frozen=True, eq=False)
class Latent:
    """Everything that the synthesis of N faces reads.

    Args:
        ws: (N, num_ws, w_dim).
        z: what ws was mapped from, (N, z_dim); None when it is not known.
        truncation_psi: truncation that ws was mapped with.
        offsets: what is added to style vectors, name of the style layer -> (N, channels).
    """

    ws: Tensor
    z: Tensor | None = None
    truncation_psi: float = 1.0
    offsets: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of_z(cls, generator: Generator, z: Tensor, *, truncation_psi: float = 1.0) -> Latent:
        """Map z, (N, z_dim), to the faces it stands for."""
        z = z.to(generator.device)
        with torch.no_grad():
            return cls(generator.mapping(z, truncation_psi=truncation_psi), z, truncation_psi)

    @classmethod
    def of_seeds(cls, generator: Generator, seeds: Sequence[int], *, truncation_psi: float = 1.0) -> Latent:
        """The faces of some seeds, which the same generator gives whatever the batch."""
        return cls.of_z(generator, generator.z(seeds), truncation_psi=truncation_psi)

    @classmethod
    def cat(cls, latents: Sequence[Latent]) -> Latent:
        """Several faces after one another, all made in the same way."""
        first = latents[0]
        zs = [latent.z for latent in latents if latent.z is not None]
        offsets = {name: torch.cat([one.offsets[name] for one in latents]) for name in first.offsets}
        z = torch.cat(zs) if len(zs) == len(latents) else None
        return replace(first, ws=torch.cat([latent.ws for latent in latents]), z=z, offsets=offsets)

    def __len__(self) -> int:
        return self.ws.shape[0]

    def __getitem__(self, index: slice | Sequence[int]) -> Latent:
        where = index if isinstance(index, slice) else torch.as_tensor(list(index), device=self.ws.device)
        z = None if self.z is None else self.z[where]
        return replace(self, ws=self.ws[where], z=z, offsets={name: v[where] for name, v in self.offsets.items()})

    def styles(self, generator: Generator) -> dict[str, Tensor]:
        """The style vectors that the faces are drawn from, {name: (N, channels)}."""
        styles = dict(generator.styles(self.ws))
        for name, offset in self.offsets.items():
            styles[name] = styles[name] + offset
        return styles

    def prefix(self, generator: Generator, row: int, options: SynthesisOptions = DEFAULT_OPTIONS) -> SynthesisPrefix:
        """Draw what these faces share with all that differ from them in the rows from `row` on only."""
        return generator.prefix(self.styles(generator), row, options)

    def render(
        self,
        generator: Generator,
        options: SynthesisOptions = DEFAULT_OPTIONS,
        *,
        prefix: SynthesisPrefix | None = None,
    ) -> Synthesis:
        """Draw the faces.

        Args:
            generator: the one that the latents belong to.
            options: how.
            prefix: go on from what `prefix` gave, with the same options.
        Returns:
            Images (N, 3, H, W), and the features that were asked for.
        """
        if self.offsets:
            return generator.synthesis_from_styles(self.styles(generator), options, prefix=prefix)
        return generator.synthesis(self.ws, options, prefix=prefix)
