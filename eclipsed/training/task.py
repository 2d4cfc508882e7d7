"""What a training works on: the networks, what the sentence says, and every option resolved for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from eclipsed.compute.graphs import Recorder
from eclipsed.compute.precision import compute_dtype
from eclipsed.directions.atlas import ATLAS_FACES
from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.margins import caption_texts
from eclipsed.directions.survey import Survey
from eclipsed.errors import InputError
from eclipsed.images.masks import check_count, painted
from eclipsed.latents.latent import Latent
from eclipsed.latents.spaces import make_space, register_space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import Reading
from eclipsed.prompts.region import Region
from eclipsed.training.config import TrainConfig
from eclipsed.training.reference import Reference
from eclipsed.training.resolving import in_the_world, places_of, read_layers, resolution_of
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import SLOW_SURVEY_FACES, SMALL_PICTURE, SURVEY_FACES

__all__ = ["Task"]

_SOFTER = 0.543  # of CLIP's own scale: a softmax over captions that still has a gradient where CLIP is sure


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One training, ready to begin. Make one with `Task.of`.

    Args:
        generator: frozen.
        parser: frozen.
        clip: frozen.
        reading: what the prompt says.
        statements: what is learned: the statements of the prompt, or of what it removes, each said by itself.
        turned: whether what is learned has to be turned round.
        region: the parts that may change, or what was painted.
        config: every option; what was left to the world of the pictures is filled in.
        faces: to train on; None draws new ones.
        masks: what was painted on each of these faces; None where one region serves all.
        truncation_psi: of faces made from seeds.
        options: how the training pictures are drawn.
        places: layers in whose features change is measured; `options` may draw more, for painted parts.
        with_image: whether change is measured in the picture.
        statistics: of the generator's w.
        recorder: what records steps as CUDA graphs.
        reference: a picture that stands in place of the prompt; None where there is none.
    """

    generator: Generator
    parser: Parser
    clip: Clip
    reading: Reading
    statements: tuple[Reading, ...]
    turned: bool
    region: Region
    config: TrainConfig
    faces: Latent | None
    masks: Mask | None
    truncation_psi: float
    options: SynthesisOptions
    places: tuple[str, ...]
    with_image: bool
    statistics: WStatistics
    recorder: Recorder
    reference: Reference | None = None

    @classmethod
    def of(
        cls,
        reading: Reading,
        *,
        generator: Generator,
        parser: Parser,
        clip: Clip,
        region: Region,
        config: TrainConfig,
        latents: Latent | None = None,
        masks: Mask | None = None,
        truncation_psi: float = 1.0,
        reference: Reference | None = None,
    ) -> Task:
        """Resolve the options of a training.

        Args:
            reading: see `Task`.
            generator: see `Task`.
            parser: see `Task`.
            clip: see `Task`.
            region: see `Task`.
            config: every option.
            latents: faces to train on; None takes those of the config.
            masks: see `Task`.
            truncation_psi: of faces made from seeds, when the config does not say.
            reference: see `Task`.
        Raises:
            InputError: a score layer or a protected part is unknown, the resolution is beyond the generator's, or there
                are as many masks neither as one nor as faces.
        """
        config = in_the_world(config, parser)
        generator = generator if config.class_index is None else generator.of_class(config.class_index)
        if isinstance(config.space, type):
            register_space(config.space)  # the direction is going to name it
        psi = truncation_psi if config.truncation_psi is None else config.truncation_psi
        resolution = resolution_of(generator, clip, config)
        features, with_image = places_of(generator, config, resolution)
        dtype = compute_dtype(config.precision, generator.device)
        asked = () if region.mask is not None else (*region.parts, *(config.protect or ()))
        read = read_layers(generator, parser, asked, resolution)
        if latents is None and config.seeds is not None:
            latents = Latent.of_seeds(generator, config.seeds, truncation_psi=psi)
        if masks is not None:
            _check_masks(masks, latents)
        understood = config.clip_loss == "contrast"  # other losses are told the sentence as it is
        learned = reading.removes if understood and reading.removes is not None else reading
        return cls(
            generator=generator,
            parser=parser,
            clip=clip,
            reading=reading,
            statements=learned.statements if understood else (reading,),
            turned=learned is not reading,
            region=region,
            config=config,
            faces=latents,
            masks=masks,
            truncation_psi=psi,
            options=SynthesisOptions(
                resolution=resolution, features=tuple(dict.fromkeys((*features, *read))), dtype=dtype
            ),
            places=features,
            with_image=with_image,
            statistics=WStatistics.of_generator(generator, share=config.components),
            recorder=Recorder(generator.device, after=1),  # every shape is going to come again
            reference=reference,
        )

    @property
    def prompt(self) -> str:
        """What the edited face shall look like."""
        return self.reading.prompt

    @property
    def told(self) -> tuple[str, ...]:
        """The captions that CLIP is told, one of each statement."""
        return () if self.reference is not None else tuple(self.caption_texts(one)[0] for one in self.statements)

    @property
    def resolution(self) -> int:
        """Side of the training pictures, in pixels."""
        return self.options.resolution or self.generator.resolution

    @property
    def dtype(self) -> torch.dtype | None:
        """What the networks compute in."""
        return self.options.dtype

    @cached_property
    def edit_options(self) -> SynthesisOptions:
        """How the edited pictures are drawn, through which gradients flow."""
        return replace(self.options, checkpointing=self.config.low_memory)

    def measured(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Features as change is measured in them: in float32, and of the picture alone, as masks are."""
        layer = self.generator.layer
        return {name: layer(name).on_picture(features[name]).float() for name in self.places}

    @property
    def local(self) -> bool:
        """Whether the edit is held to its region: there is one, and the config asks for it."""
        return self.config.locality_weight * self.config.locality_scale > 0 and self.region.warning is None

    def temperature(self, given: float | None) -> float:
        """What cosines are multiplied by before a softmax over captions.

        Args:
            given: by the config; None is a share of CLIP's own scale.
        """
        return _SOFTER * self.clip.logit_scale if given is None else given

    @cached_property
    def captions(self) -> tuple[Tensor, ...]:
        """For each statement CLIP's embeddings of its caption and of captions that it does not mean, (1 + C, D)."""
        return tuple(map(self._captions, self.statements))

    @cached_property
    def asked(self) -> tuple[Tensor, ...]:
        """The same of the prompt itself, where it is the opposite of what is learned."""
        return tuple(map(self._captions, self.asked_statements)) if self.turned else self.captions

    @property
    def asked_statements(self) -> tuple[Reading, ...]:
        """The statements of the prompt itself, where it is the opposite of what is learned; else what is learned."""
        return self.reading.statements if self.turned else self.statements

    def alone(self) -> tuple[Task, ...]:
        """A task for each statement, held to the region of them all."""
        return (
            tuple(replace(self, statements=(one,)) for one in self.statements) if len(self.statements) > 1 else (self,)
        )

    @cached_property
    def change(self) -> Tensor | None:
        """The change of w with which the descent begins, (w_dim,); None where the config does not ask for one.

        That of several statements is the sum of theirs.
        """
        if not self.start_faces or self.config.start != "faces":
            return None
        survey = self.survey()
        kept = self.bystanders if self.config.keep_weight and self.local else ()
        changes = [survey.boundary(one, self.statistics, bystanders=kept) for one in self.captions]
        return torch.stack(changes).sum(dim=0)

    def survey(self, tell: Callable[[int], None] = lambda _: None) -> Survey:
        """What CLIP sees of many faces; looked at once for all sentences.

        Args:
            tell: called as they are looked at; see `Survey.of`.
        """
        drawn = SynthesisOptions(resolution=self.resolution, dtype=self.dtype)
        return Survey.of(self.generator, self.clip, options=drawn, count=self.start_faces, tell=tell)

    @property
    def start_faces(self) -> int:
        """How many faces CLIP looks at before the first step; 0 where no change of w can be written."""
        if self.config.start not in ("faces", "atlas") or not self._holds_w:
            return 0
        if self.config.start_faces is not None:
            return self.config.start_faces
        if self.config.start == "atlas":
            return ATLAS_FACES
        slow = self.generator.device.type == "cpu" and self.resolution > SMALL_PICTURE
        return SLOW_SURVEY_FACES if slow else SURVEY_FACES

    @cached_property
    def _holds_w(self) -> bool:
        """Whether a change of w can be written as a delta of the config's space."""
        space = make_space(self.config.space, self.generator, styles=self.config.styles)
        return space.of_w(torch.zeros(self.generator.w_dim, device=self.generator.device)) is not None

    def caption_texts(self, reading: Reading, clip: Clip | None = None) -> tuple[str, ...]:
        """The caption of a statement, and the captions that it does not mean, which CLIP knows the words of.

        Args:
            reading: of the statement.
            clip: that is told them; None is the one that trains.
        """
        told = self.clip if clip is None else clip
        neutral = self.config.neutral_prompt or self.parser.world.neutral
        caption = None if self.config.clip_loss == "contrast" else reading.prompt
        return caption_texts(told, reading, neutral=neutral, caption=caption)

    def _captions(self, reading: Reading) -> Tensor:
        if self.reference is not None:
            return self.reference.texts(self.clip)
        return self.clip.encode_text(self.caption_texts(reading))

    @cached_property
    def neutral(self) -> Tensor:
        """CLIP's embedding of the neutral prompt, or its mean vector of faces beside a picture, (D,)."""
        if self.reference is not None:
            return self.reference.texts(self.clip)[1]
        return self.clip.encode_text(self.config.neutral_prompt or self.parser.world.neutral)[0]

    @cached_property
    def bystanders(self) -> list[Tensor]:
        """CLIP's embeddings of the captions of each attribute that the prompt does not speak of, (T, D) each."""
        known = [one for one in self.reading.bystanders if not any(map(self.clip.unknown_words, one))]
        return [self.clip.encode_text(captions) for captions in known]

    def regions(self, drawn: Synthesis) -> Tensor:
        """The region and what is protected in some pictures, (N, 2, H, W); within a painted one nothing is protected.

        Args:
            drawn: pictures of the training's resolution, with the features of `options`.
        """
        images = drawn.image
        if self._painted is not None:
            return self._painted.to(images).expand(len(images), -1, -1, -1).clone()
        if not self.parser.reads(self._asked_of_parser):
            return self.parser.looked_up(images, self.tables, dtype=self.dtype)
        inside, protected = self.parser.looked_up(drawn, self.tables, dtype=self.dtype).unbind(dim=1)
        return torch.stack([inside, protected * (1 - inside)], dim=1)  # painted parts may lie over protected ones

    @property
    def _asked_of_parser(self) -> tuple[str, ...]:
        return (*self.region.parts, *(self.config.protect or ()))

    def regions_of(self, places: Sequence[int]) -> Tensor:
        """What was painted on some of the given faces, which have a mask each, as `regions` has it.

        Args:
            places: of the faces among those that were given.
        """
        assert self._painted is not None
        return self._painted[list(places)]

    @cached_property
    def _painted(self) -> Tensor | None:
        """What was painted, and that nothing is protected, (1, 2, H, W), or one for each face that was given."""
        mask = self.region.mask if self.masks is None else self.masks
        if mask is None:
            return None
        inside = painted(mask, self.statistics.mean.new_zeros(len(mask), 3, self.resolution, self.resolution))
        return torch.cat([inside, torch.zeros_like(inside)], dim=1)

    @property
    def parses(self) -> bool:
        """Whether regions are found by the parser."""
        return self.region.mask is None and self.masks is None

    @cached_property
    def tables(self) -> Tensor:
        """Of each of the parser's parts whether it is inside the region, and whether it is protected, (2, parts)."""
        inside = self.region.parts
        protected = [name for name in self.config.protect or () if name not in inside]
        rows = [[float(name in names) for name in self.parser.parts] for names in (inside, protected)]
        return torch.tensor(rows, device=self.generator.device)

    def held_out(self) -> HeldOut:
        """The faces that the direction is calibrated on, which training never saw."""
        return HeldOut(
            generator=self.generator,
            parser=self.parser,
            count=self.config.calibration_faces,
            seed=self.config.seed,
            avoid=self.config.seeds or (),
            truncation_psi=self.truncation_psi,
            resolution=self.options.resolution,
            dtype=self.dtype,
            share=self.config.components,
            given=self.faces if self.painted_for_faces else None,
        )

    @property
    def painted_for_faces(self) -> bool:
        """Whether the edit is one of the given faces: its region was painted on each, or there is only one of them."""
        alone = self.region.mask is not None and self.faces is not None and len(self.faces) == 1
        return alone or self.masks is not None


def _check_masks(masks: Mask, faces: Latent | None) -> None:
    if faces is None:
        raise InputError(
            f"a region is one mask for all faces; got {len(masks)} masks: give the faces that they were painted on as "
            "well (latents=...), or one mask"
        )
    check_count(masks, len(faces))
