"""A finder of one's own: a direction from examples, as the difference of their means, with no sentence and no training.

    python examples/own_finder.py --out out

A finder says how it works and gives a direction; calibration gives it its alpha = 1, its range and its figures.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import eclipsed


@dataclass
class DifferenceOfMeans:
    """The mean latent of faces that have something, minus that of faces that lack it.

    Source: Radford et al. 2015, arXiv:1511.06434, section 6.3.2.
    """

    editor: eclipsed.Editor
    faces_with: eclipsed.Faces
    faces_without: eclipsed.Faces
    parts: tuple[str, ...]

    method = "difference of means"

    def find(self) -> eclipsed.Direction:
        delta = self.faces_with.ws.mean(dim=0) - self.faces_without.ws.mean(dim=0)  # (num_ws, w_dim)
        region = eclipsed.Region.from_parts(self.parts, world=self.editor.parser.world)
        return eclipsed.Direction.of(self.editor.generator, delta, method=self.method, region=region, name="glasses")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--count", type=int, default=400, help="faces that are sorted")
    options.add_argument("--out", type=Path, default=Path("out"))
    given = options.parse_args()

    editor = eclipsed.Editor.from_pretrained("mini")
    judge = editor.classifier
    assert judge is not None  # mini has one
    faces = editor.sample(seeds=range(given.count))
    has = judge.labels(faces.images)["glasses"] != judge.attributes["glasses"].index("no")  # (N,)
    with_, without = (editor.sample(ws=faces.ws[which]) for which in (has, ~has))
    finder = DifferenceOfMeans(editor, with_, without, ("glasses",))
    direction = editor.find(finder, margin="glasses=clear,sunglasses")
    print(f"{direction.method}: {len(with_)} faces with, {len(without)} without; {direction.scores}")

    given.out.mkdir(parents=True, exist_ok=True)
    direction.save(given.out / "own-finder.safetensors")
    editor.edit(editor.sample(seeds=[2001, 2002, 2003]), direction).strip().save(given.out / "own-finder.png")
    print(given.out / "own-finder.png")


if __name__ == "__main__":
    main()
