"""Pictures whose class is known: a folder for each class, or a CSV, as one tensor with labels."""

from __future__ import annotations

import csv
import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError, MissingExtraError
from eclipsed.images.conversion import from_uint8, resize, to_uint8
from eclipsed.photos.reading import Photo, read_photo

__all__ = ["Labelled", "as_input", "picture_files", "read_labelled"]

#: of pictures that Pillow reads, and pillow-heif
_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".tga", ".avif",
             ".jp2", ".heic", ".heif")  # fmt: skip
_NAMED = 3  # files that a warning names


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures of which the class is known.

    Args:
        attribute: what the classes are classes of.
        classes: their names.
        images: uint8, (N, size, size, 3).
        labels: places in `classes`, int64, (N,).
        files: where each picture came from.
    """

    attribute: str
    classes: tuple[str, ...]
    images: Tensor
    labels: Tensor
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def counts(self) -> Tensor:
        """Pictures of each class, (classes,)."""
        return torch.bincount(self.labels, minlength=len(self.classes))

    @property
    def digest(self) -> str:
        """What tells these pictures, with their classes, from any others."""
        facts = f"{self.attribute}\0{self.classes}\0{self.labels.tolist()}\0{tuple(self.images.shape)}".encode()
        return hashlib.sha256(facts + self.images.numpy().tobytes()).hexdigest()

    def only(self, places: Tensor) -> Labelled:
        """Some of the pictures, by their places."""
        files = tuple(self.files[place] for place in places.tolist())
        return replace(self, images=self.images[places], labels=self.labels[places], files=files)

    def without(self, other: Labelled) -> Labelled:
        """Those that are not among others of the same size, whatever their class.

        Raises:
            InputError: none is left.
        Warns:
            EclipsedWarning: some are left out.
        """
        known = {_mark(image) for image in other.images}
        kept = [place for place, image in enumerate(self.images) if _mark(image) not in known]
        if len(kept) == len(self):
            return self
        if not kept:
            raise InputError("all held-out pictures are among those that are learned from; give others")
        both = [str(file) for place, file in enumerate(self.files) if place not in set(kept)]
        one, many = "is among those that are learned from", "are among those that are learned from"
        warnings.warn(EclipsedWarning(_left_out(both, f"held out {one}", f"held out {many}")), stacklevel=3)
        return self.only(torch.tensor(kept))

    def split(self, shares: Sequence[float], *, seed: int) -> list[Tensor]:
        """Draw parts of the pictures at random, each class by itself.

        Args:
            shares: of each class for every part but the last, to which the rest goes; each part gets at least one
                picture of every class.
            seed: of the draw.
        Returns:
            Places of the pictures of each part, sorted.
        """
        rng = torch.Generator().manual_seed(seed)
        parts: list[list[Tensor]] = [[] for _ in range(len(shares) + 1)]
        for label in range(len(self.classes)):
            mine = (self.labels == label).nonzero()[:, 0]
            mine = mine[torch.randperm(len(mine), generator=rng)]
            sizes = [max(1, round(share * len(mine))) for share in shares]
            for part, some in zip(parts, mine.split([*sizes, len(mine) - sum(sizes)]), strict=True):
                part.append(some)
        return [torch.cat(part).sort().values for part in parts]


def read_labelled(
    source: str | os.PathLike[str],
    *,
    size: int,
    attribute: str | None = None,
    classes: Sequence[str] | None = None,
    least: int = 1,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> Labelled:
    """Read pictures and their classes.

    A picture that is there twice in one class counts once; one that lies in several classes, and one that cannot be
    read, is left out. Files that are no pictures by their names are none.

    Args:
        source: a folder with a folder of pictures for each class, however deep they lie in it; or a CSV with a line of
            column names, then in each line a picture's file, from the CSV's own folder on, and its class.
        size: side in pixels to which every picture is brought, whatever its shape.
        attribute: what the classes are classes of; None is the name of the folder, or of the CSV's second column.
        classes: the classes that there may be, in this order, some of which may have no pictures; None is those that
            are found, in alphabetical order, of which there must be at least two.
        least: how many pictures each class that is found must have.
        tell: told how many pictures are read, and of how many.
    Raises:
        InputError: there is no such folder or CSV, it has no two classes, or one that is unknown, or too few pictures.
    Warns:
        EclipsedWarning: pictures are left out; says which and why.
    """
    path = Path(source)
    found, name = _from_csv(path) if path.is_file() else _from_folders(path)
    known = tuple(sorted(found)) if classes is None else tuple(classes)
    _check_classes(path, found, known, given=classes is not None)
    kept = _Kept(size, known)
    every = [(one, file) for one in known for file in found.get(one, ())]
    for done, pair in enumerate(every, start=1):
        kept.add(*pair)
        tell(done, len(every))
    return kept.labelled(attribute or name, found, least)


def picture_files(source: str | os.PathLike[str]) -> list[Path]:
    """The pictures of a folder, by their names, however deep they lie in it; of a file that file.

    Raises:
        InputError: there is no such file or folder, or no picture in it.
    """
    path = Path(source)
    if path.is_dir():
        files = list(_pictures(path))
        if not files:
            raise InputError(f"there are no pictures in {path}")
        return files
    if not path.exists():
        raise InputError(f"{path} is not there; give a picture, or a folder of pictures")
    return [path]


def as_input(photo: Photo, size: int) -> Tensor:
    """A photograph as judges see it: squeezed to a square, on white where it is transparent; (1, 3, size, size)."""
    return resize(from_uint8(photo.opaque), size)


class _Kept:
    """The pictures that are read one after the other, and what is left out."""

    def __init__(self, size: int, classes: tuple[str, ...]) -> None:
        self.size, self.classes = size, classes
        self.pictures: dict[str, tuple[str, Path, Tensor]] = {}  # by what tells a picture from others
        self.broken: list[str] = []
        self.twice: dict[str, str] = {}

    def add(self, name: str, file: Path) -> None:
        try:
            photo = read_photo(file)
        except (InputError, MissingExtraError) as error:
            self.broken.append(str(error))
            return
        there = self.pictures.get(photo.sha256)
        if there is None:
            self.pictures[photo.sha256] = (name, file, to_uint8(as_input(photo, self.size)))
        elif there[0] != name:
            self.twice[photo.sha256] = f"{there[1]} and {file}"

    def labelled(self, attribute: str, found: Iterable[str], least: int) -> Labelled:
        if self.broken:
            text = _left_out(self.broken, "cannot be read", "cannot be read")
            warnings.warn(EclipsedWarning(text), stacklevel=3)
        if self.twice:
            text = _left_out(list(self.twice.values()), "lies in several classes", "lie in several classes")
            warnings.warn(EclipsedWarning(text), stacklevel=3)
        rows = [row for mark, row in self.pictures.items() if mark not in self.twice]
        for name in found:
            count = sum(row[0] == name for row in rows)
            if count < least:
                many = "1 picture" if count == 1 else f"{count or 'no'} pictures"
                raise InputError(f"the class {name!r} has {many} that can be used; it needs at least {least}")
        return Labelled(
            attribute,
            self.classes,
            torch.cat([image for _, _, image in rows]),
            torch.tensor([self.classes.index(name) for name, _, _ in rows]),
            tuple(file for _, file, _ in rows),
        )


def _mark(image: Tensor) -> bytes:
    return hashlib.sha256(image.numpy().tobytes()).digest()


def _left_out(which: list[str], one: str, many: str) -> str:
    """A sentence about pictures, `one` being what is said of a single one."""
    said = f"1 picture {one}, so it is" if len(which) == 1 else f"{len(which)} pictures {many}, so they are"
    more = "" if len(which) <= _NAMED else f"; and {len(which) - _NAMED} more"
    return f"{said} left out: {'; '.join(which[:_NAMED])}{more}"


def _pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in _SUFFIXES and not hidden and path.is_file():
            yield path


def _from_folders(path: Path) -> tuple[dict[str, list[Path]], str]:
    """Class -> its files, and what the classes may be called together."""
    if not path.is_dir():
        raise InputError(f"{path} is not there; give a folder with a folder of pictures for each class, or a CSV")
    folders = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    if not folders:
        raise InputError(f"{path} has no folders in it; expected a folder of pictures for each class")
    return {one.name: list(_pictures(one)) for one in folders}, path.resolve().name


def _from_csv(path: Path) -> tuple[dict[str, list[Path]], str]:
    """The same of a CSV."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV: {error}") from error
    wrong = next((place for place, row in enumerate(rows, start=1) if len(row) != 2 or not all(map(str.strip, row))), 0)
    if wrong or not rows:
        raise InputError(
            f"{path} is no CSV of two columns, a picture's file and its class"
            + (f"; line {wrong} has {len(rows[wrong - 1])}" if wrong and len(rows[wrong - 1]) != 2 else "")
        )
    found: dict[str, list[Path]] = {}
    for file_name, name in rows[1:]:
        found.setdefault(name.strip(), []).append(path.parent / file_name.strip())
    if not found:
        raise InputError(f"{path} has column names and no pictures")
    return found, rows[0][1].strip()


def _check_classes(path: Path, found: dict[str, list[Path]], known: tuple[str, ...], *, given: bool) -> None:
    for name, files in found.items():
        if name not in known:
            raise InputError(
                f"{path} has the class {name!r}, which the judge does not know; it knows {', '.join(known)}"
            )
        if not files:
            raise InputError(f"the class {name!r} in {path} has no pictures; fill its folder or remove it")
    if not given and len(known) < 2:
        raise InputError(f"{path} has one class, {known[0]!r}; a judge tells at least two apart")
