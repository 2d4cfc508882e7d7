"""What the benchmarks write into the documents: text between marks, and small pictures."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

__all__ = ["save_picture", "write_between"]

_QUALITY = 85  # a strip of 20 faces of 256 px takes 110 KB; as PNG it took 1.3 MB


def save_picture(picture: Image.Image, path: Path) -> Path:
    """Write a picture for the documents, as lossy WebP.

    Args:
        picture: of any mode; transparency goes.
        path: a name that ends in .webp.
    Returns:
        `path`.
    Raises:
        ValueError: another name.
    """
    if path.suffix != ".webp":
        raise ValueError(f"pictures of the documents are WebP; {path} is not named so")
    picture.convert("RGB").save(path, "WEBP", quality=_QUALITY, method=6)
    return path


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between the marks ``<!-- NAME:start -->`` and ``<!-- NAME:end -->`` of a file.

    Raises:
        ValueError: the file has no such marks.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old.count(start) != 1 or old.count(end) != 1:
        raise ValueError(f"{path} must have the marks {start} and {end}, once each")
    before, rest = old.split(start)
    path.write_text(f"{before}{start}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
