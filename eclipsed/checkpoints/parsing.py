"""Reading and writing the weights of the face parser: facexlib's ``.pth`` layout and our own safetensors."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.checkpoints.plain import compacted, compare_state, in_float32, read_plain_state, state_of, with_counters
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import PARSER
from eclipsed.networks.bisenet import BiSeNet, num_class_of, width_of
from eclipsed.values.checks import is_whole, shown
from eclipsed.worlds.world import World, find_world

__all__ = ["ParserConfig", "read_parser", "write_parser"]

_WHAT = "BiSeNet, a face parser"


@dataclass(frozen=True)
class ParserConfig:
    """What a BiSeNet was trained on; the defaults are facexlib's ``parsing_bisenet.pth``.

    Args:
        width: channels after the stem.
        size: side of the square picture it looks at, in pixels; a multiple of 32.
        mean: mean of the three channels, of pictures in [0, 1].
        std: standard deviation of the three channels.
    Raises:
        InputError: a value is impossible.
    """

    width: int = 64
    size: int = 512
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("size", self.size)):
            if not is_whole(value, 1):
                raise InputError(f"the parser's {name} must be a whole number above 0; got {shown(value)}")
        if self.size % 32:
            raise InputError(f"the parser's size must be a multiple of 32 pixels; got {self.size}")
        object.__setattr__(self, "mean", _triple("mean", self.mean))
        object.__setattr__(self, "std", _triple("std", self.std))
        if min(self.std) <= 0:
            raise InputError(f"the parser's std must be above 0; got {list(self.std)}")


def _triple(name: str, values: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise InputError(f"the parser's {name} must be three numbers; got {values!r}")
    return numbers


def read_parser(path: str | os.PathLike[str], *, world: World | None = None) -> tuple[ParserConfig, dict[str, Tensor]]:
    """Read a parser checkpoint without running anything in it; the layout is told by the content.

    Args:
        path: our safetensors, or a PyTorch file that holds the state dict of a BiSeNet, wherever in it; see `unwrap`.
        world: whose parts its classes are; None is the world of faces.
    Returns:
        The configuration and the state dict of a `BiSeNet` of as many classes as the world has parts, floating-point
        tensors as float32.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: another format, damaged, keys or shapes that are not a BiSeNet's, or another number of classes.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError as error:
        raise MissingModelError(f"the parser checkpoint {path} does not exist") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if start[8:9] == b"{":
        settings, stored = _read_safetensors(path)
        state = state_of(path, stored, _WHAT, _keys())
    else:
        settings, state = {}, read_plain_state(path, _WHAT, _keys())
    return _check(path, settings, state, find_world(world))


def write_parser(
    path: str | os.PathLike[str],
    config: ParserConfig,
    state: Mapping[str, Tensor],
    *,
    world: World | None = None,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write a parser as our safetensors.

    Args:
        path: the file.
        config: what the network was trained on.
        state: state dict of a `BiSeNet` of the configuration's width, of as many classes as the world has parts.
        world: whose parts its classes are; None is the world of faces.
        dtype: how convolutions are stored; batch statistics, scales and offsets stay float32.
    Returns:
        `path`.
    Raises:
        CheckpointError: the state dict is not that network's.
        OutputError: the file cannot be written.
    """
    _check(Path(path), asdict(config), dict(state), find_world(world))
    return header.write(path, PARSER, {"config": asdict(config)}, compacted(state, dtype))


def _keys() -> set[str]:
    """The keys of every BiSeNet."""
    with torch.device("meta"):
        return set(BiSeNet(2, 8).state_dict())


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    data, state = header.read(path, PARSER, bare=True)
    settings = data.get("config") if data else {}
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path} has no config in its metadata; write it again with write_parser")
    return settings, state


def _check(
    path: Path, settings: dict[str, Any], state: dict[str, Tensor], world: World
) -> tuple[ParserConfig, dict[str, Tensor]]:
    """Compare a state dict with the network it should belong to, and bring it to float32."""
    try:
        width, classes = width_of(state), num_class_of(state)
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"{path} is not a BiSeNet: cp.resnet.conv1.weight and conv_out.conv_out.weight are not both there"
        ) from error
    try:
        config = ParserConfig(**{"width": width, **settings})
    except (InputError, TypeError) as error:
        raise CheckpointError(f"{path} has a bad config: {error}") from error
    if classes != len(world.parts):
        expected_parts = f"the {len(world.parts)} parts of the world {world.name!r}"
        raise CheckpointError(f"{path} tells {classes} classes apart; expected {expected_parts}")
    with torch.device("meta"):
        expected = BiSeNet(classes, config.width).state_dict()
    state = with_counters(expected, state)
    compare_state(path, expected, state, "a BiSeNet")
    return config, in_float32(state)
