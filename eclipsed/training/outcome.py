"""What an edit came out as, where it is not what was asked for."""

from __future__ import annotations

import torch

from eclipsed.directions.calibration import HeldOut
from eclipsed.latents.direction import Direction
from eclipsed.training.task import Task

__all__ = ["instead"]


@torch.no_grad()
def instead(task: Task, direction: Direction, held_out: HeldOut) -> str:
    """The caption that CLIP prefers for most of the edited faces which it should prefer the prompt's for.

    Args:
        task: the training; its contrasts are the captions.
        direction: calibrated.
        held_out: faces that training never saw.
    Returns:
        The caption; "" where the prompt's own is preferred most often, or a face keeps the caption that it had.
    """
    found: dict[str, int] = {}
    reading = task.reading.statements[0]
    texts = task.caption_texts(reading)
    embedded = task.clip.encode_text(texts)
    space = direction.space_of(task.generator)
    faces = held_out.latent()
    delta = direction.deltas[0].to(faces.ws)
    moved = space.move(faces, delta, direction.scale)
    pairs = zip(held_out.render(faces), held_out.render(moved), strict=True)
    for (_, before), (_, after) in pairs:
        was, now = ((task.clip.encode_images(images) @ embedded.T).argmax(dim=1) for images in (before, after))
        for old, new in zip(was.tolist(), now.tolist(), strict=True):
            if old != 0 and new != old:  # a face that lacked it, and is told from what it was
                found[texts[new]] = found.get(texts[new], 0) + 1
    best = max(found, key=lambda text: found[text], default=texts[0])
    return "" if best == texts[0] else best
