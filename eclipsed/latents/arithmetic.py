"""What can be reckoned with directions: sums, differences, multiples, and one without what another does."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.errors import DirectionError, InputError
from eclipsed.files.names import cut
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.region import Region
from eclipsed.values.checks import shown
from eclipsed.worlds.world import find_world, known_worlds

if TYPE_CHECKING:
    from typing_extensions import Self

    from eclipsed.pretrained.generator import Generator

__all__ = ["DirectionArithmetic"]

_LONGEST_NAME = 100  # bytes
_FIRM = 3.0  # how firmly others are taken out where data says how: a quarter of each stays
_NOTHING = 1e-4  # share of a direction's length below which nothing is left of it


class DirectionArithmetic(ABC):
    """The part of `Direction` that reckons. What comes out is not calibrated unless it only differs in strength.

    The full edit, alpha = 1, of a sum is the full edits of its parts together. Directions must belong to one generator
    and lie in one space, where W counts as W+ if need be.
    """

    deltas: Tensor
    prompt: str | None
    region: Region
    space: str
    layers: tuple[int, ...]
    styles: tuple[tuple[str, int], ...]
    generator: str
    generator_name: str
    scale: float
    alpha_range: tuple[float, float]
    config: Mapping[str, Any]
    name: str

    @classmethod
    @abstractmethod
    def load(cls, path: str | os.PathLike[str], *, models: str = "") -> Self:
        """Read a direction file."""

    @classmethod
    def combined(cls, weights: Mapping[str | os.PathLike[str], float], *, models: str = "") -> Self:
        """Several directions as one, each by a weight.

        Args:
            weights: names of the library, or files, each with the alpha at which its edit goes in:
                ``{"smile": 1.0, "glasses": -0.5}``.
            models: see `load`.
        Returns:
            Their sum; not calibrated.
        Raises:
            InputError: there is none, or a weight is 0 or no number.
            DirectionError: they belong to different generators or spaces, or cancel out.
        """
        parts = [cls.load(name, models=models) * weight for name, weight in weights.items()]
        if not parts:
            raise InputError("expected directions with their weights, such as {'smile': 1.0}; got none")
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def __mul__(self, weight: float) -> Self:
        """The same edit as strong, at alpha = 1, as it was at alpha = `weight`; a negative one turns it round.

        Raises:
            InputError: the weight is 0 or no finite number.
        """
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight) or not weight:
            raise InputError(f"a direction is multiplied by a finite number other than 0; got {shown(weight)}")
        if weight == 1:
            return self
        ends = (self.alpha_range[0] / weight, self.alpha_range[1] / weight)
        turned = weight < 0
        return replace(  # type: ignore[type-var]
            self,
            deltas=-self.deltas if turned else self.deltas,
            prompt=None if turned else self.prompt,
            scale=self.scale * abs(weight),
            alpha_range=(min(ends), max(ends)),
            method="arithmetic",
            config=self._made_of([(self, float(weight))]),
            scores={},
            note="",
            name=_name([(self.name, float(weight))]),
        )

    def __rmul__(self, weight: float) -> Self:
        return self * weight

    def __neg__(self) -> Self:
        return self * -1.0

    def __add__(self, other: Self) -> Self:
        """Both edits together.

        Raises:
            DirectionError: they belong to different generators or spaces, or cancel out.
        """
        return self._sum(other, 1.0)

    def __sub__(self, other: Self) -> Self:
        """This edit, and the other turned round; see `__add__`."""
        return self._sum(other, -1.0)

    def without(self, *others: Self, generator: Generator | None = None) -> Self:
        """The direction without what others do: projected to where these stay as they are.

        In W+ every row is projected by itself, as far as the others move it. It is as long as the projection leaves it.

        Args:
            others: one or several, of the same generator and space.
            generator: whose data says how long a change is, and that each of the others is taken out by three quarters
                only. So it gives way where nothing it could do instead would be small: what many boundaries of other
                attributes tell together is mostly right, and each by itself is a little wrong. None projects in full,
                by plain lengths. Directions in S and Z are always projected so.
        Raises:
            InputError: none was given.
            DirectionError: another generator or space, or nothing is left.
        Source: Shen et al. 2020, arXiv:2005.09635, conditional manipulation: n − Cᵀ(CCᵀ)⁻¹Cn for the others as rows
            of C. With a generator ours: (1 + 3CᵀC)⁻¹n, in standard deviations of w along its kept components, the rows
            of C of length 1; as in `Survey.boundary`.
        """
        if not others:
            raise InputError("expected at least one other direction to take out; got none")
        every: list[Any] = [self, *others]
        deltas, like = _together(every)
        if generator is not None:
            every[0].space_of(generator)  # another one is refused
        own, taken = deltas[0], torch.stack(deltas[1:])  # (…, D), (others, …, D)
        rows = own.reshape(-1, own.shape[-1]).double()  # (rows, D)
        spans = taken.reshape(len(taken), *rows.shape).double().transpose(0, 1)  # (rows, others, D)
        left = torch.stack([_projected(row, span) for row, span in zip(rows, spans, strict=True)])
        if float(left.norm()) < _NOTHING * float(rows.norm()):
            names = ", ".join(repr(one.name) for one in others)
            raise DirectionError(f"nothing is left of direction {self.name!r} without {names}; they do the same")
        if generator is not None and like.space in ("W", "W+"):
            told = torch.tensor(["plane" in one.config for one in others])
            data = WStatistics.of_generator(generator)
            left = torch.stack([_eased(row, span, told, data) for row, span in zip(rows, spans, strict=True)])
        parts = [(self, 1.0), *((one, 0.0) for one in others)]
        return replace(  # type: ignore[type-var]
            self,
            deltas=left.reshape(1, *own.shape).to(torch.float32),
            space=like.space,
            scale=1.0,
            alpha_range=(-1.0, 1.0),
            method="arithmetic",
            config=self._made_of(parts),
            scores={},
            note="",
            name=cut(f"{self.name}-without-{'-'.join(one.name for one in others)}", _LONGEST_NAME),
        )

    def _sum(self, other: Self, weight: float) -> Self:
        if not isinstance(other, DirectionArithmetic):
            raise InputError(f"a direction is added to another direction; got {type(other).__name__}")
        like: Self
        (mine, theirs), like = _together([self, other])
        total = mine + weight * theirs
        if float(total.norm()) < _NOTHING * float(mine.norm()):
            raise DirectionError(f"the directions {self.name!r} and {other.name!r} cancel out; nothing is left")
        return replace(  # type: ignore[type-var]
            like,
            deltas=total[None].to(torch.float32),
            prompt=None,
            clip="",
            seed=0,
            region=_regions(self.region, other.region),
            layers=tuple(sorted({*self.layers, *other.layers})),
            scale=1.0,
            alpha_range=(-1.0, 1.0),
            method="arithmetic",
            config=self._made_of([(self, 1.0), (other, weight)]),
            scores={},
            note="",
            name=_name([(self.name, 1.0), (other.name, weight)]),
        )

    def _made_of(self, parts: Sequence[tuple[Any, float]]) -> dict[str, Any]:
        """What the config says of a direction that was reckoned: the class of its faces, and of what it was made.

        A weight of 0 is that of a direction which was taken out.
        """
        classes = {one.config.get("class_index") for one, _ in parts}
        seeds = {seed for one, _ in parts for seed in one.config.get("seeds") or ()}
        return {
            **({"class_index": classes.pop()} if len(classes) == 1 and None not in classes else {}),
            **({"seeds": sorted(seeds)} if seeds else {}),
            "made_of": [{"name": one.name, "digest": one.digest, "weight": weight} for one, weight in parts],
        }


def _together(given: Sequence[Any]) -> tuple[list[Tensor], Any]:
    """The full edits of directions as deltas of one space, and a direction of that space.

    Raises:
        DirectionError: they are several in one, or belong to different generators or spaces.
    """
    first = given[0]
    for one in given:
        if not isinstance(one, DirectionArithmetic):
            raise InputError(f"expected directions; got {type(one).__name__}")
        if len(one.deltas) != 1:
            raise DirectionError(f"{one.name!r} holds {len(one.deltas)} directions; choose one, such as direction[0]")
        if one.generator != first.generator:
            raise DirectionError(
                f"the direction {first.name!r} belongs to the generator {first.generator_name!r}, {one.name!r} to "
                f"{one.generator_name!r}; only directions of one generator can be put together"
            )
    like = next((one for one in given if one.space == "W+"), first)
    deltas = [_as_in(one, like) for one in given]
    return deltas, like


def _as_in(one: Any, like: Any) -> Tensor:
    """The full edit of a direction as one delta of another's space."""
    delta: Tensor = one.deltas[0] * one.scale
    if one.space == "W" and like.space == "W+" and like.deltas.shape[-1] == delta.shape[-1]:
        return _in_rows(delta.expand(like.deltas.shape[1:]), one.layers)
    same = one.space == like.space and one.deltas.shape == like.deltas.shape and one.styles == like.styles
    if not same or (one.space not in ("W+", "S") and one.layers != like.layers):
        raise DirectionError(
            f"the directions {like.name!r} ({_place(like)}) and {one.name!r} ({_place(one)}) lie in different spaces; "
            "make both in one space, with the same layers"
        )
    return _in_rows(delta, one.layers) if one.space == "W+" else delta


def _in_rows(delta: Tensor, layers: Sequence[int]) -> Tensor:
    """A delta in the rows that a direction may change, (num_ws, w_dim)."""
    rows = torch.zeros_like(delta)
    rows[list(layers)] = delta[list(layers)]
    return rows


def _place(one: Any) -> str:
    rows = f"{one.layers[0]} to {one.layers[-1]}" if one.layers else "none"
    return f"{one.space}, deltas of shape {tuple(one.deltas.shape[1:])}, rows {rows}"


def _projected(row: Tensor, span: Tensor) -> Tensor:
    """What is left of a vector (D,) beyond the span of others (K, D), of which some may be zero or alike."""
    _, sizes, basis = torch.linalg.svd(span, full_matrices=False)
    basis = basis[sizes > 1e-8 * sizes.max().clamp(min=1e-30)]
    left: Tensor = row - basis.T @ (basis @ row)
    return left


def _eased(row: Tensor, span: Tensor, told: Tensor, data: WStatistics) -> Tensor:
    """What is left of a vector (D,) when each of others (K, D) is taken out as far as it can be believed.

    Args:
        row: a step in w.
        span: the others; zero where one moves nothing.
        told: which of them are normals of boundaries, (K,), across which w is told apart; others are steps like `row`.
        data: how far w spreads.
    """
    basis = data.basis[:, : data.kept].double().cpu()
    deviation = data.variance[: data.kept].double().cpu().clamp(min=1e-12).sqrt()
    along, across = span @ basis, (row @ basis) / deviation
    others = torch.where(told[:, None], along * deviation, along / deviation)
    others = others / others.norm(dim=1, keepdim=True).clamp(min=1e-30)
    firm = torch.eye(len(across), dtype=torch.float64) + _FIRM * others.T @ others
    left = torch.linalg.solve(firm, across)
    found: Tensor = row + basis @ ((left - across) * deviation)
    return found


def _regions(first: Region, second: Region) -> Region:
    """The parts that either may change; of masks their union, and of parts and a mask the whole picture."""
    if first.world != second.world:
        raise DirectionError(f"one direction is of the world {first.world!r}, the other of {second.world!r}")
    masks = [one.mask for one in (first, second) if one.mask is not None]
    joined = masks[0] | masks[1] if len(masks) == 2 else None
    if joined is not None and not joined.inside.all():
        return Region((), world=first.world, mask=joined)
    if masks:
        return Region(find_world(first.world).whole, True, world=first.world)
    parts = tuple(dict.fromkeys((*first.parts, *second.parts)))
    painted = tuple(dict.fromkeys((*first.painted, *second.painted)))
    if first.world in known_worlds():
        parts = (*find_world(first.world).in_order(parts), *painted)
    return Region(parts, first.whole_face or second.whole_face, world=first.world, painted=painted)


def _name(parts: Sequence[tuple[str, float]]) -> str:
    """``"smile-plus-0.5-glasses"``; a name of files too."""
    words: list[str] = []
    for name, weight in parts:
        turned = name.startswith("minus-")  # such a name says its sign
        sign = "minus" if weight < 0 else "plus" if words and not turned else ""
        size = "" if abs(weight) == 1 else f"{abs(weight):g}"
        words += [word for word in (sign, size, name) if word]
    return cut("-".join(words), _LONGEST_NAME)
