"""What the masks of `mini`'s parser lose when it looks at smaller pictures than it was trained on.

Run from the checkout: ``python -m benchmarks.parser_size``. A convolution's operations fall with the square of the
side. For each side: the share of pixels that get the same part as at the parser's own, and of every part that covers
some of the pictures the intersection over the union, 1 where nothing is lost.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch
from torch import Tensor

from eclipsed import Editor
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.values.seeds import parse_seeds

__all__ = ["agreement", "main"]

_CHUNK = 8
_SMALL = 1e-4  # share of all pixels, below which a part says nothing


def labels(parser: BiSeNetParser, images: Tensor) -> Tensor:
    """The part at each pixel, (N, H, W)."""
    return torch.cat([parser.labels(some) for some in images.split(_CHUNK)])


def agreement(first: Tensor, second: Tensor, parts: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Share of pixels of one label, and the intersection over the union of each part that the first has."""
    shares = {}
    for index, name in enumerate(parts):
        one, other = first == index, second == index
        if float(one.double().mean()) >= _SMALL:
            shares[name] = int((one & other).sum()) / max(int((one | other).sum()), 1)
    return float((first == second).double().mean()), shares


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[256, 192, 160], help="sides, multiples of 32")
    options.add_argument("--faces", default="2000-2063", help="seeds")
    options.add_argument("--resolution", type=int, default=128, help="of the pictures")
    given = options.parse_args()
    editor = Editor.from_pretrained("mini")
    parser, drawn = editor.parser, SynthesisOptions(resolution=given.resolution)
    assert isinstance(parser, BiSeNetParser)
    faces = editor.sample(seeds=parse_seeds(given.faces)).latent
    with torch.no_grad():
        parts = [faces[start : start + _CHUNK] for start in range(0, len(faces), _CHUNK)]
        images = torch.cat([one.render(editor.generator, drawn).image for one in parts])
    config = parser.config
    own = labels(parser, images)
    for size in given.sizes:
        parser.config = replace(config, size=size)
        same, shares = agreement(own, labels(parser, images), parser.parts)
        worst = sorted(shares.items(), key=lambda one: one[1])
        print(f"{size} px in place of {config.size}: {same:.1%} of the pixels alike, parts in the mean ", end="")
        print(f"{sum(shares.values()) / len(shares):.2f}; " + ", ".join(f"{name} {share:.2f}" for name, share in worst))


if __name__ == "__main__":
    main()
