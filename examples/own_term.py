"""A term of the loss of one's own: pictures keep their brightness, whatever the sentence asks for.

    python examples/own_term.py --steps 30 --out out

A term is a class with a name, a weight and a call; it shows in the bar, in the studio and in every step by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import Tensor

import eclipsed


class Brightness(eclipsed.Term):
    """How much the mean brightness of a picture changes, squared."""

    name = "brightness"

    def weight(self, step: eclipsed.Step) -> float:
        """Half at first, all of it from the middle on."""
        return 10.0 if 2 * step.number < step.steps else 20.0

    def __call__(self, view: eclipsed.View) -> Tensor:
        before, after = (images.mean(dim=(1, 2, 3)) for images in (view.batch.image, view.image))
        return (after - before).square()  # (N,)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("prompt", nargs="?", default="a person with white hair")
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--out", type=Path, default=Path("out"))
    given = options.parse_args()

    editor = eclipsed.Editor.from_pretrained("mini")
    built_in = eclipsed.TrainConfig().loss
    config = eclipsed.TrainConfig(steps=given.steps, layers=(6, 7, 8, 9, 10, 11), loss=(*built_in, Brightness))

    def show(step: eclipsed.TrainStep) -> None:
        if step.phase == "train" and step.step % 10 == 0:
            print(f"step {step.step}: " + ", ".join(f"{name} {value:.4f}" for name, value in step.terms.items()))

    direction = editor.train(given.prompt, config=config, callback=show)
    faces = editor.sample(seeds=[2001, 2002, 2003])
    given.out.mkdir(parents=True, exist_ok=True)
    editor.edit(faces, direction).strip().save(given.out / "own-term.png")
    print(given.out / "own-term.png")


if __name__ == "__main__":
    main()
