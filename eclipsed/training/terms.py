"""The terms of the loss, one class each, and their weighed sum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.images.change import localization_score
from eclipsed.latents.rows import row_groups
from eclipsed.latents.space import Space
from eclipsed.training.batches import Batch, Batches, Step
from eclipsed.training.losses import (
    contrast_loss,
    correlation_penalties,
    directional_loss,
    fidelity_loss,
    hinge,
    mean_locality_loss,
    pad_captions,
    padded_preservation_loss,
    preservation_loss,
    similarity_loss,
)
from eclipsed.training.task import Task
from eclipsed.training.term_registry import TERMS
from eclipsed.training.view import View

__all__ = [
    "ClipTerm",
    "CorrelationTerm",
    "FenceTerm",
    "FidelityTerm",
    "LocalityTerm",
    "Loss",
    "PreservationTerm",
    "Term",
]

_KEEP_FROM = (0.2, 0.5)  # of the steps: where the preservation loss begins, and where it has its full weight


class Term(ABC):
    """A term of the loss.

    A term of one's own is a subclass with a `name`, a `weight` and a `__call__`; ``TrainConfig(loss=…)`` takes it. What
    it shows appears at each step under its name, in the terminal, in the studio and in `TrainStep.terms`.
    """

    #: What it is called where a step is shown.
    name: ClassVar[str]

    #: What it reads beyond pictures and latents: ``"mask"``, ``"embedding_before"``; ``"anchor"``, without which it has
    #: no part in a step.
    needs: ClassVar[tuple[str, ...]] = ()

    #: Whether it can be recorded as a CUDA graph: it asks no tensor for its value.
    recordable: ClassVar[bool] = False

    @classmethod
    def of(cls, task: Task) -> Term | None:
        """The term for one training; None where it has no part in it."""
        return cls()

    @abstractmethod
    def weight(self, step: Step) -> float:
        """What the term is multiplied by in a step, from 0; a term of weight 0 is not computed."""

    @abstractmethod
    def __call__(self, view: View) -> Tensor:
        """The loss of each face, (N,); differentiable."""

    def shown(self, view: View, values: Tensor) -> Tensor:
        """What a person wants to see of a step, a scalar; here the mean loss.

        Args:
            view: what the term saw.
            values: what it gave, (N,).
        """
        return values.mean()


class ClipTerm(Term):
    """How little CLIP finds the edited pictures to be what the prompt says; shows their mean cosine."""

    name = "clip"
    recordable = True

    def __init__(self, task: Task) -> None:
        config = task.config
        self.clip, self.texts = task.clip, task.captions
        self.scale = config.clip_weight
        self.temperatures = [task.temperature(config.clip_temperature) * scale for scale in task.clip.scales]
        self.kind = config.clip_loss
        self.needs = ("embedding_before",) if self.kind == "directional" else ()  # type: ignore[misc]
        self.each = list(zip(*map(task.clip.split, self.texts), strict=True))  # of each CLIP its own of each statement
        self.neutral = task.clip.split(task.neutral)

    @classmethod
    def of(cls, task: Task) -> ClipTerm:
        return cls(task)

    def weight(self, step: Step) -> float:
        return self.scale

    def __call__(self, view: View) -> Tensor:
        after = self.clip.split(view.embedding)
        before = self.clip.split(view.embedding_before) if self.kind == "directional" else after
        return _averaged([self._of(index, *seen) for index, seen in enumerate(zip(before, after, strict=True))])

    def _of(self, index: int, before: Tensor, after: Tensor) -> Tensor:
        """What one of the CLIPs loses of each face, (N,)."""
        texts, *more = self.each[index]
        if self.kind == "directional":
            return directional_loss(before, after, self.neutral[index], texts[0])
        if self.kind == "similarity":
            return similarity_loss(after, texts[0])
        temperature = self.temperatures[index]
        loss = contrast_loss(after, texts, temperature=temperature)
        for texts in more:
            loss = loss + contrast_loss(after, texts, temperature=temperature)
        return loss

    def shown(self, view: View, values: Tensor) -> Tensor:
        seen = view.embedding.detach()
        return torch.stack([seen.mv(texts[0]).mean() for texts in self.texts]).mean()


class PreservationTerm(Term):
    """How far CLIP's verdict moves on what the prompt does not speak of."""

    name = "preservation"
    needs = ("embedding_before",)
    recordable = True

    def __init__(self, task: Task, captions: Sequence[Tensor]) -> None:
        self.clip, self.scale = task.clip, task.config.keep_weight
        self.temperatures = [task.temperature(task.config.keep_temperature) * scale for scale in task.clip.scales]
        self.captions = list(captions)
        self.fine = row_groups(task.generator.num_ws)["fine"][0]
        on_gpu = task.generator.device.type == "cuda"  # where many small operations are slow
        self._each = list(zip(*map(task.clip.split, self.captions), strict=True))  # of each CLIP its own captions
        self._padded = [pad_captions(captions) for captions in self._each] if on_gpu else None

    @classmethod
    def of(cls, task: Task) -> PreservationTerm | None:
        captions = task.bystanders if task.config.keep_weight and task.local else []
        return cls(task, captions) if captions else None

    def weight(self, step: Step) -> float:
        """None at first, so that what is named can come about at all.

        Half a hat changes what CLIP says of the hair; half a colour harms nobody, so that edits which begin at the fine
        rows have all of it at once. So has a trial of rows, since those that cannot leave the rest alone are not the
        right ones.
        """
        if step.trial or step.row >= self.fine:
            return self.scale
        low, high = _KEEP_FROM
        return self.scale * min(max((step.number / step.steps - low) / (high - low), 0.0), 1.0)

    def __call__(self, view: View) -> Tensor:
        seen = zip(*map(self.clip.split, (view.embedding_before, view.embedding)), strict=True)
        return _averaged([self._of(index, *two) for index, two in enumerate(seen)])

    def _of(self, index: int, before: Tensor, after: Tensor) -> Tensor:
        """What one of the CLIPs says of each face, (N,)."""
        temperature = self.temperatures[index]
        if self._padded is None:
            return preservation_loss(before, after, self._each[index], temperature=temperature)
        return padded_preservation_loss(before, after, *self._padded[index], temperature=temperature)


class LocalityTerm(Term):
    """How much of the change falls outside the region; shows the localization score in the picture."""

    name = "locality"
    needs = ("mask",)
    recordable = True

    def __init__(self, task: Task) -> None:
        config = task.config
        self.scale = config.locality_weight * config.locality_scale
        self.kind, self.difference = config.locality_loss, config.difference

    @classmethod
    def of(cls, task: Task) -> LocalityTerm | None:
        return cls(task) if task.local else None

    def weight(self, step: Step) -> float:
        return self.scale

    def __call__(self, view: View) -> Tensor:
        return mean_locality_loss(*view.places, view.mask, loss=self.kind, difference=self.difference)

    def shown(self, view: View, values: Tensor) -> Tensor:
        with torch.no_grad():
            return localization_score(view.batch.image, view.image, view.mask).mean()


class FidelityTerm(Term):
    """How far the edit strays, inside the region, from the one that the faces themselves told."""

    name = "fidelity"
    needs = ("mask", "anchor")
    recordable = True

    def __init__(self, task: Task) -> None:
        self.scale = task.config.fidelity_weight

    @classmethod
    def of(cls, task: Task) -> FidelityTerm | None:
        told = task.config.start in ("faces", "atlas") and task.local
        return cls(task) if told and task.config.fidelity_weight else None

    def weight(self, step: Step) -> float:
        return 0.0 if step.trial else self.scale

    def __call__(self, view: View) -> Tensor:
        return fidelity_loss(view.batch.image, view.image, view.anchor_image, view.mask)


class FenceTerm(Term):
    """How far edited latents are from the data, beyond ordinary faces."""

    name = "fence"
    recordable = True

    def __init__(self, task: Task) -> None:
        self.scale = task.config.fence_weight

    @classmethod
    def of(cls, task: Task) -> FenceTerm | None:
        return cls(task) if task.config.fence_weight else None

    def weight(self, step: Step) -> float:
        return self.scale

    def __call__(self, view: View) -> Tensor:
        return hinge(view.space.distance(view.latent, view.task.statistics)).flatten(1).mean(dim=1)


class CorrelationTerm(Term):
    """How alike several directions are that are learned at once."""

    name = "correlation"
    recordable = True

    def __init__(self, task: Task) -> None:
        self.scale = task.config.correlation_weight

    @classmethod
    def of(cls, task: Task) -> CorrelationTerm | None:
        return cls(task) if task.config.directions > 1 and task.config.correlation_weight else None

    def weight(self, step: Step) -> float:
        return self.scale

    def __call__(self, view: View) -> Tensor:
        return correlation_penalties(view.deltas)[view.index].expand(len(view.batch))


class Loss:
    """The loss of one training: its terms, weighed and added up; and the batches that they need.

    Args:
        task: the training; its config says which terms.
    Raises:
        InputError: a term of the config is unknown, or two have one name.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.anchor: Tensor | None = None  # the delta that the descent begins with
        made = [_made(one, task) for one in task.config.loss]
        self.terms: tuple[Term, ...] = tuple(term for term in made if term is not None)
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise InputError(f"two terms of the loss have one name: {', '.join(names)}")
        looking = [term for term in self.terms if "embedding_before" in term.needs]
        self.batches = Batches(
            task,
            masked=any("mask" in term.needs for term in self.terms),
            looked_at=(lambda step: any(term.weight(step) for term in looking)) if looking else None,
            recordable=all(term.recordable for term in self.terms),
        )

    def weights(self, step: Step) -> Tensor:
        """The weight of each term in a step, (T,), on the CPU."""
        weights = [float(term.weight(step)) if self._has_part(term) else 0.0 for term in self.terms]
        return torch.tensor(weights, dtype=torch.float32)

    def _has_part(self, term: Term) -> bool:
        return self.anchor is not None or "anchor" not in term.needs

    def __call__(
        self, batch: Batch, space: Space, deltas: Tensor, weights: Tensor, *, every: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The loss of some deltas on a batch, averaged over the directions.

        Args:
            batch: the faces.
            space: where the deltas live.
            deltas: (K, *space.shape).
            weights: from `weights`.
            every: compute terms of weight 0 as well, so that no weight is asked for: in what is recorded.
        Returns:
            The loss, differentiable; and what each term shows, without gradient, (T,), nan where it was not computed.
        """
        here = [self._has_part(term) for term in self.terms]
        on = here if every else [weight != 0 for weight in weights.tolist()]
        weights = weights.to(batch.image.device)
        each = [
            self._one(View(self.task, batch, space, deltas, index, self.anchor), weights, on)
            for index in range(len(deltas))
        ]
        losses, shown = zip(*each, strict=True)
        return torch.stack(losses).mean(), torch.stack(shown).mean(dim=0)

    def _one(self, view: View, weights: Tensor, on: Sequence[bool]) -> tuple[Tensor, Tensor]:
        loss = 0 * view.deltas.sum() if not any(on) else None
        told = []
        for term, weight, wanted in zip(self.terms, weights, on, strict=True):
            if not wanted:
                told.append(weight.new_full((), torch.nan))
                continue
            values = term(view)
            weighed = weight * values.mean()
            loss = weighed if loss is None else loss + weighed
            told.append(term.shown(view, values).detach().to(weight))
        assert loss is not None
        return loss, torch.stack(told) if told else weights.new_zeros(0)


def _averaged(losses: Sequence[Tensor]) -> Tensor:
    """The mean over the CLIPs of what each lost of each face, (N,)."""
    return losses[0] if len(losses) == 1 else torch.stack(list(losses)).mean(dim=0)


def _made(term: str | Term | type[Term], task: Task) -> Term | None:
    """A term of the config for one training."""
    kind: type[Term] | Term = TERMS[term] if isinstance(term, str) else term
    return kind.of(task) if isinstance(kind, type) else kind
