"""Where in the picture a direction works: its region, measured on faces that it was not made from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from weakref import ReferenceType, WeakKeyDictionary, ref

import torch
from torch import Tensor

from eclipsed.directions.calibration import LADDER
from eclipsed.directions.held_out import HeldOut
from eclipsed.images.change import change_map
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import fence_strength
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.region import Region

__all__ = ["LOCATING_FACES", "LOCATING_STEPS", "changes_by_part", "locate", "usual_changes"]

#: As many held-out faces tell where a direction works.
LOCATING_FACES = 16

_SHARE = 0.7  # of the change of the part that changes most, each over what is usual: such parts belong to the region
_OTHERS = 4  # random directions that tell what is usual
_SEEN = 0.001  # share of all pixels below which a part is not there to be measured

#: As many directions are measured to tell where one works.
LOCATING_STEPS = 1 + _OTHERS

_lock = threading.Lock()
_Known = tuple[Hashable, ReferenceType[Parser], dict[str, float]]  # the latest faces, their parser, what is usual
_usual: WeakKeyDictionary[Generator, _Known] = WeakKeyDictionary()


def locate(direction: Direction, held_out: HeldOut, *, tell: Callable[[int], object] = lambda _: None) -> Region:
    """The parts of the picture that a direction changes most, beside what any direction changes there.

    Held-out faces are moved as far as the middle of the ladder of calibration, along the direction and along random
    ones: small parts of strong contrast, as eyes are, change with everything. A part belongs to the region when its
    change over the usual one is at least 70 % of that of the part where it is greatest.

    Args:
        direction: of any strength; of several learned together, the first counts.
        held_out: the faces; few will do.
        tell: called after each of the `LOCATING_STEPS` with how many are done.
    Returns:
        The region; that of the whole picture where most of it changes alike.
    Source: ours.
    """
    usual, world = usual_changes(held_out, tell=tell), held_out.parser.world
    every = changes_by_part(direction, held_out)
    tell(LOCATING_STEPS)
    changes = {part: change / usual[part] for part, change in every.items() if usual.get(part)}
    most = max(changes.values(), default=0.0)
    parts = world.in_order(part for part, change in changes.items() if change >= _SHARE * most > 0)
    whole = not parts or set(world.whole) <= set(parts)
    painted = () if whole else tuple(part for part in parts if part in world.painted)
    return Region(world.whole if whole else parts, whole, world=world.name, painted=painted)


def usual_changes(held_out: HeldOut, *, tell: Callable[[int], object] = lambda _: None) -> dict[str, float]:
    """What directions from one random face to another change of every part; see `changes_by_part`.

    It is measured once for the same faces and kept as long as their generator is, or until that changes.

    Args:
        held_out: see `locate`.
        tell: called after each of these directions with how many are done.
    """
    generator, parser = held_out.generator, held_out.parser
    drawn = (held_out.truncation_psi, held_out.resolution, held_out.dtype, held_out.share)
    key = (generator.version, held_out.seeds, *drawn)
    with _lock:
        known = _usual.get(generator)
    if known is None or known[0] != key or known[1]() is not parser:
        known = key, ref(parser), _measured_usual(held_out, tell)
        with _lock:
            _usual[generator] = known
    return dict(known[2])


def _measured_usual(held_out: HeldOut, tell: Callable[[int], object]) -> dict[str, float]:
    sample = held_out.statistics.sample
    region = Region(held_out.parser.world.whole, True, world=held_out.parser.world.name)
    found: dict[str, list[float]] = {}
    for k in range(_OTHERS):
        step = sample[2 * k] - sample[2 * k + 1]
        other = Direction.of(held_out.generator, step, method="random", space="W", region=region)
        for part, change in changes_by_part(other, held_out).items():
            found.setdefault(part, []).append(change)
        tell(k + 1)
    return {part: sum(changes) / len(changes) for part, changes in found.items()}


def changes_by_part(direction: Direction, held_out: HeldOut) -> dict[str, float]:
    """Mean absolute change of the pixels of every part, where that lies before the edit or after it.

    Args:
        direction: see `locate`.
        held_out: see `locate`.
    Returns:
        part -> mean change; parts that none of the faces shows, and the background, are left out.
    """
    space, latent, parser = direction.space_of(held_out.generator), held_out.latent(), held_out.parser
    delta = direction.deltas[0].to(latent.ws)
    strength = fence_strength(space, latent, delta, held_out.statistics) / LADDER[-1]
    with torch.no_grad():
        moved = space.move(latent, delta, strength)
    count = len(parser.parts)
    total, area, pixels = torch.zeros(count), torch.zeros(count), 0
    layers = parser.reads(parser.parts)
    drawings = (held_out.drawn(one, layers=layers) for one in (latent, moved))
    for (_, old), (_, new) in zip(*drawings, strict=True):
        before, after = old.image, new.image
        change = change_map(before.clamp(-1, 1), after.clamp(-1, 1), difference="l1")[:, 0].cpu()  # (N, H, W)
        labels = [parser.labels(one if layers else one.image).cpu() for one in (old, new)]
        there = _parts(labels[0], count) | _parts(labels[1], count)
        total += (there * change[:, None]).sum(dim=(0, 2, 3))
        area += there.sum(dim=(0, 2, 3))
        pixels += change.numel()
    background = parser.world.background
    return {
        part: float(total[k] / area[k])
        for k, part in enumerate(parser.parts)
        if part != background and float(area[k]) > _SEEN * pixels
    }


def _parts(labels: Tensor, count: int) -> Tensor:
    """Where each part is, (N, parts, H, W) bool."""
    return labels[:, None] == torch.arange(count)[None, :, None, None]
