"""A cache of rendered portraits on disk: values, pictures and labels, in seeded shards that resume.

``python -m recipes.mini.dataset`` renders what is missing. Half of the portraits take their coarse, middle and fine
values from three different people (style mixing), and half of them have some values far out of the usual range, so
that the networks that learn from them see more than the average face.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from copy import copy
from pathlib import Path

import torch
from torch import Tensor

from recipes.mini.attributes import FAMILIES, GROUPS, VALUES, sample
from recipes.mini.portraits import render

__all__ = ["SHARD", "Portraits", "build", "draw", "group_mask", "mix"]

#: portraits in one file
SHARD = 1000

#: the first shards have nature's colours; those from here on have every named colour
VIVID_FROM = 24


def group_mask() -> Tensor:
    """Which values belong to which row group, (3, len(VALUES)) bool."""
    return torch.tensor([[value.group == group for value in VALUES] for group in GROUPS])


def mix(sources: Tensor) -> Tensor:
    """One portrait whose groups come from three people.

    Args:
        sources: (3, N, len(VALUES)) — who gives coarse, middle and fine values.
    Returns:
        v, (N, len(VALUES)).
    """
    return (sources * group_mask()[:, None, :]).sum(0)


def draw(n: int, *, rng: torch.Generator, wide: float = 0.5, mixed: float = 0.5, vivid: float = 0.0) -> Tensor:
    """Values of ``n`` portraits, a share of them with groups from different people, (n, len(VALUES)).

    Args:
        wide: share with some values far out of the usual range.
        mixed: share whose row groups come from three people.
        vivid: share of colours that are one named colour, each name equally often, instead of nature's browns.
    """
    people = torch.stack([sample(n, rng=rng, wide=wide) for _ in range(3)])
    if vivid:
        people[2] = _vivid(people[2], vivid, rng=rng)
    blended = torch.rand(n, 1, generator=rng) < mixed
    return torch.where(blended, mix(people), people[0])


def _vivid(v: Tensor, share: float, *, rng: torch.Generator) -> Tensor:
    v = v.clone()
    for places in FAMILIES.values():
        chosen = torch.randint(len(places), (len(v),), generator=rng)
        push = 1.5 + 2.5 * torch.rand(len(v), generator=rng)
        push = push * (torch.rand(len(v), generator=rng) < share)
        v[torch.arange(len(v)), torch.tensor(places)[chosen]] += push
    return v


class Portraits:
    """The cached portraits in memory: ``values`` (N, V) float32, ``images`` (N, 3, H, W) uint8, ``labels`` uint8.

    Args:
        folder: holds the shards.
        shards: which of them, in order.
        more: another folder, all of whose shards are added.
    """

    def __init__(self, folder: Path, *, shards: slice = slice(None), more: Path | None = None) -> None:
        files = sorted(folder.glob("shard*.pt"))[shards] + sorted(more.glob("shard*.pt") if more else ())
        parts = [torch.load(file, weights_only=True) for file in files]
        self.values = torch.cat([part["values"] for part in parts])
        self.images = torch.cat([part["images"] for part in parts])
        self.labels = torch.cat([part["labels"] for part in parts])

    def only(self, picked: Tensor) -> Portraits:
        """Some of the portraits, by their positions."""
        some = copy(self)
        some.values, some.images, some.labels = self.values[picked], self.images[picked], self.labels[picked]
        return some

    def to(self, device: torch.device | str) -> Portraits:
        """Move pictures and labels to a device, in place; the values stay."""
        self.images, self.labels = self.images.to(device), self.labels.to(device)
        return self

    def __len__(self) -> int:
        return len(self.values)


def build(
    folder: Path,
    *,
    shards: range,
    size: int,
    seed: int,
    people: Callable[[int, torch.Generator], Tensor] | None = None,
    device: str = "cpu",
) -> None:
    """Render the shards that are not there yet.

    Args:
        folder: where they go.
        shards: their numbers.
        size: side of the pictures, in pixels.
        seed: with the number of a shard, what is drawn.
        people: draws so many values; None is `draw`.
        device: where to render.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw_faces = torch.compile(render, dynamic=False) if device == "cpu" else render
    for k in shards:
        file = folder / f"shard{k:03d}.pt"
        if file.exists():
            continue
        rng = torch.Generator().manual_seed(seed * 100_003 + k)
        vivid = 0.7 if k >= VIVID_FROM else 0.0
        values = draw(SHARD, rng=rng, vivid=vivid) if people is None else people(SHARD, rng)
        with torch.device(device):  # the renderer makes its own tensors
            pairs = [draw_faces(batch.to(device), size) for batch in values.split(50)]
        images = torch.cat([((image + 1) * 127.5).round().to(torch.uint8) for image, _ in pairs]).cpu()
        labels = torch.cat([label for _, label in pairs]).cpu()
        part = file.with_suffix(".part")
        torch.save({"values": values, "images": images, "labels": labels}, part)
        part.rename(file)
        print(f"{file.name}: {SHARD} portraits", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("work/mini/portraits"))
    parser.add_argument("--first", type=int, default=0, help="shard to begin with")
    parser.add_argument("--shards", type=int, default=36, help="shard to stop before")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    shards = range(args.first, args.shards)
    build(args.out, shards=shards, size=args.size, seed=args.seed, device=args.device)


if __name__ == "__main__":
    main()
