"""Moves of a face: steps along the principal components of w, each in rows of ws that act alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.latents.rows import row_cells
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator

__all__ = ["Moves"]


@dataclass(frozen=True, eq=False)
class Moves:
    """A basis of what can be added to ws: one principal component of w in one cell of rows.

    Moves are numbered cell by cell, and in a cell by component.

    Args:
        mean: of w, (w_dim,).
        basis: the kept principal components as columns, largest variance first, (w_dim, K).
        deviations: of faces along them, (K,).
        cells: rows that move together, the coarsest first.
        num_ws: rows of ws.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor
    cells: tuple[tuple[int, ...], ...]
    num_ws: int

    @classmethod
    def of(cls, generator: Generator, side: int) -> Moves:
        """The moves of a generator that are seen in pictures of a size.

        Args:
            generator: whose faces are moved.
            side: of the pictures, in pixels; rows that only larger ones read are not moved.
        """
        statistics = WStatistics.of_generator(generator)
        seen = {layer.row for layer in generator.layers_up_to(side)}
        kept = statistics.kept
        return cls(
            statistics.mean,
            statistics.basis[:, :kept],
            statistics.variance[:kept].clamp(min=0).sqrt(),
            row_cells(generator.num_ws, seen),
            generator.num_ws,
        )

    def __len__(self) -> int:
        return len(self.cells) * self.basis.shape[1]

    def faces(self, w: Tensor) -> Tensor:
        """Faces that have each cell of rows from a w of its own, and what is in no cell from the last one's.

        Args:
            w: (N, cells, w_dim).
        Returns:
            ws, (N, num_ws, w_dim).
        """
        ws = w[:, -1:].repeat(1, self.num_ws, 1)
        for cell, rows in enumerate(self.cells):
            ws[:, list(rows)] = w[:, cell, None]
        return ws

    def coordinates(self, w: Tensor) -> Tensor:
        """Where such faces are, along every move, in units of w, (N, moves).

        Args:
            w: (N, cells, w_dim).
        """
        return ((w - self.mean) @ self.basis).flatten(1)

    def slopes(self, gradient: Tensor) -> Tensor:
        """How something changes with each move, from how it does with each row, (N, moves).

        Args:
            gradient: by ws, (N, num_ws, w_dim).
        """
        cells = [gradient[:, list(rows)].sum(dim=1) for rows in self.cells]
        return (torch.stack(cells, dim=1) @ self.basis).flatten(1)

    def delta(self, steps: Tensor) -> Tensor:
        """What some steps add to ws, (num_ws, w_dim).

        Args:
            steps: along every move, in units of w, (moves,).
        """
        out = self.mean.new_zeros(self.num_ws, len(self.mean))
        for rows, step in zip(self.cells, steps.to(out).view(len(self.cells), -1), strict=True):
            out[list(rows)] = self.basis @ step
        return out

    def name(self, move: int) -> tuple[int, tuple[int, ...]]:
        """The component of a move, from 0, and its rows."""
        cell, component = divmod(move, self.basis.shape[1])
        return component, self.cells[cell]
