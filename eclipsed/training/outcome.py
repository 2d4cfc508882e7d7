"""Who says in the end what an edit reached, and what it came out as where that is not what was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.margins import Margin, clip_margin, seen_margin
from eclipsed.directions.trust import trust
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.training.task import Task

__all__ = ["instead", "judges", "trusted"]

_COME = 0.5  # share of the faces that come to have what nobody asked for, from which it is what came out


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
    """The caption that CLIP has for the edited faces in place of the prompt's.

    That of a contrast which it prefers for most faces that should have the prompt's; else one of what the prompt does
    not speak of, a bystander, where at least half of the faces come to have it: a hat in place of a red forehead.

    Args:
        task: the training; the captions are its contrasts and its bystanders.
        direction: calibrated.
        held_out: faces that training never saw.
    Returns:
        The caption; "" where there is none.
    """
    if task.reference is not None:
        return ""
    reading = task.reading.statements[0]
    texts = task.caption_texts(reading)
    space = direction.space_of(task.generator)
    faces = held_out.latent()
    moved = space.move(faces, direction.deltas[0].to(faces.ws), direction.scale)
    before, after = (
        torch.cat([task.clip.encode_images(images) for _, images in held_out.render(one)]) for one in (faces, moved)
    )
    found = _turned(task.clip, texts, before, after, but=texts[0])
    best = max(found, key=lambda text: found[text], default=texts[0])
    if best != texts[0]:
        return best
    come = Counter[str]()
    for captions in reading.bystanders:
        come += _turned(task.clip, captions, before, after)
    most = max(come, key=lambda text: come[text], default="")
    return most if come[most] >= max(1.0, _COME * len(before)) else ""


def _turned(clip: Clip, texts: Sequence[str], before: Tensor, after: Tensor, *, but: str = "") -> Counter[str]:
    """How many faces have each of some captions now, by CLIP's choice, and had another one before.

    Args:
        clip: that chooses.
        texts: the captions.
        before: vectors of the faces, (N, dim).
        after: those of the edited ones.
        but: faces that had this caption do not count.
    """
    embedded = clip.encode_text(list(texts))
    was, now = ((vectors @ embedded.T).argmax(dim=1).tolist() for vectors in (before, after))
    return Counter(texts[new] for old, new in zip(was, now, strict=True) if old != new and texts[old] != but)


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
