"""Edit with networks of one's own: a generator's file, a CLIP folder, and a parser made of a function and class names.

python examples/own_networks.py --generator ffhq.pkl --clip ViT-B-32-quickgelu/openai

Without options it takes the files of `mini`, and a coarse parser that knows hair, face and all else.
"""

import argparse
from pathlib import Path

import torch

import eclipsed


def coarse_parser(path: Path) -> eclipsed.CallableParser:
    """Any network that tells classes apart will do; this one puts those of a BiSeNet together to three."""
    network = eclipsed.BiSeNetParser.from_file(path)
    face = network.world.whole
    table = torch.tensor([0 if part == "hair" else 1 if part in face else 2 for part in network.parts])

    def segment(images: torch.Tensor) -> torch.Tensor:  # (N, 3, H, W) in [-1, 1] to class numbers (N, H, W)
        labels = network.labels(images)
        return table.to(labels.device)[labels]

    return eclipsed.CallableParser(segment, classes=["hair", "skin", None], device=network.device)


def main() -> None:
    mini = eclipsed.find_set("mini")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--generator", type=Path, default=mini.generator, help="NVIDIA .pkl, rosinality .pt, …")
    options.add_argument("--clip", default=mini.clip.model, help="a folder, or MODEL/TAG by open_clip's names")
    options.add_argument("--parser", type=Path, default=mini.parser, help="a BiSeNet in facexlib's layout")
    options.add_argument("--prompt", default="a person with blond hair")
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--out", type=Path, default=Path("out/own"))
    chosen = options.parse_args()

    editor = eclipsed.Editor(chosen.generator, coarse_parser(chosen.parser), chosen.clip, truncation_psi=0.7)
    config = eclipsed.TrainConfig(steps=chosen.steps)
    direction = editor.train(chosen.prompt, region=["hair"], config=config)
    faces = editor.sample(seeds=[1, 2, 3])
    print(eclipsed.save_picture(editor.strip(faces, direction), chosen.out / "strip.png"))
    print(eclipsed.save_picture(editor.overlay(faces), chosen.out / "parts.png"))


if __name__ == "__main__":
    main()
