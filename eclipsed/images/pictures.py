"""Faces in pictures: strips, before-and-after grids, palettes of two directions and mask overlays.

Everything is drawn with Pillow alone, captions included. Faces that are too small to look at are enlarged by whole
factors (Lanczos).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.images import sheets
from eclipsed.images.conversion import check_images, from_pil, resize, to_pil
from eclipsed.images.sheets import Style
from eclipsed.worlds.world import World, find_world

__all__ = [
    "PICTURE_FORMATS",
    "captioned",
    "grid",
    "overlay",
    "palette",
    "save_beside",
    "save_picture",
    "signed",
    "strip",
]

#: suffix -> Pillow's name of the format
PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

#: of a mask that stands for no single part
_MASK_COLOUR = (126, 87, 194)


def signed(value: float) -> str:
    """Write a strength for a caption: ``"+1"``, ``"−0.5"`` (a true minus sign), ``"0"``."""
    text = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    if text == "0":
        return text
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def strip(
    rows: Sequence[Tensor],
    *,
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    title: str | None = None,
    scale: float | None = None,
) -> Image.Image:
    """Draw a table of faces: one row per seed, one column per strength.

    Args:
        rows: one tensor (K, 3, H, W) in [-1, 1] per row, all of the same shape.
        columns: K captions above the columns, or none.
        labels: one caption left of each row, or none.
        title: a line above everything, e.g. the prompt; long ones are wrapped, then cut.
        scale: enlargement of the faces; chosen by their size when None.
    Returns:
        An RGB picture.
    Raises:
        InputError: no row, rows of different shapes, or captions that do not match in number.
    """
    if not rows:
        raise InputError("a strip needs at least one row of faces; got none")
    for index, row in enumerate(rows):
        check_images(row, name=f"rows[{index}]")
        if row.shape != rows[0].shape:
            raise InputError(f"the rows of a strip must have one shape; got {_shapes([r.shape for r in rows])}")
    _check_captions(columns, len(rows[0]), "column")
    _check_captions(labels, len(rows), "row")
    cells = [_cells(row, scale) for row in rows]
    return sheets.table(cells, Style(cells[0][0].width), columns=columns, labels=labels, title=title)


def grid(
    before: Tensor,
    after: Tensor,
    captions: Sequence[str] = (),
    *,
    title: str | None = None,
    per_row: int | None = None,
    scale: float | None = None,
) -> Image.Image:
    """Draw many faces, each before and after an edit, side by side.

    Args:
        before: the unedited faces, (N, 3, H, W) in [-1, 1].
        after: the edited faces, same shape.
        captions: N captions, e.g. ``"seed 7"``, or none.
        title: a line above everything.
        per_row: pairs in a row; chosen by N when None.
        scale: enlargement of the faces; chosen by their size when None.
    Returns:
        An RGB picture.
    Raises:
        InputError: the shapes disagree, or captions that do not match in number.
    """
    check_images(before, name="before")
    check_images(after, name="after")
    if before.shape != after.shape:
        raise InputError(f"before and after must have one shape; got {_shapes([before.shape, after.shape])}")
    _check_captions(captions, len(before), "face")
    if per_row is not None and per_row < 1:
        raise InputError(f"per_row must be at least 1; got {per_row}")
    left, right = _cells(before, scale), _cells(after, scale)
    style = Style(left[0].width)
    pairs = [sheets.beside(*faces, style) for faces in zip(left, right, strict=True)]
    if captions:
        pairs = [sheets.above(pair, text, style) for pair, text in zip(pairs, captions, strict=True)]
    per_row = per_row or (1 if len(pairs) < 3 else 2 if len(pairs) < 9 else 4)
    return sheets.table(_chunks(pairs, per_row), style, title=title, gap=4 * style.gap)


def palette(
    images: Tensor,
    alphas1: Sequence[float],
    alphas2: Sequence[float],
    names: tuple[str, str],
    *,
    title: str | None = None,
    scale: float | None = None,
) -> Image.Image:
    """Draw one face under two directions: the first grows downwards, the second to the right.

    Args:
        images: (len(alphas1) * len(alphas2), 3, H, W) in [-1, 1]; image i * len(alphas2) + j has the
            strengths alphas1[i] and alphas2[j].
        alphas1: strengths of the first direction, one per row.
        alphas2: strengths of the second direction, one per column.
        names: what the two axes are called.
        title: a line above everything.
        scale: enlargement of the faces; chosen by their size when None.
    Returns:
        An RGB picture.
    Raises:
        InputError: the number of images is not the product of the numbers of strengths.
    """
    check_images(images)
    if not alphas1 or not alphas2 or len(images) != len(alphas1) * len(alphas2):
        raise InputError(f"{len(alphas1)} x {len(alphas2)} strengths need as many images; got {len(images)}")
    cells = _chunks(_cells(images, scale), len(alphas2))
    columns, labels = [signed(alpha) for alpha in alphas2], [signed(alpha) for alpha in alphas1]
    style = Style(cells[0][0].width)
    return sheets.table(cells, style, columns=columns, labels=labels, title=title, axes=names)


def overlay(
    images: Tensor,
    labels: Tensor,
    parts: Sequence[str] | None = None,
    *,
    world: World | None = None,
    captions: Sequence[str] = (),
    title: str | None = None,
    colours: Sequence[tuple[int, int, int]] | None = None,
    scale: float | None = None,
) -> Image.Image:
    """Colour the parts of a region on faces, with a legend of their names.

    Args:
        images: faces, (N, 3, H, W) in [-1, 1].
        labels: part labels, int (N, H, W), or one mask in [0, 1], float (N, 1, H, W).
        parts: names of the parts to colour; all that occur when None. For a mask they only name it.
        world: whose labels and parts these are; None is the world of faces.
        captions: N captions, or none.
        title: a line above everything.
        colours: one RGB colour per part of the world; those of the world when None.
        scale: enlargement of the faces; chosen by their size when None.
    Returns:
        An RGB picture.
    Raises:
        InputError: shapes disagree, an unknown part, too few colours, or captions that do not match in number.
    """
    check_images(images)
    _check_captions(captions, len(images), "face")
    kind = find_world(world)
    if colours is not None and len(colours) != len(kind.parts):
        raise InputError(f"expected {len(kind.parts)} colours, one per part; got {len(colours)}")
    table = kind.colours if colours is None else dict(zip(kind.parts, colours, strict=True))
    layers = _layers(images, labels, None if parts is None else kind.expand(parts), kind)
    painted = from_pil(_cells(images, scale))  # enlarged first, so that the edges of the parts stay sharp
    for part, share in layers.items():
        colour = torch.tensor(table.get(part, _MASK_COLOUR)) / 127.5 - 1
        weight = resize(share, (painted.shape[2], painted.shape[3]), mode="nearest") * 0.55
        painted = painted + weight * (colour.reshape(1, 3, 1, 1) - painted)
    cells = to_pil(painted)
    style = Style(cells[0].width)
    if captions:
        cells = [sheets.above(face, text, style) for face, text in zip(cells, captions, strict=True)]
    entries = [(part.replace("_", " "), table.get(part, _MASK_COLOUR)) for part in layers]
    return sheets.legend(sheets.table(_chunks(cells, 4), style, title=title), entries, style)


def captioned(images: Tensor, captions: Sequence[str], *, scale: float | None = None) -> list[Image.Image]:
    """Draw each face with its caption underneath, all of one size: the frames of an animation.

    Args:
        images: (N, 3, H, W) in [-1, 1].
        captions: N captions.
        scale: enlargement of the faces; chosen by their size when None.
    Returns:
        N RGB pictures.
    Raises:
        InputError: captions that do not match in number.
    """
    check_images(images)
    _check_captions(captions, len(images), "face", needed=True)
    cells = _cells(images, scale)
    style = Style(cells[0].width)
    return [sheets.below(cell, text, style) for cell, text in zip(cells, captions, strict=True)]


def save_picture(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a picture; the suffix of the name says the format.

    Args:
        image: any picture.
        path: a name ending in .png, .jpg, .jpeg or .webp.
    Returns:
        `path`.
    Raises:
        InputError: another suffix.
        OutputError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_FORMATS:
        raise InputError(f"cannot tell the picture format of {os.fspath(path)!r}: end it in {_listed()}")
    options = {"quality": 95} if suffix != ".png" else {}
    return atomic_write(path, lambda place: image.save(place, format=PICTURE_FORMATS[suffix], **options))


def save_beside(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a picture, and leave another one that has its name: then the name gets the first number that is free.

    Args:
        image: any picture.
        path: a name ending in .png.
    Returns:
        Where it is.
    Raises:
        InputError, OutputError: see `save_picture`.
    Warns:
        EclipsedWarning: the name was taken.
    """
    wanted = Path(path)
    for number in count(2):
        place = wanted if number == 2 else wanted.with_stem(f"{wanted.stem}-{number - 1}")
        if not os.path.isfile(place) or _is_same(place, image):
            break
    if place != wanted:
        text = f"{wanted} is another picture, which stays; the new one is {place.name}"
        warnings.warn(EclipsedWarning(text), stacklevel=3)
    return save_picture(image, place)


def _is_same(path: Path, image: Image.Image) -> bool:
    """Whether a file shows this picture, pixel by pixel."""
    try:
        with Image.open(path) as there:
            return (there.size, there.mode) == (image.size, image.mode) and there.tobytes() == image.tobytes()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # no picture at all
        return False


def _listed() -> str:
    *most, last = PICTURE_FORMATS
    return f"{', '.join(most)} or {last}"


def _cells(images: Tensor, scale: float | None) -> list[Image.Image]:
    if len(images) == 0:
        raise InputError("a picture needs at least one face; got none")
    if scale is not None and not 0 < scale <= 64:
        raise InputError(f"scale must be a factor above 0, at most 64; got {scale}")
    return sheets.enlarge(to_pil(images), scale)


def _chunks(items: Sequence[Image.Image], size: int) -> list[Sequence[Image.Image]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _check_captions(captions: Sequence[str], count: int, what: str, *, needed: bool = False) -> None:
    if (captions or needed) and len(captions) != count:
        raise InputError(f"expected {count} captions, one per {what}; got {len(captions)}")


def _shapes(shapes: Sequence[Sequence[int]]) -> str:
    return " and ".join(sorted({str(tuple(shape)) for shape in shapes}))


def _layers(images: Tensor, labels: Tensor, parts: tuple[str, ...] | None, world: World) -> dict[str, Tensor]:
    """What to paint: name -> weight (N, 1, H, W) in [0, 1], on the CPU."""
    count, _, height, width = images.shape
    labels = labels.detach().cpu()
    if labels.is_floating_point():
        if labels.shape != (count, 1, height, width):
            raise InputError(f"the mask must have the shape {(count, 1, height, width)}; got {tuple(labels.shape)}")
        return {", ".join(parts) if parts else "region": labels.float().nan_to_num().clamp(0, 1)}
    if labels.shape != (count, height, width):
        raise InputError(f"the labels must have the shape {(count, height, width)}; got {tuple(labels.shape)}")
    if parts is None:
        present = torch.unique(labels).tolist()
        parts = tuple(p for label, p in enumerate(world.parts) if label in present and p != world.background)
    return {part: (labels == world.label(part))[:, None].float() for part in parts}
