"""Moving faces along directions: by one strength, or up a ladder of many."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.editing.faces import Edit, Faces, at_once, check_faces, remembered, render
from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.pretrained.generator import Generator
from eclipsed.values.alphas import check_alphas, check_strengths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Directions", "direction_of", "directions_of", "edit", "ladder", "warn_beyond"]

#: what may be given where faces are moved: directions, their files, or names of the library such as "blond-hair"
Directions = Direction | str | os.PathLike[str] | Sequence[Direction | str | os.PathLike[str]]


def edit(
    generator: Generator,
    faces: Faces,
    directions: Directions,
    alpha: float | ArrayLike = 1.0,
    *,
    layers: Sequence[int | str] | None = None,
) -> Faces:
    """Move faces along one direction or several.

    Args:
        generator: that made the faces and that the directions were trained on.
        faces: edited or not; edits add up.
        directions: one, or several to apply together, or their files or names. Directions that were learned together
            count as several.
        alpha: strength of all, or one for each; 1 is the calibrated full edit, negative values go the other way. Of a
            single direction, also one for each face; of several, also a table with a row for each face.
        layers: rows of ws or names of layers to restrict the edit to; None is all that the directions change.
    Returns:
        The edited faces. Where every alpha of a face is 0 its image is that of `faces`, bit for bit.
    Raises:
        InputError: an alpha is not a finite number, they do not match the directions, or a layer is unknown.
        DirectionError: a direction belongs to another generator.
    Warns:
        EclipsedWarning: an alpha is beyond the range that was found useful.
    """
    check_faces(faces)
    each = directions_of(directions)
    alphas = check_strengths(alpha, directions=len(each), faces=len(faces))
    spaces = [direction.space_of(generator, layers=layers) for direction in each]
    latent = _moved(faces.latent, each, spaces, alphas)
    moved = [k for k in range(len(faces)) if any(one[k] if isinstance(one, tuple) else one for one in alphas)]
    edits = (*faces.edits, *_edits(each, alphas, layers))
    if len(moved) == len(faces):
        images = render(generator, latent, faces.origins, edits=edits)
    elif moved:
        images = faces.images.clone()
        origins = [faces.origins[k] for k in moved] if faces.origins else []
        if any(origin.alone for origin in origins):  # what was done to each says how it is drawn
            for k, origin in zip(moved, origins, strict=True):
                images[[k]] = render(generator, latent[[k]], [origin], edits=[one[k : k + 1] for one in edits])
        else:
            images[moved] = render(generator, latent[moved], origins)
    else:
        images = faces.images
    return _edited(faces, images, latent, edits)


def ladder(
    generator: Generator,
    faces: Faces,
    directions: Directions,
    alphas: Sequence[float],
    *,
    layers: Sequence[int | str] | None = None,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> list[Faces]:
    """Move faces along one direction or several by many strengths: the same as many calls of `edit`, in less time.

    What all strengths have in common is drawn once, and the rest of many pictures at a time.

    Args:
        generator: see `edit`.
        faces: N faces.
        directions: one, or several to apply together by the same strength, or their files or names.
        alphas: the strengths.
        layers: see `edit`.
        tell: called with how many pictures are drawn, and with how many there are.
    Returns:
        The edited faces of each strength.
    Raises:
        InputError: see `edit`.
        DirectionError: see `edit`.
    Warns:
        EclipsedWarning: see `edit`.
    """
    check_faces(faces)
    each = directions_of(directions)
    spaces = [direction.space_of(generator, layers=layers) for direction in each]
    strengths = [check_alphas(alpha, len(each)) for alpha in alphas]
    latents = [_moved(faces.latent, each, spaces, one) for one in strengths]
    images: dict[int, Tensor] = {k: faces.images for k, one in enumerate(strengths) if not any(one)}
    open_ = [k for k in range(len(strengths)) if k not in images]
    row = min(min(space.rows) for space in spaces)
    total = len(open_) * len(faces)
    tell(0, total)
    edits = [(*faces.edits, *_edits(each, one, layers)) for one in strengths]
    if any(origin.alone for origin in faces.origins):  # each of these has a generator of its own
        drawn = []
        for k in open_:
            drawn.append(render(generator, latents[k], faces.origins, edits=edits[k]))
            tell(len(drawn) * len(faces), total)
    else:
        places = [latents[k] for k in open_]
        drawn = _ladder_images(generator, faces.latent, places, row, lambda done: tell(done, total)) if open_ else []
    images.update(zip(open_, drawn, strict=True))
    return [_edited(faces, images[k], latent, edits[k]) for k, latent in enumerate(latents)]


@torch.no_grad()
def _ladder_images(
    generator: Generator, common: Latent, latents: list[Latent], row: int, tell: Callable[[int], object]
) -> list[Tensor]:
    """The pictures of some faces at several places that differ from `row` on, (N, 3, H, W) for each place."""
    done = 0
    step = at_once(generator.resolution)
    size = max(1, step // len(latents))  # faces of which all places are drawn together
    parts: list[list[Tensor]] = [[] for _ in latents]
    for start in range(0, len(common), size):
        part = slice(start, start + size)
        prefix = common[part].prefix(generator, row) if row else None
        count = len(common[part])
        for first in range(0, len(latents), step):
            places = latents[first : first + step]
            again = None if prefix is None else prefix[torch.arange(count, device=prefix.x.device).repeat(len(places))]
            drawn = Latent.cat([latent[part] for latent in places]).render(generator, prefix=again).image
            for kept, image in zip(parts[first : first + step], torch.split(drawn, count), strict=True):
                kept.append(image)
            done += count * len(places)
            tell(done)
    return [torch.cat(kept) for kept in parts]


@torch.no_grad()
def _moved(
    latent: Latent, each: list[Direction], spaces: list[Space], alphas: Sequence[float | tuple[float, ...]]
) -> Latent:
    for direction, space, strength in zip(each, spaces, alphas, strict=True):
        if isinstance(strength, tuple):
            warn_beyond(direction, max(strength, key=lambda alpha: _beyond(direction, alpha)))
            far: Tensor | float = latent.ws.new_tensor(strength) * direction.scale
        else:
            warn_beyond(direction, strength)
            far = strength * direction.scale
        if strength:
            latent = space.move(latent, direction.deltas[0].to(latent.ws), far)
    return latent


def _edits(
    each: list[Direction], alphas: Sequence[float | tuple[float, ...]], layers: Sequence[int | str] | None
) -> list[Edit]:
    """What is done to the faces, direction by direction."""
    places = None if layers is None else tuple(layers)
    pairs = zip(each, alphas, strict=True)
    return [Edit(d.name, d.title, a, places, d.region.parts, mask=d.region.mask) for d, a in pairs]


def _edited(faces: Faces, images: Tensor, latent: Latent, edits: Sequence[Edit]) -> Faces:
    return replace(faces, images=images, latent=latent, edits=tuple(edits), before=remembered(faces))


def directions_of(given: Directions, *, models: str = "") -> list[Direction]:
    """Single directions, loaded where their files or names were given.

    Args:
        given: one or several; those that were learned together become several.
        models: name of the model set in use; of several directions of one name, that in its folder is meant.
    Raises:
        InputError: something else was given, or nothing.
        MissingModelError: there is no such file or name.
        DirectionError: a file is damaged.
    """
    one: Any = given
    single = isinstance(given, (Direction, str, os.PathLike)) or not isinstance(given, Iterable)
    found = [direction_of(each, models=models) for each in ([one] if single else one)]
    if not found:
        raise InputError("expected at least one direction; got none")
    return [single for direction in found for single in direction]


def direction_of(given: Direction | str | os.PathLike[str], *, models: str = "") -> Direction:
    """One direction, or several learned together, loaded where a file or name was given; see `directions_of`."""
    if isinstance(given, (str, os.PathLike)):
        return Direction.load(given, models=models)
    if not isinstance(given, Direction):
        raise InputError(f"expected a Direction, its file or its name; got {type(given).__name__}")
    return given


def _beyond(direction: Direction, alpha: float) -> float:
    """How far a strength lies beyond the range in which a direction was found useful."""
    low, high = direction.alpha_range
    return max(low - alpha, alpha - high)


def warn_beyond(direction: Direction, alpha: float) -> None:
    """Warn when a strength is beyond the range in which a direction was found useful."""
    low, high = direction.alpha_range
    if _beyond(direction, alpha) > 1e-6:
        warnings.warn(
            EclipsedWarning(
                f"alpha {alpha:g} is beyond the range in which {direction.name!r} was found useful "
                f"({low:.2f} to {high:.2f}); the faces may break"
            ),
            stacklevel=5,
        )
