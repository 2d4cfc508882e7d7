"""The layout under every picture: faces in rows and columns with captions, a title, axes and a legend."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from eclipsed.images import lettering

__all__ = ["PAPER", "Style", "above", "below", "beside", "enlarge", "legend", "table"]

PAPER = (255, 255, 255)

_FAINT = (110, 117, 124)
_SMALLEST, _LARGEST = 192, 512

Pixels = tuple[int, int, int]


class Style:
    """Sizes that follow from the width of one face.

    Args:
        face: that width in pixels.
    """

    def __init__(self, face: int) -> None:
        size = max(12, min(26, round(face / 14)))
        self.font = lettering.load(size)
        self.title_font = lettering.load(round(size * 1.25))
        self.line = round(size * 1.4)
        self.title_line = round(size * 1.75)
        self.gap = max(3, face // 40)
        self.margin = max(10, face // 14)


def enlarge(faces: Sequence[Image.Image], scale: float | None = None) -> list[Image.Image]:
    """Bring faces to a size that can be looked at.

    Args:
        faces: pictures of one size.
        scale: factor; None enlarges small faces by a whole one and shrinks those above 512 px.
    Returns:
        The pictures; unchanged at a factor of 1.
    """
    if scale is None:
        side = max(faces[0].size)
        scale = -(-_SMALLEST // side) if side < _SMALLEST else min(1.0, _LARGEST / side)
    if scale == 1:
        return list(faces)
    size = (max(1, round(faces[0].width * scale)), max(1, round(faces[0].height * scale)))
    return [face.resize(size, Image.Resampling.LANCZOS) for face in faces]


def above(face: Image.Image, text: str, style: Style) -> Image.Image:
    """A picture with its caption above it."""
    page = Image.new("RGB", (face.width, face.height + style.line), PAPER)
    lettering.draw(page, text, style.font, (face.width // 2, 0), limit=face.width)
    page.paste(face, (0, style.line))
    return page


def below(face: Image.Image, text: str, style: Style) -> Image.Image:
    """A picture with its caption below it."""
    page = Image.new("RGB", (face.width, face.height + style.line + style.gap), PAPER)
    page.paste(face, (0, 0))
    lettering.draw(page, text, style.font, (face.width // 2, face.height + style.gap // 2), limit=face.width)
    return page


def beside(left: Image.Image, right: Image.Image, style: Style) -> Image.Image:
    """Two pictures of one size with a small arrow between them."""
    arrow = max(6, left.width // 24)
    gap = 2 * arrow + style.gap
    page = Image.new("RGB", (2 * left.width + gap, left.height), PAPER)
    page.paste(left, (0, 0))
    page.paste(right, (left.width + gap, 0))
    x, y = left.width + (gap - arrow) // 2, left.height // 2
    ImageDraw.Draw(page).polygon([(x, y - arrow), (x + arrow, y), (x, y + arrow)], fill=_FAINT)
    return page


def table(
    rows: Sequence[Sequence[Image.Image]],
    style: Style,
    *,
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    title: str | None = None,
    axes: tuple[str, str] | None = None,
    gap: int | None = None,
) -> Image.Image:
    """Lay pictures of one size out in rows.

    Args:
        rows: the pictures; rows may differ in length.
        style: sizes of letters and margins.
        columns: captions above the columns, or none.
        labels: captions left of the rows, or none.
        title: a heading, wrapped to two lines.
        axes: names of the vertical and the horizontal axis, drawn beside the captions.
        gap: pixels between the pictures; the style's own when None.
    Returns:
        An RGB picture.
    """
    gap = style.gap if gap is None else gap
    width, height = rows[0][0].size
    across = max(len(row) for row in rows)
    widest = max((lettering.width(lettering.printable(text), style.font) for text in labels), default=0)
    gutter = min(widest, width) + 2 * style.gap if widest else 0
    left = style.margin + gutter + (style.line if axes else 0)
    inside = across * (width + gap) - gap
    heading = lettering.wrap(title or "", style.title_font, left - style.margin + inside)
    top = style.margin + (len(heading) * style.title_line + style.gap if heading else 0)
    first = top + (style.line if axes else 0) + (style.line if columns else 0)
    size = (left + inside + style.margin, first + len(rows) * (height + gap) - gap + style.margin)
    page = Image.new("RGB", size, PAPER)
    for index, line in enumerate(heading):
        place = (style.margin, style.margin + index * style.title_line - style.gap)
        lettering.draw(page, line, style.title_font, place, anchor="left")
    for index, text in enumerate(columns):
        place = (left + index * (width + gap) + width // 2, first - style.line)
        lettering.draw(page, text, style.font, place, limit=width)
    for index, text in enumerate(labels):
        middle = first + index * (height + gap) + height // 2
        place = (left - 2 * style.gap, middle - style.line // 2)
        lettering.draw(page, text, style.font, place, limit=width, anchor="right")
    for index, row in enumerate(rows):
        for column, face in enumerate(row):
            page.paste(face, (left + column * (width + gap), first + index * (height + gap)))
    if axes:
        _axis(page, axes[1], style, (left, top), inside)
        _vertical_axis(page, axes[0], style, (style.margin, first), size[1] - style.margin - first)
    return page


def _axis(page: Image.Image, name: str, style: Style, place: tuple[int, int], length: int) -> None:
    """Write the name of an axis in the middle of `length` pixels, with an arrow to its right."""
    x, y = place
    arrow = max(3, style.line // 5)
    name = lettering.cut(lettering.printable(name), style.font, length - 4 * arrow)
    half = lettering.width(name, style.font) // 2
    middle = x + length // 2
    lettering.draw(page, name, style.font, (middle - 2 * arrow, y), ink=_FAINT)
    tip, centre = middle + half + 2 * arrow, y + style.line // 2
    points = [(tip - 2 * arrow, centre - arrow), (tip, centre), (tip - 2 * arrow, centre + arrow)]
    ImageDraw.Draw(page).polygon(points, fill=_FAINT)


def _vertical_axis(page: Image.Image, name: str, style: Style, place: tuple[int, int], length: int) -> None:
    """The same, read downwards."""
    ribbon = Image.new("RGB", (length, style.line), PAPER)
    _axis(ribbon, name, style, (0, 0), length)
    page.paste(ribbon.transpose(Image.Transpose.ROTATE_270), place)


def legend(page: Image.Image, entries: Sequence[tuple[str, Pixels]], style: Style) -> Image.Image:
    """Add swatches with their names below a picture, as many lines as they need."""
    swatch = round(style.line * 0.6)
    right = page.width - style.margin
    places: list[tuple[int, int]] = []
    x, y = style.margin, 0
    for name, _ in entries:
        needed = swatch + style.gap + lettering.width(name, style.font)
        if x > style.margin and x + needed > right:
            x, y = style.margin, y + style.line
        places.append((x, y))
        x += needed + 3 * style.gap
    below = page.height
    longer = Image.new("RGB", (page.width, below + (y + style.line + style.margin if entries else 0)), PAPER)
    longer.paste(page, (0, 0))
    pen = ImageDraw.Draw(longer)
    for (name, colour), (x, y) in zip(entries, places, strict=True):
        down = below + y + (style.line - swatch) // 2
        pen.rectangle((x, down, x + swatch - 1, down + swatch - 1), fill=colour)
        room = right - x - swatch - style.gap
        place = (x + swatch + style.gap, below + y)
        lettering.draw(longer, name, style.font, place, limit=max(room, swatch), anchor="left")
    return longer
