"""Finding faces in a photograph: facexlib's detector and landmarks, with weights that are read by us."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from eclipsed.checkpoints.plain import fill_network, read_plain_state
from eclipsed.compute.devices import as_device
from eclipsed.errors import EclipsedWarning, InputError, MissingExtraError
from eclipsed.images.conversion import from_uint8, resize
from eclipsed.photos.alignment import Placement, anchors
from eclipsed.photos.reading import Photo
from eclipsed.values.checks import is_whole

__all__ = ["FaceFinder", "FacexlibFinder", "FoundFace", "check_which", "choose_faces", "find_faces", "heatmap_peaks"]

_LONGEST = 1280  # side of the picture that the detector sees, in pixels
_SURE = 0.8  # least score of a face
#: keys of RetinaFace of any size
_TELLTALES = ("fpn.output1.0.weight", "fpn.output2.0.weight", "ssh1.conv3X3.0.weight", "ClassHead.0.conv1x1.weight")
_SIZE = 256  # of the square that landmarks are looked for in
_AROUND = 1.3  # that square's side over the longer side of the face's box
_NOSE = {5: 2, 68: 30, 98: 54}
_TURNED = 0.12  # how near the tip of the nose may come to an eye, along the line between the eyes
_INSIDE = 0.6  # least share of the square that must lie within the photograph


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face in a photograph.

    Args:
        box: left, top, right and bottom, in pixels.
        landmarks: 5, 68 or 98 points, (K, 2), in pixels.
        score: how sure the finder is, [0, 1].
    """

    box: tuple[float, float, float, float]
    landmarks: Any
    score: float = 1.0

    def placement(self, photo: Photo) -> Placement:
        """Where the aligned square lies.

        Raises:
            InputError: the face is too small, cut off by the photograph's edge, or strongly turned.
        """
        placement = Placement.of_landmarks(self.landmarks)
        left, right, *_ = anchors(self.landmarks)
        line = right - left
        along = float((np.asarray(self.landmarks)[_NOSE[len(self.landmarks)]] - left) @ line / max(line @ line, 1e-9))
        if not _TURNED <= along <= 1 - _TURNED:
            raise InputError(f"the face in {photo.name} is turned too far to the side; take a picture from the front")
        if placement.inside(photo.width, photo.height) < _INSIDE:
            raise InputError(
                f"the face in {photo.name} is cut off by the picture's edge; take one that shows all of it"
            )
        return placement


@runtime_checkable
class FaceFinder(Protocol):
    """Anything that finds faces."""

    def find(self, photo: Photo) -> list[FoundFace]:
        """All faces of a photograph, from left to right."""


def check_which(which: int | str | None) -> None:
    """Raise unless this says which face of a photograph is meant.

    Args:
        which: a number from 1, counted from the left; ``"all"``; or None for the only one.
    Raises:
        InputError: it is anything else.
    """
    if which not in (None, "all") and not is_whole(which, 1):
        raise InputError(f'face must be a number from 1, "all" or None; got {which!r}')


def find_faces(finder: FaceFinder, photo: Photo) -> list[FoundFace]:
    """All faces of a photograph, from left to right.

    Raises:
        InputError: there is none.
    """
    faces = finder.find(photo)
    if not faces:
        raise InputError(
            f"no face was found in {photo.name}; give a picture of a face from the front, or say that it is aligned"
        )
    return faces


def choose_faces(finder: FaceFinder, photo: Photo, which: int | str | None) -> list[Placement]:
    """The places of the faces that are asked for.

    Args:
        finder: finds them.
        photo: where.
        which: a number from 1, counted from the left; ``"all"``, for all that can be aligned; or None for the only one.
    Raises:
        InputError: there is no face, several and none was chosen, no such number, or none that can be aligned.
    Warns:
        EclipsedWarning: of all faces one cannot be aligned.
    """
    check_which(which)
    faces = find_faces(finder, photo)
    if which == "all":
        return _all_places(faces, photo)
    if which is None and len(faces) > 1:
        places = ", ".join(f"{k} at x = {(face.box[0] + face.box[2]) / 2:.0f}" for k, face in enumerate(faces, 1))
        raise InputError(f"{photo.name} shows {len(faces)} faces ({places}); choose one by its number, or all")
    number = which if isinstance(which, int) else 1
    if number > len(faces):
        raise InputError(f"{photo.name} has no face {number}: {len(faces)} found, counted from the left")
    return [faces[number - 1].placement(photo)]


def _all_places(faces: Sequence[FoundFace], photo: Photo) -> list[Placement]:
    """The places of all faces that can be aligned: one bad face is no reason to leave the others."""
    places: list[Placement] = []
    wrong: list[tuple[int, InputError]] = []
    for number, face in enumerate(faces, 1):
        try:
            places.append(face.placement(photo))
        except InputError as error:
            wrong.append((number, error))
    if not places:
        raise wrong[0][1]
    for number, why in wrong:
        warnings.warn(EclipsedWarning(f"face {number} of {photo.name} is left as it is: {why}"), stacklevel=4)
    return places


class FacexlibFinder:
    """RetinaFace for boxes and an AWing network for 98 landmarks. Make one with `FacexlibFinder.from_files`.

    Args:
        detector: facexlib's ``RetinaFace``.
        landmarks: facexlib's ``FAN``.
        device: where they run.
    """

    def __init__(self, detector: Any, landmarks: nn.Module, device: torch.device) -> None:
        self.detector, self.landmarks, self.device = detector, landmarks, device

    @classmethod
    def from_files(
        cls,
        detector: str | os.PathLike[str],
        landmarks: str | os.PathLike[str],
        *,
        device: str | torch.device | None = None,
    ) -> FacexlibFinder:
        """Load facexlib's published weights, without its own loader, which downloads and unpickles.

        Args:
            detector: ``detection_Resnet50_Final.pth`` or ``detection_mobilenet0.25_Final.pth``.
            landmarks: ``alignment_WFLW_4HG.pth``.
            device: where they shall run; None takes the best there is.
        Raises:
            MissingModelError: a file is not there.
            CheckpointError: one is damaged, asks to run code, or is another network.
            MissingExtraError: facexlib cannot be imported.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        try:
            from facexlib.alignment.awing_arch import FAN
            from facexlib.detection.retinaface import RetinaFace
        except ImportError as error:  # OpenCV needs libraries of the system
            raise MissingExtraError(f"faces are found with facexlib, which cannot be imported: {error}") from error
        keys = read_plain_state(Path(detector), "face detector", _TELLTALES)
        small = any(key.startswith("body.stage1.") for key in keys)
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # torchvision's, about how facexlib calls it
            finder = RetinaFace(network_name="mobile0.25" if small else "resnet50", device=target)
            points = FAN(num_modules=4, num_landmarks=98, device=target)
        fill_network(Path(detector), finder, "face detector (RetinaFace)")
        fill_network(Path(landmarks), points, "landmark network (AWing, 98 points)")
        return cls(finder.to(target), points.to(target), target)

    @torch.no_grad()
    def find(self, photo: Photo) -> list[FoundFace]:
        """All faces of a photograph, from left to right."""
        image = from_uint8(photo.opaque)
        factor = min(1.0, _LONGEST / max(photo.width, photo.height))
        if factor < 1:
            image = resize(image, (max(1, round(photo.height * factor)), max(1, round(photo.width * factor))))
        bgr = ((image[0] + 1) * 127.5).permute(1, 2, 0).flip(2).numpy()
        found = self.detector.detect_faces(bgr, conf_threshold=_SURE)
        scale = np.array([photo.width / bgr.shape[1], photo.height / bgr.shape[0]])
        faces = []
        for row in np.asarray(found, dtype=np.float64):
            box = row[:4] * np.tile(scale, 2)
            faces.append(FoundFace(tuple(box.tolist()), self._points(photo, box), float(row[4])))
        return sorted(faces, key=lambda face: face.box[0])

    def _points(self, photo: Photo, box: Any) -> Any:
        """98 points within a box."""
        centre, side = (box[:2] + box[2:]) / 2, _AROUND * max(box[2] - box[0], box[3] - box[1], 32 / _AROUND)
        square = Placement((float(centre[0]), float(centre[1])), (float(side / 2), 0.0))
        image = (square.crop(photo, _SIZE) + 1) / 2
        maps = self.landmarks(image.to(self.device))[0][-1][0, :-1]
        return square.points(heatmap_peaks(maps.cpu()))


def heatmap_peaks(maps: Tensor) -> Any:
    """Where heatmaps are highest, in [0, 1] from the upper left corner.

    Each peak is moved by a quarter of a cell towards its higher neighbour, along each axis.

    Args:
        maps: (K, h, w).
    Returns:
        x and y, (K, 2), float64.
    Source: Newell et al. 2016, arXiv:1603.06937, section 3.3; facexlib's own function needs an old NumPy.
    """
    height, width = maps.shape[1:]
    values = maps.double().numpy()
    points = []
    for one in values:
        y, x = np.unravel_index(int(one.argmax()), one.shape)
        right = one[y, min(x + 1, width - 1)] - one[y, max(x - 1, 0)]
        below = one[min(y + 1, height - 1), x] - one[max(y - 1, 0), x]
        points.append(((x + 0.5 + 0.25 * np.sign(right)) / width, (y + 0.5 + 0.25 * np.sign(below)) / height))
    return np.array(points)
