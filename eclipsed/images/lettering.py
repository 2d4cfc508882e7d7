"""Text in pictures, in the one font that comes with Pillow."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

__all__ = ["INK", "Font", "cut", "draw", "load", "printable", "width", "wrap"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK = (33, 37, 41)

#: Pillow's font has no minus sign; it is drawn as a bar as wide as the plus.
_MINUS = "\N{MINUS SIGN}"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_KNOWN = frozenset(map(chr, range(32, 127))) | {_MINUS, _ELLIPSIS, "\N{MIDDLE DOT}"}
_REPLACED = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "ß": "ss", "æ": "ae", "ø": "o", "×": "x"}


@lru_cache(maxsize=32)
def load(size: int) -> Font:
    """The font at `size` pixels."""
    return ImageFont.load_default(size)


def printable(text: str) -> str:
    """Replace what the font cannot draw: accents are dropped, other scripts become question marks."""
    letters = []
    for letter in unicodedata.normalize("NFKD", " ".join(text.split()).replace(_ELLIPSIS, "...")):
        letter = _REPLACED.get(letter, letter)
        if all(character in _KNOWN for character in letter):
            letters.append(letter)
        elif not unicodedata.combining(letter):
            letters.append("?")
    return "".join(letters)


def width(text: str, font: Font) -> int:
    """Width of printable `text` in pixels."""
    return round(font.getlength(text.replace(_MINUS, "+")))


def cut(text: str, font: Font, limit: int) -> str:
    """Shorten printable `text` until it is at most `limit` pixels wide; what is missing shows as an ellipsis."""
    text = text[: max(limit, 0) + 1]  # no letter is narrower than a pixel
    if width(text, font) <= limit:
        return text
    fits, fails = 0, len(text)
    while fails - fits > 1:
        length = (fits + fails) // 2
        if width(text[:length].rstrip() + _ELLIPSIS, font) <= limit:
            fits = length
        else:
            fails = length
    return text[:fits].rstrip() + _ELLIPSIS if fits else ""


def wrap(text: str, font: Font, limit: int, *, lines: int = 2) -> list[str]:
    """Break `text` into at most `lines` lines of at most `limit` pixels; the last one is cut if need be."""
    words, broken = printable(text).split(), list[str]()
    while words and len(broken) < lines - 1:
        count = 1
        while count < len(words) and width(" ".join(words[: count + 1]), font) <= limit:
            count += 1
        broken.append(cut(" ".join(words[:count]), font, limit))
        words = words[count:]
    return [*broken, cut(" ".join(words), font, limit)] if words else broken


def draw(
    page: Image.Image,
    text: str,
    font: Font,
    place: tuple[int, int],
    *,
    limit: int | None = None,
    anchor: str = "middle",
    ink: tuple[int, int, int] = INK,
) -> None:
    """Write one line onto `page`.

    Args:
        page: an RGB picture, changed in place.
        text: what to write; letters that the font lacks are replaced.
        font: from `load`.
        place: (x, y); y is the top of the line.
        limit: greatest width in pixels; longer text is cut.
        anchor: what x is of the text: its ``"left"`` end, its ``"middle"`` or its ``"right"`` end.
        ink: RGB colour.
    """
    text = printable(text)
    if limit is not None:
        text = cut(text, font, limit)
    x, y = place
    x -= {"left": 0, "middle": width(text, font) // 2, "right": width(text, font)}[anchor]
    pen = ImageDraw.Draw(page)
    before, *after = text.split(_MINUS)
    pen.text((x, y), before, font=font, fill=ink)
    for piece in after:
        x += width(before, font)
        left, top, right, bottom = font.getbbox("+")
        thickness = max(1, round((bottom - top) / 6))
        bar = y + (top + bottom - thickness) / 2
        pen.rectangle((x + left + 1, round(bar), x + right - 2, round(bar) + thickness - 1), fill=ink)
        x += width("+", font)
        pen.text((x, y), piece, font=font, fill=ink)
        before = piece
