"""A parser of painted parts, which lie in the features of one generator, beside or in place of another parser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from eclipsed.compute.graphs import is_recording
from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images
from eclipsed.networks.layers import Synthesis
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.painted_part import PaintedPart
from eclipsed.pretrained.parser import Parser, Pictures, pictures_of
from eclipsed.pretrained.part_fitting import part_logits
from eclipsed.worlds.world import World

__all__ = ["PaintedParser", "painted_over"]

_NOWHERE = -1e4  # a logit of what is not there


class PaintedParser(Parser):
    """Finds painted parts in what a generator drew, and all others with the parser that it is given.

    Parts may lie over each other: a forehead is skin, too. One that is called like a part or group of the world stands
    in its place.

    Args:
        parts: painted for this generator; of two of one name the last counts.
        generator: whose features they are found in.
        base: the parser of all other parts, in pictures; None is none.
        world: what the pictures are made of, where there is no other parser; None is the world of faces.
    Raises:
        InputError: no part, one of another generator, or one that is called like the background.
    """

    bias: Tensor

    def __init__(
        self,
        parts: Sequence[PaintedPart],
        generator: Generator,
        *,
        base: Parser | None = None,
        world: World | None = None,
    ) -> None:
        own = {part.name: part for part in parts}
        if not own:
            raise InputError("a parser of painted parts needs at least one; got none")
        super().__init__(base.world if base is not None else world)
        self.world = self.world.with_parts({part.name: part.words for part in own.values()})
        for part in own.values():
            part.check(generator)
            if self.world.background in self.world.expand([part.name]):
                raise InputError(f"{part.name!r} is what lies behind all parts, and cannot be painted")
        self.base, self.generator = base, generator
        self.painted = tuple(own.values())
        self.recordable = base is None or base.recordable
        meant = [self.world.expand([part.name]) for part in self.painted]
        self._covered = frozenset(name for names in meant for name in names)
        self._stands_for = [self.world.labels(names) for names in meant]
        self._replaced = sorted({label for labels in self._stands_for for label in labels})
        self._labels = [
            self.world.label(part.name if part.name in names else names[0])
            for part, names in zip(self.painted, meant, strict=True)
        ]
        names = dict.fromkeys(layer for part in self.painted for layer in part.weights)
        self._layers = tuple(generator.layer(name) for name in names)
        for place, layer in enumerate(self._layers):
            given = [part.weights.get(layer.name) for part in self.painted]
            size = next(one for one in given if one is not None)
            rows = [torch.zeros_like(size) if one is None else one for one in given]
            self.register_buffer(f"weight{place}", torch.stack(rows), persistent=False)  # (P, C)
        self.register_buffer("bias", torch.tensor([part.bias for part in self.painted]), persistent=False)
        self.to(generator.device)

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return max(layer.resolution for layer in self._layers) if self.base is None else self.base.size

    @property
    def finds(self) -> tuple[str, ...]:
        """The parts that it can find: those that were painted, and those of the other parser."""
        return self.world.in_order((*self._covered, *(() if self.base is None else self.base.finds)))

    @property
    def of_pictures(self) -> Parser:
        """The other parser; itself where there is none."""
        return self if self.base is None else self.base

    def reads(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Names of the layers whose features it needs to find some parts; see `Parser.reads`."""
        painted = not self._covered.isdisjoint(parts)
        return tuple(layer.name for layer in self._layers) if painted else ()

    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel of some pictures, in which painted ones are not seen.

        Raises:
            InputError: `images` is no image tensor, or there is no other parser.
        """
        if self.base is None:
            raise self._unseen()
        known = self.base.logits(images, dtype=dtype)
        missing = known.new_full((len(known), len(self.parts) - known.shape[1], *known.shape[2:]), _NOWHERE)
        return torch.cat([known, missing], dim=1)

    def scores(self, drawn: Pictures) -> Tensor:
        """How sure it is of each painted part at each pixel: above zero it is there; differentiable.

        Args:
            drawn: with the features of the layers that `reads` names.
        Returns:
            float32, (N, painted parts, H, W).
        Raises:
            InputError: a feature is missing.
        """
        features = drawn.features if isinstance(drawn, Synthesis) else {}
        if not all(layer.name in features for layer in self._layers):
            raise self._unseen()
        maps = [layer.on_picture(features[layer.name]) for layer in self._layers]
        return part_logits(maps, self._weights, self.bias, pictures_of(drawn).shape[-1])

    @torch.no_grad()
    def labels(self, images: Pictures, *, dtype: torch.dtype | None = None) -> Tensor:
        """The likeliest part at each pixel; where painted ones are, the surest of them.

        Args:
            images: (N, 3, H, W), in which painted parts are not seen, or what was drawn, with features.
            dtype: of the other parser; see `Parser.labels`.
        Raises:
            InputError: there are only pictures, and no other parser.
        """
        pictures = pictures_of(images)
        if isinstance(images, Tensor) and self.base is None:
            raise self._unseen()
        nothing = torch.full_like(pictures[:, 0], self.world.label(self.world.background), dtype=torch.long)
        under = nothing if self.base is None else self.base.labels(pictures, dtype=dtype)
        if isinstance(images, Tensor):
            return under
        best, which = self.scores(images).max(dim=1)
        own = torch.tensor(self._labels, device=which.device)
        return torch.where(best > 0, own[which], under.to(which.device))

    @torch.no_grad()
    def looked_up(self, images: Pictures, tables: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """What tables of numbers say of the parts at each pixel; where parts lie over each other, the largest number.

        Args:
            images: (N, 3, H, W), or what was drawn; features are needed where a table says something of painted parts.
            tables: one number from 0 on for each of `parts`, (T, parts).
            dtype: of the other parser; see `Parser.looked_up`.
        """
        pictures = pictures_of(images)
        found = pictures.new_zeros(len(pictures), len(tables), *pictures.shape[2:])
        if self.base is not None:
            others = tables.clone()
            others[:, self._replaced] = 0
            found = self.base.looked_up(pictures, others[:, : len(self.base.parts)], dtype=dtype)
        of_painted = torch.stack([tables[:, list(labels)].amax(dim=1) for labels in self._stands_for], dim=1)  # (T, P)
        if isinstance(images, Synthesis) or is_recording() or bool(of_painted.any()):
            there = (self.scores(images) > 0).to(found)  # (N, P, H, W)
            over = (there[:, None] * of_painted.to(found)[None, :, :, None, None]).amax(dim=2)
            found = torch.maximum(found, over)
        return found

    def mask(self, images: Pictures, parts: Iterable[str] | str, *, soft: bool = False) -> Tensor:
        """Where some parts are, painted or not; see `Parser.mask`.

        Args:
            images: (N, 3, H, W), or what was drawn, with the features that `reads` names for these parts.
            parts: names of parts and groups, or one name.
            soft: give probabilities, differentiable, instead of zeros and ones.
        Raises:
            InputError: a name is unknown, none is given, nothing here can find any of them, or features are missing.
        """
        names = self.world.expand([parts] if isinstance(parts, str) else parts)
        pictures, labels = pictures_of(images), set(self.world.labels(names))
        check_images(pictures)
        painted = [place for place, own in enumerate(self._stands_for) if labels & set(own)]
        others = [name for name in names if name not in self._covered]
        found = []
        if others and self.base is not None:
            found.append(self.base.mask(pictures, others, soft=soft))
        if painted:
            scores = self.scores(images)[:, painted]
            there = (scores.sigmoid() if soft else (scores > 0).float()).amax(dim=1, keepdim=True)
            found.append(there.to(pictures.dtype))
        if not found:
            known = ", ".join(part.name for part in self.painted)
            raise InputError(f"nothing finds {', '.join(names) or 'no part'} here; painted are: {known}")
        return torch.stack(found).amax(dim=0)

    def _unseen(self) -> InputError:
        names = ", ".join(part.name for part in self.painted)
        return InputError(
            f"painted parts ({names}) are found in what the generator draws, not in pictures: give what was drawn, with"
            " the features that `reads` names"
        )

    @property
    def _weights(self) -> list[Tensor]:
        return [getattr(self, f"weight{place}") for place in range(len(self._layers))]


def painted_over(parts: tuple[PaintedPart, ...], generator: Generator, base: Lazy[Parser]) -> PaintedParser:
    """A parser of painted parts over another one, which is loaded now.

    Args:
        parts: painted for this generator.
        generator: whose features they are found in.
        base: loads the parser of all other parts.
    """
    return PaintedParser(parts, generator, base=base.get())
