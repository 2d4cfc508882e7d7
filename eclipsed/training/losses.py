"""The equations of training, one function each; all differentiable, all per face unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.directions.margins import NO_CONTRAST
from eclipsed.errors import InputError
from eclipsed.images.change import localization_score, outside_inside_ratio
from eclipsed.values.checks import not_one_of
from eclipsed.values.choices import LOCALITY_LOSSES

__all__ = [
    "contrast_loss",
    "correlation_penalties",
    "directional_loss",
    "fidelity_loss",
    "hinge",
    "mean_locality_loss",
    "pad_captions",
    "padded_preservation_loss",
    "preservation_loss",
    "similarity_loss",
]


_SEEN = 0.02  # mean change of a picture in [-1, 1] below which an edit hardly shows


def similarity_loss(images: Tensor, text: Tensor) -> Tensor:
    """1 - cosine of image and prompt.

    Args:
        images: CLIP embeddings, unit norm, (N, D).
        text: embedding of the prompt, unit norm, (D,).
    Returns:
        (N,), in [0, 2].
    """
    return 1 - images @ text


def directional_loss(before: Tensor, after: Tensor, neutral: Tensor, text: Tensor) -> Tensor:
    """1 - cosine of the way the images went and the way the text goes.

    Args:
        before: CLIP embeddings of the unedited faces, (N, D).
        after: those of the edited faces, (N, D).
        neutral: embedding of the neutral prompt, (D,).
        text: embedding of the prompt, (D,).
    Returns:
        (N,), in [0, 2]; 1 where the image did not move.
    Source: Gal et al. 2021, arXiv:2108.00946, equation 2.
    """
    return 1 - F.cosine_similarity(after - before, (text - neutral).unsqueeze(0), dim=1, eps=1e-6)


def contrast_loss(images: Tensor, texts: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy of the prompt among captions of the same attribute.

    Args:
        images: CLIP embeddings, unit norm, (N, D).
        texts: embeddings of the prompt (first) and of the other captions, (T, D).
        temperature: what cosines are multiplied by.
    Returns:
        (N,), >= 0.
    Raises:
        InputError: there is no other caption.
    """
    if texts.shape[0] < 2:
        raise InputError(NO_CONTRAST)
    return -F.log_softmax(temperature * images @ texts.T, dim=1)[:, 0]


def preservation_loss(before: Tensor, after: Tensor, texts: Sequence[Tensor], *, temperature: float) -> Tensor:
    """How far CLIP's verdict on other attributes moves: Kullback-Leibler divergence, averaged over the attributes.

    Args:
        before: CLIP embeddings of the faces, unit norm, (N, D).
        after: of the same faces after the edit.
        texts: for each attribute the embeddings of its captions, (T, D).
        temperature: what cosines are multiplied by.
    Returns:
        (N,), >= 0.
    """
    each = []
    for captions in texts:
        was, now = (F.log_softmax(temperature * seen @ captions.T, dim=1) for seen in (before, after))
        each.append((was.exp() * (was - now)).sum(dim=1))
    return torch.stack(each).mean(dim=0)


def padded_preservation_loss(
    before: Tensor, after: Tensor, texts: Tensor, absent: Tensor, *, temperature: float
) -> Tensor:
    """The same as `preservation_loss` in a few operations on all attributes, for a GPU.

    Args:
        before: see there.
        after: see there.
        texts: the captions of A attributes, filled up to T each, (A, T, D).
        absent: True for what was filled up, (A, T).
        temperature: see there.
    Returns:
        (N,), >= 0.
    """
    shape = (len(after), *absent.shape)
    was, now = (
        F.log_softmax((temperature * seen @ texts.flatten(0, 1).T).view(shape).masked_fill(absent, -1e4), dim=2)
        for seen in (before, after)
    )
    return (was.exp() * (was - now)).sum(dim=2).mean(dim=1)


def pad_captions(texts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Captions of several attributes, (T, D) each, as `padded_preservation_loss` takes them."""
    together = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
    counts = torch.tensor([len(one) for one in texts], device=together.device)
    return together, torch.arange(together.shape[1], device=together.device) >= counts[:, None]


def correlation_penalties(deltas: Tensor) -> Tensor:
    """Mean squared cosine of each direction with the others; 0 when it is orthogonal to them, or there is no other.

    Args:
        deltas: (K, …).
    Returns:
        (K,), in [0, 1].
    Source: Pajouheshgar et al. 2022, arXiv:2111.12583, the term that keeps several directions apart.
    """
    count = deltas.shape[0]
    if count < 2:
        return deltas.new_zeros(count)
    unit = F.normalize(deltas.flatten(1), dim=1)
    squares = (unit @ unit.T).square()
    return (squares.sum(dim=1) - squares.diagonal()) / (count - 1)


def fidelity_loss(before: Tensor, after: Tensor, anchor: Tensor, mask: Tensor) -> Tensor:
    """How far an edit is from another inside a mask, as a share of what the other changes there.

    Args:
        before: pictures, (N, 3, H, W).
        after: the same edited.
        anchor: the same edited otherwise.
        mask: in [0, 1], (N, 1, H, W).
    Returns:
        (N,), >= 0; at most 1 where the other changes nothing that could be seen.
    """
    missing = ((after - anchor).abs() * mask).sum(dim=(1, 2, 3))
    change = ((anchor - before).abs() * mask).sum(dim=(1, 2, 3))
    return missing / (change + _SEEN * mask.sum(dim=(1, 2, 3)) * before.shape[1]).clamp(min=1e-6)


def hinge(values: Tensor, limit: float = 1.0) -> Tensor:
    """How far each value is above the limit; 0 below it."""
    return (values - limit).clamp(min=0)


def mean_locality_loss(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], mask: Tensor, *, loss: str, difference: str
) -> Tensor:
    """The locality loss averaged over the places where change is measured.

    Args:
        before: name -> features or image, (N, C, H, W).
        after: the same names and shapes.
        mask: in [0, 1], (N, 1, h, w).
        loss: ``"score"`` (1 - localization score), ``"ratio"`` or ``"bounded"``.
        difference: see `change_map`.
    Returns:
        (N,).
    Raises:
        InputError: the shapes disagree, or a name is unknown.
    """
    if loss not in LOCALITY_LOSSES:
        raise not_one_of("locality_loss", loss, LOCALITY_LOSSES)
    terms = []
    for name, old in before.items():
        if loss == "score":
            terms.append(1 - localization_score(old, after[name], mask, difference=difference))
        else:
            bounded = loss == "bounded"
            terms.append(outside_inside_ratio(old, after[name], mask, difference=difference, bounded=bounded))
    return torch.stack(terms).mean(dim=0)
