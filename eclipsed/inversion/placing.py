"""From photographs to faces that can be edited, and from edited faces back to photographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import torch
from PIL import Image

from eclipsed.editing import faces as editing
from eclipsed.editing.faces import Faces, check_faces
from eclipsed.errors import InputError
from eclipsed.inversion.inverter import Inverter
from eclipsed.inversion.pasting import paste
from eclipsed.latents.latent import Latent
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder, choose_faces
from eclipsed.photos.kept import Kept
from eclipsed.photos.origin import Origin
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser

__all__ = ["Source", "goals_of", "invert_photos", "paste_faces", "place_faces"]

#: a photograph as callers give it
Source = str | os.PathLike[str] | Image.Image | Photo


def place_faces(
    photo: Photo,
    finder: Callable[[], FaceFinder],
    *,
    aligned: bool = False,
    face: int | str | None = None,
    where: Placement | Sequence[Placement] | None = None,
) -> list[Placement]:
    """Where the faces of a photograph lie.

    Args:
        photo: upright.
        finder: gives what finds faces, if it is needed.
        aligned: the whole picture is an aligned face.
        face: which face, see `choose_faces`.
        where: the places, when they are known; `face` may then be ``"all"``.
    Raises:
        InputError: no face, several and none was chosen, one that cannot be aligned, or arguments that exclude each
            other.
    """
    chosen = face is not None and not (face == "all" and where is not None)
    if sum((aligned, chosen, where is not None)) > 1:
        raise InputError("of aligned, face and where give one: each says where the face is")
    if aligned:
        return [Placement.of_box(0, 0, photo.width, photo.height)]
    if where is not None:
        places = [where] if isinstance(where, Placement) else list(where)
        if not places or not all(isinstance(place, Placement) for place in places):
            raise InputError("where takes a Placement or several")
        return places
    return choose_faces(finder(), photo, face)


def invert_photos(
    inverter: Inverter, placed: Sequence[tuple[Photo, Placement]], *, start: Faces | None = None
) -> Faces:
    """Turn the faces of photographs into latents.

    Args:
        inverter: does it.
        placed: each face with its photograph.
        start: faces to begin the search at, one for each.
    Returns:
        The faces that the inverter kept.
    """
    size = inverter.generator.resolution
    images = torch.cat([place.crop(photo, size) for photo, place in placed])
    found = inverter.invert(images, start=None if start is None else check_faces(start, name="start").ws)
    origins = []
    for place, (index, tuning, features) in enumerate(zip(found.which, found.tunings, found.kept, strict=True)):
        kept = None
        if features is not None and inverter.parser is not None:
            kept = Kept(features, found.ws[place : place + 1], inverter.parser)
        origins.append(Origin.of(*placed[index], tuning, kept))
    latent = Latent(found.ws, class_index=inverter.generator.class_index)
    return editing.sample(inverter.generator, latent, origins=tuple(origins))


def goals_of(generator: Generator, faces: Faces) -> tuple[torch.Tensor, torch.Tensor]:
    """What faces were inverted from, and what was found before any edit.

    Args:
        generator: of the faces.
        faces: inverted, and edited or not.
    Returns:
        Two tensors (N, 3, H, W).
    Raises:
        InputError: faces that were sampled, or loaded without their photograph.
    """
    first = check_faces(faces)
    while first.before is not None:
        first = first.before
    placed = [(origin.photo, origin.placement) for origin in first.origins]
    crops = [place.crop(photo, generator.resolution) for photo, place in placed if photo is not None]
    if not crops or len(crops) != len(first):
        raise InputError("only faces that were inverted from a photo, which is still there, can be compared with it")
    return torch.cat(crops).to(first.images.device), first.images


def paste_faces(parser: Parser, faces: Faces, photo: Source | None = None) -> list[Image.Image]:
    """Put edited faces back into their photographs.

    Args:
        parser: finds the edited parts.
        faces: inverted, and edited or not.
        photo: the photograph, when the faces were loaded from a file; they must all be of this one.
    Returns:
        One picture for each photograph, in the order in which they first come, RGB or RGBA.
    Raises:
        InputError: faces that were sampled, no photograph, or not the one that a face was taken from.
    """
    if len(check_faces(faces).origins) != len(faces):
        raise InputError("only faces that were inverted from a photo can be put back into it; these were sampled")
    given = None if photo is None else read_photo(photo)
    groups: dict[str, list[int]] = {}
    for index, origin in enumerate(faces.origins):
        groups.setdefault(origin.sha256, []).append(index)
    pictures = []
    for members in groups.values():
        whole = given or faces.origins[members[0]].photo
        if whole is None:
            raise InputError("these faces were loaded without their photo; give it")
        pixels = whole.pixels
        for index in members:
            pixels = paste(parser, faces[index], whole, onto=pixels)
        pictures.append(whole.pil(pixels))
    return pictures
