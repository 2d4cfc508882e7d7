"""A segmentation network with the 182 classes of COCO-Stuff as a parser, as LELSD has for churches and cars.

python examples/coco_stuff_parser.py deeplab.pt --set church --sentence "a church in front of a blue sky"

The network is a TorchScript file of your own that takes pictures in [-1, 1], (N, 3, H, W), and gives logits,
(N, 182, h, w). The parts are those of the world that `PARTS` is written for: here a small one, see
`eclipsed world check`.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

import eclipsed

#: class of COCO-Stuff -> its number, counted from 1 as its authors do; those that are named in `PARTS`
NUMBERS = {
    "car": 3, "building-other": 96, "bush": 97, "clouds": 106, "door-stuff": 112, "fence": 113, "grass": 124,
    "house": 128, "road": 149, "roof": 151, "sky-other": 157, "skyscraper": 158, "snow": 159, "tree": 169,
    "wall-brick": 171, "wall-concrete": 172, "wall-other": 173, "wall-panel": 174, "wall-stone": 175, "wall-tile": 176,
    "wall-wood": 177, "window-other": 181,
}  # fmt: skip

#: part of the world -> the classes that are it
PARTS = {
    "sky": ["sky-other", "clouds"],
    "plants": ["tree", "bush", "grass"],
    "ground": ["road", "snow"],
    "building": ["building-other", "house", "skyscraper", "wall-brick", "wall-concrete", "wall-other", "wall-panel",
                 "wall-stone", "wall-tile", "wall-wood", "fence"],
    "roof": ["roof"],
    "doors": ["door-stuff", "window-other"],
    "car": ["car"],
}  # fmt: skip

CLASSES = 182


def coco_stuff_parser(
    function: Callable[[Tensor], Tensor],
    parts: Mapping[str, Sequence[str]],
    *,
    world: eclipsed.World | str | Path,
    device: str | torch.device | None = None,
) -> eclipsed.CallableParser:
    """A parser whose classes are those of COCO-Stuff; what `parts` does not name is what lies behind all of them."""
    classes: list[str | None] = [None] * CLASSES
    for part, names in parts.items():
        for name in names:
            classes[NUMBERS[name] - 1] = part
    return eclipsed.CallableParser(function, classes, world=world, size=512, device=device)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("network", type=Path, help="a TorchScript file")
    options.add_argument("--world", default="world", help="a folder whose parts are those of PARTS")
    options.add_argument("--set", default="church", help="a model set without a parser")
    options.add_argument("--sentence", default="a church in front of a blue sky")
    options.add_argument("--out", type=Path, default=Path("out/coco-stuff"))
    chosen = options.parse_args()

    models = eclipsed.Editor.from_pretrained(chosen.set)
    network = torch.jit.load(chosen.network, map_location=models.generator.device)
    parser = coco_stuff_parser(network, PARTS, world=chosen.world, device=models.generator.device)
    editor = eclipsed.Editor(models.generator, parser, models.clip, name=chosen.set)
    direction = editor.train(chosen.sentence)
    faces = editor.sample(seeds=[1, 2, 3])
    print(eclipsed.save_picture(editor.strip(faces, direction), chosen.out / "strip.png"))
    print(eclipsed.save_picture(editor.overlay(faces), chosen.out / "parts.png"))


if __name__ == "__main__":
    main()
