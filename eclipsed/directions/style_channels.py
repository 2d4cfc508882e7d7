"""Directions of single style channels, named by number or found from examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, check_faces
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region
from eclipsed.values.checks import is_real, is_whole, shown, whole
from eclipsed.worlds.world import find_world

__all__ = ["StyleChannels", "channels_of_examples", "parse_channels"]

_TERM = re.compile(r"\s*(?:s:)?(\d{1,3})\.(\d{1,5})\s*(?:=\s*([+-]?\d+(?:\.\d+)?))?\s*")
_EXAMPLE = "such as s:12.479 or s:12.479,12.266=-0.5"


def parse_channels(text: str) -> dict[tuple[int, int], float]:
    """Read channels as StyleSpace numbers them: the layer, ToRGB layers counted, and the channel in it.

    Args:
        text: ``"s:12.479"``, or several with weights: ``"s:12.479,12.266=-0.5"``.
    Returns:
        (layer, channel) -> weight.
    Raises:
        InputError: it is something else, or names a channel twice.
    """
    channels: dict[tuple[int, int], float] = {}
    for part in text.split(","):
        found = _TERM.fullmatch(part)
        if found is None:
            raise InputError(f"style channels are named by layer and channel, {_EXAMPLE}; got {text[:60]!r}")
        place = (int(found[1]), int(found[2]))
        if place in channels:
            raise InputError(f"the style channel s:{place[0]}.{place[1]} is named twice")
        channels[place] = float(found[3] or 1)
    return channels


@dataclass(frozen=True, kw_only=True)
class StyleChannels:
    """Makes a direction of single style channels, each moved by its weight in standard deviations.

    Args:
        generator: whose channels they are.
        channels: as `parse_channels` reads them, or (layer, channel) -> weight; a layer is a position in
            `Generator.layers`, which is the index of StyleSpace and StyleCLIP.
        region: the parts that it changes; None is left for `Editor.find` to measure.
        prompt: the sentence that it stands for, if there is one.
        name: what it is called; made of the channels when empty.
    Raises:
        InputError: a channel is not there, or there is none.
    Source: Wu et al. 2021, arXiv:2011.12799.
    """

    generator: Generator
    channels: str | Mapping[tuple[int, int], float]
    region: Region | None = None
    prompt: str | None = None
    name: str = ""

    @property
    def method(self) -> str:
        """How the direction is made."""
        return "style channels"

    @property
    def weights(self) -> dict[tuple[int, int], float]:
        """The channels, each with its weight."""
        given = parse_channels(self.channels) if isinstance(self.channels, str) else dict(self.channels)
        layers = self.generator.layers
        for place, weight in given.items():
            known = isinstance(place, tuple) and len(place) == 2 and is_whole(place[0], 0, len(layers) - 1)
            if not known or not is_whole(place[1], 0, layers[place[0]].channels - 1):
                raise InputError(
                    f"the generator {self.generator.name!r} has the style layers 0 to {len(layers) - 1}, with "
                    f"{min(one.channels for one in layers)} to {max(one.channels for one in layers)} channels; got "
                    f"{shown(place)}"
                )
            if not is_real(weight) or not weight:
                raise InputError(f"the weight of a style channel is a number other than 0; got {shown(weight)}")
        if not given:
            raise InputError(f"expected style channels {_EXAMPLE}; got none")
        return given

    def find(self) -> Direction:
        """The direction, whose raw strength 1 moves each channel by its weight in standard deviations."""
        weights = self.weights
        layers = [self.generator.layers[number] for number in sorted({number for number, _ in weights})]
        names = tuple(layer.name for layer in layers)
        _, deviations = WStatistics.of_generator(self.generator).styles(self.generator, names)
        parts = list(torch.split(torch.zeros_like(deviations), [layer.channels for layer in layers]))
        spread = torch.split(deviations, [layer.channels for layer in layers])
        for (number, channel), weight in weights.items():
            at = layers.index(self.generator.layers[number])
            parts[at][channel] = weight * spread[at][channel]
        world = find_world(None)
        said = ",".join(
            f"{number}.{channel}" + ("" if weight == 1 else f"={weight:g}")
            for (number, channel), weight in weights.items()
        )
        found = Direction.of(
            self.generator,
            torch.cat(parts),
            method=self.method,
            space="S",
            layers=list(names),
            region=self.region or Region(world.whole, True, world=world.name),
            prompt=self.prompt,
            name=self.name or ("" if self.prompt else f"s-{said.replace(',', '-').replace('=', 'x')}"[:60]),
        )
        return replace(found, config={"channels": f"s:{said}", "seeds": []})


@torch.no_grad()
def channels_of_examples(generator: Generator, faces: Faces, *, count: int = 1) -> dict[tuple[int, int], float]:
    """The style channels by which some faces that have something in common stand out.

    Args:
        generator: that they belong to.
        faces: at least two, ten to thirty as a rule.
        count: how many channels.
    Returns:
        (layer, channel) -> how far the faces lie from the mean of all, in standard deviations; the most telling first.
        ToRGB layers are left out.
    Raises:
        InputError: fewer than two faces, or `count` is no number from 1.
    Source: Wu et al. 2021, arXiv:2011.12799, section 5: the mean of the normalised channels over the examples, by
        their standard deviation over them.
    """
    if len(check_faces(faces)) < 2:
        raise InputError("channels are found from at least two faces that have something in common; got 1")
    layers = [(number, layer) for number, layer in enumerate(generator.layers) if not layer.is_rgb]
    names = tuple(layer.name for _, layer in layers)
    mean, deviation = WStatistics.of_generator(generator).styles(generator, names)
    styles = faces.latent.styles(generator)
    normalised = (torch.cat([styles[name] for name in names], dim=1) - mean) / deviation  # (N, channels)
    most = whole("count", count, 1, normalised.shape[1])
    means: Tensor = normalised.mean(dim=0)
    scores = means.abs() / normalised.std(dim=0).clamp(min=1e-6)
    places = [(number, channel) for number, layer in layers for channel in range(layer.channels)]
    return {places[k]: float(means[k]) for k in scores.topk(most).indices.tolist()}
