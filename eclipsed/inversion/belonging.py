"""Whether a picture is of the kind that a generator draws, told by how close its inversion comes to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.editing.faces import at_once
from eclipsed.errors import EclipsedWarning, ForeignPictureError
from eclipsed.latents.latent import Latent
from eclipsed.photos.alignment import Placement
from eclipsed.photos.reading import Photo
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.perception import Perception
from eclipsed.store.own_kind import OwnKind

__all__ = ["OWN_SEEDS", "Belonging", "Usual", "check_belonging", "measured_as"]

#: how many times as unlike as usual a picture may be and still belong, and the least that counts as usual, where
#: pictures that no network saw were measured
_SEEN = 4.5, 0.01
#: and where a generator's own faces were, to which it comes far closer than to others of their kind
_GENERATED = 15.0, 0.05

#: of a generator's own faces, on which the usual closeness is measured where no recipe did
OWN_SEEDS = range(899_000_000, 900_000_000)

_OTHERS = range(898_000_000, 898_000_016)  # seeds of the faces that any picture is compared with


@dataclass(frozen=True)
class Usual:
    """How close inversions of pictures of a set's own kind usually come.

    Args:
        closeness: the median, see `Belonging`.
        generated: whether it was measured on faces of the generator, rather than on pictures that no network saw.
    """

    closeness: float
    generated: bool = False

    @property
    def least(self) -> float:
        """The closeness below which a picture is of another kind.

        Its ratio of what is unlike to what is alike is a few times the usual one; benchmarks/README.md says why.
        """
        unlike = (1 - self.closeness) / max(self.closeness, 1e-6)
        times, floor = _GENERATED if self.generated else _SEEN
        return 1 / (1 + times * max(unlike, floor))


def measured_as(level: str) -> str:
    """The level whose closeness tells of a level: a generator tuned to a picture would come close to any."""
    return "good" if level == "best" else level


class Belonging:
    """How close drawn faces come to pictures, in a figure without a unit.

    The closeness is 1 - D(picture, face) / D(picture, any face): the perceptual distance to what was found, over the
    mean distance to faces of fixed seeds. 1 is the same picture, 0 no closer than any face of the generator. Scale of
    the distance, and so the CLIP that measures it, cancels out.

    Args:
        generator: that draws.
        perception: how alike two pictures look.
        truncation_psi: of the faces of fixed seeds.
    """

    def __init__(self, generator: Generator, perception: Perception, *, truncation_psi: float = 1.0) -> None:
        self.perception = perception
        step = at_once(generator.resolution)
        parts: list[list[Tensor]] = []
        with torch.no_grad():
            for start in range(0, len(_OTHERS), step):
                seeds = _OTHERS[start : start + step]
                latent = Latent.of_seeds(generator, seeds, truncation_psi=truncation_psi)
                parts.append(perception.maps(latent.render(generator).image.clamp(-1, 1)))
        self._others = [torch.cat(maps) for maps in zip(*parts, strict=True)]

    @torch.no_grad()
    def closeness(self, pictures: Tensor, drawn: Tensor) -> list[float]:
        """How close faces come to pictures.

        Args:
            pictures: (N, 3, H, W), range [-1, 1].
            drawn: the face that was found for each, of the same shape.
        Returns:
            One for each, at most 1.
        """
        found = []
        for picture, face in zip(pictures.clamp(-1, 1).split(1), drawn.clamp(-1, 1).split(1), strict=True):
            goal = self.perception.maps(picture)
            away = self.perception.distance(self.perception.maps(face), goal)
            any_face = self.perception.distance(self._others, [one.expand(len(_OTHERS), -1, -1) for one in goal])
            found.append(1 - float(away) / max(float(any_face.mean()), 1e-12))
        return found


def check_belonging(
    found: Sequence[float],
    placed: Sequence[tuple[Photo, Placement]],
    *,
    name: str,
    kind: OwnKind,
    usual: Usual,
    force: bool = False,
    several: bool = False,
) -> list[bool]:
    """Raise where an inversion is far less close to its picture than is usual.

    Args:
        found: closeness of each.
        placed: the picture of each, and where the face lies in it.
        name: of the model set.
        kind: what it draws.
        usual: of pictures of its own kind.
        force: warn instead.
        several: leave those out that do not belong, with a warning, as long as one does.
    Returns:
        Of each, whether to go on with it.
    Raises:
        ForeignPictureError: one is below `Usual.least`, or of several all.
    Warns:
        EclipsedWarning: the same, where `force` says to go on, or one of several is left out.
    """
    belongs = [closeness >= usual.least for closeness in found]
    leave = several and any(belongs) and not force
    for number, (closeness, (photo, place)) in enumerate(zip(found, placed, strict=True), 1):
        if belongs[number - 1]:
            continue
        error = _foreign(closeness, photo, place, name=name, kind=kind, usual=usual.closeness)
        if not force and not leave:
            raise error
        told = f"a face at x = {place.centre[0]:.0f} is left as it is: {error.reason}" if leave else error.reason
        warnings.warn(EclipsedWarning(told), stacklevel=4)
    return belongs if leave else [True] * len(belongs)


def _foreign(
    closeness: float, photo: Photo, place: Placement, *, name: str, kind: OwnKind, usual: float
) -> ForeignPictureError:
    whole = place == Placement.of_box(0, 0, photo.width, photo.height) if photo.width == photo.height else False
    draws = f" ({kind.draws})" if kind.draws else ""
    reason = (
        f"{photo.name} is not what {name!r} draws{draws}: the nearest face is {100 * max(closeness, 0):.0f} % like it, "
        f"where {100 * usual:.0f} % is usual"
    )
    advice = []
    if kind.photographs:
        advice.append(f"for photographs there is another set (eclipsed models fetch {kind.photographs})")
    if whole:
        advice.append("in a whole photo the face is found without --aligned (aligned=True)")
    advice = advice or ["take another picture"]
    message = f"{reason}; {', '.join(advice)}, and --force (force=True) goes on all the same"
    return ForeignPictureError(message, reason=reason, photographs=kind.photographs, whole=whole)
