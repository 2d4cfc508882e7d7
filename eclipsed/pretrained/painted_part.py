"""A part of the pictures of one generator, learned from a few faces on which somebody painted it; and its file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.errors import CheckpointError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import PAINTED_PART
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.pretrained.part_fitting import fit_part
from eclipsed.values.mask import Mask

__all__ = ["MOST_PAINTINGS", "PaintedPart", "PartSource"]

#: as many faces as a part may be painted on
MOST_PAINTINGS = 64

_LEARN = "eclipsed parts learn"


@dataclass(frozen=True, eq=False, kw_only=True)
class PaintedPart:
    """What finds a part in the features of one generator, and what it was learned from. Make one with
    `Editor.learn_part`, or `PaintedPart.load`.

    Args:
        name: as worlds spell it: ``"left_cheek"``.
        words: that name it in sentences: ``("left cheek",)``.
        generator: whose features they are.
        weights: name of a layer -> one number for each of its features, (C,).
        bias: what is added to their sum; above zero a place belongs to the part.
        ws: the faces that were painted, (N, num_ws, w_dim); where the rows of all are alike, (N, 1, w_dim).
        paintings: where the part is on each of them; None is nowhere.
    """

    name: str
    words: tuple[str, ...]
    generator: GeneratorId
    weights: Mapping[str, Tensor]
    bias: float
    ws: Tensor
    paintings: tuple[Mask | None, ...]

    def __repr__(self) -> str:
        faces = f"{len(self.paintings)} face{'s' * (len(self.paintings) != 1)}"
        return f"PaintedPart({self.name!r}, painted on {faces} of {self.generator.name})"

    @classmethod
    def learn(
        cls,
        name: str,
        *,
        words: Sequence[str],
        generator: Generator,
        features: Mapping[str, Tensor],
        ws: Tensor,
        paintings: Sequence[Mask | None],
    ) -> PaintedPart:
        """Learn a part.

        Args:
            name: as worlds spell it.
            words: that name it in sentences.
            generator: that drew the faces.
            features: of the faces, by the layers' names, (N, C, h, w).
            ws: of the faces, (N, num_ws, w_dim).
            paintings: where the part is on each of them; None is nowhere.
        Raises:
            InputError: the part is painted on none of the faces, or there are more than `MOST_PAINTINGS`.
        """
        if len(paintings) > MOST_PAINTINGS:
            raise InputError(f"a part is painted on at most {MOST_PAINTINGS} faces; got {len(paintings)}")
        maps = [generator.layer(layer).on_picture(values) for layer, values in features.items()]
        kept = tuple(None if one is None else one.kept() for one in paintings)
        weights, bias = fit_part(maps, kept)
        alike = torch.equal(ws, ws[:, :1].expand_as(ws))
        return cls(
            name=name,
            words=tuple(words),
            generator=generator.id,
            weights=dict(zip(features, weights, strict=True)),
            bias=bias,
            ws=(ws[:, :1] if alike else ws).detach().float().cpu(),
            paintings=kept,
        )

    def check(self, generator: Generator) -> None:
        """Raise unless the part was painted for a generator, or for a relative of it.

        Args:
            generator: that draws.
        Raises:
            InputError: it was painted for another generator, or its numbers are not those of this one's features.
        Warns:
            EclipsedWarning: it is a relative.
        """
        subject = f"the part {self.name!r} was painted for"
        self.generator.check(generator.id, subject, f"paint it anew: {_LEARN} {self.name}", error=InputError)
        for name, weight in self.weights.items():
            known = generator.style_names
            if name not in known or len(weight) != _features(generator, name):
                raise InputError(
                    f"the part {self.name!r} reads {len(weight)} features of a layer {name!r}, which"
                    f" {generator.name!r} does not have; paint it anew: {_LEARN} {self.name}"
                )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the part, the paintings with it: some kilobytes.

        Raises:
            OutputError: it cannot be written.
        """
        data = {
            "name": self.name,
            "words": list(self.words),
            "generator": {
                "fingerprint": self.generator.fingerprint,
                "name": self.generator.name,
                "sketch": self.generator.sketch,
            },
            "layers": list(self.weights),
            "bias": self.bias,
            "paintings": [None if one is None else one.to_json() for one in self.paintings],
        }
        tensors = {f"weight.{layer}": weight for layer, weight in self.weights.items()}
        return header.write(path, PAINTED_PART, data, {"ws": self.ws, **tensors})

    @classmethod
    def of(cls, source: PartSource) -> PaintedPart:
        """A part as it is, or that of a file; see `load`."""
        return source if isinstance(source, PaintedPart) else cls.load(source)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PaintedPart:
        """Read a part that `save` wrote.

        Raises:
            MissingModelError: there is no such file.
            CheckpointError: it is damaged, or another kind of file.
        """
        data, tensors = header.read(path, PAINTED_PART)
        try:
            found = cls(
                name=_text(data["name"]),
                words=tuple(_text(word) for word in data["words"]),
                generator=GeneratorId(**{key: _text(value, empty=True) for key, value in data["generator"].items()}),
                weights={_text(layer): tensors[f"weight.{layer}"] for layer in data["layers"]},
                bias=float(data["bias"]),
                ws=tensors["ws"],
                paintings=tuple(None if one is None else Mask.from_json(one) for one in data["paintings"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # InputError is a ValueError
            raise CheckpointError(f"{os.fspath(path)} is damaged: it is no painted part ({error})") from error
        numbers = [found.ws, *found.weights.values()]
        sound = found.ws.ndim == 3 and len(found.ws) == len(found.paintings) and found.weights
        if not sound or any(one.ndim != 1 for one in numbers[1:]) or not _finite(found.bias, numbers):
            raise CheckpointError(f"{os.fspath(path)} is damaged: its numbers are not those of a painted part")
        return found


#: how a part may be given: itself, or its file
PartSource = PaintedPart | str | os.PathLike[str]


def _finite(bias: float, numbers: Sequence[Tensor]) -> bool:
    return math.isfinite(bias) and all(one.is_floating_point() and bool(one.isfinite().all()) for one in numbers)


def _text(value: Any, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(f"expected a text; found {value!r}")
    return value


def _features(generator: Generator, name: str) -> int:
    """How many feature maps a layer gives."""
    return int(generator.network.synthesis.weight_of(generator.layer(name)).shape[0])
