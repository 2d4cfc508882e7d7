"""Where the data of a generator lies in W and S: the fence that keeps edited faces near it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.pretrained.generator import Generator

__all__ = ["Spread", "cap_rows"]

_SEED = 20230607  # of the sample that is measured; any would do, but the same for everybody
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean, principal components and typical distances of a generator's mapped w.

    Distances are Mahalanobis distances over the mean of those of the data itself: 1 is an ordinary face. Variance in
    the components that are not kept counts as if it were as small as in the last one kept.

    Args:
        mean: of w, (w_dim,).
        basis: principal components as columns, largest variance first, (w_dim, w_dim).
        variance: along them, (w_dim,).
        kept: how many components hold the wanted share of variance.
        typical: mean Mahalanobis distance of the data.
        radius: mean distance of w from its mean.
        sample: mapped w, (count, w_dim), for what is measured later.
    """

    mean: Tensor
    basis: Tensor
    variance: Tensor
    kept: int
    typical: float
    radius: float
    sample: Tensor
    _styles: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)
    _radii: dict[str, float] = field(default_factory=dict, repr=False)

    @classmethod
    def measure(cls, generator: Generator, *, count: int = 4096, share: float = 0.985) -> Spread:
        """Map `count` random z and measure them.

        Args:
            generator: whose mapping network is measured, without truncation.
            count: size of the sample.
            share: of variance that the kept components hold, in (0, 1].
        Raises:
            InputError: `count` is below 2, or `share` outside (0, 1].
        """
        if count < 2 or not 0 < share <= 1:
            raise InputError(f"the spread needs count >= 2 and 0 < share <= 1; got {count} and {share}")
        rng = torch.Generator().manual_seed(_SEED)
        z = torch.randn(count, generator.z_dim, generator=rng)
        with torch.no_grad():
            parts = [generator.mapping(part.to(generator.device))[:, 0] for part in torch.split(z, _CHUNK)]
        return cls.of(torch.cat(parts), share=share)

    @classmethod
    def of(cls, sample: Tensor, *, share: float = 0.985) -> Spread:
        """Measure a sample of w.

        Args:
            sample: (count, w_dim).
            share: of variance that the kept components hold, in (0, 1].
        """
        exact = sample.detach().double().cpu()
        mean = exact.mean(dim=0)
        centred = exact - mean
        variance, basis = torch.linalg.eigh(centred.T @ centred / (len(exact) - 1))
        variance, basis = variance.flip(0).clamp(min=0), basis.flip(1)
        total = variance.sum().clamp(min=1e-30)
        kept = int((variance.cumsum(0) / total < share - 1e-9).sum()) + 1
        like = sample.detach()
        radius = float(centred.norm(dim=1).mean())
        spread = cls(mean.to(like), basis.to(like), variance.to(like), kept, 1.0, radius, like)
        typical = max(float(spread.distance(like).mean()), 1e-12)
        return cls(spread.mean, spread.basis, spread.variance, kept, typical, radius, like)

    def distance(self, w: Tensor) -> Tensor:
        """Mahalanobis distance from the data's mean, over that of an ordinary face.

        Args:
            w: (…, w_dim).
        Returns:
            (…), >= 0; differentiable.
        """
        centred = w - self.mean
        along = centred @ self.basis
        scale = torch.maximum(self.variance, self.variance[self.kept - 1].clamp(min=1e-12))
        return ((along.square() / scale).sum(dim=-1) + 1e-12).sqrt() / self.typical

    def project(self, delta: Tensor) -> Tensor:
        """Keep what lies in the kept principal components.

        Args:
            delta: (…, w_dim).
        """
        kept = self.basis[:, : self.kept]
        return torch.matmul(delta @ kept, kept.T)

    def styles(self, generator: Generator, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of style vectors, concatenated over `names`.

        Args:
            generator: the one that was measured.
            names: style layers.
        Returns:
            Two tensors (sum of widths,).
        """
        if not self._styles:
            ws = self.sample[:, None].expand(-1, generator.num_ws, -1)
            with torch.no_grad():
                parts = [generator.styles(part) for part in torch.split(ws, _CHUNK)]
            for name in parts[0]:
                values = torch.cat([part[name] for part in parts])
                self._styles[name] = (values.mean(dim=0), values.std(dim=0).clamp(min=1e-6))
        means, deviations = zip(*(self._styles[name] for name in names), strict=True)
        return torch.cat(means), torch.cat(deviations)

    def style_radii(self, generator: Generator, names: tuple[str, ...]) -> list[float]:
        """Norm of the standard deviations of each style vector; see `styles`."""
        for name in names:
            if name not in self._radii:
                self._radii[name] = float(self.styles(generator, (name,))[1].norm())
        return [self._radii[name] for name in names]


def cap_rows(delta: Tensor, limit: float) -> Tensor:
    """Shorten the vectors along the last dimension that are longer than `limit`."""
    norm = torch.linalg.vector_norm(delta, dim=-1, keepdim=True)
    return delta.mul(limit / norm.clamp(min=limit))
