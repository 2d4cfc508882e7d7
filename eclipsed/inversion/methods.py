"""What an `Editor` does with photographs."""

from __future__ import annotations

import os
import statistics
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.compute.crew import Crew
from eclipsed.editing import faces as editing
from eclipsed.editing import moving
from eclipsed.editing.faces import Faces
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedWarning
from eclipsed.inversion import placing as photo_faces
from eclipsed.inversion import saving
from eclipsed.inversion.belonging import OWN_SEEDS, Belonging, Usual, check_belonging, measured_as
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.film_methods import FilmMethods
from eclipsed.inversion.folder_edit import Tell, edit_folder
from eclipsed.inversion.folder_job import FolderJob
from eclipsed.inversion.folder_stacks import FolderEdits, folder_stacks
from eclipsed.inversion.inversion_step import Callback
from eclipsed.inversion.inverter import InversionConfig, Inverter
from eclipsed.inversion.network_digest import networks_digest
from eclipsed.inversion.picture_kinds import open_pictures
from eclipsed.latents.latent import Latent
from eclipsed.photos.alignment import Placement
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.identity import Identity
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.perception import Perception
from eclipsed.store.own_kind import OwnKind, keep_closeness, kept_closeness
from eclipsed.values.checks import whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from PIL import Image
    from torch import Tensor

__all__ = ["PhotoMethods"]

_Placed = tuple[Photo, Placement]  # a photograph, and where a face lies in it


class PhotoMethods(FilmMethods, ABC):
    """The part of `Editor` that deals with photographs: to latents, back into the picture, and into a file."""

    name: str
    generator: Generator
    truncation_psi: float
    _kind: OwnKind | None  # None: nothing is known of what is drawn, and nobody asks
    _encoder: Lazy[Encoder | None]
    _identity: Lazy[Identity | None]
    _finder: Lazy[FaceFinder]
    _compared: tuple[tuple[Generator, Clip, float], Belonging] | None = None

    @abstractmethod
    def sample(
        self, *, seeds: Iterable[int] | int | None = None, class_index: int | Sequence[int] | None = None
    ) -> Faces:
        """Make faces."""

    @abstractmethod
    def edit(
        self,
        faces: Faces,
        direction: moving.Directions | Stack,
        alpha: float | ArrayLike = 1.0,
        *,
        any_generator: bool = False,
    ) -> Faces:
        """Move faces."""

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def clip(self) -> Clip:
        """The CLIP model."""

    @property
    def _eye(self) -> Clip:
        """The CLIP that compares pictures: of several the first, since one tower tells how alike they look."""
        return self.clip.members[0]

    @property
    def encoder(self) -> Encoder | None:
        """What guesses the latents of photographs; None when there is none."""
        return self._encoder.get()

    @property
    def identity(self) -> Identity | None:
        """What tells who is on a face; None when there is none."""
        return self._identity.get()

    @property
    def finder(self) -> FaceFinder:
        """What finds faces in photographs."""
        return self._finder.get()

    def invert(
        self,
        photo: photo_faces.Source | Sequence[photo_faces.Source],
        *,
        level: str | None = None,
        aligned: bool = False,
        face: int | str | None = None,
        where: Placement | Sequence[Placement] | None = None,
        start: Faces | None = None,
        class_index: int | None = None,
        config: InversionConfig | None = None,
        callback: Callback | None = None,
        force: bool = False,
    ) -> Faces:
        """Turn photographs into faces that can be edited.

        A picture to which the nearest face is far less close than is usual for the model set is refused: a photograph
        where avatars are drawn, a whole photo that was said to be aligned. Searches that were stopped, or had fewer
        steps than is usual, are not judged.

        Args:
            photo: a path, a PIL picture or a `Photo`, or several.
            level: ``"fast"``, ``"good"`` or ``"best"``, see `InversionConfig`; None is the config's.
            aligned: the whole picture is an aligned face, so none has to be found.
            face: which face of a picture with several: a number from 1, from the left, or ``"all"``: all that can be
                aligned and are of the kind that the generator draws, as long as there is one.
            where: the faces' places, when they are known; beside ``face="all"`` those of another kind are left out.
            start: the faces of an earlier search, which may have been stopped, to go on from.
            class_index: class of the faces, where the generator has classes; None is the editor's own.
            config: every option; None is the default.
            callback: told of every step; returning False, or Ctrl-C, stops and keeps the best so far.
            force: take pictures of another kind, too.
        Returns:
            The faces, with their photographs in `Faces.origins`.
        Raises:
            InputError: no picture, no face, or one that cannot be aligned; see `place_faces`.
            ForeignPictureError: a picture is not of the kind that the generator draws.
        Warns:
            EclipsedWarning: there is no encoder, so the search begins at the mean face; it is unknown how close the
                set usually comes (see `measure_closeness`); a picture was only taken because of `force`; or of all
                faces one was left out.
        """
        chosen = config or InversionConfig()
        chosen = chosen if level is None else chosen.replace(level=level)
        sources: list[Any] = list(photo) if isinstance(photo, (list, tuple)) else [photo]
        placed: list[_Placed] = []
        for one in map(read_photo, sources):
            places = photo_faces.place_faces(one, lambda: self.finder, aligned=aligned, face=face, where=where)
            placed += [(one, place) for place in places]
        generator = self.generator if class_index is None else self.generator.of_class(class_index)
        usual = self._usual_closeness(chosen.level)

        def look_over(goals: Tensor, ws: Tensor) -> list[bool]:
            assert usual is not None
            found = self._belonging(generator).closeness(goals, editing.render(generator, Latent(ws)))
            kind, several = self._kind or OwnKind(), face == "all"
            return check_belonging(found, placed, name=self.name, kind=kind, usual=usual, force=force, several=several)

        inverter = self._inverter(generator, chosen, callback, None if usual is None else look_over)
        return photo_faces.invert_photos(inverter, placed, start=start)

    def closeness(self, faces: Faces) -> list[float]:
        """How close inverted faces come to their photographs, see `eclipsed.inversion.belonging.Belonging`.

        Args:
            faces: that `invert` gave; of edited ones, what they were before.
        Returns:
            One for each: 1 is the same picture, 0 no closer than any face of the generator.
        Raises:
            InputError: faces that were sampled, or loaded from a file without their photograph.
        """
        of_class = faces.latent.class_index
        generator = self.generator.of_class(of_class) if isinstance(of_class, int) else self.generator
        return self._belonging(generator).closeness(*photo_faces.goals_of(generator, faces))

    def measure_closeness(self, *, level: str = "good", count: int = 16, callback: Callback | None = None) -> float:
        """Measure how close inversions of the generator's own faces come to them, and keep it for `invert`.

        This is for model sets that do not say it themselves; it is done once for a generator and a CLIP.

        Args:
            level: of the inversion; ``"best"`` is judged as ``"good"``.
            count: faces, of fixed seeds.
            callback: told of every step.
        Returns:
            The median of their closeness.
        Raises:
            InputError: the level is unknown, or "fast" without an encoder; `count` is no number from 1.
            OutputError: it cannot be written.
        """
        config = InversionConfig().replace(level=measured_as(level))
        own = self.sample(seeds=list(OWN_SEEDS[: whole("count", count, 1, len(OWN_SEEDS))])).pil()
        placed = [(one, Placement.of_box(0, 0, one.width, one.height)) for one in map(read_photo, own)]
        inverter = self._inverter(self.generator, config, callback, None)
        usual = statistics.median(self.closeness(photo_faces.invert_photos(inverter, placed)))
        usual = round(max(usual, 0.0), 4)
        keep_closeness(self.generator.fingerprint, self._eye.name, {config.level: usual})
        return usual

    def _inverter(
        self,
        generator: Generator,
        config: InversionConfig,
        callback: Callback | None,
        look_over: Callable[[Tensor, Tensor], Sequence[bool]] | None,
    ) -> Inverter:
        return Inverter(
            generator,
            Perception(self._eye),
            encoder=self.encoder,
            identity=self.identity,
            parser=self.parser if config.level == "best" else None,
            config=config,
            callback=callback,
            look_over=look_over,
        )

    def _belonging(self, generator: Generator) -> Belonging:
        """What tells whether a picture belongs; kept, for it begins with the faces that all are compared with."""
        judged_by = (generator, self._eye, self.truncation_psi)
        if self._compared is None or self._compared[0] != judged_by:
            belonging = Belonging(generator, Perception(self._eye), truncation_psi=self.truncation_psi)
            self._compared = judged_by, belonging
        return self._compared[1]

    def _usual_closeness(self, level: str) -> Usual | None:
        """How close inversions of this level usually come, by the set's own word or as it was measured here."""
        level, kind = measured_as(level), self._kind
        if kind is not None and level in kind.closeness:
            return Usual(kind.closeness[level])
        kept = kept_closeness(self.generator.fingerprint, self._eye.name)
        if level in kept:
            return Usual(kept[level], generated=True)
        if kind is not None:
            warnings.warn(
                EclipsedWarning(
                    f"it is unknown how close {self.name!r} comes to pictures of its own kind, so nobody can tell "
                    f"whether this one belongs; measure it once: eclipsed models measure {kind.source}"
                ),
                stacklevel=3,
            )
        return None

    def paste(self, faces: Faces, photo: photo_faces.Source | None = None) -> list[Image.Image]:
        """Put edited faces back into their photographs, which stay as they are elsewhere, bit for bit.

        Args:
            faces: that `invert` or `load_faces` gave, edited.
            photo: the photograph, when the faces were loaded from a file.
        Returns:
            One picture for each photograph.
        Raises:
            InputError: faces that were sampled, no photograph, or not the one that a face was taken from.
        """
        return photo_faces.paste_faces(self.parser, faces, photo)

    def edit_photos(
        self,
        folder: str | os.PathLike[str],
        direction: FolderEdits,
        out: str | os.PathLike[str],
        *,
        alpha: float | Sequence[float] = 1.0,
        level: str | None = None,
        aligned: bool = False,
        face: int | str | None = None,
        class_index: int | None = None,
        force: bool = False,
        any_generator: bool = False,
        config: InversionConfig | None = None,
        recursive: bool = False,
        table: bool = False,
        workers: int | None = None,
        ray: str | None = None,
        cpus: float | None = None,
        gpus: float = 0.0,
        tell: Tell = lambda *_: None,
    ) -> list[EditedPhoto]:
        """Edit the faces on every picture of a folder, and write each under its own name into another one.

        What is wrong with a picture becomes a sentence in the report, and the next one follows. A run that was killed
        goes on where it was: a picture is skipped where its bytes, the directions, the options and the networks are
        those of an earlier run, and its result is as it was written then. Beside the results lie ``report.csv`` and
        ``report.html``, which shows each face before and after. One run at a time may write into a folder.

        Args:
            folder: of the pictures; what is no picture becomes a sentence, names that begin with a dot are left out. Or
                a table of Parquet, or a tar file of WebDataset, or a folder of such only.
            direction: one, several to apply together, their files or names, or a stack. Or a mapping from names to such
                (or to directions with their strengths): each picture is inverted once and written once for each name,
                into a folder of that name in `out`. One that is added later is made from the faces that `table` kept,
                without another inversion.
            out: folder of the results. PNG, JPEG and WebP keep their format; others get ``.png`` after their name.
                What has such a name there already is replaced.
            alpha: strength of all, or one for each direction; 1 where there are names.
            level: see `invert`.
            aligned: every picture is an aligned face as a whole, so none has to be found.
            face: which face of a picture with several: a number from 1, from the left; None is every face.
            class_index: class of the faces, where the generator has classes; None is the editor's own.
            force: take pictures of another kind, too.
            any_generator: see `edit`.
            config: every option of the inversion; None is the default.
            recursive: also the pictures of the folders inside.
            table: also write each picture's faces as they were found (``NAME.face.safetensors``, see `load_faces`), and
                ``table.parquet`` with what the report says and the latents of every face.
            workers: that work side by side, each with one thread and networks of its own; the results are the same, bit
                for bit. None is one, and on Ray as many as there is room for.
            ray: address of a Ray cluster; ``"local"`` starts one here, ``"auto"`` takes the one of this machine. Both
                folders must be where all its machines find them.
            cpus: that Ray sets aside for each worker; None is one.
            gpus: that Ray sets aside for each worker, also a fraction.
            tell: told of each picture when it is done: how many are, how many there are, and what became of it.
        Returns:
            What became of each picture, in the order of their names, or of the table; of several stacks a row for each.
            Of those after the thousandth no thumbnails are kept.
        Raises:
            InputError: there is no picture, one folder lies in the other, or an option is out of range.
            DirectionError: a direction belongs to another generator.
            OutputError: the folder of results cannot be written.
            MissingExtraError: Ray or a table is asked for, and its package is not there.
            KeyboardInterrupt: Ctrl-C; the picture that was being edited is not kept.
        """
        stacks = folder_stacks(direction, alpha, models=self.name)
        chosen = config or InversionConfig()
        networks = [self.parser, self._eye, self.encoder, self.identity, None if aligned else self.finder]
        job = FolderJob(
            open_pictures(Path(folder), recursive=recursive),
            Path(out),
            stacks,
            chosen if level is None else chosen.replace(level=level),
            aligned=aligned,
            face="all" if face is None and not aligned else face,
            force=force,
            any_generator=any_generator,
            generator=(
                self.generator.fingerprint,
                self.generator.class_index if class_index is None else class_index,
            ),
            networks=networks_digest(networks),
            keep_faces=table,
            class_index=class_index,
        )
        return edit_folder(self, job, crew=Crew(workers, 1, ray, cpus, gpus), tell=tell)

    def save_faces(self, faces: Faces, path: str | os.PathLike[str]) -> Path:
        """Write faces of any origin to a file, to be edited later; see `eclipsed.inversion.saving.save_faces`."""
        return saving.save_faces(faces, self.generator, path)

    def load_faces(self, path: str | os.PathLike[str], *, any_generator: bool = False) -> Faces:
        """Read what `save_faces` wrote; another generator is an InputError unless `any_generator` says to go on."""
        return saving.load_faces(self.generator, path, any_generator=any_generator, parser=lambda: self.parser)
