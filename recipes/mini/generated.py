"""Pictures of the generator with their true facts and labels, in the same shards as the portraits.

The parser, the judge and CLIP learn from these too: what they will look at later is the generator's drawing, a
little softer than a render, and edited faces whose ws rows differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch

from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator
from recipes.mini.assemble import generator
from recipes.mini.dataset import SHARD
from recipes.mini.latent import CENTRE, SIDE
from recipes.mini.train_generator import rows_of

__all__ = ["build"]


def build(
    work: Path,
    *,
    shards: Iterable[int],
    start: Path | None = None,
    missing: bool = False,
    portraits: Path | None = None,
    out: Path | None = None,
    threads: int = 1,
) -> None:
    """Draw the values of some portrait shards with the generator.

    Args:
        work: where a set is being trained.
        shards: their numbers.
        start: a finished ``generator.safetensors``; None takes the one that is being trained in ``work``.
        missing: leave those as they are that are there already.
        portraits: folder of the shards; None is ``work/portraits``.
        out: where the pictures go; None is ``work/generated``.
        threads: of torch.
    """
    torch.set_num_threads(threads)
    portraits, out = portraits or work / "portraits", out or work / "generated"
    out.mkdir(parents=True, exist_ok=True)
    network = generator(work / "synthesis.pt") if start is None else Generator.from_file(start).network
    synthesis = network.synthesis
    for k in shards:
        if missing and (out / f"shard{k:03d}.pt").exists():
            continue
        source = torch.load(portraits / f"shard{k:03d}.pt", weights_only=True)
        rng = torch.Generator().manual_seed(500_000 + k)
        pictures = []
        for batch in source["values"].split(50):
            ws = rows_of(batch, rng=rng) + CENTRE
            ws = ws + 0.05 * torch.randn(ws.shape, generator=rng)
            with torch.no_grad():
                image = synthesis(ws, SynthesisOptions(resolution=SIDE)).image
            pictures.append(((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8))
        part = out / f"shard{k:03d}.part"
        torch.save({**source, "images": torch.cat(pictures)}, part)
        part.rename(out / f"shard{k:03d}.pt")
        print(f"{out.name}/shard{k:03d}.pt: {SHARD} pictures", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/mini"))
    parser.add_argument("--shards", default="0-4,24-32", help="portrait shards to draw again, such as 0-4,24-32")
    parser.add_argument("--start", type=Path, help="a finished generator.safetensors instead of that in WORK")
    parser.add_argument("--missing", action="store_true", help="leave what is there already")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    shards: list[int] = []
    for span in args.shards.split(","):
        low, _, high = span.partition("-")
        shards += range(int(low), int(high or low) + 1)
    build(args.work, shards=shards, start=args.start, missing=args.missing, threads=args.threads)


if __name__ == "__main__":
    main()
