"""How close inversions come to pictures that no network saw, by which photographs are judged: for ``set.json``.

``python -m recipes.drawn.closeness NAME`` renders the pictures and takes about three minutes of one CPU core.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import torch

from eclipsed import Editor
from eclipsed.images.conversion import to_pil
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import base_options

__all__ = ["measure"]

#: seed of the pictures, as in benchmarks.inversion; no training draws from it
SEED = 64_064


def measure(recipe: Recipe, editor: Editor, count: int) -> dict[str, list[float]]:
    """The closeness of each of some pictures, by level; ``"best"`` is judged as ``"good"``."""
    values = recipe.values.sample(count, rng=torch.Generator().manual_seed(SEED))
    pictures = to_pil(torch.cat([recipe.render(some, editor.generator.resolution)[0] for some in values.split(8)]))
    found = {}
    for level in ("fast", "good"):
        found[level] = editor.closeness(editor.invert(pictures, level=level, aligned=True, force=True))
    return found


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--set", type=Path, help="folder of the set instead of checkpoints/RECIPE")
    parser.add_argument("--count", type=int, default=14, help="pictures")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    folder = args.set or recipe.set_folder
    found = measure(recipe, Editor.from_pretrained(folder, device="cpu"), args.count)
    for level, each in found.items():
        print(f"{level}: median {statistics.median(each):.3f}, lowest {min(each):.3f}", flush=True)
    file = folder / "set.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["closeness"] = {level: round(statistics.median(each), 3) for level, each in found.items()}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
