"""Milliseconds of an edit: one face, many at once, a whole strip, and a slider that moves.

Run from the checkout: ``python -m benchmarks.edit``, or with ``--resolution 1024`` for random weights at the size of
FFHQ's generator. The slider's column draws only the layers that the direction touches, as the studio does.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch

from benchmarks import full_size, measuring
from eclipsed import Direction, Editor
from eclipsed.compute.devices import as_device
from eclipsed.editing.moving import ladder
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region
from eclipsed.training.config import TrainConfig

__all__ = ["main"]

ALPHAS = tuple(-1 + index / 4 for index in range(9))


def random_direction(generator: Generator, *, region: Region | None = None) -> Direction:
    """A direction of the upper half of the rows, where colours lie."""
    rows = tuple(range(generator.num_ws // 2, generator.num_ws))
    space = make_space("W+", generator, layers=rows)
    rng = torch.Generator().manual_seed(0)
    return Direction(
        deltas=space.start(1, kind="unit", scale=1.0, rng=rng).cpu(),
        prompt=full_size.PROMPT,
        region=Region.from_prompt(full_size.PROMPT) if region is None else region,
        space="W+",
        layers=rows,
        styles=(),
        generator=generator.fingerprint,
        generator_name=generator.name,
        config=TrainConfig().to_json(),
        seed=0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, help="random weights at this size instead of mini")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default=None)
    args = parser.parse_args()
    device = as_device(args.device)
    if args.resolution:
        generator = full_size.generator(args.resolution, str(device))
        editor = Editor(generator, lambda: full_size.parser(str(device)), lambda: full_size.clip(str(device)))
        direction = random_direction(generator)
    else:
        editor = Editor.from_pretrained("mini", device)
        direction = Direction.load("models/blond-hair.safetensors")
    print(measuring.describe(device))
    one, many = editor.sample(seeds=[1]), editor.sample(seeds=range(args.batch))
    alone = measuring.seconds_of(partial(editor.edit, one, direction, 0.7), device)
    batched = measuring.seconds_of(partial(editor.edit, many, direction, 0.7), device)
    print(f"one face            {1e3 * alone:9.1f} ms")
    print(f"{args.batch} faces at once     {1e3 * batched:9.1f} ms, {args.batch / batched:.1f} images/s")
    row = min(direction.space_of(editor.generator).rows)
    with torch.no_grad():
        prefix = one.latent.prefix(editor.generator, row)

        def slide() -> None:
            space = direction.space_of(editor.generator)
            moved = space.move(one.latent, direction.deltas[0].to(device), 0.7 * direction.scale)
            moved.render(editor.generator, prefix=prefix)

        moving = measuring.seconds_of(slide, device)
    print(f"slider              {1e3 * moving:9.1f} ms, from row {row} on; {alone / moving:.2f} x faster than an edit")
    singly = measuring.seconds_of(lambda: [editor.edit(one, direction, alpha) for alpha in ALPHAS], device)
    together = measuring.seconds_of(partial(ladder, editor.generator, one, direction, ALPHAS), device)
    print(f"9 alphas one by one {1e3 * singly:9.1f} ms")
    print(f"9 alphas at once    {1e3 * together:9.1f} ms, {singly / together:.2f} x faster")
    print(f"peak memory         {measuring.peak_memory(device) / 1e9:9.2f} GB")


if __name__ == "__main__":
    main()
