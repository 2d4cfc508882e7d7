"""The first components side by side, each in several groups of rows: a picture to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eclipsed.directions.components import Components
from eclipsed.editing.faces import render
from eclipsed.images import pictures
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import row_groups
from eclipsed.pretrained.generator import Generator

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["component_sheet"]


@torch.no_grad()
def component_sheet(
    generator: Generator, components: Components, *, count: int = 8, seed: int = 1, step: float = 2.5
) -> Image.Image:
    """Draw one face under the first components, in the coarse, middle, fine and all rows of ws.

    Args:
        generator: that the components belong to.
        components: of w.
        count: rows of the sheet.
        seed: of the face.
        step: standard deviations, to both sides.
    Returns:
        A picture: one component a row; the face, then it with less and more of the component in each group of rows.
    """
    groups = row_groups(generator.num_ws)
    face = Latent.of_seeds(generator, [seed])
    rows = []
    for index in range(min(count, len(components))):
        moved = [face]
        for layers in groups.values():
            direction = components.direction(index, generator=generator, layers=layers)
            space = direction.space_of(generator)
            delta = direction.deltas[0].to(face.ws)
            moved += [space.move(face, delta, sign * step) for sign in (-1.0, 1.0)]
        rows.append(render(generator, Latent.cat(moved)))
    signed = [pictures.signed(sign * step) for sign in (-1.0, 1.0)]
    columns = ["face", *(f"{name} {text}" for name in groups for text in signed)]
    title = f"{components.method}, in standard deviations"
    return pictures.strip(rows, columns=columns, labels=[f"{k}" for k in range(len(rows))], title=title)
