"""Where a descent begins, and how strong that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from eclipsed.directions.atlas import Atlas
from eclipsed.directions.calibration import SERVED
from eclipsed.directions.margins import clip_margin
from eclipsed.directions.sketch import atlas_step
from eclipsed.directions.survey import SURVEY_CHUNK
from eclipsed.latents.fence import FENCE
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.training.task import Task

__all__ = ["full_change", "look", "sketched", "start", "told_change"]

_RUNGS = (1.0, 1.5, 2.0, 2.5, 3.0)  # strengths of a change that are tried


def look(task: Task, tell: Callable[[int], None] = lambda _: None) -> None:
    """Look at the faces that a start asks for, once for all sentences; those that are known are not looked at again.

    Args:
        task: the training.
        tell: called after each `SURVEY_CHUNK` faces with how many chunks are done.
    """
    if task.config.start == "atlas":
        _atlas(task, tell)
    else:
        task.survey(tell)


def sketched(task: Task) -> Tensor | None:
    """What the atlas of the generator tells of all statements of a training, where that begins with it.

    Args:
        task: the training.
    Returns:
        A delta in W+, (num_ws, w_dim), nothing but zeros in the rows that are not meant; None for another start.
    """
    if task.config.start != "atlas":
        return None
    atlas, background = _atlas(task), task.parser.world.background
    kept = task.bystanders if task.config.keep_weight and task.local else ()
    steps = [atlas_step(atlas, one, kept, task.region, background=background) for one in task.captions]
    return atlas.moves.delta(torch.stack(steps).sum(dim=0))


def _atlas(task: Task, tell: Callable[[int], None] = lambda _: None) -> Atlas:
    def told(done: int, _: int) -> None:
        tell(done // SURVEY_CHUNK)

    parser = task.parser.of_pictures
    return Atlas.of(task.generator, task.clip, parser, faces=task.config.start_faces, tell=told)


def start(space: Space, changes: Iterable[Tensor | None], *, task: Task, rng: torch.Generator) -> Tensor:
    """The deltas before the first step.

    With ``start="faces"`` or ``"atlas"`` the first of several is the change that those tell, and small values are added
    to all of them; a space that no change of w can be written in begins with the small values alone.

    Args:
        space: where the deltas live.
        changes: deltas of the statements of a training, (*space.shape); None for one that has none.
        task: the training; its config says which start.
        rng: source of the random numbers, on the CPU.
    Returns:
        (directions, *space.shape).
    """
    config = task.config
    kind = "small" if config.start in ("faces", "atlas") else config.start
    deltas = space.start(config.directions, kind=kind, scale=config.start_scale, rng=rng)
    for change in changes:
        if change is not None:
            deltas[0] += change
    return deltas


def told_change(task: Task, space: Space) -> Tensor | None:
    """The change that the faces or the atlas tell, in the rows that a space may change.

    Args:
        task: the training.
        space: where the change lives.
    Returns:
        (*space.shape); None where the task has no change, or the space cannot hold it.
    """
    delta = sketched(task)
    if delta is not None:
        return space.keep(delta)
    known = None if task.change is None else space.of_w(task.change)
    return None if known is None else space.keep(known)


@torch.no_grad()
def full_change(task: Task, space: Space, faces: Sequence[tuple[Latent, Tensor]]) -> Tensor | None:
    """The change that the faces tell, as strong as it takes for CLIP to find in nine of ten what the prompt says.

    A descent that begins with the full edit weighs what that does elsewhere.

    Args:
        task: the training of one statement.
        space: where the change lives, with the rows that it is held to.
        faces: some at a time, with their pictures; strengths are tried on them until they leave the fence.
    Returns:
        (*space.shape); None where the task has no change, or the space cannot hold it.
    """
    change = told_change(task, space)
    if change is None:
        return None
    margin = clip_margin(task.clip, task.captions, dtype=task.dtype)
    before = torch.cat([margin(images) for _, images in faces])
    lacking = before < 0 if int((before < 0).sum()) > 1 else before <= before.median()
    each = lacking.split([len(latent) for latent, _ in faces])
    drawn = each  # what no start from the atlas asks for is drawn too, since smaller batches round otherwise
    if task.config.start != "atlas":
        drawn = tuple(torch.ones_like(one) for one in each)
    best, served = _RUNGS[0], -1.0
    for strength in _RUNGS:
        moved = [space.move(latent, change, strength) for latent, _ in faces]
        if max(float(space.distance(one, task.statistics).mean()) for one in moved) > FENCE and served >= 0:
            break
        some = [one[which.nonzero().flatten().tolist()] for one, which in zip(moved, drawn, strict=True) if which.any()]
        after = torch.cat([margin(one.render(task.generator, task.options).image) for one in some])
        share = float((after[lacking[torch.cat(drawn)]] > 0).double().mean())
        if share > served:
            best, served = strength, share
        if share >= SERVED:
            break
    return best * change
