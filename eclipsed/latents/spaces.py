"""The latent spaces Z, W, W+ and S, and the way to one of your own."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import rows_of
from eclipsed.latents.space import Space, column
from eclipsed.latents.space_registry import SPACES
from eclipsed.latents.w_statistics import WStatistics, cap_rows
from eclipsed.networks.layers import Layer
from eclipsed.pretrained.generator import Generator

__all__ = ["StyleSpace", "W", "WPlus", "Z", "make_space", "register_space"]


class Z(Space):
    """The input of the mapping network; a move is mapped, and what it changes is added to ws."""

    name = "Z"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.z_dim,)

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        if latent.z is None:
            raise InputError('a direction of the space "Z" needs faces made from seeds or z; these have ws only')
        moved = latent.z + column(alpha, latent, 1) * delta
        psi = latent.truncation_psi
        index, c = latent.class_index, None
        generator = self.generator.of_class(index) if isinstance(index, int) else self.generator
        if isinstance(index, tuple):
            c = generator.weights_of_classes(index)
        change = generator.mapping(moved, psi, c=c) - generator.mapping(latent.z, psi, c=c)
        return replace(latent, z=moved, ws=latent.ws + change * self._row_mask(change))

    def constrain(self, deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
        """Cap the norm of z, whose radius is sqrt(z_dim); every z is data, so there is nothing to project."""
        return deltas if row_cap is None else cap_rows(deltas, row_cap * self.generator.z_dim**0.5)


class W(Space):
    """One w for all rows."""

    name = "W"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.w_dim,)

    def of_w(self, change: Tensor) -> Tensor:
        return change

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        return self.add_to_ws(latent, delta, alpha)

    def constrain(self, deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
        """Keep deltas in the principal components of w and cap their norm, whose radius is that of w."""
        return _near_w(deltas, statistics, project=project, row_cap=row_cap)


class WPlus(Space):
    """A delta of its own for every row of ws."""

    name = "W+"
    dims = 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.generator.num_ws, self.generator.w_dim)

    def of_w(self, change: Tensor) -> Tensor:
        return self.keep(change.expand(self.generator.num_ws, -1))

    def keep(self, delta: Tensor) -> Tensor:
        return delta * self._row_mask(delta)

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        return self.add_to_ws(latent, delta, alpha)

    def constrain(self, deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
        """Keep each row in the principal components of w and cap its norm, whose radius is that of w."""
        return self.keep(_near_w(deltas, statistics, project=project, row_cap=row_cap))

    def share_rows(self, gradient: Tensor, freedom: float) -> Tensor:
        rows = self._row_numbers(gradient)
        own = gradient.index_select(1, rows)
        tied = torch.lerp(own.mean(1, keepdim=True).expand_as(own), own, freedom)
        return torch.zeros_like(gradient).index_copy(1, rows, tied)


class StyleSpace(Space):
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
        if isinstance(styles, str):
            if styles not in ("all", "conv"):
                raise InputError(f'styles must be "all", "conv" or names of style layers; got {styles!r}')
            chosen = [layer for layer in generator.layers if styles == "all" or not layer.is_rgb]
        else:
            named = {generator.layer(name) for name in styles}
            chosen = [layer for layer in generator.layers if layer in named]
        chosen = [layer for layer in chosen if _is_chosen(layer, layers)]
        if not chosen:
            raise InputError("no style layer is left: the chosen styles read none of the chosen rows")
        self.rows = tuple(sorted({layer.row for layer in chosen}))
        self.styles: tuple[str, ...] = tuple(layer.name for layer in chosen)
        self.widths: tuple[int, ...] = tuple(layer.channels for layer in chosen)
        self.columns = tuple(zip(self.styles, self.widths, strict=True))
        self._active: tuple[str, ...] = self.styles

    @property
    def key(self) -> Hashable:
        return self.name, self.rows, self.styles, self._active

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(self.widths),)

    @torch.no_grad()
    def of_w(self, change: Tensor) -> Tensor:
        """Styles are affine in ws, so that a change of w is one of styles, wherever it begins."""
        ends = torch.stack([torch.zeros_like(change), change])[:, None].expand(-1, self.generator.num_ws, -1)
        vectors = self.generator.styles(ends)
        return self.keep(torch.cat([vectors[name][1] - vectors[name][0] for name in self.styles]))

    def keep(self, delta: Tensor) -> Tensor:
        if self._active == self.styles:
            return delta

        def made() -> Tensor:
            on = [float(name in self._active) for name in self.styles]
            return torch.tensor(on).repeat_interleave(torch.tensor(self.widths))

        return delta * self._constant("active", made, delta.device, delta.dtype)

    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        offsets = dict(latent.offsets)
        strength = column(alpha, latent, 1)
        for name, part in zip(self.styles, torch.split(delta, list(self.widths), dim=-1), strict=True):
            if name in self._active:
                step = (strength * part).expand(len(latent), -1)
                offsets[name] = offsets[name] + step if name in offsets else step
        return replace(latent, offsets=offsets)

    def restricted(self, layers: Sequence[int | str]) -> StyleSpace:
        rows_of(self.generator, layers)  # raises for a layer that is not there
        active = [layer for layer in map(self.generator.layer, self._active) if _is_chosen(layer, layers)]
        if not active:
            asked = ", ".join(map(str, layers))
            raise InputError(f"this direction edits the style layers {', '.join(self._active)}; got {asked}")
        other = copy.copy(self)
        other._active = tuple(layer.name for layer in active)
        other.rows = tuple(sorted({layer.row for layer in active}))
        return other

    def constrain(self, deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
        """Cap the norm of each layer's part, whose radius is that of its standard deviations."""
        if row_cap is None:
            return deltas
        radii = statistics.style_radii(self.generator, self.styles)
        parts = zip(torch.split(deltas, list(self.widths), dim=-1), radii, strict=True)
        return torch.cat([cap_rows(part, row_cap * radius) for part, radius in parts], dim=-1)

    def distance(self, latent: Latent, statistics: WStatistics) -> Tensor:
        """Root mean square of the standardised style values, where 1 is an ordinary face; one value per layer."""
        mean, deviation = statistics.styles(self.generator, self.styles)
        vectors = self.generator.styles(latent.ws)
        values = [vectors[n] + latent.offsets[n] if n in latent.offsets else vectors[n] for n in self.styles]
        scaled = torch.split((torch.cat(values, dim=1) - mean) / deviation, list(self.widths), dim=1)
        return torch.stack([part.square().mean(dim=1).add(1e-12).sqrt() for part in scaled], dim=1)


def register_space(space: type[Space]) -> type[Space]:
    """Make a latent space of your own known by its name, as a config and a direction file name it.

    Args:
        space: a subclass of `Space`; one that was made known before may be given anew.
    Returns:
        The same, so that this can be written above a class.
    Raises:
        InputError: it is none, something of it is missing, or another space has its name.
    """
    return SPACES.register(_checked(space))


def make_space(
    space: str | type[Space],
    generator: Generator,
    *,
    layers: Sequence[int | str] | None = None,
    styles: Sequence[str] | str = "all",
) -> Space:
    """The latent space of that name, or that is given itself; see `Space` for the other arguments.

    Args:
        space: a name of `SPACES`, or a subclass of `Space`.
    Raises:
        InputError: the name, a row or a style layer is unknown, or the subclass is not whole.
    """
    kind = SPACES[space] if isinstance(space, str) else _checked(space)
    made = kind(generator, layers=layers, styles=styles)
    if len(made.shape) != kind.dims:
        raise InputError(f"the latent space {kind.name!r} has deltas of shape {made.shape}; its dims say {kind.dims}")
    return made


def _checked(space: object) -> type[Space]:
    """A class of a caller's own, if it is a whole latent space."""
    if not isinstance(space, type) or not issubclass(space, Space):
        raise InputError(f"a latent space is a name ({', '.join(SPACES)}) or a subclass of Space; got {space!r}")
    missing = sorted(space.__abstractmethods__)
    if not isinstance(getattr(space, "name", None), str) or not space.name:
        missing.insert(0, "name")
    if missing:
        raise InputError(f"the latent space {space.__name__} lacks {', '.join(missing)}; see eclipsed.Space")
    return space


def _near_w(deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
    """Bring deltas of w, (…, w_dim), to the principal components, and to a share of the radius."""
    if project:
        deltas = statistics.project(deltas)
    return deltas if row_cap is None else cap_rows(deltas, row_cap * statistics.radius)


def _is_chosen(layer: Layer, chosen: Sequence[int | str] | None) -> bool:
    """Whether a layer is chosen: by its own name, or by the number of the row that it reads."""
    return chosen is None or any(one in (layer.name, layer.row) for one in chosen)
