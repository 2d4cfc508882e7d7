"""Edit the face on a picture and put it back; the rest of the picture stays as it is.

python examples/edit_photo.py examples/portrait.png blond-hair
"""

import argparse
from pathlib import Path

import eclipsed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("photo", nargs="?", type=Path, default=Path(__file__).with_name("portrait.png"))
    options.add_argument("direction", nargs="?", default="blond-hair")
    options.add_argument("--level", default="good", help="fast, good or best")
    options.add_argument("--out", type=Path, default=Path("out/edit_photo"))
    chosen = options.parse_args()

    editor = eclipsed.Editor.from_pretrained("mini")
    # The sample portrait is an aligned face already; for photographs leave `aligned` out, and faces are found.
    faces = editor.invert(chosen.photo, level=chosen.level, aligned=True)
    print(editor.save_faces(faces, chosen.out / "portrait.face.safetensors"))

    direction = eclipsed.Direction.load(eclipsed.find_direction(chosen.direction))
    edited = editor.edit(faces, direction, alpha=1.0)
    print(eclipsed.save_photo(editor.paste(edited)[0], chosen.out / "edited.png"))


if __name__ == "__main__":
    main()
