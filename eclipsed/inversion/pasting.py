"""Putting an edited face back into the photograph that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.editing.blending import seam
from eclipsed.editing.faces import Faces
from eclipsed.editing.seeing import seen
from eclipsed.errors import InputError
from eclipsed.images.masks import grow_mask, mean_over_square
from eclipsed.photos.alignment import Placement
from eclipsed.photos.reading import Photo, Pixels
from eclipsed.pretrained.parser import Parser, Pictures
from eclipsed.values.mask import Mask

__all__ = ["edited_mask", "match_colours", "paste", "paste_one"]

_RIM = 0.03  # of the square's side: how far from its edge the mask fades out
_RING = 0.04  # of the square's side: width of the ring around the mask where colours are compared
_REACH = 0.08  # of the square's side: how far the match of colours reaches inwards


def paste(parser: Parser, faces: Faces, photo: Photo, *, onto: Pixels | None = None) -> Pixels:
    """Put the edited parts of some faces of one photograph back into it.

    Args:
        parser: finds the parts before and after the edit.
        faces: edited; all of them of this photograph. What they were edited with says which parts.
        photo: the photograph.
        onto: its pixels with other faces pasted before; None is as they are.
    Returns:
        Its pixels, uint8, (H, W, 3): inside the edited parts and their seam those of the faces, elsewhere its own, bit
        for bit.
    Raises:
        InputError: a face has no origin, or another photograph.
    """
    if len(faces.origins) != len(faces):
        raise InputError("only faces that were inverted from a photo can be put back into it; these were sampled")
    pixels = photo.pixels if onto is None else onto
    for index, origin in enumerate(faces.origins):
        origin.check(photo)
        edits = [edit for edit in faces[index].edits if edit.alpha]
        parts = sorted({part for edit in edits for part in edit.parts})
        painted = [edit.mask for edit in edits if edit.mask is not None]
        if not parts and not painted:
            continue
        after = faces.images[index : index + 1]
        before = origin.placement.crop(photo, after.shape[-1]).to(after)
        sides = origin.placement.inner_sides(photo.width, photo.height)
        chosen = reduce(or_, painted) if painted else None
        looks = (
            (before, after)
            if not parts
            else (seen(parser, _first(faces[index]), parts, images=before), seen(parser, faces[index], parts))
        )
        mask = edited_mask(parser, *looks, parts, painted=chosen, inner_sides=sides)
        pixels = paste_one(pixels, origin.placement, match_colours(before, after, mask), mask)
    return pixels


def _first(face: Faces) -> Faces:
    """A face as it was inverted, in which painted parts lie before the edits."""
    while face.before is not None:
        face = face.before
    return face


def edited_mask(
    parser: Parser,
    before: Pictures,
    after: Pictures,
    parts: Sequence[str],
    *,
    painted: Mask | None = None,
    inner_sides: tuple[bool, bool, bool, bool] = (True, True, True, True),
) -> Tensor:
    """Where an edit shows: the parts before or after it, with a seam, and nothing along the square's sides.

    Args:
        parser: finds the parts.
        before: aligned pictures, (N, 3, H, W), range [-1, 1], or as `eclipsed.editing.seeing.seen` gives them.
        after: the same after the edit.
        parts: that may change.
        painted: what may change, too, where somebody painted it; its seam lies inside it.
        inner_sides: beyond which sides the photograph goes on: left, top, right, bottom; only there the mask ends.
    Returns:
        (N, 1, H, W) in [0, 1].
    """
    soft = seam(parser if parts else None, before, after, parts, mask=painted)
    left, top, right, bottom = inner_sides
    height, width = soft.shape[2:]
    rows, columns = _rim(height, top, bottom).to(soft), _rim(width, left, right).to(soft)
    return soft * torch.minimum(rows[:, None], columns[None, :])


def _rim(length: int, first: bool, last: bool) -> Tensor:
    """1 in the middle of a line and 0 at those of its ends that are asked for."""
    place = torch.arange(length).float()
    far = torch.full_like(place, length)
    near = torch.minimum(place if first else far, place.flip(0) if last else far)
    return (near / max(1.0, _RIM * length)).clamp(0, 1)


def match_colours(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Shift the colours of the edited pictures near the seam to those of the photograph just beyond it.

    Args:
        before: (N, 3, H, W), range [-1, 1].
        after: the same after the edit.
        mask: what will be taken from `after`, (N, 1, H, W) in [0, 1].
    Returns:
        `after` with a smooth shift of colours that is strongest at the seam and fades out inwards, clipped to [-1, 1].
    """
    ring = grow_mask((mask > 0).to(mask), _RING) * (mask <= 0)
    reach = max(1, round(_REACH * mask.shape[-1]))
    weight = _blur(ring, reach)
    shift = _blur(ring * (before - after.clamp(-1, 1)), reach) / weight.clamp(min=1e-6)
    near = (weight / 0.25).clamp(max=1)  # at a straight seam about a quarter of the surroundings is ring
    return (after + shift * near).clamp(-1, 1)


def _blur(values: Tensor, reach: int) -> Tensor:
    """Two means over a square, which come near to a Gaussian."""
    return mean_over_square(mean_over_square(values, reach), reach)


def paste_one(pixels: Pixels, placement: Placement, image: Tensor, mask: Tensor) -> Pixels:
    """Lay one aligned picture over a photograph.

    Args:
        pixels: of the photograph, uint8, (H, W, 3).
        placement: where the square lies.
        image: (1, 3, h, w), range [-1, 1].
        mask: how much of it is taken, (1, 1, h, w) in [0, 1].
    Returns:
        Other pixels; where the mask is 0 they are the photograph's, bit for bit.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = placement.bounds(width, height)
    out: Pixels = pixels.copy()
    if right <= left or bottom <= top:
        return out
    layers = torch.cat([image, mask], dim=1).float().cpu()
    rows = max(1, 4_000_000 // (right - left))  # so that memory does not grow with the photograph
    for first in range(top, bottom, rows):
        last = min(first + rows, bottom)
        grid = _grid(placement, left, right, first, last)
        found = F.grid_sample(layers, grid, padding_mode="border", align_corners=False)
        within = (grid[0].abs() <= 1).all(dim=-1)
        share = (found[0, 3] * within).numpy()[..., None]
        new = (found[0, :3].permute(1, 2, 0).numpy() + 1) * 127.5
        old = out[first:last, left:right]
        mixed = np.rint(np.clip(old + share * (new - old), 0, 255)).astype(np.uint8)
        out[first:last, left:right] = np.where(share > 0, mixed, old)
    return out


def _grid(placement: Placement, left: int, right: int, top: int, bottom: int) -> Tensor:
    """Where each pixel of a part of the photograph lies in the square, as `grid_sample` counts."""
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    points: Any = placement.uv(np.stack([x, y], axis=-1))
    return torch.from_numpy((2 * points - 1).astype(np.float32))[None]
