"""Apply a direction that ships with the package, in both senses and on chosen rows only.

python examples/apply_shipped_direction.py blond-hair
"""

import argparse
from pathlib import Path

import eclipsed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("name", nargs="?", default="blond-hair")
    options.add_argument("--out", type=Path, default=Path("out/apply_shipped_direction"))
    options.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    chosen = options.parse_args()

    direction = eclipsed.Direction.load(eclipsed.find_direction(chosen.name))
    editor = eclipsed.Editor.from_pretrained("mini")
    faces = editor.sample(seeds=chosen.seeds)

    more = editor.edit(faces, direction, alpha=1.0)
    less = editor.edit(faces, direction, alpha=-1.0)
    for path in (*faces.save(chosen.out), *more.save(chosen.out), *less.save(chosen.out)):
        print(path)


if __name__ == "__main__":
    main()
