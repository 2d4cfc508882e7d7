"""The equations of training, one function each; all differentiable, all per face unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.errors import InputError
from eclipsed.images import resize

__all__ = [
    "bystander_loss",
    "bystander_loss_at_once",
    "change_map",
    "contrast_loss",
    "contrast_margin",
    "correlation_penalty",
    "directional_loss",
    "filled_up",
    "grow_mask",
    "hinge",
    "localization_score",
    "mean_changes",
    "mean_locality_loss",
    "mix_masks",
    "outside_inside_ratio",
    "similarity_loss",
]

_TINY = 1e-12


def change_map(before: Tensor, after: Tensor, *, difference: str = "l2") -> Tensor:
    """How much each place changed.

    Args:
        before: features or images, (N, C, H, W).
        after: the same of the edited faces, same shape.
        difference: ``"l2"`` squared differences, summed over channels; ``"l1"`` absolute ones; ``"cosine"``,
            1 - cosine of the two channel vectors.
    Returns:
        Change >= 0, (N, 1, H, W).
    Raises:
        InputError: the shapes disagree, or `difference` is unknown.
    """
    if before.shape != after.shape or before.ndim != 4:
        raise InputError(
            f"before and after must share one shape (N, C, H, W); got {tuple(before.shape)} and {tuple(after.shape)}"
        )
    if difference == "l2":
        return (after - before).square().sum(dim=1, keepdim=True)
    if difference == "l1":
        return (after - before).abs().sum(dim=1, keepdim=True)
    if difference == "cosine":
        return (1 - F.cosine_similarity(before, after, dim=1, eps=1e-8)).clamp(min=0).unsqueeze(1)
    raise InputError(f"difference must be one of l2, l1, cosine; got {difference!r}")


def localization_score(before: Tensor, after: Tensor, mask: Tensor, *, difference: str = "l2") -> Tensor:
    """Share of the change between two feature maps that falls inside the mask.

    Args:
        before: features of the unedited faces, (N, C, H, W).
        after: features of the edited faces, same shape.
        mask: region membership in [0, 1], (N, 1, h, w); resized to (H, W).
        difference: see `change_map`.
    Returns:
        Scores in [0, 1], (N,); 0 where nothing changed.
    Raises:
        InputError: the shapes disagree.
    Source: Pajouheshgar et al. 2022, arXiv:2111.12583, the localization score; differs in align_corners=False and
        in an antialiased resize of the mask.
    """
    change = change_map(before, after, difference=difference)
    inside = change * _fit(mask, change)
    return inside.sum(dim=(1, 2, 3)) / (change.sum(dim=(1, 2, 3)) + _TINY)


def mean_changes(before: Tensor, after: Tensor, mask: Tensor, *, difference: str = "l1") -> tuple[Tensor, Tensor]:
    """Mean change of the places inside the mask, and of those outside.

    Args:
        before: images or features, (N, C, H, W).
        after: same shape.
        mask: in [0, 1], (N, 1, h, w); resized to (H, W).
        difference: see `change_map`; here averaged over channels.
    Returns:
        Two tensors (N,): inside, outside; 0 where that side is empty.
    Raises:
        InputError: the shapes disagree.
    """
    change = change_map(before, after, difference=difference)
    if difference != "cosine":
        change = change / before.shape[1]
    weight = _fit(mask, change)
    inside = (change * weight).sum(dim=(1, 2, 3)) / (weight.sum(dim=(1, 2, 3)) + _TINY)
    outside = (change * (1 - weight)).sum(dim=(1, 2, 3)) / ((1 - weight).sum(dim=(1, 2, 3)) + _TINY)
    return inside, outside


def outside_inside_ratio(
    before: Tensor,
    after: Tensor,
    mask: Tensor,
    *,
    difference: str = "l1",
    floor: float = 0.02,
    bounded: bool = False,
) -> Tensor:
    """Mean change outside the mask over mean change inside.

    Args:
        before: images or features, (N, C, H, W).
        after: same shape.
        mask: in [0, 1], (N, 1, h, w).
        difference: see `change_map`.
        floor: added below the line, so that a small edit is no steep one. Where the mask is empty (a hat that is still
            to come) ten times the floor stands for the change inside: what changes instead of the part is outside,
            but the way to it is not barred.
        bounded: return r / (1 + r), which lies in [0, 1), in place of the ratio r.
    Returns:
        (N,), >= 0.
    Raises:
        InputError: the shapes disagree.
    """
    inside, outside = mean_changes(before, after, mask, difference=difference)
    empty = mask.flatten(1).amax(dim=1) <= 0
    inside = torch.where(empty, 10 * floor, inside)
    return outside / (inside + outside + floor) if bounded else outside / (inside + floor)


def mix_masks(before: Tensor, after: Tensor, how: str) -> Tensor:
    """One mask from the region before and after an edit.

    Args:
        before: in [0, 1], (N, 1, H, W).
        after: same shape.
        how: ``"average"``, ``"union"`` (the larger value) or ``"intersection"`` (the smaller).
    Raises:
        InputError: the shapes disagree, or `how` is unknown.
    """
    if before.shape != after.shape:
        raise InputError(f"the masks must share one shape; got {tuple(before.shape)} and {tuple(after.shape)}")
    if how == "average":
        return (before + after) / 2
    if how == "union":
        return torch.maximum(before, after)
    if how == "intersection":
        return torch.minimum(before, after)
    raise InputError(f"mask must be one of average, union, intersection; got {how!r}")


def grow_mask(mask: Tensor, share: float) -> Tensor:
    """Dilate a mask by a square of ``round(share * width)`` pixels to each side.

    Args:
        mask: in [0, 1], (N, 1, H, W).
        share: of the width; 0 returns the mask itself.
    """
    reach = round(share * mask.shape[-1])
    if reach <= 0:
        return mask
    rows = F.max_pool2d(mask, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return F.max_pool2d(rows, (1, 2 * reach + 1), stride=1, padding=(0, reach))


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
    _check_contrast(texts)
    return -F.log_softmax(temperature * images @ texts.T, dim=1)[:, 0]


def bystander_loss(before: Tensor, after: Tensor, texts: Sequence[Tensor], *, temperature: float) -> Tensor:
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


def bystander_loss_at_once(
    before: Tensor, after: Tensor, texts: Tensor, absent: Tensor, *, temperature: float
) -> Tensor:
    """The same as `bystander_loss` in a few operations on all attributes, for a GPU.

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


def filled_up(texts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Captions of several attributes, (T, D) each, as `bystander_loss_at_once` takes them."""
    together = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
    counts = torch.tensor([len(one) for one in texts], device=together.device)
    return together, torch.arange(together.shape[1], device=together.device) >= counts[:, None]


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
    _check_contrast(texts)
    logits = temperature * images @ texts.T
    return logits[:, 0] - logits[:, 1:].amax(dim=1)


def correlation_penalty(deltas: Tensor) -> Tensor:
    """Mean squared cosine between different directions; 0 when all are orthogonal or there is one only.

    Args:
        deltas: (K, …).
    Returns:
        A scalar in [0, 1].
    Source: Pajouheshgar et al. 2022, arXiv:2111.12583, the term that keeps several directions apart.
    """
    count = deltas.shape[0]
    if count < 2:
        return deltas.new_zeros(())
    unit = F.normalize(deltas.flatten(1), dim=1)
    squares = (unit @ unit.T).square()
    return (squares.sum() - squares.diagonal().sum()) / (count * (count - 1))


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
    if loss not in ("score", "ratio", "bounded"):
        raise InputError(f"locality_loss must be one of score, ratio, bounded; got {loss!r}")
    terms = []
    for name, old in before.items():
        if loss == "score":
            terms.append(1 - localization_score(old, after[name], mask, difference=difference))
        else:
            bounded = loss == "bounded"
            terms.append(outside_inside_ratio(old, after[name], mask, difference=difference, bounded=bounded))
    return torch.stack(terms).mean(dim=0)


def _fit(mask: Tensor, change: Tensor) -> Tensor:
    if mask.ndim != 4 or mask.shape[:2] != change.shape[:2]:
        raise InputError(f"the mask must have the shape ({change.shape[0]}, 1, h, w); got {tuple(mask.shape)}")
    return resize(mask.to(change.dtype), (change.shape[2], change.shape[3])).clamp(0, 1)


def _check_contrast(texts: Tensor) -> None:
    if texts.shape[0] < 2:
        raise InputError("the contrast needs the prompt and at least one other caption; got the prompt alone")
