"""A classifier at work on picture files: what it sees on them, and how often it is right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import torch
from PIL import Image

from eclipsed.errors import InputError
from eclipsed.evaluation.labelled import Labelled, as_input, read_labelled
from eclipsed.evaluation.scores import Scores
from eclipsed.images.conversion import from_uint8
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.pretrained.classifier import Classifier

__all__ = ["classify", "score", "score_judge"]

_CHUNK = 32  # pictures read and judged at once


def classify(
    classifier: Classifier,
    pictures: Iterable[str | os.PathLike[str] | Image.Image | Photo],
    *,
    tell: Callable[[int], object] = lambda done: None,
) -> list[dict[str, dict[str, float]]]:
    """What a classifier sees on pictures of any size.

    Args:
        classifier: a judge of one's own, or that of a model set.
        pictures: files, PIL pictures or photos; each is squeezed to a square.
        tell: told how many are done.
    Returns:
        For each picture, attribute -> class -> probability, the likeliest class first.
    Raises:
        InputError: a picture cannot be read; says which and why.
    """
    found: list[dict[str, dict[str, float]]] = []
    every = list(pictures)
    for start in range(0, len(every), _CHUNK):
        inputs = [as_input(read_photo(one), classifier.network.size) for one in every[start : start + _CHUNK]]
        shares = classifier.probabilities(torch.cat(inputs).to(classifier.device))
        for row in range(len(inputs)):
            found.append({name: _ranked(classifier, name, one[row].tolist()) for name, one in shares.items()})
        tell(len(found))
    return found


def score_judge(
    classifier: Classifier,
    source: str | os.PathLike[str],
    *,
    attribute: str | None = None,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> Scores:
    """How often a classifier is right about pictures whose class is known.

    Args:
        classifier: a judge of one's own, or that of a model set.
        source: as in `eclipsed.train_judge`; there need not be pictures of every class.
        attribute: which the classes are classes of; None is the only one that the classifier has.
        tell: told how many pictures are read, and of how many.
    Raises:
        InputError: the classifier has no such attribute, or several and none is named; there are no pictures, or those
            of a class that it does not know.
    Warns:
        EclipsedWarning: pictures are left out; says which and why.
    """
    names = list(classifier.attributes)
    if attribute is None and len(names) > 1:
        raise InputError(f"the classifier reads several attributes; name one of {', '.join(names)}")
    name = names[0] if attribute is None else attribute
    if name not in names:
        raise InputError(f"unknown attribute {name!r}; the classifier knows {', '.join(names)}")
    classes = classifier.attributes[name]
    size = classifier.network.size
    return score(classifier, read_labelled(source, size=size, attribute=name, classes=classes, tell=tell))


def score(classifier: Classifier, data: Labelled) -> Scores:
    """How often a classifier is right about pictures that are read already.

    Args:
        classifier: that knows their attribute and its classes.
        data: the pictures.
    """
    parts = data.images.split(_CHUNK)
    judged = torch.cat([classifier.labels(from_uint8(some).to(classifier.device))[data.attribute] for some in parts])
    return Scores.of(data.attribute, data.classes, data.labels, judged)


def _ranked(classifier: Classifier, name: str, shares: list[float]) -> dict[str, float]:
    pairs = zip(classifier.attributes[name], shares, strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))
