"""Options of a training resolved for its networks: the world's own, the side of its pictures, where it looks."""

from __future__ import annotations

from collections.abc import Sequence

from eclipsed.directions.survey import looked_side
from eclipsed.errors import InputError
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.training.config import TrainConfig

__all__ = ["in_the_world", "places_of", "read_layers", "resolution_of"]


def in_the_world(config: TrainConfig, parser: Parser) -> TrainConfig:
    """The config with what it left to the world of the pictures."""
    world = parser.world
    try:
        protect = world.protected if config.protect is None else world.expand(config.protect)
    except InputError as error:
        raise InputError(f"protect: {error}") from None
    return config.replace(protect=protect, neutral_prompt=config.neutral_prompt or world.neutral)


def resolution_of(generator: Generator, clip: Clip, config: TrainConfig) -> int:
    """The config's, or the power of two that covers what CLIP looks at, as far as there are pixels.

    The parser enlarges what is smaller than it wants; its labels need no more detail than CLIP, which judges the edit.
    """
    if config.resolution is not None:
        if config.resolution > generator.resolution:
            raise InputError(
                f"the generator has {generator.resolution} pixels a side; got resolution {config.resolution}"
            )
        return config.resolution
    return looked_side(generator, clip)


def read_layers(generator: Generator, parser: Parser, parts: Sequence[str], resolution: int) -> tuple[str, ...]:
    """Layers whose features the parser needs to find some parts."""
    layers = parser.reads(parts)
    needed = max((generator.layer(name).resolution for name in layers), default=0)
    if needed > resolution:
        raise InputError(
            f"painted parts are found in features of {needed} px: train at that resolution or more; got {resolution}"
        )
    return layers


def places_of(generator: Generator, config: TrainConfig, resolution: int) -> tuple[tuple[str, ...], bool]:
    """Feature layers at which change is measured, and whether it is measured in the picture too."""
    if config.score_layers == "image":
        return (), True
    there = tuple(one.name for one in generator.layers_up_to(resolution) if not one.is_rgb)
    if config.score_layers == "all":
        return there, False
    for name in config.score_layers:
        if name != "image" and name not in there:
            raise InputError(f"unknown score layer {name!r} at {resolution} px; known: image, {', '.join(there)}")
    return tuple(name for name in there if name in config.score_layers), "image" in config.score_layers
