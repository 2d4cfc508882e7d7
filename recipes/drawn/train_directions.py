"""Train the directions that ship in ``models/``, each from its sentence with the library's defaults."""

from __future__ import annotations

from pathlib import Path

from eclipsed import Editor, TrainConfig
from recipes.drawn.recipe import find_recipe
from recipes.drawn.running import base_options


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("names", nargs="*", help="which to train; all when none is named")
    parser.add_argument("--out", type=Path, default=Path("models"))
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    if unknown := set(args.names) - set(recipe.shipped):
        parser.error(f"{recipe.name} ships no direction {min(unknown)!r}; it ships: {', '.join(recipe.shipped)}")
    editor = Editor.from_pretrained(recipe.set_folder)
    for name in args.names or recipe.shipped:
        direction = editor.train(recipe.shipped[name], config=TrainConfig())
        direction.save(args.out / f"{name}.safetensors")
        print(f"{name}: scale {direction.scale:.2f}, {direction.note or 'strong'}", flush=True)


if __name__ == "__main__":
    main()
