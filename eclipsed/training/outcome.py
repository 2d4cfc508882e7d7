"""Who says in the end what an edit reached, and what it came out as where that is not what was asked for."""

from __future__ import annotations

import torch

from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.margins import Margin, clip_margin, seen_margin
from eclipsed.directions.trust import trust
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.training.task import Task

__all__ = ["instead", "judges", "trusted"]


def judges(task: Task, classifier: Classifier | None, witness: Clip | None) -> dict[str, Margin]:
    """Those that have no part in learning, and say in the end what was reached.

    Args:
        task: the training.
        classifier: of the set; it judges where it knows all that the prompt says.
        witness: another CLIP than those that train; it judges where it was shown all words of the prompt.
    Returns:
        Of those that can tell: ``"judge"``, the classifier's margin, and ``"witness"``, the witness's.
    Raises:
        InputError: the witness is one of the CLIPs that train.
    """
    found: dict[str, Margin] = {}
    if classifier is not None:
        targets = [target for target in task.reading.targets(classifier.attributes) if target is not None]
        if len(targets) == len(task.reading.statements):
            found["judge"] = seen_margin(classifier, targets)
    if witness is not None:
        taken = {one.name for one in task.clip.members} & {one.name for one in witness.members}
        if taken:
            raise InputError(f"the witness must be a CLIP that takes no part in training; {min(taken)!r} does")
        if task.reference is not None:
            found["witness"] = clip_margin(witness, task.reference.texts(witness))
            return found
        texts = [task.caption_texts(one, witness) for one in task.asked_statements]
        if not witness.unknown_words(" ".join(caption for caption, *_ in texts)):
            found["witness"] = clip_margin(witness, [witness.encode_text(one) for one in texts])
    return found


@torch.no_grad()
def instead(task: Task, direction: Direction, held_out: HeldOut) -> str:
    """The caption that CLIP prefers for most of the edited faces which it should prefer the prompt's for.

    Args:
        task: the training; its contrasts are the captions.
        direction: calibrated.
        held_out: faces that training never saw.
    Returns:
        The caption; "" where there are none, the prompt's own is preferred most often, or a face keeps the caption that
        it had.
    """
    if task.reference is not None:
        return ""
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


def trusted(task: Task) -> float | None:
    """How far CLIP's verdict on what a training is told can be believed; the lowest of its statements.

    Args:
        task: the training.
    Returns:
        See `eclipsed.directions.trust.trust`; None where the training has not looked at the faces.
    """
    if not task.start_faces:
        return None
    survey = task.survey()
    return min(trust(survey, texts, scale=task.clip.logit_scale) for texts in task.captions)
