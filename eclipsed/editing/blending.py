"""Hard locality: the edited parts of faces put into the pictures that they had, in the pixels or in the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, at_once
from eclipsed.editing.seeing import seen
from eclipsed.editing.stack import BLENDS
from eclipsed.errors import InputError
from eclipsed.images.masks import mix_masks, painted
from eclipsed.images.seams import feathered, feathered_inwards
from eclipsed.networks.blended import draw_blended
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.networks.mixed_styles import draw_mixed
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser, Pictures, pictures_of
from eclipsed.values.mask import Mask

__all__ = ["START", "blend", "blend_features", "blend_pixels", "check_blend", "seam"]

#: side of the first feature maps that are joined: at 16 the seam, 4 % of the width, is more than half a place wide
START = 16


def check_blend(blend: object) -> str | None:
    """Return how an edit is put into the picture.

    Raises:
        InputError: it is none of `eclipsed.editing.stack.BLENDS`.
    """
    if blend is None or (isinstance(blend, str) and blend in BLENDS):
        return blend
    raise InputError(f'blend must be "pixels", "features", "styles" or None; got {blend!r}')


def blend(
    how: str | None,
    generator: Generator,
    parser: Callable[[], Parser],
    faces: Faces,
    edited: Faces,
    parts: Sequence[str],
    *,
    mask: Mask | None = None,
    prefix: SynthesisPrefix | None = None,
) -> Faces:
    """Put the edited parts into the faces' own pictures.

    Args:
        how: ``"pixels"``, see `blend_pixels`; ``"features"`` or ``"styles"``, see `blend_features`; None leaves
            `edited` as it is.
        generator: that made the faces.
        parser: gives the parser; called where there are parts.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited faces.
        mask: what is taken from them, too, where somebody painted it.
        prefix: what the drawings of both have in common, or None.
    Raises:
        InputError: `how` is unknown.
    """
    if check_blend(how) is None:
        return edited
    finder = parser() if parts else None
    if how == "pixels":
        blended = blend_pixels(finder, faces, edited, parts, mask=mask)
    else:
        mixed = how == "styles"
        blended = blend_features(generator, finder, faces, edited, parts, mask=mask, prefix=prefix, mixed=mixed)
    before = len(faces.edits)
    held: dict[str, Any] = {} if mask is None or parts else {"parts": (), "mask": mask}  # what held them all
    made = (replace(one, blend=how, **held) for one in edited.edits[before:])
    return replace(blended, edits=(*edited.edits[:before], *made))


def blend_pixels(
    parser: Parser | None, faces: Faces, edited: Faces, parts: Sequence[str], *, mask: Mask | None = None
) -> Faces:
    """Put the edited parts into the faces' own pictures.

    Args:
        parser: finds the parts before and after the edit; None where there are none to be found.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited pictures, on either side of the edit.
        mask: what is taken from them, too, where somebody painted it.
    Returns:
        `edited` with other images: inside the parts those of `edited`; beyond them a seam of 4 % of the width; and
        beyond the seam those of `faces`, bit for bit. The seam of a painted mask lies inside it. The latents are those
        of `edited`.
    """
    some = at_once(faces.images.shape[-1])
    soft = []
    for first in range(0, len(faces), some):
        part = slice(first, first + some)
        chosen = None if mask is None else mask[part]
        soft.append(_seam(parser, faces[part], edited[part], parts, chosen))
    return replace(edited, images=_put(faces.images, edited.images, torch.cat(soft)))


def blend_features(
    generator: Generator,
    parser: Parser | None,
    faces: Faces,
    edited: Faces,
    parts: Sequence[str],
    *,
    mask: Mask | None = None,
    prefix: SynthesisPrefix | None = None,
    mixed: bool = False,
) -> Faces:
    """Put the edited parts into the faces' own feature maps, so that the network itself draws the seam.

    A cross-fade of two pictures shows both where they disagree: old hair through new hair. Here the faces are drawn
    again from feature maps of which the parts are the edited face's, from 16 px up, and all the rest the face's own.

    Args:
        generator: that made the faces.
        parser: finds the parts before and after the edit; None where there are none to be found.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited faces, on either side of the edit.
        mask: what is taken from them, too, where somebody painted it.
        prefix: what the drawings of both have in common, or None; tuned faces are drawn from the start all the same.
        mixed: draw one face of two styles instead, the edited one's where the parts are; see
            `eclipsed.networks.mixed_styles.draw_mixed`.
    Returns:
        `edited` with other images: inside the parts what the network draws there; beyond them a seam of 4 % of the
        width; and beyond the seam the images of `faces`, bit for bit. The seam of a painted mask lies inside it. The
        latents are those of `edited`.
    """
    alone = any(origin.alone for origin in faces.origins)
    step = 1 if alone else at_once(generator.resolution)
    drawn, seams = [], []
    for first in range(0, len(faces), step):
        part = slice(first, first + step)
        origin = faces.origins[first] if alone else None
        maker = generator if origin is None else origin.maker(generator)
        held = None if origin is None or origin.kept is None else origin.kept.features
        chosen = None if mask is None else mask[part]
        soft = _seam(parser, faces[part], edited[part], parts, chosen)
        old, new = (one.latent[part].styles(maker) for one in (faces, edited))
        from_here = None if prefix is None or alone else prefix[part]
        network = maker.network.synthesis
        if mixed:
            drawn.append(draw_mixed(network, old, new, soft, prefix=from_here, kept=held))
        else:
            drawn.append(draw_blended(network, old, new, soft, start=START, prefix=from_here, kept=held))
        seams.append(soft)
    return replace(edited, images=_put(faces.images, torch.cat(drawn), torch.cat(seams)))


def _seam(parser: Parser | None, faces: Faces, edited: Faces, parts: Sequence[str], mask: Mask | None) -> Tensor:
    """`seam` of faces, whose latents tell where painted parts are."""
    before, after = ((one.images if parser is None else seen(parser, one, parts)) for one in (faces, edited))
    return seam(parser, before, after, parts, mask=mask)


def seam(
    parser: Parser | None, before: Pictures, after: Pictures, parts: Sequence[str], *, mask: Mask | None = None
) -> Tensor:
    """How much of edited pictures is taken: the parts before or after the edit, what was painted, and the seam.

    Args:
        parser: finds the parts; None where there are none to be found.
        before: (N, 3, H, W), or as `eclipsed.editing.seeing.seen` gives it.
        after: the same after the edit.
        parts: see `blend_pixels`.
        mask: see `blend_pixels`.
    Returns:
        (N, 1, H, W) in [0, 1].
    Raises:
        InputError: there is neither a part nor a mask.
    """
    found = []
    if parser is not None:
        found.append(feathered(mix_masks(parser.mask(before, parts), parser.mask(after, parts), "union")))
    if mask is not None:
        found.append(feathered_inwards(painted(mask, pictures_of(before))))
    if not found:
        raise InputError("a blend needs a part or a mask; got neither")
    return torch.stack(found).amax(dim=0)


def _put(images: Tensor, parts: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask > 0, torch.lerp(images, parts, mask), images)
