"""Some faces as the numbers that the synthesis reads: made from seeds, cut, joined and drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch import Tensor

from eclipsed.compute.arrays import as_tensor
from eclipsed.errors import InputError
from eclipsed.latents.foreign_faces import read_ws
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
        class_index: class that z was mapped with or a photograph was inverted with, or one for each face; None where
            there are no classes, or it is not known.
    """

    ws: Tensor
    z: Tensor | None = None
    truncation_psi: float = 1.0
    offsets: Mapping[str, Tensor] = field(default_factory=dict)
    class_index: int | tuple[int, ...] | None = None

    @classmethod
    def of_z(cls, generator: Generator, z: Tensor, *, truncation_psi: float = 1.0) -> Latent:
        """Map z, (N, z_dim), to the faces it stands for, of the generator's class if it has any."""
        z = z.to(generator.device)
        with torch.no_grad():
            ws = generator.mapping(z, truncation_psi=truncation_psi)
        return cls(ws, z, truncation_psi, class_index=generator.class_index)

    @classmethod
    def of_ws(cls, generator: Generator, ws: object, *, name: str = "ws") -> Latent:
        """The faces of some ws, or of some w for all rows alike, in any form that numbers have.

        Args:
            generator: that they belong to.
            ws: (N, num_ws, w_dim), or w as (N, w_dim), (N, 1, w_dim) or (w_dim,): a tensor, an array or lists; or a
                file of them, see `eclipsed.latents.foreign_faces.read_ws`.
            name: what to call them in messages.
        Raises:
            InputError: another shape, one that could be either, or numbers that are not finite.
        """
        if isinstance(ws, (str, os.PathLike)):
            return cls(read_ws(generator, ws))
        rows, dim = generator.num_ws, generator.w_dim
        given = as_tensor(name, ws, shape=f"(N, {rows}, {dim})")
        shape = tuple(given.shape)
        if shape == (rows, dim) and rows > 1:
            raise InputError(
                f"{name} of the shape {shape} may be the rows of one face or w of {rows} faces; "
                f"give (1, {rows}, {dim}) or ({rows}, 1, {dim})"
            )
        if len(shape) < 3 and given.numel():
            given = given.reshape(-1, 1, shape[-1] if shape else 1)
        if given.ndim != 3 or given.shape[1] not in (1, rows) or given.shape[2] != dim or not len(given):
            raise InputError(f"w must have the shape (N, {dim}) and ws the shape (N, {rows}, {dim}); got {shape}")
        if not given.is_floating_point() or not bool(torch.isfinite(given).all()):
            raise InputError(f"{name} must be finite floats")
        given = given.detach().to(generator.device, torch.float32)
        return cls(given if given.shape[1] == rows else given.repeat(1, rows, 1))

    @classmethod
    def of_seeds(
        cls,
        generator: Generator,
        seeds: Sequence[int],
        *,
        truncation_psi: float = 1.0,
        class_index: int | Sequence[int] | None = None,
    ) -> Latent:
        """The faces of some seeds, which the same generator gives whatever the batch.

        Args:
            generator: that they belong to.
            seeds: one for each face.
            truncation_psi: 1 is no truncation, 0 the mean face.
            class_index: of the faces, where the generator has classes, or one for each; None is the generator's own.
        Raises:
            InputError: a bad seed, no class where there are some, or one that is not there.
        """
        if isinstance(class_index, (list, tuple)) or int(getattr(class_index, "ndim", 0)):
            z = generator.z(seeds)
            classes = generator.classes(class_index, len(z))
            with torch.no_grad():
                ws = generator.mapping(z, truncation_psi, c=generator.weights_of_classes(classes))
            return cls(ws, z, truncation_psi, class_index=classes)
        generator = generator if class_index is None else generator.of_class(cast(int, class_index))
        return cls.of_z(generator, generator.z(seeds), truncation_psi=truncation_psi)

    @classmethod
    def cat(cls, latents: Sequence[Latent]) -> Latent:
        """Several faces after one another, all made in the same way."""
        first = latents[0]
        zs = [latent.z for latent in latents if latent.z is not None]
        offsets = {name: torch.cat([one.offsets[name] for one in latents]) for name in first.offsets}
        z = torch.cat(zs) if len(zs) == len(latents) else None
        ws = torch.cat([latent.ws for latent in latents])
        return replace(first, ws=ws, z=z, offsets=offsets, class_index=_joined(latents))

    def __len__(self) -> int:
        return self.ws.shape[0]

    def __getitem__(self, index: slice | Sequence[int]) -> Latent:
        where = index if isinstance(index, slice) else torch.as_tensor(list(index), device=self.ws.device)
        z = None if self.z is None else self.z[where]
        offsets = {name: v[where] for name, v in self.offsets.items()}
        classes = self.class_index
        if isinstance(classes, tuple):
            classes = classes[index] if isinstance(index, slice) else tuple(classes[k] for k in index)
        return replace(self, ws=self.ws[where], z=z, offsets=offsets, class_index=classes)

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
        split: int | None = None,
    ) -> Synthesis:
        """Draw the faces.

        Args:
            generator: the one that the latents belong to.
            options: how.
            prefix: go on from what `prefix` gave, with the same options.
            split: keep what these faces share with all that differ from them in the rows from `split` on only.
        Returns:
            Images (N, 3, H, W), the features that were asked for, and with `split` the prefix.
        """
        if self.offsets:
            return generator.synthesis_from_styles(self.styles(generator), options, prefix=prefix, split=split)
        return generator.synthesis(self.ws, options, prefix=prefix, split=split)


def _joined(latents: Sequence[Latent]) -> int | tuple[int, ...] | None:
    """The class of several faces, or that of each where they differ."""
    first = latents[0].class_index
    if all(latent.class_index == first for latent in latents) and not isinstance(first, tuple):
        return first
    each: list[int] = []
    for latent in latents:
        if latent.class_index is None:
            return None
        each += [latent.class_index] * len(latent) if isinstance(latent.class_index, int) else latent.class_index
    return tuple(each)
