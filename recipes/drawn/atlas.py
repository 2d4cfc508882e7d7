"""The atlas of a set, so that a first sketch need not measure it.

Run from the checkout, after the networks have changed: ``python -m recipes.drawn.atlas mini``. It lies beside them in
``checkpoints/mini``, under a name that says which networks it belongs to.
"""

from __future__ import annotations

from eclipsed import Editor
from eclipsed.directions.atlas_file import AtlasFile
from recipes.drawn.recipe import find_recipe
from recipes.drawn.running import base_options

__all__ = ["main"]


def main() -> None:
    folder = find_recipe(base_options(__doc__).parse_args().recipe).set_folder
    editor = Editor.from_pretrained(folder)
    for old in folder.glob("atlas-*.safetensors"):
        old.unlink()
    atlas = editor.atlas(tell=lambda done, total: print(f"{done} of {total} pictures", flush=True))
    key = AtlasFile(editor.generator, editor.clip, editor.parser, side=atlas.side).key
    path = folder / f"atlas-{key}.safetensors"
    atlas.save(path, editor.generator, editor.clip, editor.parser)
    print(f"{path}: {len(atlas.along)} pictures, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
