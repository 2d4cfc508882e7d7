"""Hard locality: the edited parts of faces put into the pictures that they had, in the pixels or in the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, at_once
from eclipsed.editing.stack import BLENDS
from eclipsed.errors import InputError
from eclipsed.images.masks import grow_mask, mix_masks
from eclipsed.networks.blended import draw_blended
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser

__all__ = ["START", "blend", "blend_features", "blend_pixels", "check_blend", "feathered"]

#: side of the first feature maps that are joined: at 16 the seam, 4 % of the width, is more than half a place wide
START = 16

_FEATHER = 0.02  # of the image's width: half of the way from the region's edge to where a blended edit ends


def check_blend(blend: object) -> str | None:
    """Return how an edit is put into the picture.

    Raises:
        InputError: it is none of `eclipsed.editing.stack.BLENDS`.
    """
    if blend is None or (isinstance(blend, str) and blend in BLENDS):
        return blend
    raise InputError(f'blend must be "pixels", "features" or None; got {blend!r}')


def blend(
    how: str | None,
    generator: Generator,
    parser: Callable[[], Parser],
    faces: Faces,
    edited: Faces,
    parts: Sequence[str],
    *,
    prefix: SynthesisPrefix | None = None,
) -> Faces:
    """Put the edited parts into the faces' own pictures.

    Args:
        how: ``"pixels"``, see `blend_pixels`; ``"features"``, see `blend_features`; None leaves `edited` as it is.
        generator: that made the faces.
        parser: gives the parser.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited faces.
        prefix: what the drawings of both have in common, or None.
    Raises:
        InputError: `how` is unknown.
    """
    if check_blend(how) is None:
        return edited
    if how == "features":
        blended = blend_features(generator, parser(), faces, edited, parts, prefix=prefix)
    else:
        blended = blend_pixels(parser(), faces, edited, parts)
    before = len(faces.edits)
    return replace(blended, edits=(*edited.edits[:before], *(replace(e, blend=how) for e in edited.edits[before:])))


def blend_pixels(parser: Parser, faces: Faces, edited: Faces, parts: Sequence[str]) -> Faces:
    """Put the edited parts into the faces' own pictures.

    Args:
        parser: finds the parts before and after the edit.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited pictures, on either side of the edit.
    Returns:
        `edited` with other images: inside the parts those of `edited`; beyond them a seam of 4 % of the width; and
        beyond the seam those of `faces`, bit for bit. The latents are those of `edited`.
    """
    some = at_once(faces.images.shape[-1])
    pairs = zip(torch.split(faces.images, some), torch.split(edited.images, some), strict=True)
    mask = torch.cat([_seam(parser, before, after, parts) for before, after in pairs])
    return replace(edited, images=_put(faces.images, edited.images, mask))


def blend_features(
    generator: Generator,
    parser: Parser,
    faces: Faces,
    edited: Faces,
    parts: Sequence[str],
    *,
    prefix: SynthesisPrefix | None = None,
) -> Faces:
    """Put the edited parts into the faces' own feature maps, so that the network itself draws the seam.

    A cross-fade of two pictures shows both where they disagree: old hair through new hair. Here the faces are drawn
    again from feature maps of which the parts are the edited face's, from 16 px up, and all the rest the face's own.

    Args:
        generator: that made the faces.
        parser: finds the parts before and after the edit.
        faces: before the edit.
        edited: after it.
        parts: what is taken from the edited faces, on either side of the edit.
        prefix: what the drawings of both have in common, or None; tuned faces are drawn from the start all the same.
    Returns:
        `edited` with other images: inside the parts what the network draws there; beyond them a seam of 4 % of the
        width; and beyond the seam the images of `faces`, bit for bit. The latents are those of `edited`.
    """
    tunings = [origin.tuning for origin in faces.origins]
    alone = any(tuning is not None for tuning in tunings)
    step = 1 if alone else at_once(generator.resolution)
    drawn, masks = [], []
    for first in range(0, len(faces), step):
        part = slice(first, first + step)
        tuning = tunings[first] if alone else None
        maker = generator if tuning is None else tuning.generator(generator)
        mask = _seam(parser, faces.images[part], edited.images[part], parts)
        old, new = (one.latent[part].styles(maker) for one in (faces, edited))
        from_here = None if prefix is None or alone else prefix[part]
        drawn.append(draw_blended(maker.network.synthesis, old, new, mask, start=START, prefix=from_here))
        masks.append(mask)
    return replace(edited, images=_put(faces.images, torch.cat(drawn), torch.cat(masks)))


def _seam(parser: Parser, before: Tensor, after: Tensor, parts: Sequence[str]) -> Tensor:
    """Where the parts are before or after the edit, with the seam around them, (N, 1, H, W)."""
    return feathered(mix_masks(parser.mask(before, parts), parser.mask(after, parts), "union"))


def _put(images: Tensor, parts: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask > 0, torch.lerp(images, parts, mask), images)


def feathered(mask: Tensor) -> Tensor:
    """Widen a mask by a seam.

    Args:
        mask: 0 or 1, (N, 1, H, W).
    Returns:
        1 on the mask, 0 from 4 % of the width beyond it, and a straight ramp between.
    """
    reach = max(1, round(_FEATHER * mask.shape[-1]))
    wide = grow_mask(mask, reach / mask.shape[-1])
    padded = torch.nn.functional.pad(wide, [reach] * 4, mode="replicate")
    soft = torch.nn.functional.avg_pool2d(padded, 2 * reach + 1, stride=1)
    return torch.where(mask > 0, torch.ones_like(soft), soft)
