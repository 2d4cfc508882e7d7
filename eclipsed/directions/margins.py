"""Margins: by how much a judge finds that a picture has what an edit is to bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.prompts.reading import Reading
from eclipsed.prompts.target import Target
from eclipsed.prompts.vocabulary import plain_words

__all__ = [
    "NO_CONTRAST",
    "Margin",
    "caption_texts",
    "class_margin",
    "clip_margin",
    "contrast_margin",
    "examples_margin",
    "saying",
    "seen_margin",
    "told_apart",
    "witness_margin",
]

#: what a margin is told, images (N, 3, H, W) about [-1, 1]; and gives, logits (N,): positive where the thing is there.
#: One that only judges may give (N, T), for T things that must all be there, nan where one cannot be seen.
Margin = Callable[[Tensor], Tensor]

#: what is said where a prompt has nothing that it can be held against
NO_CONTRAST = "the contrast needs the prompt and at least one other caption; got the prompt alone"

_CHUNK = 16  # pictures at once
_TINY = 1e-6


def contrast_margin(images: Tensor, texts: Tensor, *, temperature: float) -> Tensor:
    """By how much the prompt beats the best of the other captions: positive where CLIP would choose it.

    Args:
        images: CLIP embeddings, unit norm, (N, D).
        texts: embeddings of the prompt (first) and of the other captions, (T, D).
        temperature: what cosines are multiplied by.
    Returns:
        (N,).
    Raises:
        InputError: there is no other caption.
    """
    if texts.shape[0] < 2:
        raise InputError(NO_CONTRAST)
    logits = temperature * images @ texts.T
    return logits[:, 0] - logits[:, 1:].amax(dim=1)


def saying(reading: Reading) -> set[str]:
    """The words of a statement's caption that say what is to be seen: all but small ones and those of the neutral one.

    Args:
        reading: of the statement.
    """
    data = reading.world.contrasts
    small = ["a an the", reading.world.neutral, *data.get("carriers", ()), *data.get("negations", ())]
    return set(plain_words(reading.caption)) - set(plain_words(" ".join(small)))


def told_apart(attributes: Sequence[Tensor]) -> list[Tensor]:
    """The captions by which the classes of attributes are told apart: each class first once, before all the others.

    Args:
        attributes: embeddings of the captions of each one's classes, (T, D).
    Returns:
        (T, D) each; of two classes only the first is held against the other, which says the same.
    """
    return [torch.cat([one[k:], one[:k]]) for one in attributes for k in range(1 if len(one) == 2 else len(one))]


def caption_texts(clip: Clip, reading: Reading, *, neutral: str, caption: str | None = None) -> tuple[str, ...]:
    """The caption of a statement, and the captions that it does not mean, which CLIP knows the words of.

    Args:
        clip: that is to judge.
        reading: of the statement.
        neutral: what is said where nothing else could be meant.
        caption: of the statement; None is the reading's own.
    """
    others = reading.contrasts or (neutral,)
    known = tuple(text for text in others if not clip.unknown_words(text))
    return reading.caption if caption is None else caption, *(known or others)


def clip_margin(clip: Clip, texts: Tensor | Sequence[Tensor], *, dtype: torch.dtype | None = None) -> Margin:
    """CLIP's verdict on a prompt among other captions, in CLIP's own logits.

    Args:
        clip: that judges.
        texts: its embeddings of the prompt (first) and of the other captions, (T, D); or those of several statements,
            the least of whose margins counts.
        dtype: what it computes in; None is float32.
    """
    statements = [texts] if isinstance(texts, Tensor) else list(texts)

    @torch.no_grad()
    def margin(images: Tensor) -> Tensor:
        seen = clip.encode_images(images, dtype=dtype)
        margins = [contrast_margin(seen, one, temperature=clip.logit_scale) for one in statements]
        return torch.stack(margins).amin(dim=0)

    return margin


@torch.no_grad()
def examples_margin(clip: Clip, with_it: Tensor, without: Tensor) -> Margin:
    """CLIP's verdict on which of two groups of pictures another is nearer to, where no words say what tells them apart.

    Args:
        clip: that judges.
        with_it: pictures that have something, (N, 3, H, W), range [-1, 1].
        without: pictures that lack it, (M, 3, H, W).
    Returns:
        A margin in CLIP's own logits, 0 half-way between the means of the two groups.
    Source: Snell et al. 2017, arXiv:1703.05175, prototypes of classes as the means of their examples.
    """
    centres = []
    for images in (with_it, without):
        seen = torch.cat([clip.encode_images(some) for some in torch.split(images, _CHUNK)])
        centres.append(torch.nn.functional.normalize(seen.mean(dim=0), dim=0))
    towards = clip.logit_scale * (centres[0] - centres[1])  # (D,)
    middle = (towards @ (centres[0] + centres[1])) / 2

    @torch.no_grad()
    def margin(images: Tensor) -> Tensor:
        return clip.encode_images(images) @ towards - middle

    return margin


def witness_margin(witness: Clip | None, reading: Reading) -> Margin | None:
    """The verdict of a CLIP that never trains on all that a sentence says.

    Args:
        witness: that judges.
        reading: of the sentence.
    Returns:
        The margin; None without a witness, or where it was never shown a word of the sentence, or there is nothing that
        the sentence can be held against.
    """
    captions = [(one.caption, *one.contrasts) for one in reading.statements]
    if witness is None or min(map(len, captions)) < 2 or witness.unknown_words(" ".join(reading.told)):
        return None
    return clip_margin(witness, [witness.encode_text(one) for one in captions])


def class_margin(classifier: Classifier, target: Target) -> Margin:
    """A classifier's verdict on a target: the log odds of its classes.

    Args:
        classifier: that judges.
        target: one of some classes of an attribute.
    Raises:
        InputError: the classifier does not know the attribute or a class.
    """
    Target.parse(f"{target.attribute}={','.join(target.classes)}", classifier.attributes)
    classes = classifier.attributes[target.attribute]
    return _LogOdds(classifier, target.attribute, tuple(map(classes.index, target.classes)))


@dataclass(frozen=True, eq=False)
class _LogOdds:
    """The margin of `class_margin`; it goes to other processes."""

    classifier: Classifier
    attribute: str
    chosen: tuple[int, ...]

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        found = self.classifier.probabilities(images)[self.attribute][:, list(self.chosen)]
        has = found.sum(dim=1).clamp(_TINY, 1 - _TINY)
        return has.log() - (1 - has).log()


def seen_margin(classifier: Classifier, targets: Sequence[Target]) -> Margin:
    """A classifier's verdicts on several targets, of each where it can be seen.

    The colour of a hat that is not there is neither right nor wrong, so that it is nan.

    Args:
        classifier: that judges.
        targets: T >= 1, of different attributes.
    Returns:
        A margin of T columns, images to (N, T).
    Raises:
        InputError: the classifier does not know an attribute or a class.
    """
    margins = [class_margin(classifier, target) for target in targets]

    @torch.no_grad()
    def margin(images: Tensor) -> Tensor:
        there = classifier.seen(classifier.labels(images))
        seen = torch.stack([there[target.attribute].to(images.device) for target in targets], dim=1)
        return torch.stack([one(images) for one in margins], dim=1).masked_fill(~seen, torch.nan)

    return margin
