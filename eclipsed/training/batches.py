"""The faces of every step before the edit, and all that is worked out of them once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.compute.devices import send
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.training.augment import Jitter
from eclipsed.training.task import Task
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["Batch", "Batches", "Step", "step_rng"]

_TRIAL = 2  # stream of random numbers, beside that of the training itself
_KEPT = 64  # training faces up to which each is drawn once and kept


def step_rng(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """Random numbers of one step, the same whether or not the steps before it were run in this process."""
    state = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 ^ int(state[1]))


@dataclass(frozen=True)
class Step:
    """Which step of a training this is.

    Args:
        number: counted from 0.
        steps: of the training, or of the trial.
        row: the first row of ws that the edit may change.
        trial: it is one of the short trial that finds the rows of an edit.
    """

    number: int
    steps: int
    row: int = 0
    trial: bool = False


@dataclass(frozen=True)
class Unedited:
    """Some faces as they are before the edit; see `Batch`."""

    image: Tensor
    features: Mapping[str, Tensor]
    regions: Tensor | None
    prefix: SynthesisPrefix | None

    @classmethod
    def cat(cls, faces: Sequence[Unedited]) -> Unedited:
        """Several after one another."""
        prefixes = [face.prefix for face in faces if face.prefix is not None]
        regions = [face.regions for face in faces if face.regions is not None]
        return cls(
            torch.cat([face.image for face in faces]),
            {name: torch.cat([face.features[name] for face in faces]) for name in faces[0].features},
            torch.cat(regions) if regions else None,
            SynthesisPrefix.cat(prefixes) if prefixes else None,
        )


@dataclass(frozen=True)
class Begun:
    """Some faces as the delta edits them that a descent begins with.

    Args:
        image: (N, 3, H, W).
        regions: as those of `Batch`, in these pictures; None when no term asks for a mask, or it was painted.
    """

    image: Tensor
    regions: Tensor | None


@dataclass(frozen=True)
class Batch:
    """The faces of one step before the edit.

    Args:
        latent: N faces.
        alpha: their strengths, (N,).
        image: (N, 3, H, W).
        features: where change is measured beside the picture: name -> (N, C, h, w).
        regions: the region and the protected parts, (N, 2, H, W); None when no term asks for a mask.
        jitter: what happens to pictures before CLIP sees them; None for nothing.
        embedding: CLIP's view of `image`, (N, D); None when no term asks for it.
        prefix: what is drawn alike before and after the edit; None when the edit may change the first row.
        begun: what the descent's first delta makes of them, where that is drawn once for all steps of these faces.
    """

    latent: Latent
    alpha: Tensor
    image: Tensor
    features: Mapping[str, Tensor]
    regions: Tensor | None
    jitter: Jitter | None
    embedding: Tensor | None = None
    prefix: SynthesisPrefix | None = None
    begun: Begun | None = None

    def __len__(self) -> int:
        return len(self.latent)


class Batches:
    """The faces of a training, which depend on nothing but the config's seed and the step.

    Args:
        task: the training.
        masked: whether a mask is wanted, and so the regions of each face.
        looked_at: whether CLIP's view of the faces of a step before the edit is wanted in that step; None is never.
        recordable: whether all that is done with the batches can be recorded as a CUDA graph.
    """

    def __init__(
        self, task: Task, *, masked: bool, looked_at: Callable[[Step], bool] | None = None, recordable: bool = False
    ) -> None:
        self.task, self.masked, self._looked_at = task, masked, looked_at
        networks = task.clip.recordable and (not masked or not task.parses or task.parser.recordable)
        possible = task.recorder.active and not task.config.low_memory
        self._recordable = recordable and networks and possible
        self._kept: dict[tuple[int, int], Unedited] = {}
        self._recent: tuple[object, list[Batch]] = (None, [])
        self._start: tuple[Space, Tensor] | None = None

    def begin_with(self, space: Space, delta: Tensor) -> None:
        """Draw the faces of each step as a delta edits them, too, and let them keep their strengths in all their steps.

        Args:
            space: where the delta lives.
            delta: that the descent begins with, (*space.shape).
        """
        self._start, self._recent = (space, delta), (None, [])

    @property
    def recordable(self) -> bool:
        """Whether CUDA graphs take the place of Python in the steps of a training."""
        return self._recordable and self.task.recorder.active  # which stops where something cannot be recorded

    def whole(self, step: Step) -> Batch:
        """The faces of a step in one piece, also with ``low_memory``."""
        (batch,) = self._drawn_anew(step, self.task.config.batch)
        return batch

    @torch.no_grad()
    def faces(self, step: Step) -> tuple[Latent, Tensor]:
        """The faces of a step and their pictures alone, neither parsed nor looked at, (N, 3, H, W)."""
        generator, options = self.task.generator, self.task.options
        latent, indices = self._faces(self._rng(step))
        if indices:  # of those that come again and again the same pictures
            return latent, self._unedited(latent, indices, step.row).image
        plain = replace(latent, z=None)
        image: Tensor = self._called("faces", lambda faces: faces.render(generator, options).image, plain)
        return latent, image

    def of(self, step: Step) -> Iterator[Batch]:
        """The faces of a step.

        Args:
            step: which one; what is drawn before the first row that it may change is drawn once.
        Yields:
            All faces at once; with ``low_memory`` one after the other.
        """
        config = self.task.config
        size = 1 if config.low_memory else config.batch
        if config.reuse == 1:
            yield from self._drawn_anew(step, size)
            return
        first = replace(step, number=step.number - step.number % config.reuse)
        if self._recent[0] != first:
            self._recent = first, list(self._drawn_anew(first, size))
        if step == first or self._start is not None:
            yield from self._recent[1]
            return
        rng = self._rng(step)
        for batch in self._recent[1]:
            yield replace(batch, alpha=self._strengths(batch.latent, rng))

    def _drawn_anew(self, step: Step, size: int) -> Iterator[Batch]:
        task, rng = self.task, self._rng(step)
        latent, indices = self._faces(rng)
        alpha = self._strengths(latent, rng)
        jitter = Jitter(len(latent), rng, device=alpha.device) if task.config.augment else None
        looked_at = self._is_looked_at(step)
        for start in range(0, len(latent), size):
            part = slice(start, start + size)
            faces = self._unedited(latent[part], indices[part], step.row)
            shaken = None if jitter is None else jitter[part]
            batch = Batch(
                latent[part],
                alpha[part],
                faces.image,
                task.measured(faces.features),
                task.regions_of(indices[part]) if self.masked and task.masks is not None else faces.regions,
                shaken,
                self._embedding(faces.image, shaken) if looked_at else None,
                faces.prefix,
            )
            yield batch if self._start is None else replace(batch, begun=self._begun(batch))

    def _is_looked_at(self, step: Step) -> bool:
        """Whether CLIP's view before the edit is wanted in this step, or in those that see the same faces again.

        One graph for all steps is recorded sooner than two, for those that want it and those that do not.
        """
        if self._looked_at is None:
            return False
        last = replace(step, number=step.number + self.task.config.reuse - 1)
        return self.recordable or self._looked_at(step) or self._looked_at(last)

    def _rng(self, step: Step) -> torch.Generator:
        return step_rng(self.task.config.seed, step.number, _TRIAL if step.trial else 0)

    def _strengths(self, latent: Latent, rng: torch.Generator) -> Tensor:
        low, high = self.task.config.alpha
        drawn = low + (high - low) * torch.rand(len(latent), generator=rng)
        return send(drawn, latent.ws.device, latent.ws.dtype)

    def _faces(self, rng: torch.Generator) -> tuple[Latent, list[int]]:
        """Faces, and their places among those of the config; no places for new ones."""
        task, count = self.task, self.task.config.batch
        if task.faces is None:
            seeds = torch.randint(TRAINING_SEEDS.start, TRAINING_SEEDS.stop, (count,), generator=rng).tolist()
            return Latent.of_seeds(task.generator, seeds, truncation_psi=task.truncation_psi), []
        order = torch.randperm(len(task.faces), generator=rng).tolist()
        indices = [order[i % len(order)] for i in range(count)]
        return task.faces[indices], indices

    def _unedited(self, latent: Latent, indices: list[int], row: int) -> Unedited:
        """Faces before the edit; those that come again and again are drawn and parsed once."""
        if not indices or len(self.task.faces or ()) > _KEPT:
            return self._drawn(latent, row)
        for place, index in enumerate(indices):
            if (index, row) not in self._kept:
                self._kept[index, row] = self._drawn(latent[place : place + 1], row)
        return Unedited.cat([self._kept[index, row] for index in indices])

    @torch.no_grad()
    def _drawn(self, latent: Latent, row: int) -> Unedited:
        found: Unedited = self._called(("before", row), lambda latent: self._draw(latent, row), replace(latent, z=None))
        return found

    @torch.no_grad()
    def _embedding(self, image: Tensor, jitter: Jitter | None) -> Tensor:
        clip, dtype = self.task.clip, self.task.options.dtype
        embedding: Tensor = self._called(
            "look",
            lambda image, jitter: clip.encode_images(image if jitter is None else jitter(image), dtype=dtype),
            image,
            jitter,
        )
        return embedding

    @torch.no_grad()
    def _begun(self, batch: Batch) -> Begun:
        assert self._start is not None
        space, delta = self._start
        moved = space.move(batch.latent, delta, batch.alpha)
        begun: Begun = self._called("begun", self._draw_begun, replace(moved, z=None), batch.prefix)
        return begun

    def _draw_begun(self, moved: Latent, prefix: SynthesisPrefix | None) -> Begun:
        task = self.task
        drawn = moved.render(task.generator, task.options, prefix=prefix)
        return Begun(drawn.image, task.regions(drawn) if self.masked and task.masks is None else None)

    def _draw(self, latent: Latent, row: int) -> Unedited:
        task = self.task
        drawn = latent.render(task.generator, task.options, split=row or None)
        found = task.regions(drawn) if self.masked and task.masks is None else None
        return Unedited(drawn.image, {name: drawn.features[name] for name in task.places}, found, drawn.prefix)

    def _called(self, key: object, function: Any, *inputs: object) -> Any:
        """A call, by way of a CUDA graph where steps are recorded."""
        return self.task.recorder(key, function, *inputs) if self.recordable else function(*inputs)
