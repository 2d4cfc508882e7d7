"""The file from which a stopped training goes on as if it had never stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.errors import EclipsedError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import TRAINING
from eclipsed.latents.direction import Direction
from eclipsed.latents.spaces import make_space
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId, Kinship
from eclipsed.prompts.region import Region
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import AdamState

__all__ = ["METHOD", "TrainingState"]

#: how a direction was made that was learned from a sentence, as its file says
METHOD = "trained"

_TENSORS = ("deltas", "first", "second")


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingState:
    """Where a training stands after some steps.

    Args:
        adam: steps done, deltas and Adam's moments.
        rows: rows of ws that were chosen.
        prompt: what it trains for.
        region: the parts it may change, or what was painted.
        config: its options.
        generator: fingerprint of the generator.
        generator_sketch: what its latents mean; "" in files from before it was kept.
        clip: name of the CLIP model.
        faces: digest of the faces that were given to it, or "" for those of the config.
        probe: what the trial of row groups found, group -> share of the saved loss.
        anchor: the delta that the faces told before the first step, (*space.shape); None where none did.
    """

    adam: AdamState
    rows: tuple[int, ...]
    prompt: str
    region: Region
    config: TrainConfig
    generator: str
    clip: str
    generator_sketch: str = ""
    faces: str = ""
    probe: Mapping[str, float] = field(default_factory=dict)
    anchor: Tensor | None = None

    @property
    def made_on(self) -> GeneratorId:
        """The generator that it trains on."""
        return GeneratorId(fingerprint=self.generator, sketch=self.generator_sketch)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the state as one safetensors file, in one go.

        Raises:
            OutputError: it cannot be written.
        """
        tensors = {name: getattr(self.adam, name) for name in _TENSORS}
        if self.anchor is not None:
            tensors["anchor"] = self.anchor
        data = {
            "step": self.adam.step,
            "rows": list(self.rows),
            "prompt": self.prompt,
            "region": self.region.to_json(),
            "config": self.config.to_json(),
            "generator": self.generator,
            "generator_sketch": self.generator_sketch,
            "clip": self.clip,
            "faces": self.faces,
            "probe": dict(self.probe),
        }
        return header.write(path, TRAINING, data, tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, like: TrainConfig | None = None) -> TrainingState:
        """Read what `save` wrote.

        Args:
            path: the file.
            like: the config that is asked for now; see `TrainConfig.from_json`.
        Raises:
            MissingModelError: there is no such file.
            InputError: it is not the state of a training, or is damaged.
        """
        data, tensors = header.read(path, TRAINING)
        try:
            config = TrainConfig.from_json(data["config"], like=like)
            state = cls(
                adam=_adam(int(data["step"]), tensors, config),
                rows=tuple(int(row) for row in data["rows"]),
                region=Region.from_json(data["region"]),
                config=config,
                anchor=_anchor(tensors),
                probe={str(name): float(share) for name, share in data["probe"].items()},
                generator_sketch=str(data.get("generator_sketch", "")),
                **{name: str(data[name]) for name in ("prompt", "generator", "clip", "faces")},
            )
            state.made_on  # noqa: B018, raises where the sketch is damaged
            return state
        except (EclipsedError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{os.fspath(path)} is not a saved training, or is damaged ({error})") from error

    def direction(self, generator: Generator) -> Direction:
        """What was learned so far: neither calibrated nor measured.

        Args:
            generator: that it is learned on.
        Raises:
            DirectionError: the generator is another one.
        """
        space = make_space(self.config.space, generator, layers=self.rows, styles=self.config.styles)
        learned = Direction(
            deltas=self.adam.deltas.detach().cpu(),
            prompt=self.prompt,
            region=self.region,
            space=space.name,
            layers=space.rows,
            styles=space.columns,
            generator=self.generator,
            generator_name=generator.name,
            generator_sketch=self.generator_sketch,
            method=METHOD,
            clip=self.clip,
            config=self.config.to_json(),
            seed=self.config.seed,
        )
        learned.check_generator(generator)
        return learned

    def check(self, other: TrainingState) -> None:
        """Raise unless `other` is the beginning of the same training.

        Args:
            other: state of the training that is asked for.
        Raises:
            InputError: prompt, region, options, networks or faces differ; the message says which and how.
        """
        same = self.made_on.kinship(other.made_on) is Kinship.SAME
        pairs: list[tuple[str, object, object]] = [
            ("prompt", self.prompt, other.prompt),
            ("region", _named(self.region), _named(other.region)),
            ("generator", self.generator[:12], self.generator[:12] if same else other.generator[:12]),
            ("CLIP model", self.clip, other.clip),
            ("faces", self.faces[:12] or "random", other.faces[:12] or "random"),
        ]
        mine, theirs = self.config.to_json(), other.config.to_json()
        pairs += [(f"option {name}", mine[name], theirs[name]) for name in mine]
        for what, saved, asked in pairs:
            if saved != asked:
                raise InputError(
                    f"the saved training has the {what} {saved!r}; asked for is {asked!r}: "
                    "resume it as it was, or start anew"
                )


def _named(region: Region) -> object:
    """What tells a region from others."""
    return region.parts if region.mask is None else f"mask {region.mask.digest[:12]}"


def _anchor(tensors: Mapping[str, Tensor]) -> Tensor | None:
    anchor = tensors.get("anchor")
    if anchor is None:
        return None
    if anchor.shape != tensors["deltas"].shape[1:] or not bool(torch.isfinite(anchor).all()):
        raise ValueError("its anchor makes no sense")
    return anchor


def _adam(step: int, tensors: Mapping[str, Tensor], config: TrainConfig) -> AdamState:
    kept = [tensors[name] for name in _TENSORS]
    finite = all(bool(torch.isfinite(tensor).all()) for tensor in kept)
    if len({tuple(tensor.shape) for tensor in kept}) != 1 or not finite or not 0 <= step <= config.steps:
        raise ValueError("its tensors or its step make no sense")
    return AdamState(step, *kept)
