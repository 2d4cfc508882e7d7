"""Draw one face under two directions, and where the parser sees the parts of it.

python examples/palette.py blond-hair open-mouth --seed 5
"""

import argparse
from pathlib import Path

import eclipsed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", default=["blond-hair", "open-mouth"])
    options.add_argument("--out", type=Path, default=Path("out/palette"))
    options.add_argument("--seed", type=int, default=5)
    chosen = options.parse_args()

    editor = eclipsed.Editor.from_pretrained("mini")
    face = editor.sample(seeds=chosen.seed)
    first, second = (eclipsed.Direction.load(eclipsed.find_direction(name)) for name in chosen.names)
    picture = editor.palette(face, first, second, alphas1=(-1, 0, 1), alphas2=(-1, 0, 1))
    print(eclipsed.save_picture(picture, chosen.out / "palette.png"))
    print(eclipsed.save_picture(editor.overlay(face), chosen.out / "parts.png"))


if __name__ == "__main__":
    main()
