"""What there is to find in an atlas: the most local moves of each part, named by what CLIP makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from eclipsed.directions.atlas import Atlas
from eclipsed.directions.sketch import METHOD
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import fence_strength
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import World

__all__ = ["LocalMove", "local_moves"]

_FLOOR = 0.05  # of the mean change of moves: a step that hardly changes anything is not local but nothing
_STRENGTH = 2.0  # standard deviations of faces along a step
_OF_FENCE = 0.4  # share of the strength at which faces leave the data that becomes alpha = 1: seen, and still a face
_FACES = tuple(range(930_000_000, 930_000_016))  # that are brought to the fence
_SEEN = 0.002  # share of the picture, below which a part is not there to be looked at


@dataclass(frozen=True, eq=False)
class LocalMove:
    """A step that changes one part of the picture and little else.

    Args:
        part: which.
        steps: along every move, (moves,), of two standard deviations of faces.
        inside: share of the squared change that falls into the part, in [0, 1].
        more: the caption that CLIP agrees with more for it, of all that the world's sentences speak of.
        less: the caption that it agrees with less.
    """

    part: str
    steps: Tensor
    inside: float
    more: str
    less: str

    def direction(self, generator: Generator, atlas: Atlas, *, world: World, name: str) -> Direction:
        """The move as a direction of its generator, not calibrated: its alpha = 1 is well on the way to the fence.

        Args:
            generator: that the atlas belongs to.
            atlas: that it was found in.
            world: whose part it is.
            name: what it is called.
        """
        region = Region.from_parts([self.part], world=world)
        found = Direction.of(generator, atlas.moves.delta(self.steps), method=METHOD, region=region, name=name)
        faces, statistics = Latent.of_seeds(generator, _FACES), WStatistics.of_generator(generator)
        fence = fence_strength(found.space_of(generator), faces, found.deltas[0].to(faces.ws), statistics)
        scores: dict[str, Any] = {"inside": self.inside, "more": self.more, "less": self.less}
        return replace(found, deltas=found.deltas * (_OF_FENCE * fence), scores=scores, config={"seeds": []})


@torch.no_grad()
def local_moves(
    atlas: Atlas, clip: Clip, *, world: World, parts: Sequence[str] | None = None, count: int = 3
) -> Mapping[str, tuple[LocalMove, ...]]:
    """The most local moves of some parts.

    Of all mixtures of moves those are taken whose squared change falls into the part with the largest share, each
    apart from the ones before.

    Args:
        atlas: of the generator.
        clip: that it was made with, and that names the moves.
        world: whose captions they are named by.
        parts: which; None is all that are seen often enough, but for the background.
        count: moves of each.
    Returns:
        Part -> its moves, the most local first.
    Source: the generalised eigenvectors of the change inside and the change in all, as Harkonen et al. 2020,
        arXiv:2004.02546, look for components by variance alone.
    """
    areas = atlas.seen.areas.double().mean(dim=0)
    chosen = [
        part
        for part, area in zip(atlas.parts, areas.tolist(), strict=True)
        if (area > _SEEN and part != world.background if parts is None else part in parts)
    ]
    deviations = atlas.along.double().std(dim=0).clamp(min=1e-12)
    every = atlas.change([1.0] * len(atlas.parts)) * deviations * deviations[:, None]
    every += _FLOOR * every.diagonal().mean() * torch.eye(len(every), dtype=torch.float64)
    root = torch.linalg.cholesky(every)
    captions = _Captions(atlas, clip, world)
    found: dict[str, tuple[LocalMove, ...]] = {}
    for part in chosen:
        inside = atlas.change([float(one == part) for one in atlas.parts]) * deviations * deviations[:, None]
        half = torch.linalg.solve_triangular(root, inside, upper=False)
        shares, vectors = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))
        steps = torch.linalg.solve_triangular(root.T, vectors.flip(1)[:, :count], upper=True).T
        steps = _STRENGTH * steps / steps.norm(dim=1, keepdim=True) * deviations
        moves = []
        for step, share in zip(steps, shares.flip(0).tolist(), strict=False):
            more, less = captions.named(step)
            moves.append(LocalMove(part, step, share, more, less))
        found[part] = tuple(moves)
    return found


class _Captions:
    """The captions of all attributes that a world's sentences speak of, and how far CLIP goes towards each."""

    def __init__(self, atlas: Atlas, clip: Clip, world: World) -> None:
        attributes = [
            texts for texts in read(world.neutral, world=world).bystanders if not any(map(clip.unknown_words, texts))
        ]
        self.texts = [text for texts in attributes for text in texts]
        self.views = atlas.views[0]
        towards, spreads = [], []
        for texts in attributes:
            embedded = clip.encode_text(texts).float().cpu()
            for place in range(len(texts)):
                others = torch.cat([embedded[:place], embedded[place + 1 :]])
                towards.append((embedded[place] - others.mean(dim=0)).double())
                spreads.append(float((atlas.seen.embedding @ towards[-1].float()).std()))
        self.towards = torch.stack(towards) / torch.tensor(spreads, dtype=torch.float64).clamp(min=1e-9)[:, None]

    def named(self, step: Tensor) -> tuple[str, str]:
        """The captions that a step goes towards most, and away from most, in deviations of CLIP's verdict."""
        gains = self.towards @ (self.views.T @ step)
        return self.texts[int(gains.argmax())], self.texts[int(gains.argmin())]
