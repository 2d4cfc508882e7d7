"""Edit with a parser of one's own: a class with a size and logits, or a function and the names of its classes.

python examples/own_parser.py "a person with blond hair"

Both kinds are here. `Halves` knows no face at all: it calls the upper half of every picture hair. `coarse` puts the
classes of another network together, as one would with a network that tells fewer parts apart.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

import eclipsed


class Halves(eclipsed.Parser):
    """Takes the upper half of every picture for hair, the lower one for skin."""

    size = 64  # pixels that it looks at; it would do with fewer

    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel, (N, parts, H, W), for pictures (N, 3, H, W) in [-1, 1]."""
        count, _, height, width = images.shape
        found = torch.full((count, len(self.parts), height, width), -10.0, device=images.device)
        found[:, self.world.label("hair"), : height // 2] = 10.0
        found[:, self.world.label("skin"), height // 2 :] = 10.0
        return found


def coarse(network: eclipsed.Parser) -> eclipsed.CallableParser:
    """A parser of three classes, made of any function from pictures to class numbers or scores."""
    hair, head = network.world.label("hair"), network.world.labels(network.world.whole)

    def segment(images: Tensor) -> Tensor:  # (N, 3, H, W) in [-1, 1] to class numbers (N, H, W)
        labels = network.labels(images)
        on_head = torch.isin(labels, torch.tensor(head, device=labels.device))
        return torch.where(labels == hair, 0, torch.where(on_head, 1, 2))

    return eclipsed.CallableParser(segment, ["hair", "skin", None], world=network.world, device=network.device)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("prompt", nargs="?", default="a person with blond hair")
    options.add_argument("--parser", choices=("halves", "coarse"), default="coarse")
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--out", type=Path, default=Path("out/own-parser"))
    chosen = options.parse_args()

    mini = eclipsed.Editor.from_pretrained("mini")
    parser = coarse(mini.parser) if chosen.parser == "coarse" else Halves("face").to(mini.generator.device)
    editor = eclipsed.Editor(mini.generator, parser, mini.clip, truncation_psi=0.7)
    config = eclipsed.TrainConfig(steps=chosen.steps, probe_steps=min(chosen.steps, 40))
    direction = editor.train(chosen.prompt, region=["hair"], config=config)
    faces = editor.sample(seeds=[1, 2, 3])
    edited = editor.edit(faces, direction, blend="pixels")

    chosen.out.mkdir(parents=True, exist_ok=True)
    edited.strip().save(chosen.out / "strip.png")
    editor.overlay(faces).save(chosen.out / "parts.png")
    print(chosen.out / "strip.png")


if __name__ == "__main__":
    main()
