"""Faces as a parser looks at them: pictures, and for painted parts what the generator drew them from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, at_once
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.photos.origin import Origin
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser, Pictures

__all__ = ["features_of", "seen"]


def seen(parser: Parser, faces: Faces, parts: Iterable[str], *, images: Tensor | None = None) -> Pictures:
    """What a parser needs to find some parts on some faces.

    Args:
        parser: that looks.
        faces: N faces, edited or not.
        parts: single parts.
        images: pictures to look at in place of the faces' own, such as photographs; (N, 3, H, W).
    Returns:
        The pictures; with the features that they were drawn from where the parser reads some for these parts. Those of
        an edited face are of its edited latent, blended or not.
    """
    pictures = faces.images if images is None else images
    layers = parser.reads(parts)
    if not layers:
        return pictures
    assert parser.generator is not None  # whose features they are
    return Synthesis(pictures, features_of(parser.generator, faces.latent, layers, faces.origins))


@torch.no_grad()
def features_of(
    generator: Generator, latent: Latent, layers: Sequence[str], origins: Sequence[Origin] = ()
) -> dict[str, Tensor]:
    """Features of some faces, drawn a few at a time; those of a tuned face by the generator that was tuned to it.

    Args:
        generator: that the faces belong to.
        latent: N faces.
        layers: names.
        origins: photographs that the faces were inverted from, or none.
    Returns:
        Name of a layer -> (N, C, h, w), with margins, on the generator's device.
    """
    options = SynthesisOptions(features=layers)
    alone = any(origin.alone for origin in origins)
    step = 1 if alone else at_once(generator.resolution)
    drawn = []
    for first in range(0, len(latent), step):
        maker = origins[first].maker(generator) if alone else generator
        drawn.append(latent[first : first + step].render(maker, options).features)
    return {name: torch.cat([one[name] for one in drawn]) for name in layers}
