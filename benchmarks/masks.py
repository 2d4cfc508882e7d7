"""Six sentences about `mini` held to masks that were painted by hand: what changes beyond them, and what is reached.

Run from the checkout: ``python -m benchmarks.masks``. Each sentence is trained with the default options and a mask in
place of the parser's parts, and measured without blending at alpha = 1 on faces that training never saw. Wanted is
outside / inside of at most 0.1.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pages import write_between
from eclipsed import EclipsedWarning, Editor, Mask, TrainConfig, evaluate
from eclipsed.files.atomic import atomic_write

__all__ = ["MASKS", "SENTENCES", "main"]

_SIDE = 256
_ROWS, _COLUMNS = np.mgrid[:_SIDE, :_SIDE]


def _ellipse(row: int, column: int, height: int, width: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    inside = ((_ROWS - row) / height) ** 2 + ((_COLUMNS - column) / width) ** 2 <= 1
    return np.asarray(inside)


#: name -> a mask as somebody would paint it on an aligned face of `mini`
MASKS: dict[str, Callable[[], Mask]] = {
    "mouth": lambda: Mask(_ellipse(190, 126, 32, 48)),
    "eyes": lambda: Mask(_ellipse(118, 97, 18, 28) | _ellipse(118, 159, 18, 28)),
    "band over the eyes": lambda: Mask((abs(_ROWS - 122) < 30) & (abs(_COLUMNS - 128) < 84)),
    "around the face": lambda: Mask(_ellipse(120, 128, 116, 104) & ~_ellipse(146, 128, 84, 58)),
    "top": lambda: Mask(_ROWS < 96),
}

#: sentence -> mask; and what was foretold of outside / inside before the first measurement
SENTENCES: dict[str, tuple[str, float]] = {
    "a smiling person": ("mouth", 0.03),
    "red lipstick": ("mouth", 0.03),
    "blue eyes": ("eyes", 0.05),
    "a person with glasses": ("band over the eyes", 0.05),
    "a person with blond hair": ("around the face", 0.08),
    "a woman wearing a hat": ("top", 0.08),
}

_FACES = range(2000, 2032)
_PAGE = Path("docs/masks.md")


def measure(editor: Editor, sentence: str, *, config: TrainConfig) -> dict[str, Any]:
    """Train one sentence with its mask, and judge it."""
    name, foretold = SENTENCES[sentence]
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        direction = editor.train(sentence, region=MASKS[name](), config=config)
    seconds = time.monotonic() - began
    full = evaluate(editor, direction, seeds=_FACES, alphas=(1.0,), extras=()).strengths[0]
    return {
        "sentence": sentence,
        "mask": name,
        "foretold": foretold,
        "inside": round(full.inside.mean, 5),
        "outside": round(full.outside.mean, 5),
        "ratio": round(full.outside.mean / full.inside.mean, 4),
        "success": None if full.success is None else round(full.success.mean, 3),
        "kept": None if full.kept is None else round(full.kept.mean, 3),
        "seconds": round(seconds),
    }


def table(found: list[dict[str, Any]]) -> str:
    """The page's table."""
    lines = ["| sentence | mask | outside / inside | foretold | success | others kept |", "|---|---|---|---|---|---|"]
    for one in found:
        success, kept = ("–" if one[name] is None else f"{one[name]:.0%}" for name in ("success", "kept"))
        lines.append(
            f"| {one['sentence']} | {one['mask']} | {one['ratio']:.3f} | {one['foretold']:.2f} | {success} | {kept} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing in the file, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/masks.json"))
    parser.add_argument("--sentences", nargs="*", default=list(SENTENCES), choices=list(SENTENCES))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(given.json.read_text("utf-8")) if given.json.exists() and not given.again else []
    editor = Editor.from_pretrained("mini", "cpu")
    for sentence in given.sentences:
        if sentence not in [one["sentence"] for one in found]:
            found.append(measure(editor, sentence, config=TrainConfig()))
            text = json.dumps(found, indent=1) + "\n"
            atomic_write(given.json, lambda place, text=text: place.write_text(text, "utf-8"))  # type: ignore[misc]
            print(found[-1], flush=True)
    write_between(_PAGE, "masks", table(found))


if __name__ == "__main__":
    main()
