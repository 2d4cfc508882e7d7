"""Whose latents these are: what files keep of the generator they were made on, and how it is known again.

Directions, stacks and saved faces are made of latents, and what latents mean rests on the mapping network and the
affines of the styles. A generator that was stored in half precision, without its mean of w, with another clamp or
in another layout is the same one here; one whose convolutions were tuned further (StyleGAN-NADA, PTI, JoJoGAN) is a
relative, whose latents mean much the same.
"""

from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from eclipsed.errors import EclipsedError, EclipsedWarning, InputError
from eclipsed.values.checks import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PROBES", "PROJECTIONS", "SAMPLES", "GeneratorId", "Kinship", "encode_sketch", "kinship_with"]

PROBES = 8  # latents that a sketch is made of
PROJECTIONS = 8  # numbers that are kept of each w
SAMPLES = 16  # numbers that are kept of each convolution

_OF_MAPPING = 1 + PROBES * PROJECTIONS  # size of w, and w
_OF_LAYER = 1 + PROBES + SAMPLES  # size of the style, the style, and the convolution
_MARK = 12  # digits of the fingerprint that a sketch begins with
_LONGEST = 100_000  # characters of a sketch

#: differences that storing in bfloat16 stays well below, relative to the size of what is compared
_SAME_LATENTS, _SAME_WEIGHTS = 0.1, 0.01

#: how far relatives may differ: correlation of their w, and of their styles, over the probes
_RELATED_W, _RELATED_STYLES = 0.7, 0.5


class Kinship(Enum):
    """How two generators are related, as far as latents go."""

    SAME = "same"  # latents mean the same, and are drawn alike
    RELATIVE = "relative"  # latents mean much the same, and are drawn otherwise
    FOREIGN = "foreign"  # latents of one mean nothing to the other, or nothing is known


@dataclass(frozen=True, kw_only=True)
class GeneratorId:
    """What a file keeps of the generator that it was made on.

    Args:
        fingerprint: see `Generator.fingerprint`.
        name: what it is called.
        sketch: see `Generator.sketch`; "" in files from before it was kept, which know their generator to the bit. It
            begins with the fingerprint that it belongs to, and says nothing beside another one.
    Raises:
        InputError: the sketch is damaged.
    """

    fingerprint: str
    name: str = ""
    sketch: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.sketch, str) or len(self.sketch) > _LONGEST:
            raise InputError(f"a generator's sketch must be a text; got {shown(self.sketch)}")
        if self.sketch and self._read() is None:
            raise InputError("the generator's sketch is damaged")

    def _read(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """The numbers of the mapping, and of the layers, one in each row; None where they make no sense."""
        import numpy as np

        try:
            flat = np.frombuffer(base64.b64decode(self._parts[1], validate=True), dtype="<f4")
        except ValueError:
            return None
        rows = self._parts[2]
        if rows and not (rows.isascii() and rows.isdecimal() and 0 < len(rows) < 6):
            return None
        rest = len(flat) - _OF_MAPPING
        if rest <= 0 or rest % _OF_LAYER or not np.isfinite(flat).all():
            return None
        return flat[:_OF_MAPPING], flat[_OF_MAPPING:].reshape(-1, _OF_LAYER)

    @property
    def _parts(self) -> tuple[str, str, str]:
        """Of the sketch: whose it is, the numbers, and how many rows ws has where the numbers do not tell."""
        mark, _, rest = self.sketch.partition(":")
        numbers, _, rows = rest.partition(":")
        return mark, numbers, rows

    @cached_property
    def _numbers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """What `_read` gives; None where there is no sketch, or that of another generator."""
        return self._read() if self.sketch and self.sketch.startswith(f"{self.fingerprint[:_MARK]}:") else None

    @property
    def rows(self) -> int | None:
        """How many rows ws has; None where the sketch does not say.

        A block of StyleGAN2 has two convolutions, each with a row of its own, and a ToRGB; the first lacks one of the
        convolutions. In a StyleGAN3 each layer has one, which its sketch says.
        """
        if self._numbers is None:
            return None
        said = self._parts[2]
        return int(said) if said else 2 * (len(self._numbers[1]) + 1) // 3

    def kinship(self, other: GeneratorId) -> Kinship:
        """How this generator and another are related."""
        if self.fingerprint == other.fingerprint:
            return Kinship.SAME
        mine, theirs = self._numbers, other._numbers
        if mine is None or theirs is None or mine[1].shape != theirs[1].shape:
            return Kinship.FOREIGN
        w, other_w = mine[0], theirs[0]
        styles, other_styles = mine[1][:, : 1 + PROBES], theirs[1][:, : 1 + PROBES]
        same_w = _difference(w[None], other_w[None]) <= _SAME_LATENTS
        if same_w and _difference(styles, other_styles) <= _SAME_LATENTS:
            weights = _root_mean_square(mine[1][:, 1 + PROBES :] - theirs[1][:, 1 + PROBES :])
            return Kinship.SAME if weights.max() <= _SAME_WEIGHTS else Kinship.RELATIVE
        related_w = same_w or _correlation(w[1:].reshape(PROBES, -1).T, other_w[1:].reshape(PROBES, -1).T) >= _RELATED_W
        related = related_w and _correlation(styles[:, 1:], other_styles[:, 1:]) >= _RELATED_STYLES
        return Kinship.RELATIVE if related else Kinship.FOREIGN

    def check(
        self, now: GeneratorId, subject: str, advice: str, *, error: type[EclipsedError], relatives: bool = True
    ) -> None:
        """Raise unless what was made on this generator can be used with another; warn where that is a relative.

        Args:
            now: the generator in use.
            subject: what was made, and how it belongs: ``"direction 'hat' was trained on"``.
            advice: what to do where the other generator is a foreign one.
            error: class of what is raised.
            relatives: whether a relative will do, too.
        Raises:
            EclipsedError: of the class `error`: the latents of one mean nothing to the other.
        Warns:
            EclipsedWarning: it is a relative.
        """
        kinship = self.kinship(now)
        if kinship is Kinship.FOREIGN or (kinship is Kinship.RELATIVE and not relatives):
            raise error(
                f"{subject} the generator {self.name or 'without a name'!r} ({self.fingerprint[:12]}); "
                f"got {now.name!r} ({now.fingerprint[:12]}): {advice}"
            )
        if kinship is Kinship.RELATIVE:
            warnings.warn(
                EclipsedWarning(
                    f"the generator {now.name!r} is a fine-tuned relative of {self.name or 'one without a name'!r}: "
                    "what was made on one is applied to the other, but may look different"
                ),
                stacklevel=4,
            )


def kinship_with(generator: GeneratorId, fingerprint: str, sketch: str) -> Kinship:
    """How a generator and that of a file are related; one whose sketch is damaged is a foreign one."""
    try:
        return generator.kinship(GeneratorId(fingerprint=fingerprint, sketch=sketch))
    except InputError:
        return Kinship.FOREIGN


def encode_sketch(
    fingerprint: str, mapping: NDArray[np.float32], layers: NDArray[np.float32], *, rows: int | None = None
) -> str:
    """Turn the numbers of a sketch into its text.

    Args:
        fingerprint: of the generator.
        mapping: size of w and projections of it, (1 + PROBES * PROJECTIONS,).
        layers: of each layer the size of its style, a projection of it for each probe, and samples of its
            convolution, (layers, 1 + PROBES + SAMPLES).
        rows: of ws; None where the layers are StyleGAN2's, and tell.
    """
    import numpy as np

    flat = np.concatenate([mapping.ravel(), layers.ravel()]).astype("<f4")
    text = f"{fingerprint[:_MARK]}:{base64.b64encode(flat.tobytes()).decode('ascii')}"
    return text if rows is None else f"{text}:{rows}"


def _root_mean_square(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each row."""
    import numpy as np

    return np.asarray(np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=1)))


def _difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest difference of two rows, whose first numbers are the sizes of what the others are shares of."""
    import numpy as np

    larger = np.maximum(np.abs(a[:, 0]), np.abs(b[:, 0]))
    sizes = np.abs(a[:, 0] - b[:, 0]) / np.where(larger > 0, larger, 1)
    return float(max(sizes.max(), _root_mean_square(a[:, 1:] - b[:, 1:]).max()))


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Of what changes from probe to probe, (rows, PROBES); 0 where nothing does."""
    import numpy as np

    x, y = (one.astype(np.float64) - one.mean(axis=1, keepdims=True, dtype=np.float64) for one in (a, b))
    both = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / both if both > 1e-9 else 0.0
