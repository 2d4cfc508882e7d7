"""Where the data of a generator lies in W and S, measured once: the fence that keeps edited faces near it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.pretrained.generator import Generator
from eclipsed.values.variance import KEPT_VARIANCE

__all__ = ["WStatistics", "cap_rows"]

_SEED = 20230607  # of the sample that is measured; any would do, but the same for everybody
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class WStatistics:
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
    _exact: Tensor = field(repr=False)  # the variance in double precision, on the CPU
    _styles: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)
    _radii: dict[str, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of_generator(cls, generator: Generator, *, share: float | None = None) -> WStatistics:
        """What `measure` gives, measured once for each generator and kept as long as that is, or until it changes.

        Args:
            generator: whose mapping network is measured, without truncation.
            share: of variance that the kept components hold, in (0, 1]; None is `KEPT_VARIANCE`.
        Raises:
            InputError: `share` is outside (0, 1].
        """
        with _lock:
            version, known = _measured.get(generator, (None, None))
            if known is None or version != generator.version:
                known = cls.measure(generator)
                _measured[generator] = generator.version, known
        return known.with_share(KEPT_VARIANCE if share is None else share)

    @classmethod
    def measure(cls, generator: Generator, *, count: int = 4096, share: float = KEPT_VARIANCE) -> WStatistics:
        """Map `count` random z and measure them.

        Args:
            generator: whose mapping network is measured, without truncation.
            count: size of the sample.
            share: of variance that the kept components hold, in (0, 1].
        Raises:
            InputError: `count` is below 2, or `share` outside (0, 1].
        """
        if count < 2:
            raise InputError(f"the statistics of w need count >= 2; got {count}")
        _check_share(share)
        rng = torch.Generator().manual_seed(_SEED)
        z = torch.randn(count, generator.z_dim, generator=rng)
        with torch.inference_mode(False), torch.no_grad():
            parts = [generator.mapping(part.to(generator.device))[:, 0] for part in torch.split(z, _CHUNK)]
            return cls.of(torch.cat(parts), share=share)

    @classmethod
    def of(cls, sample: Tensor, *, share: float = KEPT_VARIANCE) -> WStatistics:
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
        like = sample.detach()
        radius = float(centred.norm(dim=1).mean())
        return cls(mean.to(like), basis.to(like), variance.to(like), 1, 1.0, radius, like, variance).with_share(share)

    def with_share(self, share: float) -> WStatistics:
        """The same with as many components kept as hold a share of the variance.

        Raises:
            InputError: `share` is outside (0, 1].
        """
        _check_share(share)
        total = self._exact.sum().clamp(min=1e-30)
        kept = int((self._exact.cumsum(0) / total < share - 1e-9).sum()) + 1
        plain = replace(self, kept=kept, typical=1.0)
        return replace(plain, typical=max(float(plain.distance(self.sample).mean()), 1e-12))

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
            with torch.inference_mode(False), torch.no_grad():
                parts = [generator.styles(part) for part in torch.split(ws, _CHUNK)]
            values = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            self._styles.update({n: (v.mean(dim=0), v.std(dim=0).clamp(min=1e-6)) for n, v in values.items()})
        means, deviations = zip(*(self._styles[name] for name in names), strict=True)
        return torch.cat(means), torch.cat(deviations)

    def style_radii(self, generator: Generator, names: tuple[str, ...]) -> list[float]:
        """Norm of the standard deviations of each style vector; see `styles`."""
        for name in names:
            if name not in self._radii:
                self._radii[name] = float(self.styles(generator, (name,))[1].norm())
        return [self._radii[name] for name in names]


#: what is known of generators, each with the version of the weights that it was measured with
_measured: WeakKeyDictionary[Generator, tuple[Hashable, WStatistics]] = WeakKeyDictionary()
_lock = threading.Lock()


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise InputError(f"the statistics of w need 0 < share <= 1; got {share}")


def cap_rows(delta: Tensor, limit: float) -> Tensor:
    """Shorten the vectors along the last dimension that are longer than `limit`."""
    norm = torch.linalg.vector_norm(delta, dim=-1, keepdim=True)
    return delta.mul(limit / norm.clamp(min=limit))
