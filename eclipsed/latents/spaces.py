"""The latent spaces Z, W, W+ and S as objects: start a delta, move faces by it, say how near the data they stay."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import check_layer, row_names
from eclipsed.latents.spread import Spread, cap_rows
from eclipsed.pretrained.generator import Generator

__all__ = ["SPACES", "Latent", "Space", "Style", "W", "WPlus", "Z", "make_space"]


class Space(ABC):
    """A latent space of one generator, with the rows of ws that an edit may change.

    Args:
        generator: whose space it is.
        layers: rows of ws, or names of layers that read them; None is all.
        styles: for `Style` only: ``"all"``, ``"conv"`` or names of style layers.
    Raises:
        InputError: a row or a name is unknown.
    """

    #: What the space is called in a config and in a file.
    name: ClassVar[str]

    #: Dimensions of one delta.
    dims: ClassVar[int] = 1

    def __init__(
        self,
        generator: Generator,
        *,
        layers: Sequence[int | str] | None = None,
        styles: Sequence[str] | str = "all",
    ) -> None:
        self.generator = generator
        self.rows: tuple[int, ...] = row_names(generator, layers)
        self.columns: tuple[tuple[str, int], ...] = ()  # in S: style layers and their widths
        self._constants: dict[Hashable, Tensor] = {}

    @property
    def key(self) -> Hashable:
        """What spaces of one generator that do the same have in common."""
        return self.name, self.rows

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one delta."""

    @abstractmethod
    def keep(self, delta: Tensor) -> Tensor:
        """Zero what the chosen layers exclude; (…, *shape)."""

    @abstractmethod
    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        """Move faces along a delta.

        Args:
            latent: N faces.
            delta: one direction, `shape`.
            alpha: strength of each face, (N,), or one for all.
        Raises:
            InputError: the space needs something that the faces do not have.
        """

    def start(self, count: int, *, kind: str, scale: float, rng: torch.Generator) -> Tensor:
        """Deltas to begin training with.

        Args:
            count: how many.
            kind: ``"zero"``, ``"small"`` (normal values times `scale`) or ``"unit"`` (random, norm 1).
            scale: see `kind`.
            rng: source of the random numbers, on the CPU.
        Returns:
            (count, *shape), on the generator's device.
        Raises:
            InputError: `kind` is unknown.
        """
        draw = self.keep(torch.randn(count, *self.shape, generator=rng).to(self.generator.device))
        if kind == "zero":
            return torch.zeros_like(draw)
        if kind == "small":
            return draw * scale
        if kind == "unit":
            norm = torch.linalg.vector_norm(draw.flatten(1), dim=1).clamp(min=1e-12)
            return draw.div(norm.view(-1, *[1] * len(self.shape)))
        raise InputError(f"start must be one of zero, small, unit; got {kind!r}")

    def tame(self, deltas: Tensor, spread: Spread, *, project: bool, row_cap: float | None) -> Tensor:
        """Bring deltas back to what the fence allows.

        Args:
            deltas: (K, *shape).
            spread: of the generator's data.
            project: keep them in the principal components.
            row_cap: largest norm of a row, as a share of the data's radius; None is no limit.
        """
        if project:
            deltas = spread.project(deltas)
        if row_cap is not None:
            deltas = cap_rows(deltas, row_cap * spread.radius)
        return self.keep(deltas)

    def tie(self, gradient: Tensor, freedom: float) -> Tensor:
        """Let the rows of a gradient go together; here there is nothing to tie.

        Args:
            gradient: in some deltas, (K, *shape).
            freedom: share of what a row has to itself that it keeps, [0, 1]: 0 gives every row the mean, 1 its own.
        Returns:
            The gradient with its chosen rows drawn towards their mean, same shape.
        """
        return gradient

    def distance(self, latent: Latent, spread: Spread) -> Tensor:
        """How far moved faces are from the data's mean, where 1 is an ordinary face.

        Returns:
            (N, …): one value for each row that the edit may change.
        """
        return spread.distance(latent.ws.index_select(1, self._row_numbers(latent.ws)))

    def restricted(self, layers: Sequence[int | str]) -> Space:
        """The same space for an edit of fewer layers.

        Args:
            layers: rows of ws, or names of layers.
        Raises:
            InputError: a layer is unknown, or none of them is among those of this space.
        """
        wanted = row_names(self.generator, layers)
        rows = tuple(row for row in self.rows if row in wanted)
        if not rows:
            raise InputError(f"this direction edits the rows {_listed(self.rows)}; got layers {_listed(wanted)}")
        other = copy.copy(self)
        other.rows = rows
        return other

    def _row_mask(self, like: Tensor) -> Tensor:
        def made() -> Tensor:
            return torch.tensor([[float(row in self.rows)] for row in range(self.generator.num_ws)])

        return self._constant("mask", made, like.device, like.dtype)

    def _row_numbers(self, like: Tensor) -> Tensor:
        return self._constant("rows", lambda: torch.tensor(self.rows), like.device, torch.int64)

    def _constant(self, name: str, make: Callable[[], Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
        """A tensor that depends on nothing but the space; brought to the device once."""
        where = (name, self.key, device, dtype)
        if where not in self._constants:
            with torch.inference_mode(False), torch.no_grad():
                self._constants[where] = make().to(device, dtype)
        return self._constants[where]


class Z(Space):
    """The input of the mapping network; a move is mapped, and what it changes is added to ws."""

    name = "Z"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.z_dim,)

    def keep(self, delta: Tensor) -> Tensor:
        return delta

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        if latent.z is None:
            raise InputError('a direction of the space "Z" needs faces made from seeds or z; these have ws only')
        moved = latent.z + _column(alpha, latent, 1) * delta
        psi = latent.truncation_psi
        change = self.generator.mapping(moved, truncation_psi=psi) - self.generator.mapping(
            latent.z, truncation_psi=psi
        )
        return replace(latent, z=moved, ws=latent.ws + change * self._row_mask(change))

    def tame(self, deltas: Tensor, spread: Spread, *, project: bool, row_cap: float | None) -> Tensor:
        """Cap the norm of z, whose radius is sqrt(z_dim); every z is data, so there is nothing to project."""
        return deltas if row_cap is None else cap_rows(deltas, row_cap * self.generator.z_dim**0.5)


class W(Space):
    """One w for all rows."""

    name = "W"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.w_dim,)

    def keep(self, delta: Tensor) -> Tensor:
        return delta

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        return replace(latent, ws=latent.ws + _column(alpha, latent, 2) * (delta * self._row_mask(delta)))


class WPlus(Space):
    """A delta of its own for every row of ws."""

    name = "W+"
    dims = 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.num_ws, self.generator.w_dim)

    def keep(self, delta: Tensor) -> Tensor:
        return delta * self._row_mask(delta)

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        return replace(latent, ws=latent.ws + _column(alpha, latent, 2) * self.keep(delta))

    def tie(self, gradient: Tensor, freedom: float) -> Tensor:
        rows = self._row_numbers(gradient)
        own = gradient.index_select(1, rows)
        tied = torch.lerp(own.mean(1, keepdim=True).expand_as(own), own, freedom)
        return torch.zeros_like(gradient).index_copy(1, rows, tied)


class Style(Space):
    """The style vectors after the affine layers; a delta is the chosen ones, concatenated."""

    name = "S"

    def __init__(
        self,
        generator: Generator,
        *,
        layers: Sequence[int | str] | None = None,
        styles: Sequence[str] | str = "all",
    ) -> None:
        super().__init__(generator, layers=layers, styles=styles)
        known = tuple(generator.style_names)
        if isinstance(styles, str):
            if styles not in ("all", "conv"):
                raise InputError(f'styles must be "all", "conv" or names of style layers; got {styles!r}')
            chosen = [name for name in known if styles == "all" or "torgb" not in name]
        else:
            for name in styles:
                check_layer(generator, name)
            chosen = [name for name in known if name in styles]
        self.styles: tuple[str, ...] = tuple(name for name in chosen if _reads(generator, name, layers))
        if not self.styles:
            raise InputError("no style layer is left: the chosen styles read none of the chosen rows")
        self.rows = tuple(sorted({generator.row_of(name) for name in self.styles}))
        with torch.no_grad():
            vectors = generator.styles(generator.w_avg.expand(1, generator.num_ws, -1))
        self.widths: tuple[int, ...] = tuple(vectors[name].shape[1] for name in self.styles)
        self.columns = tuple(zip(self.styles, self.widths, strict=True))
        self._active: tuple[str, ...] = self.styles

    @property
    def key(self) -> Hashable:
        return self.name, self.rows, self.styles, self._active

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(self.widths),)

    def keep(self, delta: Tensor) -> Tensor:
        if self._active == self.styles:
            return delta

        def made() -> Tensor:
            on = [float(name in self._active) for name in self.styles]
            return torch.tensor(on).repeat_interleave(torch.tensor(self.widths))

        return delta * self._constant("active", made, delta.device, delta.dtype)

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        offsets = dict(latent.offsets)
        strength = _column(alpha, latent, 1)
        for name, part in zip(self.styles, torch.split(delta, list(self.widths), dim=-1), strict=True):
            if name in self._active:
                step = (strength * part).expand(len(latent), -1)
                offsets[name] = offsets[name] + step if name in offsets else step
        return replace(latent, offsets=offsets)

    def restricted(self, layers: Sequence[int | str]) -> Style:
        row_names(self.generator, layers)  # raises for a layer that is not there
        active = tuple(name for name in self._active if _reads(self.generator, name, layers))
        if not active:
            raise InputError(f"this direction edits the style layers {_listed(self._active)}; got {_listed(layers)}")
        other = copy.copy(self)
        other._active = active
        other.rows = tuple(sorted({self.generator.row_of(name) for name in active}))
        return other

    def tame(self, deltas: Tensor, spread: Spread, *, project: bool, row_cap: float | None) -> Tensor:
        """Cap the norm of each layer's part, whose radius is that of its standard deviations."""
        if row_cap is None:
            return deltas
        radii = spread.style_radii(self.generator, self.styles)
        parts = zip(torch.split(deltas, list(self.widths), dim=-1), radii, strict=True)
        return torch.cat([cap_rows(part, row_cap * radius) for part, radius in parts], dim=-1)

    def distance(self, latent: Latent, spread: Spread) -> Tensor:
        """Root mean square of the standardised style values, where 1 is an ordinary face; one value per layer."""
        mean, deviation = spread.styles(self.generator, self.styles)
        vectors = self.generator.styles(latent.ws)
        values = [vectors[n] + latent.offsets[n] if n in latent.offsets else vectors[n] for n in self.styles]
        scaled = torch.split((torch.cat(values, dim=1) - mean) / deviation, list(self.widths), dim=1)
        return torch.stack([part.square().mean(dim=1).add(1e-12).sqrt() for part in scaled], dim=1)


#: Every latent space by its name.
SPACES: dict[str, type[Space]] = {space.name: space for space in (Z, W, WPlus, Style)}


def make_space(
    name: str,
    generator: Generator,
    *,
    layers: Sequence[int | str] | None = None,
    styles: Sequence[str] | str = "all",
) -> Space:
    """The latent space of that name; see `Space` for the arguments.

    Raises:
        InputError: the name, a row or a style layer is unknown.
    """
    if name not in SPACES:
        raise InputError(f"unknown latent space {name!r}; known: {', '.join(SPACES)}")
    return SPACES[name](generator, layers=layers, styles=styles)


def _reads(generator: Generator, name: str, layers: Sequence[int | str] | None) -> bool:
    """Whether a style layer is chosen: by its own name, or by the number of the row that it reads."""
    return layers is None or any(layer in (name, generator.row_of(name)) for layer in layers)


def _column(alpha: Tensor | float, latent: Latent, dims: int) -> Tensor:
    """Strengths as (N or 1, 1, …) with `dims` dimensions after the first."""
    values = torch.as_tensor(alpha, dtype=latent.ws.dtype, device=latent.ws.device)
    return values.reshape(-1, *[1] * dims)


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)
