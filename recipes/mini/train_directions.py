"""Train the directions that ship in ``models/``, each from its sentence with the library's defaults."""

from __future__ import annotations

import argparse
from pathlib import Path

from eclipsed import Editor, TrainConfig

__all__ = ["SHIPPED"]

#: file name -> prompt
SHIPPED = {
    "blond-hair": "a person with blond hair",
    "curly-hair": "a person with curly hair",
    "open-mouth": "a person with the mouth open",
    "glasses": "a person with glasses",
    "red-lipstick": "red lipstick",
    "dark-skin": "dark skin",
    "long-hair": "a person with long hair",
    "smile": "a smiling person",
    "hat": "a woman wearing a hat",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SHIPPED, []], help="which to train; all when none is named")
    parser.add_argument("--models", default="mini")
    parser.add_argument("--out", type=Path, default=Path("models"))
    args = parser.parse_args()
    editor = Editor.from_pretrained(args.models)
    for name in args.names or SHIPPED:
        direction = editor.train(SHIPPED[name], config=TrainConfig())
        direction.save(args.out / f"{name}.safetensors")
        print(f"{name}: scale {direction.scale:.2f}, {direction.note or 'strong'}", flush=True)


if __name__ == "__main__":
    main()
