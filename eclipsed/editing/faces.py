"""Faces, and moving them along directions."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.images import pictures
from eclipsed.images.conversion import to_pil
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.spaces import Space
from eclipsed.networks.stylegan2 import Begun
from eclipsed.photos.origin import Origin
from eclipsed.pretrained.generator import Generator
from eclipsed.values.alphas import check_alphas

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Edit",
    "Faces",
    "at_once",
    "edit",
    "ladder",
    "render",
    "sample",
    "warn_beyond",
]

_PIXELS_AT_ONCE = 8 * 256 * 256


@dataclass(frozen=True)
class Edit:
    """One direction that was applied to some faces.

    Args:
        name: of the direction.
        prompt: that it was trained for.
        alpha: its strength.
        layers: what the edit was restricted to; None is all that the direction changes.
        parts: that the direction may change.
    """

    name: str
    prompt: str
    alpha: float
    layers: tuple[int | str, ...] | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Faces:
    """Synthesised faces with everything that is needed to edit them further.

    Args:
        images: (N, 3, H, W), range [-1, 1] up to what the generator overshoots.
        latent: what they were synthesised from.
        seeds: of the faces; empty when they were made from latents.
        edits: what was applied to them, first to last.
        before: the faces that the last call of `edit` was given; None when they are unedited.
        origins: of inverted faces, the photograph of each; empty for others.
    """

    images: Tensor
    latent: Latent
    seeds: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()
    before: Faces | None = None
    origins: tuple[Origin, ...] = ()

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int | slice) -> Faces:
        """One face, or several, with their history."""
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} faces; got index {index}")
        part = slice(index % len(self), index % len(self) + 1) if isinstance(index, int) else index
        return Faces(
            images=self.images[part],
            latent=self.latent[part],
            seeds=self.seeds[part],
            edits=self.edits,
            before=None if self.before is None else self.before[part],
            origins=self.origins[part],
        )

    @property
    def ws(self) -> Tensor:
        """Their place in W+, (N, num_ws, w_dim)."""
        return self.latent.ws

    @property
    def names(self) -> tuple[str, ...]:
        """What each face is called in captions: ``"seed 7"``, or ``"face 1"`` when it has no seed, or ``"photo 1"``."""
        if self.seeds:
            return tuple(f"seed {seed}" for seed in self.seeds)
        kind = "photo" if self.origins else "face"
        return tuple(f"{kind} {index + 1}" for index in range(len(self)))

    @property
    def file_names(self) -> tuple[str, ...]:
        """What each picture is called on disk: ``"seed0007.png"``, edited ``"seed0007_a+1.00.png"``."""
        stems = [name.split()[0] + f"{int(name.split()[1]):04d}" for name in self.names]
        suffix = "".join(f"_a{edit.alpha:+.2f}" for edit in self.edits)
        return tuple(f"{stem}{suffix}.png" for stem in stems)

    def pil(self) -> list[Image.Image]:
        """The faces as PIL pictures."""
        return to_pil(self.images)

    def strip(self) -> Image.Image:
        """One row per face: as it was first, then after each call of `edit`, with captions."""
        stages: list[Faces] = [self]
        while stages[0].before is not None:
            stages.insert(0, stages[0].before)
        columns = ["before", *(_caption(a, b) for a, b in pairwise(stages))]
        rows = [torch.stack([stage.images[index] for stage in stages]) for index in range(len(self))]
        prompts = list(dict.fromkeys(edit.prompt for edit in self.edits))
        return pictures.strip(
            rows, columns=columns if len(stages) > 1 else [], labels=self.names, title=", ".join(prompts) or None
        )

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write each face as a PNG into a folder, under `file_names`.

        Args:
            folder: made when it does not exist.
        Returns:
            The paths.
        Raises:
            OutputError: they cannot be written.
        """
        places = [Path(folder) / name for name in self.file_names]
        return [pictures.save_picture(image, place) for image, place in zip(self.pil(), places, strict=True)]


def sample(
    generator: Generator, latent: Latent, *, seeds: tuple[int, ...] = (), origins: tuple[Origin, ...] = ()
) -> Faces:
    """Synthesise faces.

    Args:
        generator: the one that the latents belong to.
        latent: N faces.
        seeds: that they were made from, or none.
        origins: photographs that they were inverted from, or none.
    """
    return Faces(images=render(generator, latent, origins), latent=latent, seeds=seeds, origins=origins)


def edit(
    generator: Generator,
    faces: Faces,
    directions: Direction | Sequence[Direction],
    alpha: float | Sequence[float] = 1.0,
    *,
    layers: Sequence[int | str] | None = None,
) -> Faces:
    """Move faces along one direction or several.

    Args:
        generator: that made the faces and that the directions were trained on.
        faces: edited or not; edits add up.
        directions: one, or several to apply together. Directions that were learned together count as several.
        alpha: strength of all, or one for each; 1 is the calibrated full edit, negative values go the other way.
        layers: rows of ws or names of layers to restrict the edit to; None is all that the directions change.
    Returns:
        The edited faces. Where every alpha is 0 their images are those of `faces`, bit for bit.
    Raises:
        InputError: an alpha is not a finite number, they do not match the directions, or a layer is unknown.
        DirectionError: a direction belongs to another generator.
    Warns:
        EclipsedWarning: an alpha is beyond the range that was found useful.
    """
    each = _directions(directions)
    alphas = check_alphas(alpha, len(each))
    spaces = [direction.space_of(generator, layers=layers) for direction in each]
    latent = _moved(faces.latent, each, spaces, alphas)
    images = render(generator, latent, faces.origins) if any(alphas) else faces.images
    return _edited(faces, images, latent, each, alphas, layers)


def ladder(
    generator: Generator,
    faces: Faces,
    directions: Direction | Sequence[Direction],
    alphas: Sequence[float],
    *,
    layers: Sequence[int | str] | None = None,
) -> list[Faces]:
    """Move faces along one direction or several by many strengths: the same as many calls of `edit`, in less time.

    What all strengths have in common is drawn once, and the rest of many pictures at a time.

    Args:
        generator: see `edit`.
        faces: N faces.
        directions: one, or several to apply together by the same strength.
        alphas: the strengths.
        layers: see `edit`.
    Returns:
        The edited faces of each strength.
    Raises:
        InputError: see `edit`.
        DirectionError: see `edit`.
    Warns:
        EclipsedWarning: see `edit`.
    """
    each = _directions(directions)
    spaces = [direction.space_of(generator, layers=layers) for direction in each]
    strengths = [check_alphas(alpha, len(each)) for alpha in alphas]
    latents = [_moved(faces.latent, each, spaces, one) for one in strengths]
    images: dict[int, Tensor] = {k: faces.images for k, one in enumerate(strengths) if not any(one)}
    open_ = [k for k in range(len(strengths)) if k not in images]
    row = min(min(space.rows) for space in spaces)
    if any(origin.tuning is not None for origin in faces.origins):  # each of these has a generator of its own
        drawn = [render(generator, latents[k], faces.origins) for k in open_]
    else:
        drawn = _ladder_images(generator, faces.latent, [latents[k] for k in open_], row) if open_ else []
    images.update(zip(open_, drawn, strict=True))
    return [
        _edited(faces, images[k], latent, each, one, layers)
        for k, (latent, one) in enumerate(zip(latents, strengths, strict=True))
    ]


@torch.no_grad()
def _ladder_images(generator: Generator, common: Latent, latents: list[Latent], row: int) -> list[Tensor]:
    """The pictures of some faces at several places that differ from `row` on, (N, 3, H, W) for each place."""
    step = at_once(generator.resolution)
    size = max(1, step // len(latents))  # faces of which all places are drawn together
    parts: list[list[Tensor]] = [[] for _ in latents]
    for start in range(0, len(common), size):
        part = slice(start, start + size)
        begun = common[part].begin(generator, row) if row else None
        count = len(common[part])
        for first in range(0, len(latents), step):
            places = latents[first : first + step]
            again = None if begun is None else begun[torch.arange(count, device=begun.x.device).repeat(len(places))]
            drawn = Latent.cat([latent[part] for latent in places]).render(generator, begun=again)[0]
            for kept, image in zip(parts[first : first + step], torch.split(drawn, count), strict=True):
                kept.append(image)
    return [torch.cat(kept) for kept in parts]


@torch.no_grad()
def _moved(latent: Latent, each: list[Direction], spaces: list[Space], alphas: Sequence[float]) -> Latent:
    for direction, space, strength in zip(each, spaces, alphas, strict=True):
        warn_beyond(direction, strength)
        if strength:
            latent = space.move(latent, direction.deltas[0].to(latent.ws), strength * direction.scale)
    return latent


def _edited(
    faces: Faces,
    images: Tensor,
    latent: Latent,
    each: list[Direction],
    alphas: Sequence[float],
    layers: Sequence[int | str] | None,
) -> Faces:
    places = None if layers is None else tuple(layers)
    edits = tuple(Edit(d.name, d.prompt, a, places, d.region.parts) for d, a in zip(each, alphas, strict=True))
    return replace(faces, images=images, latent=latent, edits=(*faces.edits, *edits), before=faces)


def at_once(resolution: int) -> int:
    """How many pictures of that side are drawn at a time, so that memory does not grow with their number."""
    return max(1, _PIXELS_AT_ONCE // resolution**2)


def _directions(directions: Direction | Sequence[Direction]) -> list[Direction]:
    given = [directions] if isinstance(directions, Direction) else list(directions)
    for direction in given:
        if not isinstance(direction, Direction):
            raise InputError(f"expected a Direction (Direction.load reads one); got {type(direction).__name__}")
    if not given:
        raise InputError("expected at least one direction; got none")
    return [single for direction in given for single in direction]


def warn_beyond(direction: Direction, alpha: float) -> None:
    """Warn when a strength is beyond the range in which a direction was found useful."""
    low, high = direction.alpha_range
    if not low - 1e-6 <= alpha <= high + 1e-6:
        warnings.warn(
            EclipsedWarning(
                f"alpha {alpha:g} is beyond the range in which {direction.name!r} was found useful "
                f"({low:.2f} to {high:.2f}); the faces may break"
            ),
            stacklevel=5,
        )


def render(
    generator: Generator, latent: Latent, origins: Sequence[Origin] = (), *, begun: Begun | None = None
) -> Tensor:
    """Full pictures, a few at a time, so that memory does not grow with their number.

    A face whose generator was tuned to it is drawn by that generator.

    Args:
        generator: the one that the latents belong to.
        latent: N faces.
        origins: photographs that the faces were inverted from, or none.
        begun: go on from what `Latent.begin` gave for the same faces; then all are drawn at once. Tuned faces are
            drawn from the start all the same.
    Returns:
        (N, 3, H, W).
    """
    step = at_once(generator.resolution)
    tunings = [origin.tuning for origin in origins]
    with torch.no_grad():
        if any(tuning is not None for tuning in tunings):
            makers = [generator if tuning is None else tuning.generator(generator) for tuning in tunings]
            return torch.cat([latent[k : k + 1].render(maker)[0] for k, maker in enumerate(makers)])
        if begun is not None:
            return latent.render(generator, begun=begun)[0]
        parts = [latent[start : start + step].render(generator)[0] for start in range(0, len(latent), step)]
    return torch.cat(parts)


def _caption(before: Faces, after: Faces) -> str:
    """What the last call did: its strengths, with names when there are several."""
    new = after.edits[len(before.edits) :]
    if len({edit.name for edit in after.edits}) == 1:
        return ", ".join(pictures.signed(edit.alpha) for edit in new)
    return ", ".join(f"{edit.name} {pictures.signed(edit.alpha)}" for edit in new)
