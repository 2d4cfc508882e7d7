"""Finding faces with MTCNN, whose weights come with the package."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from eclipsed.checkpoints.mtcnn import read_mtcnn
from eclipsed.compute.devices import as_device
from eclipsed.images.conversion import from_uint8, resize
from eclipsed.networks.mtcnn import MTCNN
from eclipsed.photos.boxes import best_of, moved
from eclipsed.photos.finding import FoundFace
from eclipsed.photos.reading import Photo
from eclipsed.photos.squares import Squares, halvings

__all__ = ["MTCNNFinder"]

_MOST_PIXELS = 2_000_000  # of the picture that is looked at
_SMALLEST = 20  # side of the face that the first level of the pyramid is for, in pixels of that picture
_STEP = 0.709  # from level to level: every second one has half the area
_CELL, _STRIDE = 12, 2  # of the proposal network, in pixels
_PROPOSED, _REFINED, _SEEN = 0.6, 0.7, 0.7  # least scores of the three networks
_SURE = 0.95  # least score of a face that was turned upright
_ROUNDS = 3  # how often a face is turned upright and looked at again
_STILL = math.cos(math.radians(8))  # what is a face is upright by then
_MOST = 2000  # squares that a level may propose
_BATCH = 256  # squares that a network sees at once
_BRIGHT = 1.25  # what the brightest hundredth of a dark picture is brought to, where black is 0 and white 2
_RANGE = 127.5 / 128  # of the pixels that the networks were trained on, from -1 to 1
_FOLDED = [1, 0, 2, 4, 3]  # the five points in a mirror


class MTCNNFinder:
    """MTCNN for boxes and five landmarks. Make one with `MTCNNFinder.from_file`.

    Three networks look at a pyramid of the picture, each at what the one before has left. Unlike in the paper a face
    that they see is then turned upright by its own landmarks and looked at again, together with its mirror image: that
    tells faces from what only resembles one, and places the landmarks some three times as exactly. Where there is no
    face, a dark picture is made brighter, and then the picture is turned by right angles.

    Args:
        network: the three networks, in eval mode.
        device: where they run.
    Source: Zhang et al. 2016, arXiv:1604.02878.
    """

    def __init__(self, network: MTCNN, device: torch.device) -> None:
        self.network, self.device = network, device

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, device: str | torch.device | None = None) -> MTCNNFinder:
        """Load the weights.

        Args:
            path: ``mtcnn.safetensors``, which ships with the package.
            device: where they shall run; None takes the best there is.
        Raises:
            MissingModelError: there is no such file.
            CheckpointError: it is damaged, or another network.
            InputError: the device is unknown or absent.
        """
        target = as_device(device)
        network = MTCNN()
        network.load_state_dict(read_mtcnn(path))
        return cls(network.eval().requires_grad_(False).to(target), target)

    @torch.no_grad()
    def find(self, photo: Photo) -> list[FoundFace]:
        """All faces of a photograph, from left to right."""
        upright = _looked_at(photo).to(self.device)
        for image, quarters in _tries(upright):
            boxes, points, scores = self._faces(image.rot90(quarters, (2, 3)))
            if not len(scores):
                continue
            size = (image.shape[3], image.shape[2])
            scale = np.array([photo.width, photo.height]) / size
            corners = _turned_back(boxes.reshape(-1, 2, 2), size, quarters) * scale
            points = _turned_back(points, size, quarters) * scale
            edges = np.concatenate([corners.min(1), corners.max(1)], axis=1)
            found = [
                FoundFace((left, top, right, bottom), points[k], float(scores[k]))
                for k, (left, top, right, bottom) in enumerate(edges.tolist())
            ]
            return sorted(found, key=lambda face: face.box[0])
        return []

    def _faces(self, image: Tensor) -> tuple[Any, Any, Any]:
        """Boxes (N, 4), landmarks (N, 5, 2) and scores (N,) of the faces of a picture."""
        pictures = halvings(image)
        squares = self._refined(pictures, self._proposed(image))
        scores, shares, uv = self._judged(pictures, squares, 48)
        seen = scores > _SEEN
        squares, scores, shares, uv = squares[seen], scores[seen], shares[seen], uv[seen]
        kept = best_of(_bounds(squares, shares), scores, 0.7, of_smaller=True)
        return self._upright(pictures, squares[kept], shares[kept], squares[kept].places(uv[kept]))

    def _proposed(self, image: Tensor) -> Squares:
        """Squares that the first network proposes at all levels of the pyramid."""
        height, width = image.shape[2:]
        boxes, scores, scale = [np.empty((0, 4))], [np.empty(0)], _CELL / _SMALLEST
        while min(height, width) * scale >= _CELL:
            level = resize(image, (math.ceil(height * scale), math.ceil(width * scale)))
            scale *= _STEP
            sure, shares = (found[0].cpu().numpy() for found in self.network.proposal(level))
            y, x = np.nonzero(sure > _PROPOSED)
            best = np.argsort(-sure[y, x], kind="stable")[:_MOST]
            y, x = y[best], x[best]
            pixel = np.tile([width / level.shape[3], height / level.shape[2]], 2)
            cells = (_STRIDE * np.stack([x, y, x, y], axis=1) + [0, 0, _CELL, _CELL]) * pixel
            kept = best_of(cells, sure[y, x], 0.5)
            boxes.append(moved(cells[kept], shares[:, y[kept], x[kept]].T))
            scores.append(sure[y[kept], x[kept]])
        every, sure = np.concatenate(boxes), np.concatenate(scores)
        return Squares.around(every[best_of(every, sure, 0.7)])

    def _refined(self, pictures: list[Tensor], squares: Squares) -> Squares:
        """What the second network leaves of them."""
        scores, shares, _ = self._judged(pictures, squares, 24)
        seen = scores > _REFINED
        boxes = _bounds(squares[seen], shares[seen])
        return Squares.around(boxes[best_of(boxes, scores[seen], 0.7)])

    def _upright(self, pictures: list[Tensor], squares: Squares, shares: Any, points: Any) -> tuple[Any, Any, Any]:
        """Faces as the third network sees them once they are turned upright by their own landmarks."""
        boxes, scores = np.empty((len(points), 4)), np.empty(len(points))
        for again in range(_ROUNDS if len(points) else 0):
            turned = _along(squares, shares, points)
            squares = turned.at_most(squares.halves) if again else turned
            scores, shares, uv = self._judged(pictures, squares, 48, mirrored=True)
            points = squares.places(uv)
        boxes = _bounds(squares, shares)
        turned = _along(squares, shares, points)
        still = (turned.across * squares.across).sum(1) > _STILL * turned.halves * squares.halves
        sure = np.nonzero((scores > _SURE) & still)[0]
        kept = sure[best_of(boxes[sure], scores[sure], 0.5, of_smaller=True)]
        return boxes[kept], points[kept], scores[kept]

    def _judged(self, pictures: list[Tensor], squares: Squares, size: int, *, mirrored: bool = False) -> Any:
        """What the second or third network says of squares.

        Args:
            pictures: from `halvings`.
            squares: to look at.
            size: 24 for the second, which gives no points, 48 for the third.
            mirrored: whether their mirror images are looked at, too, and the mean is taken.
        Returns:
            Scores (N,), shares by which edges move (N, 4) and points as shares of the side (N, 5, 2).
        """
        scores, shares, uv = np.empty(len(squares)), np.empty((len(squares), 4)), np.zeros((len(squares), 5, 2))
        network = self.network.refinement if size == 24 else self.network.output
        for first in range(0, len(squares), _BATCH):
            part = slice(first, first + _BATCH)
            cut = squares[part].cut(pictures, size)
            found = [one.double().cpu().numpy() for one in network(cut)]
            if mirrored:
                other = [one.double().cpu().numpy() for one in network(cut.flip(3))]
                back = [other[0], other[1][:, [2, 1, 0, 3]] * [-1, 1, -1, 1], [1, 0] + other[2][:, _FOLDED] * [-1, 1]]
                found = [(one + two) / 2 for one, two in zip(found, back, strict=True)]
            scores[part], shares[part] = found[:2]
            uv[part] = found[2] if size == 48 else 0
        return scores, shares, uv


def _looked_at(photo: Photo) -> Tensor:
    """A photograph as the networks take it, not too large, (1, 3, H, W)."""
    factor = math.sqrt(_MOST_PIXELS / (photo.width * photo.height))
    if factor < 1:
        size = max(1, round(photo.width * factor)), max(1, round(photo.height * factor))
        small = photo.pil().resize(size, Image.Resampling.BILINEAR)
        alpha = np.asarray(small.getchannel("A")) if photo.alpha is not None else None
        photo = Photo(np.asarray(small.convert("RGB")), alpha)
    return from_uint8(photo.opaque) * _RANGE


def _tries(image: Tensor) -> Iterator[tuple[Tensor, int]]:
    """What is looked at until there is a face: the picture, brighter if it is dark, then smaller and turned.

    Returns:
        Pictures, and by how many right angles they are to be turned.
    """
    yield image, 0
    light = image / _RANGE + 1
    bright = float(np.percentile(light.amax(1).cpu().numpy(), 99))
    if bright < _BRIGHT:
        image = ((light * (_BRIGHT / max(bright, 1 / 128))).clamp(max=2) - 1) * _RANGE
        yield image, 0
    smaller = halvings(image)[1] if image[0, 0].numel() > _MOST_PIXELS / 4 else image
    for quarters in (1, 3, 2):
        yield smaller, quarters


def _along(squares: Squares, shares: Any, points: Any) -> Squares:
    """Squares around the boxes that were seen in others, turned as FFHQ turns a face with these landmarks."""
    edges = np.array([0.0, 0.0, 1.0, 1.0]) + shares
    centres = squares.places((edges[:, None, :2] + edges[:, None, 2:]) / 2)[:, 0]
    halves = squares.halves * (edges[:, 2:] - edges[:, :2]).max(1)
    between, below = points[:, 1] - points[:, 0], (points[:, 3] + points[:, 4] - points[:, 0] - points[:, 1]) / 2
    axis = between + np.stack([below[:, 1], -below[:, 0]], axis=1)
    length = np.hypot(axis[:, 0], axis[:, 1])
    return Squares(centres, axis * (halves / np.maximum(length, 1e-6))[:, None])


def _bounds(squares: Squares, shares: Any) -> Any:
    """Left, top, right and bottom of the boxes that were seen in squares, (N, 4)."""
    left, top, right, bottom = (np.array([0.0, 0.0, 1.0, 1.0]) + shares).T
    corners = squares.places(np.stack([[left, right, left, right], [top, top, bottom, bottom]], axis=-1).swapaxes(0, 1))
    return np.concatenate([corners.min(1), corners.max(1)], axis=1)


def _turned_back(points: Any, size: tuple[int, int], quarters: int) -> Any:
    """Points of a picture that was turned by right angles, (N, K, 2), in the upright one of this width and height."""
    size_turned = size if quarters % 2 == 0 else size[::-1]
    away = points - np.array(size_turned) / 2
    for _ in range(quarters):
        away = np.stack([-away[..., 1], away[..., 0]], axis=-1)
    return away + np.array(size) / 2
