"""A direction from examples: faces that have something, and faces that lack it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eclipsed.editing.faces import Faces, check_faces
from eclipsed.latents.direction import Direction
from eclipsed.latents.examples import MEANS, PAIRED
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region

__all__ = ["Between"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Between:
    """Finds the way from one group of faces to another; see `Direction.between`.

    Args:
        generator: that they belong to.
        faces_with: faces that have something: from seeds, from photographs, or saved.
        faces_without: that lack it; with `paired`, the same faces in the same order.
        paired: what all pairs share, rather than the difference of the means.
        layers: rows of ws, or names of layers, that it may change; None is all.
        region: the parts that it changes; None is left for `Editor.find` to measure.
        prompt: the sentence that it stands for, if there is one.
        name: what it is called.
    Raises:
        InputError: one of the groups is no faces, or none.
    """

    generator: Generator
    faces_with: Faces
    faces_without: Faces
    paired: bool = False
    layers: Sequence[int | str] | None = None
    region: Region | None = None
    prompt: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_faces(self.faces_with, name="faces_with")
        check_faces(self.faces_without, name="faces_without")

    @property
    def method(self) -> str:
        """How the direction is made."""
        return PAIRED if self.paired else MEANS

    def find(self) -> Direction:
        """The direction, which notes how many faces it was made from, and their seeds."""
        found = Direction.between(
            self.faces_with,
            self.faces_without,
            generator=self.generator,
            paired=self.paired,
            layers=self.layers,
            region=self.region,
            name=self.name,
        )
        seeds = [*self.faces_with.seeds, *self.faces_without.seeds]
        return replace(
            found,
            prompt=self.prompt,
            config={"seeds": seeds} if seeds else {},
            scores={"with": len(self.faces_with), "without": len(self.faces_without)},
        )
