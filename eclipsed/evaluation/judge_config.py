"""Every option of a judge's training with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from eclipsed.errors import InputError
from eclipsed.values.checks import boolean, checked_fields, one_of, option, real, shown, whole
from eclipsed.values.choices import BACKBONES

__all__ = ["JudgeConfig"]

_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """How a judge of one's own is trained.

    First the trunk is frozen and only the new last layer learns, then all layers learn, the trunk slowly.

    Args:
        backbone: what it begins with: ``"mini"``, the trunk of the classifier that ships; ``"scratch"``, nothing, so
            that all layers learn from the first epoch on; or a network of the store that torchvision publishes.
        frozen_epochs: passes over the pictures with the trunk frozen.
        epochs: passes with all layers, at most.
        patience: of these, how many may pass without a lower validation loss before training stops.
        batch: pictures in a step.
        frozen_rate: learning rate of the last layer while the trunk is frozen, at its highest.
        learning_rate: of new layers afterwards, at its highest.
        trunk_rate: the learning rate of a pretrained trunk, as a share of that; None is 1 for the trunk of ``"mini"``
            and 0.05 for a published one, which has seen far more pictures.
        weight_decay: AdamW's.
        crop: the smallest share of a picture's side that a training picture shows.
        light: largest change of brightness and contrast of training pictures.
        flip: mirror half of them; to be off where left and right matter.
        validation: share of each class that says when to stop.
        held_out: share of each class that the figures are measured on; unused where pictures for that are given.
        seed: of everything random; the same seed on the same machine gives the same judge.
    Raises:
        InputError: a value is of the wrong kind or out of range; the message names the option.
    """

    backbone: str = option("mini", one_of, BACKBONES)
    frozen_epochs: int = option(5, whole, 0, 10_000)
    epochs: int = option(30, whole, 1, 10_000)
    patience: int = option(6, whole, 1, 10_000)
    batch: int = option(32, whole, 2, 4096)
    frozen_rate: float = option(1e-2, real, 1e-8, 10)
    learning_rate: float = option(2e-3, real, 1e-8, 10)
    trunk_rate: float | None = option(None, real, 0, 10, optional=True)
    weight_decay: float = option(2e-2, real, 0, 10)
    crop: float = option(0.85, real, 0.1, 1)
    light: float = option(0.1, real, 0, 1)
    flip: bool = option(True, boolean)
    validation: float = option(0.15, real, 0.01, 0.45)
    held_out: float = option(0.15, real, 0.01, 0.45)
    seed: int = option(0, whole, 0, _LARGEST_SEED)

    def __post_init__(self) -> None:
        checked_fields(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> JudgeConfig:
        """Read what `to_json` gave.

        Raises:
            InputError: there is an unknown option, or a value that is not allowed.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"the options of a judge are an object; got {shown(data)}")
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise InputError(f"unknown option {name!r} of a judge; known: {', '.join(known)}")
        return cls(**data)
