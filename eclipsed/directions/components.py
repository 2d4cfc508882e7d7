"""Directions that nobody asked for: principal components of w or of features, and what layers respond to most."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_order import run_in_order
from eclipsed.compute.crew_work import Turn
from eclipsed.errors import CheckpointError, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.rows import rows_of
from eclipsed.networks.layers import Layer, SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region
from eclipsed.values.checks import whole
from eclipsed.worlds.world import find_world

__all__ = [
    "FEATURE_SAMPLES",
    "SAMPLES",
    "Components",
    "PublishedEdit",
    "components_of_features",
    "components_of_w",
    "published_edits",
    "sefa",
]

#: As many w are measured when nobody says otherwise.
SAMPLES = 100_000

#: As many faces' features are measured when nobody says otherwise.
FEATURE_SAMPLES = 4096

_CHUNK = 4096
_DRAWN = 64  # faces at once, whose features are wanted
_SPREAD = 10_000  # w that tell how far faces spread along what SeFa finds


@dataclass(frozen=True, eq=False)
class Components:
    """Directions of w in order, with how far faces spread along them.

    Args:
        mean: of w, (w_dim,), float64.
        basis: one direction of length 1 a row, (K, w_dim), float64; its largest entry is positive.
        deviation: standard deviation of faces along each, (K,).
        method: how they were found: ``"components of w"``.
        share: of the variance of w or of features that each holds, or of what layers respond to; (K,).
        rows: of ws that they were found for; None is all.
        layer: whose features they are components of; "" where they are none.
    """

    mean: Tensor
    basis: Tensor
    deviation: Tensor
    method: str
    share: Tensor
    rows: tuple[int, ...] | None = None
    layer: str = ""

    def __len__(self) -> int:
        return len(self.basis)

    def direction(
        self,
        index: int,
        *,
        generator: Generator,
        layers: Sequence[int | str] | None = None,
        region: Region | None = None,
        name: str = "",
    ) -> Direction:
        """One of them as a direction in W, whose alpha counts standard deviations.

        Args:
            index: from 0.
            generator: that they belong to.
            layers: rows of ws, or names of layers, that it may change; None is those that they were found for.
            region: the parts that it changes; None is the whole picture.
            name: what it is called; by its number when empty.
        Returns:
            The direction. `Editor.bring` takes it, too: it sets the coordinate of every face, in standard deviations.
        Raises:
            InputError: there is no such component, or no such layer.
        """
        at = whole("a component", index, 0, len(self) - 1)
        step, unit = float(self.deviation[at]), self.basis[at]
        found = Direction.of(
            generator,
            unit * step,
            method=self.method,
            space="W",
            layers=self.rows if layers is None else layers,
            region=region or Region(find_world().whole, True),
            name=name or f"component-{at}",
        )
        plane = {"offset": -float(self.mean @ unit), "deviation": step}
        return replace(
            found,
            config={"component": at, "plane": plane, **({"layer": self.layer} if self.layer else {})},
            scores={"deviation": step, "share": float(self.share[at])},
            alpha_range=(-3.0, 3.0),
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Components:
        """Components that others have published: a ``.pt`` file of mean (1, D), std (K,) and comp (K, 1, D).

        Raises:
            CheckpointError: the file is something else, or is damaged.
        """
        content = load_weights(Path(path))
        parts = {name: content.get(name) for name in ("mean", "std", "comp")} if isinstance(content, dict) else {}
        if not parts or not all(isinstance(one, Tensor) for one in parts.values()):
            raise CheckpointError(f"{os.fspath(path)} holds no components; expected tensors mean, std and comp")
        mean, std, comp = (parts[name].detach().double().cpu().flatten() for name in ("mean", "std", "comp"))  # type: ignore[union-attr]
        if not len(std) or not len(mean) or len(comp) != len(std) * len(mean) or not bool(torch.isfinite(comp).all()):
            raise CheckpointError(f"the components in {os.fspath(path)} do not match in number, or are not finite")
        share = std.square() / std.square().sum()
        return cls(mean, comp.view(len(std), len(mean)), std, "published components", share)


@torch.no_grad()
def components_of_w(
    generator: Generator, *, count: int = 80, samples: int = SAMPLES, seed: int = 1, crew: Crew | None = None
) -> Components:
    """The principal components of w, from the exact covariance of many, summed up in double precision.

    Args:
        generator: whose mapping network is measured, without truncation.
        count: components to keep, at most w_dim.
        samples: how many w.
        seed: of their z.
        crew: who maps them; None is this process. The result is the same for any number of workers.
    Raises:
        InputError: a number is out of range.
    Source: Härkönen et al. 2020, arXiv:2004.02546; there incremental PCA, whose signs are left to chance.
    """
    whole("count", count, 1, generator.w_dim)
    whole("samples", samples, 2, 10_000_000)
    total = torch.zeros(generator.w_dim, dtype=torch.float64)
    outer = torch.zeros(generator.w_dim, generator.w_dim, dtype=torch.float64)
    draws = list(_draws(samples, seed, generator.z_dim))
    origin = _map(generator, draws[0]).mean(dim=0)  # sums of what is near zero lose no digits
    with closing(run_in_order(partial(_summing, generator, origin), draws, crew=crew)) as sums:
        for one, squares in sums:
            total += one
            outer += squares
    middle = total / samples
    covariance = (outer - samples * torch.outer(middle, middle)) / (samples - 1)
    variance, vectors = torch.linalg.eigh(covariance)
    variance, basis = variance.flip(0).clamp(min=0), _signed(vectors.flip(1).T)
    share = variance / variance.sum().clamp(min=1e-30)
    return Components(origin + middle, basis[:count], variance[:count].sqrt(), "components of w", share[:count])


@torch.no_grad()
def components_of_features(
    generator: Generator,
    *,
    layer: str | None = None,
    count: int = 80,
    samples: int = FEATURE_SAMPLES,
    seed: int = 1,
    crew: Crew | None = None,
) -> Components:
    """The principal components of an early layer's activations, each as the direction of w that goes with it.

    Faces are told by their coordinates along the components, each over its standard deviation; the regression of w on
    these says which way w goes where a coordinate grows.

    Args:
        generator: whose layer is measured, without truncation.
        layer: its name, no colours; None is the first. The later it is, the more memory this takes: `samples` times
            its features.
        count: components to keep, below `samples`, at most as many as w and the layer have dimensions.
        samples: how many faces.
        seed: of their z.
        crew: who draws them; None is this process. The result is the same for any number of workers.
    Returns:
        The components in w, in the order of the variance of features that they hold. They need not be orthogonal.
    Raises:
        InputError: a number is out of range, or there is no such layer.
    Source: Härkönen et al. 2020, arXiv:2004.02546, there for BigGAN's z and by incremental PCA; here exactly.
    """
    chosen = _feature_layer(generator, layer)
    whole("samples", samples, 3, 100_000)
    parts_w, parts = [], []
    draws = list(_draws(samples, seed, generator.z_dim, at_once=_DRAWN))
    with closing(run_in_order(partial(_drawing, generator, chosen), draws, crew=crew)) as drawn:
        for some, features in drawn:
            parts_w.append(some)
            parts.append(features)
    w, seen = torch.cat(parts_w), torch.cat(parts).double()  # (samples, w_dim) and (samples, features)
    whole("count", count, 1, min(generator.w_dim, seen.shape[1], samples - 1))
    share, coordinates = _coordinates(seen - seen.mean(dim=0))
    middle = w.mean(dim=0)
    change = coordinates[:, :count].T @ (w - middle)  # the regression, since coordinates are uncorrelated
    basis = _signed(change / change.norm(dim=1, keepdim=True).clamp(min=1e-30))
    deviation = ((w - middle) @ basis.T).std(dim=0)
    return Components(middle, basis, deviation, "components of features", share[:count], layer=chosen.name)


@torch.no_grad()
def sefa(
    generator: Generator, *, rows: Sequence[int | str] | None = None, count: int = 80, seed: int = 1
) -> Components:
    """The directions of w that the affine layers of some rows respond to most, in closed form.

    Args:
        generator: whose layers are looked at.
        rows: of ws, or names of layers, whose convolutions count; None is all.
        count: directions to keep, at most w_dim.
        seed: of the faces that tell how far w spreads along them.
    Raises:
        InputError: a row is unknown, or no convolution reads one.
    Source: Shen and Zhou 2021, arXiv:2007.06600: eigenvectors of A Aᵀ, where the columns of A are the weights of every
        channel's style, each of length 1; sorted here, the largest eigenvalue first.
    """
    whole("count", count, 1, generator.w_dim)
    chosen = rows_of(generator, rows)
    layers = [layer.name for layer in generator.layers if not layer.is_rgb and layer.row in chosen]
    if not layers:
        raise InputError("no convolution reads the chosen rows; choose others")
    weights = torch.cat([_affine(generator, name) for name in layers], dim=1)  # (w_dim, channels)
    weights = weights / weights.norm(dim=0).clamp(min=1e-12)
    values, vectors = torch.linalg.eigh(weights @ weights.T)
    values, basis = values.flip(0).clamp(min=0), _signed(vectors.flip(1).T)[:count]
    sample = torch.cat(list(_mapped(generator, _SPREAD, seed)))
    deviation = (sample @ basis.T).std(dim=0)
    share = (values / values.sum())[:count]
    return Components(sample.mean(dim=0), basis, deviation, "SeFa", share, chosen)


@dataclass(frozen=True)
class PublishedEdit:
    """An edit of GANSpace's table for StyleGAN2 on FFHQ.

    Args:
        name: what they call it.
        component: number of the component, in their own basis alone.
        rows: of ws that it changes.
        target: what the coordinate is set to, in standard deviations, for faces without truncation; times psi for
            others.
    """

    name: str
    component: int
    rows: tuple[int, ...]
    target: float

    def direction(self, components: Components, *, generator: Generator) -> Direction:
        """The direction, for `Editor.bring` to its `target`.

        Args:
            components: those that they published, from `Components.from_file`.
            generator: FFHQ's at 1024 px, with 18 rows of ws.
        """
        return components.direction(self.component, generator=generator, layers=self.rows, name=self.name)


@cache
def published_edits() -> dict[str, PublishedEdit]:
    """GANSpace's 42 edits of StyleGAN2 on FFHQ, by their names.

    Source: Härkönen et al. 2020, arXiv:2004.02546.
    """
    text = Path(__file__).with_name("ganspace_ffhq.json").read_text(encoding="utf-8")
    entries: dict[str, Any] = json.loads(text)["edits"]
    return {
        name: PublishedEdit(name, one["component"], tuple(range(*one["rows"])), float(one["target"]))
        for name, one in entries.items()
    }


@dataclass(frozen=True)
class _Draw:
    """Some z of a stream: where it stands before them, and their size."""

    state: Any
    shape: tuple[int, int]

    def z(self) -> Tensor:
        """Of standard normal deviation, in float64."""
        rng = np.random.RandomState()
        rng.set_state(self.state)
        return torch.from_numpy(rng.standard_normal(self.shape))


def _draws(samples: int, seed: int, z_dim: int, *, at_once: int = _CHUNK) -> Iterator[_Draw]:
    """The stream of z of a seed, a few at a time, so that anybody can draw any of them."""
    rng = np.random.RandomState(seed)
    for start in range(0, samples, at_once):
        draw = _Draw(rng.get_state(), (min(at_once, samples - start), z_dim))
        rng.standard_normal(draw.shape)
        yield draw


@torch.no_grad()
def _map(generator: Generator, draw: _Draw) -> Tensor:
    """w of some z, (n, w_dim) in float64 on the CPU."""
    return generator.mapping(draw.z().float().to(generator.device))[:, 0].double().cpu()


def _summing(generator: Generator, origin: Tensor) -> Callable[[_Draw, Turn], tuple[Tensor, Tensor]]:
    """What one worker does with some z: the sums of w and of its squares, from an origin."""

    def work(draw: _Draw, _: Turn) -> tuple[Tensor, Tensor]:
        w = _map(generator, draw) - origin
        return w.sum(dim=0), w.T @ w

    return work


def _drawing(generator: Generator, layer: Layer) -> Callable[[_Draw, Turn], tuple[Tensor, Tensor]]:
    """What one worker does with some z: w, and the features of a layer."""

    def work(draw: _Draw, _: Turn) -> tuple[Tensor, Tensor]:
        w = _map(generator, draw)
        return w, _features(generator, layer, w.float().to(generator.device))

    return work


def _mapped(generator: Generator, samples: int, seed: int) -> Iterator[Tensor]:
    """w of random z, a few at a time, (n, w_dim) in float64 on the CPU."""
    for draw in _draws(samples, seed, generator.z_dim):
        yield _map(generator, draw)


def _feature_layer(generator: Generator, name: str | None) -> Layer:
    """The layer of a name, or the first that is none of colours."""
    named = {layer.name: layer for layer in generator.layers if not layer.is_rgb}
    if name is not None and name not in named:
        raise InputError(f"unknown layer {name!r}; those with features: {', '.join(named)}")
    return named[next(iter(named)) if name is None else name]


@torch.no_grad()
def _features(generator: Generator, layer: Layer, w: Tensor) -> Tensor:
    """Activations after a layer, (n, features) in float32 on the CPU, of w (n, w_dim)."""
    options = SynthesisOptions(resolution=layer.resolution, features=(layer,))
    drawn = generator.synthesis(w[:, None].expand(-1, generator.num_ws, -1), options)
    return drawn.features[layer.name].flatten(1).float().cpu()


def _coordinates(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Of many vectors, (N, D), the share of variance that each principal component holds, and where they lie along it.

    Returns:
        (K,), the largest first, and (N, K) of orthonormal columns; K is the smaller of N and D.
    """
    if len(centred) <= centred.shape[1]:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        coordinates = vectors
    else:
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        coordinates = centred @ vectors / values.clamp(min=1e-30).sqrt()
    values = values.flip(0).clamp(min=0)
    return values / values.sum().clamp(min=1e-30), coordinates.flip(1)


def _affine(generator: Generator, name: str) -> Tensor:
    """The weights of a layer's style, (w_dim, channels); styles are affine in w."""
    steps = torch.eye(generator.w_dim + 1, generator.w_dim, device=generator.device)  # the last is zero
    styles = generator.styles(steps[:, None].expand(-1, generator.num_ws, -1))[name].double().cpu()
    return styles[:-1] - styles[-1]


def _signed(basis: Tensor) -> Tensor:
    """The same directions, (K, D), each turned so that its largest entry is positive."""
    largest = basis.gather(1, basis.abs().argmax(dim=1, keepdim=True))
    return basis * torch.where(largest < 0, -1.0, 1.0)
