"""A picture in place of a sentence: what CLIP is to see more of in edited faces, told by faces that were given it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.directions.survey import looked_side
from eclipsed.errors import InputError
from eclipsed.images.masks import grow_mask, painted
from eclipsed.latents.direction import short_name
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder, choose_faces
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.likeness import Likeness
from eclipsed.prompts.region import Region
from eclipsed.training.reference_parts import SMALLEST, Explained, candidates
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import TRAINING_SEEDS
from eclipsed.worlds.world import World

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["KIND", "Reference"]

#: what a file says that a direction was learned from
KIND = "picture"

_FACES = 16  # faces that are given what the picture shows
_GROWN = 0.02  # share of the width by which the region grows before it is put into a face
_SOFT = 0.01  # share of the width over which it fades


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """A picture that faces are to be like in a region.

    CLIP's vector of a whole picture says mostly who is on it. So the region is put into other faces, and the mean
    vector of these is held against the mean vector of the same faces as they were: what is apart is what the region
    brings. Where the whole picture is meant, or shows no face, its own vector is held against that of the faces.

    Args:
        name: of the picture.
        sha256: of its pixels.
        region: in which faces are to be like it.
        found: whether the region was found, and not given.
        with_it: faces with what it shows, (N, 3, H, W), range [-1, 1].
        without: faces without it, (M, 3, H, W).
    Source: Chefer et al. 2021, arXiv:2110.12427 (TargetCLIP), for the task; the vectors are ours.
    """

    name: str
    sha256: str
    region: Region
    found: bool
    with_it: Tensor
    without: Tensor

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        image: str | os.PathLike[str] | Image.Image | Photo,
        *,
        generator: Generator,
        parser: Parser,
        clip: Clip,
        finder: Callable[[], FaceFinder],
        region: Region | Sequence[str] | Mask | None = None,
        truncation_psi: float = 1.0,
    ) -> Reference:
        """Look at a picture.

        Args:
            image: a path, a PIL picture or a `Photo`: of a face, which is found, or aligned already; of anything with a
                region.
            generator: whose faces are to be like it.
            parser: finds the region in it and in them.
            clip: tells which part is unusual, where no region is given.
            finder: gives what finds faces.
            region: in which they are to be; None finds the part that makes the picture what it is.
            truncation_psi: of the faces.
        Raises:
            InputError: it shows several faces, or none and no region was given, or nothing of the region.
        """
        photo, world, side = read_photo(image), parser.world, looked_side(generator, clip)
        seeds = range(TRAINING_SEEDS.start, TRAINING_SEEDS.start + _FACES)
        options = SynthesisOptions(resolution=side)
        faces = Latent.of_seeds(generator, seeds, truncation_psi=truncation_psi).render(generator, options).image
        faces = faces.clamp(-1, 1)
        place = _place(photo, finder)
        picture = (place or _middle(photo)).crop(photo, side).to(faces)
        given = _given(region, world)
        if given is not None and given.painted:
            raise InputError(
                f"painted parts are found in what the generator draws, and not in {photo.name}; name other parts, or "
                "paint a mask"
            )
        parser = parser.of_pictures
        if given is None:
            if place is None:
                raise InputError(f"no face was found in {photo.name}, so no part of one either; name the region")
            given = _unusual(photo, picture, faces, parser, clip)
        with_it = picture
        if place is not None and not given.whole_face:
            with_it = _put(picture, faces, _within(photo, picture, faces, parser, given))
        return cls(
            name=Path(photo.name).name,
            sha256=photo.sha256,
            region=given,
            found=region is None,
            with_it=with_it,
            without=faces,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What the file of a direction says of it."""
        return {"kind": KIND, "name": self.name, "sha256": self.sha256, "region": "found" if self.found else "given"}

    @property
    def title(self) -> str:
        """What a direction is called that was learned from it."""
        stem = self.name.rpartition(".")[0] or self.name
        return f"like-{short_name(stem)}"

    def reading(self, world: World) -> Likeness:
        """What it asks for.

        Args:
            world: of the parser.
        """
        return Likeness(f"picture {self.name} ({self.sha256[:12]})", world, self.region)

    @cached_property
    def _texts(self) -> dict[Clip, Tensor]:
        return {}

    @torch.no_grad()
    def texts(self, clip: Clip) -> Tensor:
        """What stands in place of captions: CLIP's mean vectors of the faces with it (first) and without, (2, D).

        Args:
            clip: that looks.
        """
        if clip not in self._texts:
            means = [_mean(clip, pictures) for pictures in (self.with_it, self.without)]
            self._texts[clip] = torch.stack(means)
        return self._texts[clip]


def _mean(clip: Clip, pictures: Tensor) -> Tensor:
    """The mean of CLIP's vectors of some pictures, as long as each of them, (D,)."""
    seen = clip.encode_images(pictures)
    start, parts = 0, []
    for own in clip.split(seen):  # of several CLIPs each keeps its share of the length
        part = seen[:, start : start + own.shape[1]]
        parts.append(F.normalize(part.mean(dim=0), dim=0) * part[0].norm())
        start += own.shape[1]
    return torch.cat(parts)


def _place(photo: Photo, finder: Callable[[], FaceFinder]) -> Placement | None:
    """Where the face lies: all of a square picture in which none is found; None in any other.

    Raises:
        InputError: there are several faces, or the only one cannot be aligned.
    """
    found = finder().find(photo)
    if not found:
        square = photo.width == photo.height
        return Placement.of_box(0, 0, photo.width, photo.height) if square else None
    if len(found) > 1:
        raise InputError(f"{photo.name} shows {len(found)} faces; cut out the one that is meant")
    return choose_faces(finder(), photo, None)[0]


def _middle(photo: Photo) -> Placement:
    """The largest square in the middle."""
    side = min(photo.width, photo.height)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return Placement.of_box(left, top, left + side, top + side)


def _given(region: Region | Sequence[str] | Mask | None, world: World) -> Region | None:
    """The region that was named."""
    if region is None or isinstance(region, Region):
        return region
    if isinstance(region, Mask):
        return Region.from_mask(region, world=world)
    return Region.from_parts(region, world=world)


def _within(photo: Photo, picture: Tensor, faces: Tensor, parser: Parser, region: Region) -> Tensor:
    """Where the picture's region, or a face's own, lies, (N, 1, H, W).

    Raises:
        InputError: the picture shows nothing of it.
    """
    if region.mask is not None:
        return painted(region.mask, picture).expand(len(faces), -1, -1, -1)
    own = parser.mask(picture, region.parts)
    if float(own.mean()) < SMALLEST:
        raise InputError(f"{photo.name} shows nothing of the region {region.spoken()}; name one that it shows")
    return torch.maximum(own, parser.mask(faces, region.parts))


def _put(picture: Tensor, faces: Tensor, where: Tensor) -> Tensor:
    """Faces with what a picture shows within a mask."""
    width = where.shape[-1]
    reach = max(1, round(_SOFT * width))
    soft = F.avg_pool2d(grow_mask(where, _GROWN), 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return torch.lerp(faces, picture.expand_as(faces), soft)


def _unusual(photo: Photo, picture: Tensor, faces: Tensor, parser: Parser, clip: Clip) -> Region:
    """The part by which a picture differs from other faces, more than they do by theirs."""
    world = parser.world
    explained = Explained(clip, faces, _put)
    best, most = None, -torch.inf
    for parts in candidates(world):
        share = explained.unusual(picture, parser.mask(picture, parts), parser.mask(faces, parts))
        if share is not None and share > most:
            best, most = parts, share
    if best is None:
        raise InputError(f"{photo.name} shows no part that is known; name the region")
    return Region.from_parts(best, world=world)
