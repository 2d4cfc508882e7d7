"""Pictures of the generator with their true facts and labels, in the same shards as the renders.

The parser, the judge and CLIP learn from these too: what they will look at later is the generator's drawing, a
little softer than a render, and edited ones whose ws rows differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator
from recipes.drawn.assemble import generator
from recipes.drawn.latent import CENTRE, SIDE
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import base_options

__all__ = ["build"]


def build(
    recipe: Recipe,
    work: Path,
    *,
    shards: Iterable[int],
    start: Path | None = None,
    missing: bool = False,
    renders: Path | None = None,
    out: Path | None = None,
    threads: int = 1,
) -> None:
    """Draw the values of some shards with the generator.

    Args:
        recipe: of the pictures.
        work: where a set is being trained.
        shards: their numbers.
        start: a finished ``generator.safetensors``; None takes the one that is being trained in ``work``.
        missing: leave those as they are that are there already.
        renders: folder of the shards; None is ``work/renders``.
        out: where the pictures go; None is ``work/generated``.
        threads: of torch.
    """
    torch.set_num_threads(threads)
    renders, out = renders or work / "renders", out or work / "generated"
    out.mkdir(parents=True, exist_ok=True)
    network = generator(recipe, work / "synthesis.pt") if start is None else Generator.from_file(start).network
    synthesis = network.synthesis
    for k in shards:
        if missing and (out / f"shard{k:03d}.pt").exists():
            continue
        source = torch.load(renders / f"shard{k:03d}.pt", weights_only=True)
        rng = torch.Generator().manual_seed(500_000 + k)
        drawn = []
        for batch in source["values"].split(50):
            ws = recipe.latent.rows_of(batch, rng=rng) + CENTRE
            ws = ws + 0.05 * torch.randn(ws.shape, generator=rng)
            with torch.no_grad():
                image = synthesis(ws, SynthesisOptions(resolution=SIDE)).image
            drawn.append(((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8))
        part = out / f"shard{k:03d}.part"
        torch.save({**source, "images": torch.cat(drawn)}, part)
        part.rename(out / f"shard{k:03d}.pt")
        print(f"{out.name}/shard{k:03d}.pt: {len(source['values'])} pictures", flush=True)


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--shards", default="0-4,24-32", help="shards to draw again, such as 0-4,24-32")
    parser.add_argument("--start", type=Path, help="a finished generator.safetensors instead of that in WORK")
    parser.add_argument("--missing", action="store_true", help="leave what is there already")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    shards: list[int] = []
    for span in args.shards.split(","):
        low, _, high = span.partition("-")
        shards += range(int(low), int(high or low) + 1)
    recipe = find_recipe(args.recipe)
    work = args.work or recipe.work
    build(recipe, work, shards=shards, start=args.start, missing=args.missing, threads=args.threads)


if __name__ == "__main__":
    main()
