"""The first components side by side, each in several groups of rows: a picture or a page to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from eclipsed.directions.components import Components
from eclipsed.editing.faces import render
from eclipsed.errors import InputError
from eclipsed.images import pictures
from eclipsed.images.conversion import to_pil
from eclipsed.images.slider_page import Film, slider_page
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import row_groups
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import whole

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["component_page", "component_sheet"]

_EACH_WAY = 5  # frames on the page on either side of the face itself


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
    for index in range(_shown(components, count)):
        moved = [face]
        for layers in groups.values():
            moved += _moved(generator, components, index, layers, face, (-step, step))
        rows.append(render(generator, Latent.cat(moved)))
    signed = [pictures.signed(sign * step) for sign in (-1.0, 1.0)]
    columns = ["face", *(f"{name} {text}" for name in groups for text in signed)]
    title = f"{components.method}, in standard deviations"
    return pictures.strip(rows, columns=columns, labels=[f"{k}" for k in range(len(rows))], title=title)


@torch.no_grad()
def component_page(
    generator: Generator,
    components: Components,
    *,
    count: int = 8,
    seed: int = 1,
    step: float = 2.5,
    keep: Callable[[int, tuple[int, ...]], str] = lambda index, rows: "",
    tell: Callable[[int, int], object] = lambda *_: None,
) -> str:
    """Draw the same as a page whose slider moves one face along all components at once.

    Args:
        generator: see `component_sheet`.
        components: see there.
        count: see there.
        seed: see there.
        step: the slider's ends, in standard deviations.
        keep: what the page says of a chosen picture, from its component and its rows of ws: how to keep it.
        tell: called with how many places of the page are drawn, and with how many there are.
    Returns:
        One HTML file that holds all pictures and needs no network.
    Raises:
        InputError: `step` is 0.
    """
    if not step:
        raise InputError("the slider needs a step other than 0; got 0")
    groups = row_groups(generator.num_ws)
    shown = _shown(components, count)
    face = Latent.of_seeds(generator, [seed])
    (still,) = to_pil(render(generator, face))
    sides = [abs(step) * k / _EACH_WAY for k in range(-_EACH_WAY, _EACH_WAY + 1)]
    away = [strength for strength in sides if strength]
    rows: list[list[Film]] = []
    for index in range(shown):
        films = []
        for name, layers in groups.items():
            found = to_pil(render(generator, Latent.cat(_moved(generator, components, index, layers, face, away))))
            frames = [*found[:_EACH_WAY], still, *found[_EACH_WAY:]]
            films.append(Film(frames, f"component {index}, {name} rows", keep(index, layers)))
            tell(len(rows) * len(groups) + len(films), shown * len(groups))
        rows.append(films)
    return slider_page(
        rows,
        title=f"{components.method[0].upper()}{components.method[1:]}",
        about=f"Seed {seed}, moved along each in the coarse, middle, fine and all rows of ws.",
        columns=[f"{name} ({layers[0]}\N{EN DASH}{layers[-1]})" for name, layers in groups.items()],
        labels=[str(index) for index in range(shown)],
        stops=[f"{pictures.signed(strength)} sd" for strength in sides],
        label="Strength in standard deviations",
        hint="Choose a picture to see how its direction is kept.",
    )


def _shown(components: Components, count: int) -> int:
    """How many components a sheet shows."""
    return min(whole("count", count, 1, 1000), len(components))


def _moved(
    generator: Generator,
    components: Components,
    index: int,
    layers: Sequence[int],
    face: Latent,
    strengths: Sequence[float],
) -> list[Latent]:
    """A face moved along a component, in some rows, by each of some strengths."""
    direction = components.direction(index, generator=generator, layers=layers)
    space = direction.space_of(generator)
    delta = direction.deltas[0].to(face.ws)
    return [space.move(face, delta, strength) for strength in strengths]
