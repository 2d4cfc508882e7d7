"""What a latent space is: it starts a delta, moves faces by it, and says how near the data they stay."""

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
from eclipsed.latents.rows import rows_of
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import one_of
from eclipsed.values.choices import STARTS

__all__ = ["Space", "column"]


class Space(ABC):
    """A latent space of one generator, with the rows of ws that an edit may change.

    A space of your own is a subclass. It gives `name`, `shape` and `move`, and `dims` unless a delta is one vector; it
    is made like those here, from a generator, `layers` and `styles`. All else has a default that it may override:
    `keep` where the chosen layers leave part of a delta out, `constrain` where deltas can leave the data, `share_rows`
    where a delta has rows, `distance` and `restricted` where faces move by more than ws. `register_space` makes it
    known by its name, so that direction files which name it can be loaded.

    Args:
        generator: whose space it is.
        layers: rows of ws, or names of layers that read them; None is all.
        styles: for `StyleSpace` only: ``"all"``, ``"conv"`` or names of style layers.
    Raises:
        InputError: a row or a name is unknown.
    """

    #: What the space is called in a config and in a file.
    name: ClassVar[str]

    #: Dimensions of one delta, which can be told without a generator.
    dims: ClassVar[int] = 1

    def __init__(
        self,
        generator: Generator,
        *,
        layers: Sequence[int | str] | None = None,
        styles: Sequence[str] | str = "all",
    ) -> None:
        self.generator = generator
        self.rows: tuple[int, ...] = rows_of(generator, layers)
        self.columns: tuple[tuple[str, int], ...] = ()  # in S: style layers and their widths
        self._constants: dict[Hashable, Tensor] = {}

    @property
    def key(self) -> Hashable:
        """What spaces of one generator and one class that do the same have in common."""
        return self.name, self.rows

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one delta."""

    @abstractmethod
    def move(self, latent: Latent, delta: Tensor, alpha: Tensor | float) -> Latent:
        """Move faces along a delta.

        A GPU records what is done here and replays it: no tensor is asked for its value, and what is always the same
        is made in ``__init__``.

        Args:
            latent: N faces.
            delta: one direction, `shape`.
            alpha: strength of each face, (N,), or one for all.
        Raises:
            InputError: the space needs something that the faces do not have.
        """

    def keep(self, delta: Tensor) -> Tensor:
        """Zero what the chosen layers exclude, (…, *shape); here that is nothing."""
        return delta

    def add_to_ws(self, latent: Latent, change: Tensor, alpha: Tensor | float) -> Latent:
        """Faces with a change added to the chosen rows of their ws, which is what many a `move` ends in.

        Args:
            latent: N faces.
            change: for all rows alike, (w_dim,), or for each, (num_ws, w_dim).
            alpha: how many times, for each face, (N,), or for all.
        """
        change = change * self._row_mask(change)  # (num_ws, w_dim)
        return replace(latent, ws=latent.ws + column(alpha, latent, 2) * change)

    def of_w(self, change: Tensor) -> Tensor | None:
        """The delta that moves faces as a change of w in all chosen rows does; None where the space has none.

        Args:
            change: of w, (w_dim,).
        Returns:
            (*shape).
        """
        return None

    def start(self, count: int, *, kind: str, scale: float, rng: torch.Generator) -> Tensor:
        """Deltas to begin training with.

        Args:
            count: how many.
            kind: ``"zero"``, ``"small"`` (normal values times `scale`), or ``"unit"`` (random, norm 1).
            scale: see `kind`.
            rng: source of the random numbers, on the CPU.
        Returns:
            (count, *shape), on the generator's device.
        Raises:
            InputError: `kind` is unknown.
        """
        one_of("start", kind, STARTS)
        draw = self.keep(torch.randn(count, *self.shape, generator=rng).to(self.generator.device))
        if kind == "zero":
            return torch.zeros_like(draw)
        if kind == "small":
            return draw * scale
        norm = torch.linalg.vector_norm(draw.flatten(1), dim=1).clamp(min=1e-12)
        return draw.div(norm.view(-1, *[1] * len(self.shape)))

    def constrain(self, deltas: Tensor, statistics: WStatistics, *, project: bool, row_cap: float | None) -> Tensor:
        """Bring deltas back to what the fence allows; here to the chosen layers only.

        Args:
            deltas: (K, *shape).
            statistics: of the generator's w.
            project: keep them in the principal components.
            row_cap: largest norm of a row, as a share of the data's radius; None is no limit.
        """
        return self.keep(deltas)

    def share_rows(self, gradient: Tensor, freedom: float) -> Tensor:
        """Let the rows of a gradient go together; here there are none.

        Args:
            gradient: in some deltas, (K, *shape).
            freedom: share of what a row has to itself that it keeps, [0, 1]: 0 gives every row the mean, 1 its own.
        Returns:
            The gradient with its chosen rows drawn towards their mean, same shape.
        """
        return gradient

    def distance(self, latent: Latent, statistics: WStatistics) -> Tensor:
        """How far moved faces are from the data's mean, where 1 is an ordinary face.

        Returns:
            (N, …): one value for each row that the edit may change.
        """
        return statistics.distance(latent.ws.index_select(1, self._row_numbers(latent.ws)))

    def restricted(self, layers: Sequence[int | str]) -> Space:
        """The same space for an edit of fewer layers.

        Args:
            layers: rows of ws, or names of layers.
        Raises:
            InputError: a layer is unknown, or none of them is among those of this space.
        """
        wanted = rows_of(self.generator, layers)
        rows = tuple(row for row in self.rows if row in wanted)
        if not rows:
            mine, asked = (", ".join(map(str, some)) for some in (self.rows, wanted))
            raise InputError(f"this direction edits the rows {mine}; got layers {asked}")
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


def column(alpha: Tensor | float, latent: Latent, dims: int) -> Tensor:
    """Strengths of some faces as (N or 1, 1, …), with `dims` dimensions after the first."""
    values = torch.as_tensor(alpha, dtype=latent.ws.dtype, device=latent.ws.device)
    return values.reshape(-1, *[1] * dims)
