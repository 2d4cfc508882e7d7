"""A direction, however it was found, and the one file that holds it: deltas and all that is known about them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.compute.arrays import as_tensor
from eclipsed.errors import DirectionError, EclipsedError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import DIRECTION
from eclipsed.files.names import cut
from eclipsed.latents.arithmetic import DirectionArithmetic
from eclipsed.latents.direction_fields import read_fields
from eclipsed.latents.examples import MEANS, PAIRED, HasWs, difference
from eclipsed.latents.foreign import ForeignFiles
from eclipsed.latents.space import Space
from eclipsed.latents.space_registry import SPACES
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.prompts.region import Region
from eclipsed.store import library
from eclipsed.values.checks import shown
from eclipsed.values.seeds import TRAINING_SEEDS
from eclipsed.values.showing import facts_table
from eclipsed.worlds.world import find_world

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Direction", "short_name"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Direction(DirectionArithmetic, ForeignFiles):
    """A direction, or several that were learned together. `Direction.of` makes one of a delta.

    Args:
        deltas: (K, *shape of a delta in the space), float32 on the CPU: (K, num_ws, w_dim) in W+, (K, w_dim) in W,
            (K, z_dim) in Z, (K, sum of widths) in S.
        prompt: what it was trained for; None when it was not made from a sentence.
        region: the parts that it may change, or what was painted.
        space: ``"Z"``, ``"W"``, ``"W+"``, ``"S"``, or the name of a space that was registered.
        layers: rows of ws that it changes.
        generator: fingerprint of the generator it belongs to.
        generator_name: what that generator is called.
        generator_sketch: what its latents mean, see `Generator.sketch`; "" in files from before it was kept.
        styles: in S, names and widths of the style layers, in the order of the columns.
        method: how it was made: ``"trained"``, or what a finder says of itself.
        clip: name of the CLIP model that read the prompt; "" when none did, or in files from before it was noted.
        config: the training config, as JSON values.
        seed: seed of the training.
        scale: raw strength of alpha = 1.
        alpha_range: the alphas between which an edit was found useful.
        scores: what was measured, as JSON values.
        note: a sentence about what is unusual, e.g. that the direction is weak.
        name: short name; made from the prompt, or else the method, when empty.
        reference: what stood in place of a prompt, as JSON values: kind, name and SHA-256 of a picture.
    Raises:
        DirectionError: shapes, names or numbers disagree.
    """

    deltas: Tensor
    prompt: str | None = None
    region: Region
    space: str
    layers: tuple[int, ...]
    generator: str
    generator_name: str = ""
    generator_sketch: str = ""
    styles: tuple[tuple[str, int], ...] = ()
    method: str = "trained"
    clip: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    scale: float = 1.0
    alpha_range: tuple[float, float] = (-1.0, 1.0)
    scores: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    name: str = ""
    reference: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise DirectionError(f"a direction's space must be one of {', '.join(SPACES)}; got {self.space!r}")
        dims = SPACES[self.space].dims
        if self.deltas.ndim != dims + 1 or not self.deltas.is_floating_point() or self.deltas.numel() == 0:
            raise DirectionError(
                f"deltas of the space {self.space} have {dims + 1} dimensions of floats; "
                f"got {self.deltas.dtype} {tuple(self.deltas.shape)}"
            )
        if not bool(torch.isfinite(self.deltas).all()):
            raise DirectionError("the deltas hold values that are not finite; train the direction again")
        if self.styles and sum(width for _, width in self.styles) != self.deltas.shape[-1]:
            raise DirectionError(
                f"the style layers have {sum(width for _, width in self.styles)} columns in all; "
                f"the deltas have {self.deltas.shape[-1]}"
            )
        if not math.isfinite(self.scale) or self.scale <= 0:
            raise DirectionError(f"a direction's scale must be a positive number; got {self.scale}")
        low, high = self.alpha_range
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise DirectionError(f"alpha_range must be a pair (lowest, highest); got {self.alpha_range}")
        if not self.name:
            object.__setattr__(self, "name", short_name(self.title))
        self.made_on  # noqa: B018, raises where the sketch is damaged

    @classmethod
    def of(
        cls,
        generator: Generator,
        deltas: Tensor | ArrayLike,
        *,
        method: str,
        space: str | type[Space] = "W+",
        layers: Sequence[int | str] | None = None,
        region: Region,
        prompt: str | None = None,
        name: str = "",
    ) -> Direction:
        """A direction of a generator made of its delta; not calibrated.

        Args:
            generator: that it belongs to.
            deltas: one delta in the shape that the space has, such as (num_ws, w_dim) in W+, or K of them; a tensor,
                an array or lists.
            method: how it was made, in a word or two: ``"difference of means"``.
            space: that the delta lives in.
            layers: rows of ws, or names of layers, that it may change; None is all. What a delta has beyond them is
                left out.
            region: the parts that it changes.
            prompt: the sentence it stands for, if there is one.
            name: short name; made from the prompt or the method when empty.
        Raises:
            InputError: the space or a layer is unknown.
            DirectionError: the delta has another shape than the space, or numbers that are not finite.
        """
        place = make_space(space, generator, layers=layers)
        wanted = ", ".join(map(str, place.shape))
        numbers = as_tensor("a delta", deltas, shape=f"({wanted})")
        given = numbers.detach().to("cpu", torch.float32)
        given = given[None] if given.ndim == len(place.shape) else given
        if given.ndim != len(place.shape) + 1 or tuple(given.shape[1:]) != tuple(place.shape):
            raise DirectionError(
                f"a delta of the space {place.name} of {generator.name!r} has the shape {tuple(place.shape)}; "
                f"got {tuple(numbers.shape)}"
            )
        return cls(
            deltas=place.keep(given),
            prompt=prompt,
            region=region,
            space=place.name,
            layers=place.rows,
            styles=place.columns,
            generator=generator.fingerprint,
            generator_name=generator.name,
            generator_sketch=generator.sketch,
            method=method,
            name=name,
        )

    @classmethod
    def between(
        cls,
        faces_with: HasWs,
        faces_without: HasWs,
        *,
        generator: Generator,
        paired: bool = False,
        layers: Sequence[int | str] | None = None,
        region: Region | None = None,
        name: str = "",
    ) -> Direction:
        """The way from faces that lack something to faces that have it; not calibrated. See `Editor.between`.

        Args:
            faces_with: `Faces` or a `Latent` that have it.
            faces_without: that lack it; with `paired`, the same faces in the same order.
            generator: that they belong to.
            paired: what all pairs share, rather than the difference of the means.
            layers: rows of ws, or names of layers, that it may change; None is all.
            region: the parts that it changes; None is the whole picture.
            name: see `of`.
        Raises:
            InputError: there are no faces, or pairs do not match.
            DirectionError: both groups are alike.
        """
        delta = difference(faces_with, faces_without, paired=paired)
        region = region or Region(find_world().whole, True)
        method = PAIRED if paired else MEANS
        return cls.of(generator, delta, method=method, layers=layers, region=region, name=name)

    @property
    def title(self) -> str:
        """What captions call it: its prompt, or else its name, or how it was made."""
        return self.prompt or self.name or self.method

    def __len__(self) -> int:
        return self.deltas.shape[0]

    def __getitem__(self, index: int) -> Direction:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} directions; got index {index}")
        at = index % len(self)
        name = self.name if len(self) == 1 else f"{self.name}-{at + 1}"
        return replace(self, deltas=self.deltas[at : at + 1], name=name)

    def __iter__(self) -> Iterator[Direction]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        many = f", {len(self)} of them" if len(self) > 1 else ""
        return f"Direction({self.title!r}, space={self.space!r}, generator={self.generator_name!r}{many})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        low, high = self.alpha_range
        facts = {"region": self.region.spoken(), "space": self.space, "alphas": f"{low:.2f} to {high:.2f}"}
        return facts_table(self.title, {**facts, "generator": self.generator_name, "note": self.note})

    @property
    def weak(self) -> bool:
        """Whether calibration found that it does next to nothing."""
        return bool(self.scores.get("weak", False))

    @property
    def digest(self) -> str:
        """What tells this direction from any other by what it does: SHA-256 as hex digits.

        Its name, its scores and the file's layout play no part.
        """
        facts = {
            "space": self.space,
            "layers": list(self.layers),
            "styles": [list(pair) for pair in self.styles],
            "region": list(self.region.parts),
            **({} if self.region.mask is None else {"mask": self.region.mask.digest}),
            "scale": self.scale,
            "generator": self.generator,
            "shape": list(self.deltas.shape),
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        digest.update(self.deltas.detach().cpu().float().contiguous().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def trained_on(self, seed: int) -> bool:
        """Whether the face of this seed may have been seen in training, so that figures on it would flatter."""
        seeds = self.config.get("seeds")
        return seed in TRAINING_SEEDS if seeds is None else seed in seeds

    @property
    def made_on(self) -> GeneratorId:
        """The generator that it belongs to."""
        return GeneratorId(fingerprint=self.generator, name=self.generator_name, sketch=self.generator_sketch)

    def check_generator(self, generator: Generator) -> None:
        """Raise unless the latents of `generator` mean what they meant where the direction was trained.

        Raises:
            DirectionError: it is another generator, or unknown whether it is; the message holds both names.
        Warns:
            EclipsedWarning: it is a fine-tuned relative.
        """
        self.made_on.check(
            generator.id,
            f"direction {self.name!r} was trained on",
            "load the model set it belongs to, or train it again (any_generator=True or --any-generator takes it as it "
            "is)",
            error=DirectionError,
        )

    def bound_to(self, generator: Generator) -> Direction:
        """The same direction as one of another generator, whatever it was trained on.

        Raises:
            DirectionError: its shape is not what that generator needs.
        """
        bound = replace(
            self,
            generator=generator.fingerprint,
            generator_name=generator.name,
            generator_sketch=generator.sketch,
        )
        bound.space_of(generator)
        return bound

    def space_of(self, generator: Generator, *, layers: Sequence[int | str] | None = None) -> Space:
        """The latent space to apply it in.

        Args:
            generator: the one it was trained on, or a relative.
            layers: rows or layer names to restrict the edit to; None is all that it was trained for.
        Raises:
            DirectionError: the generator is another one, or its shapes are.
            InputError: a layer is unknown, or the direction changes none of them.
        """
        self.check_generator(generator)
        try:
            names = [name for name, _ in self.styles] or "all"
            space = make_space(self.space, generator, layers=self.layers, styles=names)
        except EclipsedError as error:
            raise DirectionError(f"direction {self.name!r} does not fit its generator: {error}") from error
        if space.shape != tuple(self.deltas.shape[1:]):
            raise DirectionError(
                f"direction {self.name!r} has deltas of shape {tuple(self.deltas.shape[1:])}; "
                f"the generator {generator.name!r} needs {space.shape}"
            )
        return space if layers is None else space.restricted(layers)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the direction as one safetensors file, in one go.

        Args:
            path: where; by custom it ends in ``.safetensors``.
        Returns:
            `path`.
        Raises:
            OutputError: it cannot be written.
        """
        return header.write(path, DIRECTION, self.metadata(), {"deltas": self.deltas.float()})

    def metadata(self) -> dict[str, Any]:
        """All but the deltas, as JSON values."""
        data = {
            "name": self.name,
            "prompt": self.prompt,
            "region": self.region.to_json(),
            "space": self.space,
            "layers": list(self.layers),
            "styles": [list(pair) for pair in self.styles],
            "shape": list(self.deltas.shape),
            "generator": {
                "fingerprint": self.generator,
                "name": self.generator_name,
                "sketch": self.generator_sketch,
            },
            "method": self.method,
            "clip": self.clip,
            "config": dict(self.config),
            "seed": self.seed,
            "scale": self.scale,
            "alpha_range": list(self.alpha_range),
            "scores": dict(self.scores),
            "note": self.note,
        }
        return DIRECTION.header(data | ({"reference": dict(self.reference)} if self.reference else {}))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, models: str = "") -> Direction:
        """Read a direction file.

        Args:
            path: what `save` wrote, or the name of a direction of the library, such as ``"blond-hair"``.
            models: name of the model set in use; of several directions of one name, that in its folder is meant.
        Raises:
            InputError: it is neither a path nor a name.
            MissingModelError: there is no such file, and no direction of that name.
            DirectionError: it is not a direction file, is damaged, or of another version.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InputError(f"a direction is loaded from its file or by its name; got {shown(path)}")
        if isinstance(path, str) and not path.endswith(library.SUFFIX) and not os.path.exists(path):
            path = library.find_direction(path, models=models)
        data, tensors = header.read(path, DIRECTION)
        try:
            return read_fields(cls, tensors, data)
        except DirectionError as error:
            raise DirectionError(f"{os.fspath(path)}: {error}") from error


def short_name(prompt: str) -> str:
    """A file name for a prompt: ``"a person with blond hair"`` is ``"blond-hair"``."""
    words = re.sub(r"[^\w]+", "-", prompt.lower()).strip("-_")
    short = re.sub(r"^(an?|the)-(photo-of-a-)?(person|face|man|woman)-(with|wearing)-(an?-|the-)?", "", words)
    return cut((short or words or "direction")[:60], 100).strip("-")
