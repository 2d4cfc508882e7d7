"""Finding faces with MTCNN: seconds of one core a photograph of one megapixel, and what is found in known photographs.

Run from the checkout: ``python -m benchmarks.finding``. Seconds are those of the processor, so that other work on the
machine does not count; the median of several. Wanted: far less than 2 s.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import torch
from PIL import Image

from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.reading import Photo
from eclipsed.store.files import find_network

__all__ = ["main"]

_SIDE = 1000  # of the photographs, in pixels


def photographs() -> dict[str, Photo]:
    """Photographs of one megapixel by what is on them."""
    from skimage import data

    def of_side(pixels: Any, side: int) -> Any:
        return np.asarray(Image.fromarray(pixels).convert("RGB").resize((side, side), Image.Resampling.LANCZOS))

    many = np.tile(of_side(data.astronaut()[20:230, 120:330], _SIDE // 5), (5, 5, 1))
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    return {
        "one face": Photo(of_side(data.astronaut(), _SIDE)),
        "25 faces": Photo(many),
        "one face, lying": Photo(np.ascontiguousarray(np.rot90(of_side(data.astronaut(), _SIDE)))),
        "a cup, no face": Photo(of_side(data.coffee(), _SIDE)),
        "gravel, no face": Photo(of_side(data.gravel(), _SIDE)),
        "noise, no face": Photo(noise),
    }


def seconds(finder: MTCNNFinder, photo: Photo, repeat: int) -> float:
    """Median seconds of the processor, after one run that does not count."""
    times = []
    for _ in range(repeat + 1):
        began = time.process_time()
        finder.find(photo)
        times.append(time.process_time() - began)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    torch.set_num_threads(1)
    finder = MTCNNFinder.from_file(find_network("mtcnn"), device="cpu")
    for name, photo in photographs().items():
        found = len(finder.find(photo))
        print(f"{name:16s} {found:3d} found, {seconds(finder, photo, repeat):5.2f} s", flush=True)


if __name__ == "__main__":
    main()
