"""What a term of the loss sees of one step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.images.masks import edit_mask
from eclipsed.latents.space import Space
from eclipsed.networks.layers import Synthesis
from eclipsed.training.batches import Batch
from eclipsed.training.task import Task

__all__ = ["View"]


class View:
    """What a term sees of one step: N faces before and after the edit by one delta.

    Gradients flow to the delta from everything after the edit.

    Attributes:
        task: the training, with its networks.
        batch: the faces before the edit.
        space: where the deltas live.
        deltas: all directions that are learned, (K, *space.shape).
        index: which of them this edit is.
        latent: the moved latents.
        image: the edited pictures, (N, 3, H, W), about [-1, 1].
        features: activations at the layers where change is measured, name -> (N, C, h, w).
        anchor: the delta that the descent began with, (*space.shape); None where that is no edit yet.
    """

    def __init__(
        self, task: Task, batch: Batch, space: Space, deltas: Tensor, index: int, anchor: Tensor | None = None
    ) -> None:
        self.task, self.batch, self.space, self.deltas, self.index = task, batch, space, deltas, index
        self.anchor = anchor
        self.latent = space.move(batch.latent, deltas[index], batch.alpha)
        drawn = self.latent.render(task.generator, task.edit_options, prefix=batch.prefix)
        self.image = drawn.image
        self.features = task.measured(drawn.features)
        # The parser goes first: what it needs is gone again when CLIP's activations come to stay for the gradient.
        self._mask = None if batch.regions is None else self._allowed(batch.regions, drawn)

    @property
    def mask(self) -> Tensor:
        """Where the edit may act, (N, 1, H, W) in [0, 1], without gradient.

        Raises:
            InputError: no term says in its `needs` that it reads a mask.
        """
        if self._mask is None:
            raise InputError('a term that reads view.mask says so: needs = ("mask",)')
        return self._mask

    @cached_property
    def embedding(self) -> Tensor:
        """CLIP's view of the edited pictures, unit norm, (N, D)."""
        return self._look(self.image)

    @cached_property
    def embedding_before(self) -> Tensor:
        """CLIP's view of the same pictures before the edit, shaken alike, (N, D), without gradient."""
        if self.batch.embedding is not None:
            return self.batch.embedding
        with torch.no_grad():
            return self._look(self.batch.image)

    @cached_property
    def anchor_image(self) -> Tensor:
        """The pictures as the delta edits them that the descent began with, (N, 3, H, W), without gradient."""
        if self.anchor is None:
            raise InputError('only a descent that starts from "faces" has an anchor')
        if self.batch.begun is not None:
            return self.batch.begun.image
        with torch.no_grad():
            moved = self.space.move(self.batch.latent, self.anchor, self.batch.alpha)
            return moved.render(self.task.generator, self.task.options, prefix=self.batch.prefix).image

    @property
    def places(self) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        """Where change is measured, before and after the edit: ``"image"`` or a layer's name -> (N, C, h, w)."""
        if not self.task.with_image:
            return self.batch.features, self.features
        return {**self.batch.features, "image": self.batch.image}, {**self.features, "image": self.image}

    def _allowed(self, before: Tensor, drawn: Synthesis) -> Tensor:
        config = self.task.config
        begun = self.batch.begun
        if self.task.masks is not None:
            after = before  # what was painted stays
        else:
            after = self.task.regions(drawn) if begun is None or begun.regions is None else begun.regions
        background = config.where == "background"
        return edit_mask(before, after, how=config.mask, grown=config.mask_grow, background=background)

    def _look(self, images: Tensor) -> Tensor:
        jitter, dtype = self.batch.jitter, self.task.options.dtype
        return self.task.clip.encode_images(images if jitter is None else jitter(images), dtype=dtype)
