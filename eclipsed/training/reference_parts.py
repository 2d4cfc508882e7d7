"""Which part makes a picture what it is: the one that brings other faces nearest to it, beside what is usual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from eclipsed.pretrained.clip import Clip
from eclipsed.worlds.world import World

__all__ = ["SMALLEST", "Explained", "candidates"]

#: share of the picture below which a part does not show
SMALLEST = 0.001

_LARGEST = 3  # parts of a group that is looked at as one
_OTHERS = 8  # faces by which it is known what is usual, and that are given parts of others
_TINY = 1e-3


def candidates(world: World) -> list[tuple[str, ...]]:
    """The parts that an edit may touch, those of small groups together: ``("left_brow", "right_brow")``, ``("hair",)``.

    Args:
        world: of the parser.
    """
    found: dict[tuple[str, ...], None] = {}
    for part in world.expand(world.whole):
        groups = [members for members in world.groups.values() if part in members and len(members) <= _LARGEST]
        found[max(groups, key=len, default=(part,))] = None
    return list(found)


@dataclass(frozen=True, eq=False)
class Explained:
    """How far parts of pictures bring other faces towards these, in CLIP's eyes.

    Args:
        clip: that looks.
        faces: that are usual, (N, 3, H, W), range [-1, 1].
        put: gives faces what a picture shows within masks: ``put(picture, faces, where)``.
    """

    clip: Clip
    faces: Tensor
    put: Callable[[Tensor, Tensor, Tensor], Tensor]

    @cached_property
    def _seen(self) -> Tensor:
        return self.clip.encode_images(self.faces)

    def unusual(self, picture: Tensor, own: Tensor, theirs: Tensor) -> float | None:
        """By how much more a part brings faces towards a picture than the same part of other faces does.

        Args:
            picture: (1, 3, H, W).
            own: where the part is in it, (1, 1, H, W).
            theirs: where it is in the faces, (N, 1, H, W).
        Returns:
            In standard deviations of what is usual; None where the picture does not show the part.
        """
        if float(own.mean()) < SMALLEST:
            return None
        share = self._share(picture, self.clip.encode_images(picture)[0], own, theirs, range(_OTHERS))
        usual = [0.0] * _OTHERS  # what a face has not got brings no other nearer to it
        for k in range(_OTHERS):
            if float(theirs[k].mean()) >= SMALLEST:
                others = [one for one in range(_OTHERS) if one != k]
                usual[k] = self._share(self.faces[k : k + 1], self._seen[k], theirs[k : k + 1], theirs, others)
        known = torch.tensor(usual)
        return (share - float(known.mean())) / max(float(known.std()), _TINY)

    def _share(self, picture: Tensor, goal: Tensor, own: Tensor, theirs: Tensor, among: range | list[int]) -> float:
        """How much of the way to a picture some faces go when they are given a part of it; 1 is all of it."""
        some = list(among)
        given = self.put(picture, self.faces[some], torch.maximum(own, theirs[some]))
        way = goal - self._seen[some]
        went = self.clip.encode_images(given) - self._seen[some]
        return float(((went * way).sum(dim=1) / way.square().sum(dim=1).clamp(min=_TINY)).mean())
