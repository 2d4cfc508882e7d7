"""Directions from the files of other projects, and into files that these read."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from eclipsed.checkpoints.numbers import read_numbers, write_numbers
from eclipsed.errors import DirectionError, EclipsedWarning, InputError
from eclipsed.files.names import cut
from eclipsed.latents.fence import fence_strength
from eclipsed.latents.foreign_layouts import ForeignDelta, find_delta
from eclipsed.latents.latent import Latent
from eclipsed.latents.membership import Membership
from eclipsed.latents.rows import rows_of
from eclipsed.latents.space import Space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.prompts.region import Region
from eclipsed.values.checks import shown
from eclipsed.values.seeds import CALIBRATION_SEEDS
from eclipsed.worlds.world import find_world

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FOREIGN", "UNJUDGED", "ForeignFiles"]

#: how a direction was made that came from a file of another project
FOREIGN = "foreign file"

#: what a direction's note says of its strength and sign where nobody measured what it brings
UNJUDGED = "its sign is the file's, and alpha = 1 half of what takes faces out of the data, for nobody judged it"

_EVERYWHERE = Region(find_world(None).whole, True, world=find_world(None).name)
_LONGEST_NAME = 60  # bytes
_FACES = 8  # held-out faces that strength and region are measured on
_MEASURED = 8  # deltas, of many in one file, that strength is measured with
_SHARE = 0.5  # of what brings faces to the fence: the full edit, where nobody judges it
_SPACES = ("W", "W+", "S", "Z")


class ForeignFiles(ABC):
    """The part of `Direction` that reads and writes the files of other projects."""

    deltas: Tensor
    space: str
    layers: tuple[int, ...]
    scale: float
    name: str

    @property
    @abstractmethod
    def made_on(self) -> GeneratorId:
        """The generator that it belongs to."""

    @classmethod
    def load_foreign(
        cls,
        path: str | os.PathLike[str],
        *,
        generator: Generator,
        space: str | None = None,
        layers: Sequence[int | str] | None = None,
        region: Region | None = None,
        index: int | None = None,
        name: str = "",
    ) -> Self:
        """A direction that another project wrote: e4e, PTI, InterFaceGAN, idinvert, GANSpace, StyleMC and their like.

        Nothing in the file is run. The rows of ws that it moves are read off it. Its numbers and their sign stay as
        they are; alpha = 1 is half of what brings held-out faces to the fence, unless the file was written by `export`,
        whose numbers are the full edit. `Editor.load_foreign` asks a judge for sign and strength as well.

        Args:
            path: ``.npy``, ``.npz``, ``.pt``, ``.pkl`` or safetensors.
            generator: that it shall belong to.
            space: ``"W"``, ``"W+"``, ``"S"`` or ``"Z"``; None reads it off the shape, where z is never meant.
            layers: rows of ws, or names of layers, to restrict it to; None is all that it moves.
            region: the parts that it changes; None is the whole picture. `Editor.load_foreign` measures them.
            index: which one, where the file holds several; None takes all of a file of components.
            name: short name; made from the file's when empty.
        Returns:
            The direction; what was read and measured is in its `config`, `scores` and `note`.
        Raises:
            MissingModelError: there is no such file.
            ForeignGlobalError: the file asks to run something.
            CheckpointError: it is damaged.
            DirectionError: it holds no direction, or one of another shape than the generator's; says what it holds.
            InputError: an argument is unknown.
        Warns:
            EclipsedWarning: it may not belong to this generator, or it cannot be told.
        """
        place = _checked_path(path)
        if space not in (None, *_SPACES):
            raise InputError(f"the space of a foreign direction is one of {', '.join(_SPACES)}; got {shown(space)}")
        read = read_numbers(place)
        full_in = read.full_in if space in (None, read.full_in) else ""
        dim = generator.z_dim if (space or full_in) == "Z" else generator.w_dim
        found = find_delta(read.content, place, generator, dim=dim, index=index)
        delta = _delta(found, place, generator, space or full_in, layers)
        kind: Any = cls  # the class `Direction`, which stands above this module
        made = replace(
            kind.of(
                generator, delta.numbers, method=FOREIGN, space=delta.space, layers=delta.layers, region=_EVERYWHERE
            ),
            name=_short(name or found.title or place.stem),
            config={"file": _facts(place, found), "seeds": []},
        )
        scores, doubt = _membership(place, made, generator)
        latent, place_of = Latent.of_seeds(generator, CALIBRATION_SEEDS[:_FACES]), made.space_of(generator)
        fence = _fence(made, place_of, latent)
        scale = 1.0 if full_in else fence * _SHARE
        told = [sentence for sentence in (found.warning and f"{place.name}: {found.warning}", doubt) if sentence]
        for sentence in told:
            warnings.warn(EclipsedWarning(sentence), stacklevel=2)
        whole: Self = replace(
            made,
            region=region or _EVERYWHERE,
            scale=scale,
            alpha_range=(-max(1.0, fence / scale), max(1.0, fence / scale)),
            note="; ".join([*told, *([] if full_in else [UNJUDGED])]),
            scores=scores,
        )
        return whole

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the full edit, alpha = 1, in the form that the tools of e4e and InterFaceGAN read.

        Args:
            path: ending in ``.npy``, ``.pt`` or ``.npz``. The file holds float32, (1, w_dim) where all rows move alike,
                else (1, num_ws, w_dim) with zeros in the rows that stay; of a direction in Z, (1, z_dim).
        Returns:
            `path`.
        Raises:
            DirectionError: it holds several directions, or its space has no such form.
            InputError: another ending.
            OutputError: it cannot be written.
        """
        place = _checked_path(path)
        if len(self.deltas) != 1:
            raise DirectionError(f"{self.name!r} holds {len(self.deltas)} directions; export one, such as direction[0]")
        if self.space not in ("W", "W+", "Z"):
            raise DirectionError(
                f"{self.name!r} lives in the space {self.space}; other projects read directions of W, W+ and Z"
            )
        full = self.deltas.detach().cpu().float() * torch.tensor(self.scale, dtype=torch.float32)
        space, rows = self.space, set(self.layers)
        if space == "W" and rows != set(range(self.made_on.rows or 0)):
            space, full = "W+", full[:, None].repeat(1, self.made_on.rows or max(rows) + 1, 1)
        if space == "W+":
            full[:, [row for row in range(full.shape[1]) if row not in rows]] = 0
        return write_numbers(place, full, name="direction", full_in=space)


def _checked_path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"expected the name of a file; got {shown(path)}")
    return Path(os.fspath(path))


class _Delta(NamedTuple):
    """Deltas as `Direction.of` takes them."""

    numbers: Tensor
    space: str
    layers: Sequence[int | str]


def _delta(
    found: ForeignDelta, path: Path, generator: Generator, space: str, layers: Sequence[int | str] | None
) -> _Delta:
    """The deltas of a file in the space and the rows that they move."""
    numbers, told = found.numbers, set(range(generator.num_ws) if found.rows is None else found.rows)
    told &= told if layers is None else set(rows_of(generator, layers))
    chosen: list[int | str]
    if found.in_styles:
        _fits(path, space, "S")
        widths = [layer.channels for layer in generator.layers]
        parts = zip(generator.layers, torch.split(numbers, widths, dim=1), strict=True)
        used = {layer.name: part for layer, part in parts if bool(part.any()) and layer.row in told}
        space, chosen = "S", list(used)
        numbers = torch.cat(list(used.values()), dim=1) if used else numbers
    elif numbers.shape[1] == 1 and space in ("", "W", "Z"):
        space, numbers, chosen = space or "W", numbers[:, 0], sorted(told)
    else:
        _fits(path, space, "W+")
        numbers = numbers.expand(-1, generator.num_ws, -1)
        moved = numbers.abs().amax(dim=(0, 2)) > 0
        space, chosen = "W+", [row for row in sorted(told) if bool(moved[row])]
    if not chosen:
        raise DirectionError(f"{path} moves none of the rows that were asked for")
    return _Delta(numbers, space, chosen)


def _facts(path: Path, found: ForeignDelta) -> dict[str, Any]:
    """What a direction's config keeps of the file that it came from."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.name, "sha256": digest, **({"facts": dict(found.facts)} if found.facts else {})}


def _short(name: str) -> str:
    """A name for files: ``"Light direction"`` is ``"light-direction"``."""
    return cut(re.sub(r"[^\w.+]+", "-", name.lower()).strip("-_.") or "direction", _LONGEST_NAME)


def _fits(path: Path, asked: str, told: str) -> None:
    if asked not in ("", told):
        raise DirectionError(f"{path} holds a direction of the space {told}; got space={asked!r}")


def _membership(path: Path, made: Any, generator: Generator) -> tuple[dict[str, Any], str]:
    """Whether it belongs to the generator, as scores, and what there is to doubt."""
    if made.space not in ("W", "W+"):
        doubt = (
            f"whether {path.name} belongs to the generator {generator.name!r} cannot be told in the space {made.space}"
        )
        return {"belongs": None}, doubt
    vectors = made.deltas if made.space == "W" else made.deltas[:, list(made.layers)]
    seen = Membership.of(vectors, WStatistics.of_generator(generator))
    scores = {"belongs": seen.likely, "share": seen.share, "chance": seen.chance, "chance_spread": seen.spread}
    if seen.likely:
        return scores, ""
    of_z = ", or of z (space='Z', --space Z)" if generator.z_dim == generator.w_dim and made.space == "W" else ""
    return scores, f"{seen.said(path.name, generator.name)}; it may be of another generator{of_z}"


def _fence(made: Any, space: Space, latent: Latent) -> float:
    """How many times the file's numbers bring faces to the fence; of several deltas the median."""
    statistics = WStatistics.of_generator(space.generator)
    some = made.deltas[:: -(-len(made.deltas) // _MEASURED)].to(latent.ws)
    found = [fence_strength(space, latent, delta, statistics) for delta in some]
    return float(torch.tensor(found).median())
