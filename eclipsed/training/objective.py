"""What a training step looks at: a batch of faces before the edit, the same after it, and the loss between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from eclipsed.compute.devices import send
from eclipsed.compute.graphs import Recorder
from eclipsed.compute.precision import compute_dtype
from eclipsed.errors import InputError
from eclipsed.images.change import localization_score
from eclipsed.images.masks import grow_mask, mix_masks
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import row_groups
from eclipsed.latents.space import Space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.augment import Jitter
from eclipsed.training.batch import Batch, Before
from eclipsed.training.config import TrainConfig
from eclipsed.training.losses import (
    bystander_loss,
    bystander_loss_at_once,
    contrast_loss,
    correlation_penalty,
    directional_loss,
    filled_up,
    hinge,
    mean_locality_loss,
    similarity_loss,
)
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["Batch", "Objective", "Terms", "step_rng"]

_CHUNK = 8  # faces rendered at once where no gradient is needed
_KEEP_FROM = (0.2, 0.5)  # of the steps: where the bystander loss begins, and where it has its full weight
_KEPT = 64  # training faces up to which each is drawn once and kept


@dataclass(frozen=True)
class Terms:
    """The loss of a step and what a person wants to see of it.

    Args:
        loss: scalar, differentiable.
        clip: mean cosine of edited image and prompt.
        locality: mean localization score in the picture; nan when locality is off.
    """

    loss: Tensor
    clip: float
    locality: float

    @classmethod
    def unknown(cls) -> Terms:
        """Before the first step."""
        return cls(torch.tensor(float("nan")), float("nan"), float("nan"))


def step_rng(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """Random numbers of one step, the same whether or not the steps before it were run in this process."""
    state = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 ^ int(state[1]))


class Objective:
    """The loss of one training, for any delta.

    Args:
        generator: frozen.
        parser: frozen.
        clip: frozen.
        prompt: what the edited face shall look like.
        region: the parts that may change.
        config: every option.
        latents: faces to train on; None takes those of the config.
        truncation_psi: of faces made from seeds, when the config does not say.
    Raises:
        InputError: a score layer is unknown, or none is left at the resolution.
    """

    def __init__(
        self,
        generator: Generator,
        parser: Parser,
        clip: Clip,
        *,
        prompt: str,
        region: Region,
        config: TrainConfig,
        latents: Latent | None = None,
        truncation_psi: float = 1.0,
    ) -> None:
        self.generator, self.parser, self.clip = generator, parser, clip
        self.prompt, self.region, self.config = prompt, region, config
        self.truncation_psi = truncation_psi if config.truncation_psi is None else config.truncation_psi
        self.local = config.locality_weight * config.locality_scale > 0 and region.warning is None
        self.resolution = _resolution(generator, clip, config)
        self.features, self.with_image = _places(generator, config, self.resolution)
        self.faces = latents
        if latents is None and config.seeds is not None:
            self.faces = Latent.of_seeds(generator, config.seeds, truncation_psi=self.truncation_psi)
        reading = read(prompt, world=parser.world)
        with torch.no_grad():
            self.texts = clip.encode_text((prompt, *_known(clip, reading.contrasts or (config.neutral_prompt,))))
            self.neutral = clip.encode_text((config.neutral_prompt,))[0]
            others = reading.bystanders if config.keep_weight and self.local else ()
            known = [captions for captions in others if not any(map(clip.unknown_words, captions))]
            self.bystanders = [clip.encode_text(captions) for captions in known]
        on_gpu = self.bystanders and generator.device.type == "cuda"  # where many small operations are slow
        self._together = filled_up(self.bystanders) if on_gpu else None
        self._inside = _tables(region, config, parser)
        self.recorder = Recorder(generator.device, after=1)  # every shape is going to come again
        self.spread = WStatistics.of_generator(generator, share=config.components or 0.985)
        self.dtype = compute_dtype(config.precision, generator.device)
        self.options = SynthesisOptions(
            resolution=self.resolution, features=self.features, dtype=self.dtype, checkpointing=config.low_memory
        )
        self._kept: dict[tuple[int, int], Before] = {}
        self._recent: tuple[object, list[Batch]] = (None, [])

    @property
    def recordable(self) -> bool:
        """Whether CUDA graphs take the place of Python in the steps of a training."""
        parsed = self.parser.recordable or not self.local
        return self.recorder.active and parsed and self.clip.recordable and not self.config.low_memory

    def batch(self, step: int, *, stream: int = 0, row: int = 0) -> Batch:
        """The faces of a step in one piece; see `batches`."""
        (batch,) = self._batches(step, stream, row, self.config.batch)
        return batch

    def batches(self, step: int, *, stream: int = 0, row: int = 0) -> Iterator[Batch]:
        """The faces of a step, which depend on nothing but the config's seed, the step and the stream.

        Args:
            step: counted from 0.
            stream: of random numbers.
            row: the first row of ws that the edit may change; what is drawn before it is drawn once.
        Yields:
            All faces at once; with ``low_memory`` one after the other.
        """
        size = 1 if self.config.low_memory else self.config.batch
        first = step - step % self.config.reuse
        if self.config.reuse == 1:
            yield from self._batches(step, stream, row, size)
            return
        if self._recent[0] != (first, stream, row):
            self._recent = (first, stream, row), list(self._batches(first, stream, row, size))
        if step == first:
            yield from self._recent[1]
            return
        rng, keep = step_rng(self.config.seed, step, stream), self._keep(step, stream, row)
        for batch in self._recent[1]:
            yield replace(batch, alpha=self._strengths(batch.latent, rng), keep=keep)

    def _batches(self, step: int, stream: int, row: int, size: int) -> Iterator[Batch]:
        rng = step_rng(self.config.seed, step, stream)
        latent, indices = self._draw(rng)
        alpha = self._strengths(latent, rng)
        jitter = Jitter(len(latent), rng) if self.config.augment else None
        for start in range(0, len(latent), size):
            part = slice(start, start + size)
            before = self._before(latent[part], indices[part] if indices else [], row)
            shaken = None if jitter is None else jitter[part]
            embedding, keep = None, self._keep(step, stream, row)
            # One graph for all steps is recorded sooner than two, for those with the bystander loss and without.
            soon = self._keep(step + self.config.reuse - 1, stream, row) or (self.bystanders and self.recordable)
            if self.config.clip_loss == "directional" or soon:
                embedding = self._seen_before(before.image, shaken)
            yield Batch(
                latent[part],
                alpha[part],
                before.image,
                self._measured(before.image, before.features),
                before.mask,
                before.protected,
                shaken,
                embedding,
                before.begun,
                keep,
            )

    def _strengths(self, latent: Latent, rng: torch.Generator) -> Tensor:
        low, high = self.config.alpha
        drawn = low + (high - low) * torch.rand(len(latent), generator=rng)
        return send(drawn, latent.ws.device, latent.ws.dtype)

    def _keep(self, step: int, stream: int, row: int) -> float:
        """Weight of the bystander loss: none at first, so that what is named can come about at all.

        Half a hat changes what CLIP says of the hair; half a colour harms nobody, so that edits which begin at the fine
        rows have all of it at once. So has a trial of rows, since those that cannot leave the rest alone are not the
        right ones.
        """
        if not self.bystanders:
            return 0.0
        if stream or row >= row_groups(self.generator.num_ws)["fine"][0]:
            return self.config.keep_weight
        low, high = _KEEP_FROM
        return self.config.keep_weight * min(max((step / self.config.steps - low) / (high - low), 0.0), 1.0)

    def _before(self, latent: Latent, indices: list[int], row: int) -> Before:
        """Faces before the edit; those that come again and again are drawn and parsed once."""
        if not indices or len(self.faces or ()) > _KEPT:
            return self._drawn(latent, row)
        for place, index in enumerate(indices):
            if (index, row) not in self._kept:
                self._kept[index, row] = self._drawn(latent[place : place + 1], row)
        return Before.cat([self._kept[index, row] for index in indices])

    @torch.no_grad()
    def _drawn(self, latent: Latent, row: int) -> Before:
        given = replace(latent, z=None)
        if not self.recordable:
            return self._before_edit(given, row)
        return self.recorder(("before", row), lambda latent: self._before_edit(latent, row), given)

    @torch.no_grad()
    def _seen_before(self, image: Tensor, jitter: Jitter | None) -> Tensor:
        if not self.recordable:
            return self._look(image, jitter)
        return self.recorder("look", self._look, image, jitter)

    def _before_edit(self, latent: Latent, row: int) -> Before:
        begun = latent.prefix(self.generator, row, self.options) if row else None
        drawn = latent.render(self.generator, self.options, prefix=begun)
        mask, protected = self.masks(drawn.image) if self.local else (None, None)
        return Before(drawn.image, drawn.features, mask, protected, begun)

    def terms(self, batch: Batch, space: Space, deltas: Tensor) -> Terms:
        """The loss of some deltas on a batch, averaged over the directions.

        Args:
            batch: from `batch`.
            space: where the deltas live.
            deltas: (K, *space.shape).
        """
        loss, seen = self.losses(batch, space, deltas)
        return Terms(loss, *seen.tolist())

    def losses(self, batch: Batch, space: Space, deltas: Tensor) -> tuple[Tensor, Tensor]:
        """The same without asking the device for a number; see `terms`.

        Returns:
            The loss, and what a person wants to see of it, without gradient: cosine and localization score, (2,).
        """
        each = [self._one(batch, space, delta) for delta in deltas]
        loss = torch.stack([loss for loss, _ in each]).mean()
        if len(each) > 1:
            loss = loss + self.config.correlation_weight * correlation_penalty(deltas)
        return loss, torch.stack([seen for _, seen in each]).mean(dim=0)

    def masks(self, images: Tensor, *, exact: bool = False) -> tuple[Tensor, Tensor]:
        """The region and the protected parts in some images, each (N, 1, H, W), without gradient.

        Args:
            images: (N, 3, H, W), range [-1, 1].
            exact: let the parser compute in float32.
        """
        labels = self.parser.labels(images.detach(), dtype=None if exact else self.dtype)[:, None]
        region, kept = (table.to(images)[labels.to(images.device)] for table in self._inside)
        return region, kept

    def render(self, latent: Latent, *, exact: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """Pictures of many faces, a few at a time and without gradient; exact ones are computed in float32."""
        for start in range(0, len(latent), _CHUNK):
            part = slice(start, start + _CHUNK)
            with torch.no_grad():  # closed before the yield, for a suspended one would stay in force outside
                options = SynthesisOptions(resolution=self.resolution, dtype=None if exact else self.dtype)
                images = latent[part].render(self.generator, options).image
            yield part, images

    def _draw(self, rng: torch.Generator) -> tuple[Latent, list[int]]:
        """Faces, and their places among those of the config; no places for new ones."""
        count = self.config.batch
        if self.faces is None:
            seeds = torch.randint(TRAINING_SEEDS.start, TRAINING_SEEDS.stop, (count,), generator=rng).tolist()
            return Latent.of_seeds(self.generator, seeds, truncation_psi=self.truncation_psi), []
        order = torch.randperm(len(self.faces), generator=rng).tolist()
        indices = [order[i % len(order)] for i in range(count)]
        return self.faces[indices], indices

    def _one(self, batch: Batch, space: Space, delta: Tensor) -> tuple[Tensor, Tensor]:
        config = self.config
        moved = space.move(batch.latent, delta, batch.alpha)
        drawn = moved.render(self.generator, self.options, prefix=batch.begun)
        image, features = drawn.image, drawn.features
        # The parser goes first: what it needs is gone again when CLIP's activations come to stay for the gradient.
        mask = None if batch.mask is None else self.joined(batch, image)
        seen = self._look(image, batch.jitter)
        loss = config.clip_weight * self._clip_loss(batch, seen)
        if isinstance(batch.keep, Tensor) or batch.keep:
            assert batch.embedding is not None
            loss = loss + batch.keep * self._bystander_loss(batch.embedding, seen).mean()
        cosine = seen.detach().mv(self.texts[0]).mean()
        locality = torch.full_like(cosine, torch.nan)
        if mask is not None:
            after = self._measured(image, features)
            each = mean_locality_loss(
                batch.places, after, mask, loss=config.locality_loss, difference=config.difference
            )
            loss = loss + config.locality_weight * config.locality_scale * each.mean()
            with torch.no_grad():
                locality = localization_score(batch.image, image, mask).mean()
        if config.fence_weight:
            loss = loss + config.fence_weight * hinge(space.distance(moved, self.spread)).mean()
        return loss, torch.stack([cosine, locality.to(cosine)])

    def joined(self, batch: Batch, image: Tensor) -> Tensor:
        """The mask of an edit: the region before and after it, mixed and grown, without what is protected before or
        after it; for the background its inverse.
        """
        assert batch.mask is not None
        assert batch.protected is not None
        region, protected = self.masks(image)
        mask = grow_mask(mix_masks(batch.mask, region, self.config.mask), self.config.mask_grow)
        if self.config.where == "background":
            return 1 - mask
        return mask * (1 - torch.maximum(batch.protected, protected))

    def _bystander_loss(self, before: Tensor, after: Tensor) -> Tensor:
        scale = self.config.keep_temperature
        if self._together is None:
            return bystander_loss(before, after, self.bystanders, temperature=scale)
        return bystander_loss_at_once(before, after, *self._together, temperature=scale)

    def _clip_loss(self, batch: Batch, seen: Tensor) -> Tensor:
        if self.config.clip_loss == "directional":
            assert batch.embedding is not None
            return directional_loss(batch.embedding, seen, self.neutral, self.texts[0]).mean()
        if self.config.clip_loss == "contrast":
            return contrast_loss(seen, self.texts, temperature=self.config.clip_temperature).mean()
        return similarity_loss(seen, self.texts[0]).mean()

    def _look(self, images: Tensor, jitter: Jitter | None) -> Tensor:
        return self.clip.encode_images(images if jitter is None else jitter(images), dtype=self.dtype)

    def _measured(self, image: Tensor, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        places = {name: values.float() for name, values in features.items()}
        return {**places, "image": image} if self.with_image else places


def _tables(region: Region, config: TrainConfig, parser: Parser) -> Tensor:
    """For each label whether it is inside the region, and whether it is protected, (2, labels)."""
    protected = [name for name in config.protect if name not in region.parts]
    rows = [[float(name in names) for name in parser.parts] for names in (region.parts, protected)]
    return torch.tensor(rows, device=parser.device)


def _known(clip: Clip, captions: tuple[str, ...]) -> tuple[str, ...]:
    """The captions whose every word CLIP was shown; all of them when fewer than two are left."""
    known = tuple(caption for caption in captions if not clip.unknown_words(caption))
    return known if len(known) > 1 else captions


def _resolution(generator: Generator, clip: Clip, config: TrainConfig) -> int:
    """The config's, or the power of two that covers what CLIP looks at, as far as there are pixels.

    The parser enlarges what is smaller than it wants; its labels need no more detail than CLIP, which judges the edit.
    """
    if config.resolution is not None:
        if config.resolution > generator.resolution:
            raise InputError(
                f"the generator has {generator.resolution} pixels a side; got resolution {config.resolution}"
            )
        return config.resolution
    return min(generator.resolution, 1 << (clip.size - 1).bit_length())


def _places(generator: Generator, config: TrainConfig, resolution: int) -> tuple[tuple[str, ...], bool]:
    """Feature layers at which change is measured, and whether it is measured in the picture too."""
    if config.score_layers == "image":
        return (), True
    there = tuple(layer.name for layer in generator.layers if not layer.is_rgb and layer.resolution <= resolution)
    if config.score_layers == "all":
        return there, False
    for name in config.score_layers:
        if name != "image" and name not in there:
            raise InputError(f"unknown score layer {name!r} at {resolution} px; known: image, {', '.join(there)}")
    return tuple(name for name in there if name in config.score_layers), "image" in config.score_layers
