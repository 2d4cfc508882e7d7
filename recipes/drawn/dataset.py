"""A cache of rendered pictures on disk: values, pictures and labels, in seeded shards that resume.

``python -m recipes.drawn.dataset NAME`` renders what is missing. Half of the pictures take their coarse, middle and
fine values from three different ones (style mixing), and half of them have some values far out of the usual range, so
that the networks that learn from them see more than the average picture.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path

import torch
from torch import Tensor

from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import base_options
from recipes.drawn.values import GROUPS, Values

__all__ = ["SHARD", "Pictures", "build", "draw", "mix", "pictures"]

#: pictures in one file
SHARD = 1000


def mix(values: Values, sources: Tensor) -> Tensor:
    """One picture whose groups come from three.

    Args:
        values: what they are made of.
        sources: (3, N, len(values)) — which gives coarse, middle and fine values.
    Returns:
        v, (N, len(values)).
    """
    return (sources * values.in_groups()[:, None, :]).sum(0)


def draw(
    values: Values, n: int, *, rng: torch.Generator, wide: float = 0.5, mixed: float = 0.5, vivid: float = 0.0
) -> Tensor:
    """Values of ``n`` pictures, a share of them with groups from different ones, (n, len(values)).

    Args:
        values: what they are made of.
        n: how many.
        rng: the only source of randomness.
        wide: share with some values far out of the usual range.
        mixed: share whose row groups come from three pictures.
        vivid: share of families that are one member, each equally often, instead of a mixture.
    """
    sources = torch.stack([values.sample(n, rng=rng, wide=wide) for _ in GROUPS])
    if vivid:
        _make_vivid(values, sources, vivid, rng=rng)
    blended = torch.rand(n, 1, generator=rng) < mixed
    return torch.where(blended, mix(values, sources), sources[0])


def _make_vivid(values: Values, sources: Tensor, share: float, *, rng: torch.Generator) -> None:
    """Push one member of each family, in place, where its row group is taken from."""
    for name, family in values.families.items():
        places, v = values.scores(name), sources[GROUPS.index(family.group)]
        chosen = torch.randint(len(places), (len(v),), generator=rng)
        push = 1.5 + 2.5 * torch.rand(len(v), generator=rng)
        push = push * (torch.rand(len(v), generator=rng) < share)
        v[torch.arange(len(v)), torch.tensor(places)[chosen]] += push


class Pictures:
    """The cached pictures in memory: ``values`` (N, V) float32, ``images`` (N, 3, H, W) uint8, ``labels`` uint8.

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

    def only(self, picked: Tensor) -> Pictures:
        """Some of the pictures, by their positions."""
        some = copy(self)
        some.values, some.images, some.labels = self.values[picked], self.images[picked], self.labels[picked]
        return some

    def to(self, device: torch.device | str) -> Pictures:
        """Move pictures and labels to a device, in place; the values stay."""
        self.images, self.labels = self.images.to(device), self.labels.to(device)
        return self

    def __len__(self) -> int:
        return len(self.values)


def pictures(work: Path) -> tuple[Pictures, Pictures]:
    """What to train on (all renders but the last shard, and what the generator drew), and the last shard."""
    folder = work / "renders"
    return Pictures(folder, shards=slice(0, -1), more=work / "generated"), Pictures(folder, shards=slice(-1, None))


def build(
    recipe: Recipe,
    folder: Path,
    *,
    shards: range,
    size: int,
    seed: int,
    count: int = SHARD,
    sampler: Callable[[int, torch.Generator], Tensor] | None = None,
    device: str = "cpu",
) -> None:
    """Render the shards that are not there yet.

    Args:
        recipe: of the pictures.
        folder: where they go.
        shards: their numbers.
        size: side of the pictures, in pixels.
        seed: with the number of a shard, what is drawn.
        count: pictures in a shard.
        sampler: draws so many values; None is `draw`.
        device: where to render.
    """
    folder.mkdir(parents=True, exist_ok=True)
    render = torch.compile(recipe.render, dynamic=False) if device == "cpu" else recipe.render
    for k in shards:
        file = folder / f"shard{k:03d}.pt"
        if file.exists():
            continue
        rng = torch.Generator().manual_seed(seed * 100_003 + k)
        vivid = 0.7 if k >= recipe.vivid_from else 0.0
        values = draw(recipe.values, count, rng=rng, vivid=vivid) if sampler is None else sampler(count, rng)
        with torch.device(device):  # the renderer makes its own tensors
            pairs = [render(batch.to(device), size) for batch in values.split(50)]
        images = torch.cat([((image + 1) * 127.5).round().to(torch.uint8) for image, _ in pairs]).cpu()
        labels = torch.cat([label for _, label in pairs]).cpu()
        part = file.with_suffix(".part")
        torch.save({"values": values, "images": images, "labels": labels}, part)
        part.rename(file)
        print(f"{file.name}: {count} pictures", flush=True)


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--out", type=Path, help="where they go instead of WORK/renders")
    parser.add_argument("--first", type=int, default=0, help="shard to begin with")
    parser.add_argument("--shards", type=int, default=36, help="shard to stop before")
    parser.add_argument("--count", type=int, default=SHARD, help="pictures in a shard")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    build(
        recipe,
        args.out or (args.work or recipe.work) / "renders",
        shards=range(args.first, args.shards),
        size=args.size,
        seed=args.seed,
        count=args.count,
        device=args.device,
    )


if __name__ == "__main__":
    main()
