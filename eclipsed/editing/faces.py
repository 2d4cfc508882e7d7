"""Faces with what they were drawn from, and drawing many of them at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from eclipsed.checkpoints.numbers import write_numbers
from eclipsed.editing.naming import picture_name
from eclipsed.errors import InputError
from eclipsed.images import pictures
from eclipsed.images.conversion import resize, to_pil
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.photos.origin import Origin
from eclipsed.pretrained.generator import Generator
from eclipsed.values.mask import Mask

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Edit",
    "Faces",
    "at_once",
    "check_faces",
    "remembered",
    "render",
    "sample",
    "together",
]

_SHOWN = 8  # faces, and edits, that a notebook shows
_SMALL = 192  # px: the side of such a face
_PIXELS_AT_ONCE = 8 * 256 * 256


@dataclass(frozen=True)
class Edit:
    """One direction that was applied to some faces.

    Args:
        name: of the direction.
        prompt: that it was trained for; where there is none, what captions call it.
        alpha: its strength; one for each face where they differ.
        layers: what the edit was restricted to; None is all that the direction changes.
        parts: that the direction may change.
        blend: how it was put into the picture before, see `Editor.edit`; None is not at all.
        mask: what was painted in place of the parts, one for all faces or one for each; None is nothing.
    """

    name: str
    prompt: str
    alpha: float | tuple[float, ...]
    layers: tuple[int | str, ...] | None = None
    parts: tuple[str, ...] = ()
    blend: str | None = None
    mask: Mask | None = None

    def __getitem__(self, part: slice) -> Edit:
        """The same edit of some of the faces."""
        mask = None if self.mask is None else self.mask[part]
        if not isinstance(self.alpha, tuple):
            return self if mask is self.mask else replace(self, mask=mask)
        alphas = self.alpha[part]
        return replace(self, alpha=alphas[0] if len(set(alphas)) == 1 else alphas, mask=mask)

    @property
    def strength(self) -> str:
        """Its strength as captions say it: ``"+1"``, or ``"−1 … +1"`` where faces differ."""
        if not isinstance(self.alpha, tuple):
            return pictures.signed(self.alpha)
        return " … ".join(pictures.signed(one(self.alpha)) for one in (min, max)) if self.alpha else ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Faces:
    """Synthesised faces with everything that is needed to edit them further.

    Args:
        images: (N, 3, H, W), range [-1, 1] up to what the generator overshoots.
        latent: what they were synthesised from.
        seeds: of the faces; empty when they were made from latents.
        edits: what was applied to them, first to last.
        before: the faces that the last call of `edit` was given; None when they are unedited. Of long chains of edits
            the first faces and the last few are remembered.
        origins: of inverted faces, the photograph of each; empty for others.
        psi: truncation that was asked for; None is the set's own, or that of no seeds.
    """

    images: Tensor
    latent: Latent
    seeds: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()
    before: Faces | None = None
    origins: tuple[Origin, ...] = ()
    psi: float | None = None

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
            edits=tuple(edit[part] for edit in self.edits),
            before=None if self.before is None else self.before[part],
            origins=self.origins[part],
            psi=self.psi,
        )

    def __repr__(self) -> str:
        named = ", ".join(self.names[:_SHOWN]) + (", …" if len(self) > _SHOWN else "")
        edits = "".join(f", {edit.name} {edit.strength}" for edit in self.edits[-_SHOWN:])
        return f"Faces({len(self)} of {self.images.shape[-1]} px: {named}{edits})"

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the first faces, small, with what was done to them."""
        if not len(self):
            return None
        some = _small(self[:_SHOWN])
        sheet = some.strip() if some.before is not None else pictures.strip([some.images], columns=some.names)
        page = io.BytesIO()
        sheet.save(page, format="PNG")
        return page.getvalue()

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
        """What each picture is called on disk: ``"seed0007.png"``, edited ``"seed0007_blond-hair_a+1.00.png"``.

        Layers that an edit was restricted to, a blend, and a truncation other than the set's own are part of the name.
        """
        each = [[edit[k : k + 1] for edit in self.edits] for k in range(len(self))]
        return tuple(picture_name(name, edits, self.psi) for name, edits in zip(self.names, each, strict=True))

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

        Where another picture has that name, it stays, and the new one gets the name with a number.

        Args:
            folder: made when it does not exist.
        Returns:
            The paths.
        Raises:
            OutputError: they cannot be written.
        Warns:
            EclipsedWarning: a name was taken.
        """
        places = [Path(folder) / name for name in self.file_names]
        return [pictures.save_beside(image, place) for image, place in zip(self.pil(), places, strict=True)]

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the latents, edits and all, so that the tools of e4e, PTI and NVIDIA read them.

        What a generator was tuned by to a face, noise and photographs are not written.

        Args:
            path: ending in ``.npy``, ``.pt``, or ``.npz``, whose array is called w; float32, (N, num_ws, w_dim).
        Returns:
            `path`.
        Raises:
            InputError: another ending, or the faces were edited in S, which no ws can say.
            OutputError: it cannot be written.
        """
        if any(bool(offset.any()) for offset in self.latent.offsets.values()):
            raise InputError(
                "these faces were edited in the space S, which ws cannot say; export them before that edit"
            )
        return write_numbers(Path(path), self.ws, name="w")


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


def render(
    generator: Generator,
    latent: Latent,
    origins: Sequence[Origin] = (),
    *,
    edits: Sequence[Edit] = (),
    prefix: SynthesisPrefix | None = None,
) -> Tensor:
    """Full pictures, a few at a time, so that memory does not grow with their number.

    A face whose generator was tuned to it is drawn by that generator, with what is kept of its photograph.

    Args:
        generator: the one that the latents belong to.
        latent: N faces.
        origins: photographs that the faces were inverted from, or none.
        edits: what was done to these faces, which says where what is kept of a photograph gives way.
        prefix: go on from what `Latent.prefix` gave for the same faces; then all are drawn at once. Tuned faces are
            drawn from the start all the same.
    Returns:
        (N, 3, H, W).
    """
    step = at_once(generator.resolution)
    with torch.no_grad():
        if any(origin.alone for origin in origins):
            places = [slice(k, k + 1) for k in range(len(origins))]
            each = [[edit[place] for edit in edits] for place in places]
            groups = zip(origins, places, each, strict=True)
            return torch.cat([_alone(generator, latent[place], origin, some) for origin, place, some in groups])
        if prefix is not None:
            return latent.render(generator, prefix=prefix).image
        parts = [latent[start : start + step].render(generator).image for start in range(0, len(latent), step)]
    return torch.cat(parts)


def _alone(generator: Generator, latent: Latent, origin: Origin, edits: Sequence[Edit]) -> Tensor:
    """The picture of one face that is drawn in a way of its own."""
    maker = origin.maker(generator)
    if origin.kept is None:
        return latent.render(maker).image
    acting = [edit for edit in edits if edit.alpha]
    parts = sorted({part for edit in acting for part in edit.parts})
    painted = [edit.mask for edit in acting if edit.mask is not None]
    mask = reduce(or_, painted) if painted else None
    return origin.kept.draw(maker, latent.styles(maker), parts, mask=mask)


def at_once(resolution: int) -> int:
    """How many pictures of that side are drawn at a time, so that memory does not grow with their number."""
    return max(1, _PIXELS_AT_ONCE // resolution**2)


def remembered(faces: Faces) -> Faces:
    """The same faces with few of the pictures that they had before, for edits of them to remember.

    Where there were many edits, the first pictures and the last are kept.
    """
    last = faces.before
    if last is None or last.before is None or last.before.before is None:
        return faces
    first = last.before
    while first.before is not None:
        first = first.before
    return replace(faces, before=replace(last, before=first))


def _small(faces: Faces) -> Faces:
    """The same faces in pictures that a page has room for."""
    size = min(_SMALL, faces.images.shape[-1])
    images = resize(faces.images.detach().float(), size)
    return replace(faces, images=images, before=None if faces.before is None else _small(faces.before))


def _caption(before: Faces, after: Faces) -> str:
    """What the last call did: its strengths, with names when there are several."""
    new = after.edits[len(before.edits) :]
    if len({edit.name for edit in after.edits}) == 1:
        return ", ".join(edit.strength for edit in new)
    return ", ".join(f"{edit.name} {edit.strength}" for edit in new)


def together(faces: Sequence[Faces]) -> Faces:
    """Unedited faces as one, in their order; of sampled and inverted ones together the seeds and origins are left out.

    Args:
        faces: of one generator, at least one.
    Raises:
        InputError: there is none, or one is edited.
    """
    if not faces or any(one.edits for one in faces):
        raise InputError("expected unedited faces, at least one")
    seeds = tuple(seed for one in faces for seed in one.seeds)
    origins = tuple(origin for one in faces for origin in one.origins)
    count = sum(map(len, faces))
    return Faces(
        images=torch.cat([one.images for one in faces]),
        latent=Latent.cat([one.latent for one in faces]),
        seeds=seeds if len(seeds) == count else (),
        origins=origins if len(origins) == count else (),
        psi=faces[0].psi,
    )


def check_faces(faces: object, *, name: str = "faces") -> Faces:
    """Return some faces, and nothing else.

    Raises:
        InputError: they are something else, or there are none.
    """
    if not isinstance(faces, Faces):
        raise InputError(f"{name} must be Faces, which sample, invert and edit give; got {type(faces).__name__}")
    if not len(faces):
        raise InputError(f"{name} must be at least one face; got none")
    return faces
