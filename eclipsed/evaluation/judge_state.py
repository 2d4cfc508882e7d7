"""The file from which a judge's training goes on as if it had never stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.errors import EclipsedError, InputError
from eclipsed.evaluation.judge_config import JudgeConfig
from eclipsed.files import header
from eclipsed.files.kinds import JUDGE_TRAINING
from eclipsed.values.checks import whole

__all__ = ["JudgeState"]


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgeState:
    """Where a judge's training stands after an epoch.

    Args:
        config: its options.
        pictures: digest of the pictures that it learns from.
        epoch: epochs done, those with the trunk frozen included.
        lowest: the lowest validation loss so far.
        best_epoch: the epoch that had it.
        network: state dict after the last epoch.
        best: state dict after the best one.
        optimiser: name -> what AdamW keeps of one parameter, as tensors; empty before its first step.
    """

    config: JudgeConfig
    pictures: str
    epoch: int
    lowest: float
    best_epoch: int
    network: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimiser: Mapping[str, Mapping[str, Tensor]]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the state as one safetensors file, in one go.

        Raises:
            OutputError: it cannot be written.
        """
        tensors = {f"network/{name}": value for name, value in self.network.items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        for name, kept in self.optimiser.items():
            tensors |= {f"optimiser/{name}/{key}": value for key, value in kept.items()}
        data = {
            "config": self.config.to_json(),
            "pictures": self.pictures,
            "epoch": self.epoch,
            "lowest": self.lowest,
            "best_epoch": self.best_epoch,
        }
        return header.write(path, JUDGE_TRAINING, data, tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, like: Mapping[str, Tensor]) -> JudgeState:
        """Read what `save` wrote.

        Args:
            path: the file.
            like: state dict of a network of the same kind.
        Raises:
            MissingModelError: there is no such file.
            InputError: it is not the state of a judge's training, is damaged, or is of another network.
        """
        data, tensors = header.read(path, JUDGE_TRAINING)
        try:
            parts = _sorted(tensors)
            for part in ("network", "best"):
                _check_alike(parts[part], like)
            return cls(
                config=JudgeConfig.from_json(data["config"]),
                pictures=str(data["pictures"]),
                epoch=whole("epoch", data["epoch"], 0),
                lowest=float(data["lowest"]),
                best_epoch=whole("best_epoch", data["best_epoch"], 0),
                network=parts["network"],
                best=parts["best"],
                optimiser=_by_parameter(parts["optimiser"]),
            )
        except (EclipsedError, KeyError, TypeError, ValueError) as error:
            what = "is no saved training of such a judge, or is damaged"
            raise InputError(f"{os.fspath(path)} {what} ({error})") from error

    def check(self, config: JudgeConfig, pictures: str) -> None:
        """Raise unless this is the beginning of the training that is asked for.

        Args:
            config: its options.
            pictures: digest of its pictures.
        Raises:
            InputError: the options or the pictures are others; the message says which and how.
        """
        mine, asked = self.config.to_json(), config.to_json()
        pairs: list[tuple[str, Any, Any]] = [(f"option {name}", mine[name], asked[name]) for name in mine]
        pairs.append(("pictures", self.pictures[:12], pictures[:12]))
        for what, saved, wanted in pairs:
            if saved != wanted:
                raise InputError(
                    f"the saved training has the {what} {saved!r}; asked for is {wanted!r}: "
                    "resume it as it was, or start anew"
                )


def _sorted(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = value
    return parts


def _check_alike(state: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
    shapes, wanted = ({name: tuple(one.shape) for name, one in each.items()} for each in (state, like))
    if shapes != wanted or not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ValueError("its weights are of another network")


def _by_parameter(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parameter, _, key = name.rpartition("/")
        found.setdefault(parameter, {})[key] = value
    return found
