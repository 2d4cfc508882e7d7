"""One edit of `mini` in all three blends, as docs/masks.md shows it.

Run from the checkout: ``python -m benchmarks.blends``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from benchmarks.masks import MASKS
from benchmarks.pages import save_picture
from eclipsed import Editor

__all__ = ["main", "sheet"]

_SEEDS, _EDIT, _MASK, _SIDE = (2000, 2011), "curly-hair", "around the face", 192


def sheet(editor: Editor) -> Image.Image:
    """A row for each face: as it was, edited, and the edit in each blend within a mask."""
    faces = editor.sample(seeds=_SEEDS)
    mask = MASKS[_MASK]()
    columns = [faces, editor.edit(faces, _EDIT)]
    columns += [editor.edit(faces, _EDIT, blend=how, mask=mask) for how in ("pixels", "features", "styles")]
    picture = Image.new("RGB", (_SIDE * len(columns), _SIDE * len(_SEEDS)))
    for column, shown in enumerate(columns):
        for row, one in enumerate(shown.pil()):
            picture.paste(one.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (column * _SIDE, row * _SIDE))
    return picture


def main() -> None:
    """Write the picture."""
    torch.set_num_threads(1)
    save_picture(sheet(Editor.from_pretrained("mini", "cpu")), Path("docs/images/blends.webp"))


if __name__ == "__main__":
    main()
