"""How close inversions come to portraits that no network saw, by which photographs are judged: for ``set.json``.

``python -m recipes.mini.closeness`` renders the portraits and takes about three minutes of one CPU core.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import torch

from eclipsed import Editor
from eclipsed.images.conversion import to_pil
from recipes.mini.attributes import sample
from recipes.mini.portraits import render

__all__ = ["measure"]

#: seed of the portraits, as in benchmarks.inversion; no training draws from it
SEED = 64_064


def measure(editor: Editor, count: int) -> dict[str, list[float]]:
    """The closeness of each of some portraits, by level; ``"best"`` is judged as ``"good"``."""
    people = sample(count, rng=torch.Generator().manual_seed(SEED))
    pictures = to_pil(torch.cat([render(some, editor.generator.resolution)[0] for some in people.split(8)]))
    found = {}
    for level in ("fast", "good"):
        found[level] = editor.closeness(editor.invert(pictures, level=level, aligned=True, force=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mini", type=Path, default=Path("checkpoints/mini"), help="folder of the set")
    parser.add_argument("--count", type=int, default=14, help="portraits")
    args = parser.parse_args()
    found = measure(Editor.from_pretrained(args.mini, device="cpu"), args.count)
    for level, each in found.items():
        print(f"{level}: median {statistics.median(each):.3f}, lowest {min(each):.3f}", flush=True)
    file = args.mini / "set.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["closeness"] = {level: round(statistics.median(each), 3) for level, each in found.items()}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
