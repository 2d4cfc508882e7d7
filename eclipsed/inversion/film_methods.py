"""What an `Editor` does with films: one face followed, inverted with one tuning for all frames, edited and put back."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.editing import faces as editing
from eclipsed.editing import moving
from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.images.conversion import from_uint8, to_uint8
from eclipsed.images.metrics import flicker
from eclipsed.inversion.film_tracking import runs_of, smooth, track
from eclipsed.inversion.inversion_step import Callback
from eclipsed.inversion.inverter import InversionConfig, Inverter
from eclipsed.inversion.pasting import edited_mask, paste
from eclipsed.latents.latent import Latent
from eclipsed.photos.alignment import Placement
from eclipsed.photos.films import Film, save_film
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.origin import Origin
from eclipsed.photos.reading import Photo, Pixels
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.tuning import Tuning

__all__ = ["EditedFilm", "FilmMethods"]

_AT_ONCE = 8  # frames

#: see `Inverter`
LookOver = Callable[[Tensor, Tensor], Sequence[bool]]

#: told of what is done: the phase, how many frames are done in it, how many there are
FilmTell = Callable[[str, int, int], object]


@dataclass(frozen=True)
class EditedFilm:
    """What became of a film.

    Args:
        path: of the result.
        frames: of the film.
        edited: frames that show the face, which was edited in them.
        flicker: how much the edited face trembles outside the edit, over how much it does unedited; 1 is as much.
    """

    path: Path
    frames: int
    edited: int
    flicker: float


class FilmMethods(ABC):
    """The part of `Editor` that edits films."""

    name: str
    generator: Generator

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def finder(self) -> FaceFinder:
        """What finds faces."""

    @abstractmethod
    def edit(self, faces: Faces, direction: Any, alpha: Any = 1.0, *, any_generator: bool = False) -> Faces:
        """Move faces."""

    @abstractmethod
    def _inverter(
        self, generator: Generator, config: InversionConfig, callback: Callback | None, look_over: LookOver | None
    ) -> Inverter:
        """What inverts pictures."""

    def edit_film(
        self,
        film: str | os.PathLike[str],
        direction: moving.Directions | Stack,
        out: str | os.PathLike[str],
        *,
        alpha: Any = 1.0,
        level: str | None = None,
        face: int | None = None,
        aligned: bool = False,
        class_index: int | None = None,
        any_generator: bool = False,
        config: InversionConfig | None = None,
        tell: FilmTell = lambda *_: None,
    ) -> EditedFilm:
        """Edit one face of a film and put it back into every frame.

        The face is followed, and where it lies is smoothed over time, as are its latents. With the level ``"best"`` the
        generator is tuned once, to all frames. Frames that do not show the face stay as they are, and so does the
        sound; outside the edited parts and their seam nothing changes but for what the film's codec does.

        Args:
            film: ``.mp4`` and the like, which want the ``video`` extra, a ``.gif``, or a folder of frames.
            direction: one, several to apply together, their files or names, or a stack.
            out: the result: ``.mp4`` or ``.gif``, or a folder for the frames of a folder.
            alpha: strength of all, or one for each direction.
            level: of the inversion, see `InversionConfig`; None is the config's.
            face: its number in the first frame, from the left; None is the only one.
            aligned: every frame is an aligned face as a whole, so none has to be found.
            class_index: class of the face, where the generator has classes; None is the editor's own.
            any_generator: see `edit`.
            config: every option of the inversion; None is the default.
            tell: told of each phase: its name, how many frames are done, how many there are.
        Returns:
            What became of it.
        Raises:
            InputError: it is no film, or shows no face, or several and none was chosen; `out` does not fit.
            MissingExtraError: it wants ffmpeg.
            DirectionError: a direction belongs to another generator.
            OutputError: the result cannot be written.
        """
        if isinstance(direction, Stack) and alpha != 1.0:
            raise InputError("a stack holds its own alphas; leave alpha out")
        source, target = Film.open(film), Path(out)
        source.check_target(target)
        edits = direction if isinstance(direction, Stack) else moving.directions_of(direction, models=self.name)
        generator = self.generator if class_index is None else self.generator.of_class(class_index)
        chosen = config or InversionConfig()
        chosen = chosen if level is None else chosen.replace(level=level)
        self.edit(
            editing.sample(generator, Latent.of_seeds(generator, [0])), edits, alpha, any_generator=any_generator
        )  # what is wrong with an edit is said before the long work
        places: list[Placement | None]
        if aligned:
            places = [Placement.of_box(0, 0, one.width, one.height) for one in source]
        else:
            places = track(self.finder, _told(source, tell), face=face)
        latents, tuning = self._follow(source, places, generator, chosen, tell)
        trembling = _Trembling()

        def edited() -> Iterator[Pixels]:
            for number, photo in enumerate(source):
                place, ws = places[number], latents[number]
                tell("editing", number, len(places))
                if place is None or ws is None:
                    yield photo.opaque
                    trembling.cut()
                    continue
                before = editing.sample(generator, Latent(ws), origins=(Origin.of(photo, place, tuning),))
                after = self.edit(before, edits, alpha, any_generator=any_generator)
                parts = sorted({part for edit in after.edits for part in edit.parts})
                trembling.see(before.images, after.images, edited_mask(self.parser, before.images, after.images, parts))
                yield paste(self.parser, after, photo)

        save_film(edited(), source, target)
        there = sum(place is not None for place in places)
        return EditedFilm(target, len(places), there, round(trembling.ratio, 4))

    def _follow(
        self,
        film: Film,
        places: list[Placement | None],
        generator: Generator,
        config: InversionConfig,
        tell: FilmTell,
    ) -> tuple[list[Tensor | None], Tuning | None]:
        """The smoothed latents of each frame, (1, num_ws, w_dim), and one tuning for all."""
        side = generator.resolution
        crops = [
            to_uint8(place.crop(photo, side)) for place, photo in zip(places, film, strict=True) if place is not None
        ]  # a byte a colour, for a film has many
        plain = config if config.level == "fast" else config.replace(level="good", finish_steps=0)
        inverter = self._inverter(generator, plain, None, None)
        found = []
        for start in range(0, len(crops), _AT_ONCE):
            tell("inverting", start, len(crops))
            found.append(inverter.invert(_pictures(crops[start : start + _AT_ONCE])).ws.cpu())
        ws = torch.cat(found).double().numpy()
        latents: list[Tensor | None] = [None] * len(places)
        done = 0
        for run in runs_of(places):
            smoothed = smooth(ws[done : done + len(run)])
            for number, one in zip(run, smoothed, strict=True):
                latents[number] = torch.from_numpy(one[None].astype(np.float32)).to(generator.device)
            done += len(run)
        if config.level != "best":
            return latents, None
        pivots = torch.cat([one for one in latents if one is not None])
        tuner = self._inverter(generator, config, None, None)
        return latents, tuner.tune_together(pivots, lambda k: _pictures([crops[k]]), partial(tell, "tuning"))


class _Trembling:
    """How much what was seen trembles outside an edit, before it and after it."""

    def __init__(self) -> None:
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self._before, self._after = 0.0, 0.0

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        self._seen = []

    def see(self, before: Tensor, after: Tensor, mask: Tensor) -> None:
        """The next frame: unedited, edited, and where the edit shows."""
        self._seen = [*self._seen[-2:], (before, after, mask)]
        if len(self._seen) == 3:
            outside = 1 - (torch.cat([one[2] for one in self._seen]) > 0).to(before).amax(dim=0, keepdim=True)
            self._before += float(flicker(torch.cat([one[0] for one in self._seen]), outside))
            self._after += float(flicker(torch.cat([one[1] for one in self._seen]), outside))

    @property
    def ratio(self) -> float:
        """After over before; 1 where nothing trembled."""
        return self._after / self._before if self._before else 1.0


def _told(film: Film, tell: FilmTell) -> Iterator[Photo]:
    for number, photo in enumerate(film):
        tell("finding the face", number, 0)
        yield photo


def _pictures(crops: list[Tensor]) -> Tensor:
    return from_uint8(torch.cat(crops))
