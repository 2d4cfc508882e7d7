"""Applying an edit stack to faces: finding its directions, and drawing only what has to be drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from eclipsed.editing.blending import blend, check_blend
from eclipsed.editing.faces import Edit, Faces, remembered, render
from eclipsed.editing.moving import warn_beyond
from eclipsed.editing.stack import Stack, StackEntry
from eclipsed.errors import DirectionError, EclipsedError, EclipsedWarning, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import DIRECTION
from eclipsed.latents.direction import Direction
from eclipsed.latents.rows import row_groups
from eclipsed.networks.layers import SynthesisPrefix
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.store import library
from eclipsed.values.mask import Mask

__all__ = ["Step", "find", "first_row", "replay", "steps_of"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One edit, ready to be applied.

    Args:
        direction: one, or several that were learned together.
        alpha: its strength.
        layers: rows and layer names to restrict it to; None is all.
        blend: see `Editor.edit`.
        mask: painted region of a blended edit, in place of the direction's own.
    """

    direction: Direction
    alpha: float
    layers: tuple[int | str, ...] | None = None
    blend: str | None = None
    mask: Mask | None = None

    def held(self, direction: Direction) -> tuple[tuple[str, ...], Mask | None]:
        """The parts and the mask that hold one of the step's directions."""
        return (direction.region.parts, direction.region.mask) if self.mask is None else ((), self.mask)


def find(entry: StackEntry, *, models: str = "", given: Iterable[Direction] = ()) -> Direction:
    """The direction that an entry means.

    Args:
        entry: of a stack.
        models: name of the model set in use.
        given: directions that are looked at before those of the library.
    Raises:
        MissingModelError: there is none of that content; the message says where it was looked for.
    """
    for direction in given:
        if direction.digest == entry.digest:
            return direction
    named = library.named(entry.direction)
    named.sort(key=lambda one: one.path.parent.name != models)
    others = [one for one in library.entries() if one not in named]
    for one in [*named, *others]:
        try:
            if one in others and (header.read_data(one.path, DIRECTION).get("prompt") or "") != entry.prompt:
                continue
            direction = Direction.load(one.path)
        except EclipsedError:  # a damaged file of the library is not the one that is meant
            continue
        if direction.digest == entry.digest:
            return direction
    state = "another direction has that name" if named else "the library has none of that name"
    raise MissingModelError(
        f"the stack needs the direction {entry.direction!r} ({entry.digest[:12]}), but {state}; "
        "keep its file with `eclipsed directions add`, or name the file"
    )


def steps_of(
    stack: Stack,
    generator: Generator,
    *,
    models: str = "",
    find: Callable[[StackEntry], Direction] | None = None,
    any_generator: bool = False,
) -> tuple[Step, ...]:
    """What a stack does, entries that are switched off left out.

    Args:
        stack: the edits.
        generator: that the faces are drawn with.
        models: name of the model set in use.
        find: gives the direction of an entry; None looks in the library.
        any_generator: take directions of generators that are no relatives, too.
    Raises:
        DirectionError: the stack belongs to another generator.
        MissingModelError: a direction is missing.
        InputError: a layer is unknown.
    """
    if stack.generator and stack.entries and not any_generator:
        _check(stack, generator)
    steps = []
    for entry in stack.entries:
        if not entry.on:
            continue
        direction = _find(entry, models) if find is None else find(entry)
        direction = direction.bound_to(generator) if any_generator else direction
        layers = row_groups(generator.num_ws)[entry.layers] if isinstance(entry.layers, str) else entry.layers
        steps.append(Step(direction=direction, alpha=entry.alpha, layers=layers, blend=entry.blend, mask=entry.mask))
    return tuple(steps)


def _check(stack: Stack, generator: Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)  # each direction warns of relatives by itself
        stack.made_on.check(
            generator.id,
            "this stack edits faces of",
            "load the model set it belongs to (any_generator=True or --any-generator takes it as it is)",
            error=DirectionError,
        )


def _find(entry: StackEntry, models: str) -> Direction:
    return find(entry, models=models)


def first_row(steps: Sequence[Step], generator: Generator) -> int:
    """The first row of ws that some steps change; what is drawn before it is the face's own.

    Raises:
        InputError: a layer is unknown.
        DirectionError: a direction belongs to another generator.
    """
    rows = [min(step.direction.space_of(generator, layers=step.layers).rows) for step in steps if step.alpha]
    return min(rows, default=0)


def replay(
    generator: Generator,
    parser: Callable[[], Parser],
    faces: Faces,
    steps: Sequence[Step],
    *,
    prefix: SynthesisPrefix | None = None,
) -> Faces:
    """Apply some edits one after the other, to the same pictures as as many calls of `Editor.edit`.

    Pictures between two edits are drawn only where one of them is blended.

    Args:
        generator: that made the faces.
        parser: gives the parser; called when a step is blended.
        faces: N faces.
        steps: first to last.
        prefix: from ``faces.latent.prefix(generator, first_row(steps, generator))``, to draw only what comes after.
    Returns:
        The edited faces; `faces` as they are where no step does anything.
    Raises:
        InputError: a layer is unknown, or a direction changes none of those it is restricted to.
        DirectionError: a direction belongs to another generator.
    Warns:
        EclipsedWarning: an alpha is beyond the range that was found useful.
    """
    latent, images, drawn = faces.latent, faces.images, True
    edits = list(faces.edits)
    for step in steps:
        direction = step.direction
        space = direction.space_of(generator, layers=step.layers)
        moved, done = latent, list(edits)
        for single in direction:
            parts, mask = step.held(single)
            how = check_blend(step.blend)
            edits.append(Edit(single.name, single.title, step.alpha, step.layers, parts, how, mask))
            warn_beyond(single, step.alpha)
            if step.alpha:
                with torch.no_grad():
                    moved = space.move(moved, single.deltas[0].to(latent.ws), step.alpha * single.scale)
        if not step.alpha:
            continue
        if step.blend is None:
            drawn = False
        else:
            base = images if drawn else render(generator, latent, faces.origins, edits=done, prefix=prefix)
            shown = render(generator, moved, faces.origins, edits=edits, prefix=prefix)
            before, after = replace(faces, images=base, latent=latent), replace(faces, images=shown, latent=moved)
            parts, mask = step.held(direction)
            blended = blend(step.blend, generator, parser, before, after, parts, mask=mask, prefix=prefix)
            images = blended.images
            drawn = True
        latent = moved
    if not drawn:
        images = render(generator, latent, faces.origins, edits=edits, prefix=prefix)
    return replace(faces, images=images, latent=latent, edits=tuple(edits), before=remembered(faces))
