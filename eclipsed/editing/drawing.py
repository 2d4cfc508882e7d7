"""What an `Editor` draws: strips, palettes, films, and the parts that its parser sees."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from eclipsed.editing.faces import Faces, check_faces
from eclipsed.editing.moving import Directions, directions_of, ladder
from eclipsed.editing.seeing import seen
from eclipsed.errors import InputError
from eclipsed.images import animation, pictures
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.region import Region
from eclipsed.values.alphas import check_alphas, check_ladder
from eclipsed.values.checks import whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from PIL import Image

__all__ = ["DrawingMethods"]


class DrawingMethods(ABC):
    """The part of `Editor` that turns edits into pictures to look at."""

    generator: Generator
    name: str

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The parser."""

    @property
    @abstractmethod
    def has_parser(self) -> bool:
        """Whether there is one."""

    @abstractmethod
    def edit(
        self,
        faces: Faces,
        direction: Directions,
        alpha: float | ArrayLike = 1.0,
        *,
        layers: Sequence[int | str] | None = None,
        blend: str | None = None,
    ) -> Faces:
        """Move faces along one direction or several."""

    def strip(
        self,
        faces: Faces,
        direction: Directions,
        alphas: Iterable[float] = (-1.0, 0.0, 1.0),
        *,
        layers: Sequence[int | str] | None = None,
        blend: str | None = None,
    ) -> Image.Image:
        """Draw one row per face, one column per strength.

        Args:
            faces: N faces.
            direction: one, or several moved by the same strength, or their files or names.
            alphas: the strengths.
            layers: see `edit`.
            blend: see `edit`.
        Raises:
            InputError: no strength, or one that is not a finite number.
        """
        check_faces(faces)
        strengths = check_ladder(alphas)
        direction = directions_of(direction, models=self.name)
        if blend is None:
            edited = ladder(self.generator, faces, direction, strengths, layers=layers)
        else:
            edited = [self.edit(faces, direction, alpha, layers=layers, blend=blend) for alpha in strengths]
        rows = [torch.stack([one.images[index] for one in edited]) for index in range(len(faces))]
        columns = [pictures.signed(alpha) for alpha in strengths]
        title = ", ".join(dict.fromkeys(one.prompt for one in edited[0].edits[len(faces.edits) :]))
        return pictures.strip(rows, columns=columns, labels=faces.names, title=title)

    def palette(
        self,
        face: Faces,
        direction1: Direction | str | os.PathLike[str],
        direction2: Direction | str | os.PathLike[str],
        alphas1: Iterable[float] = (-1.0, 0.0, 1.0),
        alphas2: Iterable[float] = (-1.0, 0.0, 1.0),
    ) -> Image.Image:
        """Draw one face under two directions: the first grows downwards, the second to the right.

        Args:
            face: one face.
            direction1: of the rows.
            direction2: of the columns.
            alphas1: strengths of the first.
            alphas2: strengths of the second.
        Raises:
            InputError: several faces, no strength, or one that is not a finite number.
        """
        if len(check_faces(face, name="the face of a palette")) != 1:
            raise InputError(f"a palette shows one face; got {len(face)}")
        down, right = check_ladder(alphas1, name="alphas1"), check_ladder(alphas2, name="alphas2")
        first, second = (directions_of(one, models=self.name) for one in (direction1, direction2))
        lines = ladder(self.generator, face, first, down)
        rungs = [ladder(self.generator, one, second, right) for one in lines]
        images = [one.images for rung in rungs for one in rung]
        names = (first[0].name.replace("-", " "), second[0].name.replace("-", " "))
        return pictures.palette(torch.cat(images), down, right, names, title=face.names[0])

    def overlay(self, faces: Faces, region: Region | Sequence[str] | None = None) -> Image.Image:
        """Colour the parts that the parser sees on some faces.

        Args:
            faces: N faces.
            region: the parts to colour; None is all.
        Raises:
            InputError: a part is unknown.
        """
        if not self.has_parser:
            raise InputError(f"{self.name} has no parser, so there are no parts to colour")
        parts = region.parts if isinstance(region, Region) else region
        parser = self.parser
        wanted = parser.parts if parts is None else parser.world.expand(parts)
        labels = parser.labels(seen(parser, check_faces(faces), wanted))
        return pictures.overlay(faces.images, labels, parts, world=self.parser.world, captions=faces.names)

    def sweep(
        self,
        faces: Faces,
        direction: Directions,
        path: str | os.PathLike[str],
        *,
        alphas: tuple[float, float] = (-1.0, 1.0),
        frames: int = 25,
        fps: float = animation.FPS,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Path:
        """Film some faces side by side while the strength goes from one value to another and back.

        Args:
            faces: N faces.
            direction: one, or several moved by the same strength, or their files or names.
            path: a name ending in .gif or .mp4.
            alphas: first and last strength.
            frames: from the first to the last.
            fps: frames per second.
            tell: called while pictures are drawn, with how many are done, and with how many there are; after the last
                one the film is written.
        Returns:
            `path`.
        Raises:
            InputError: a strength is not a finite number, fewer than two frames, or another suffix.
            MissingExtraError: MP4 without the ``video`` extra.
            OutputError: the file cannot be written.
        """
        first, last = check_alphas(alphas, 2, name="alphas")
        frames = whole("frames", frames, 2)
        strengths = [first + (last - first) * index / (frames - 1) for index in range(frames)]
        each = directions_of(direction, models=self.name)
        rungs = ladder(self.generator, faces, each, strengths, tell=tell)
        images = [torch.cat(list(one.images), dim=-1) for one in rungs]
        captions = [pictures.signed(alpha) for alpha in strengths]
        return animation.save_animation(pictures.captioned(torch.stack(images), captions), path, fps=fps)
