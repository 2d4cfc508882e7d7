"""Which integers may seed a face, and which of them training keeps for itself."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable

from eclipsed.errors import InputError
from eclipsed.values.checks import shown

__all__ = [
    "CALIBRATION_FACES",
    "CALIBRATION_SEEDS",
    "LARGEST_SEED",
    "MOST_SEEDS",
    "SLOW_SURVEY_FACES",
    "SMALL_PICTURE",
    "SURVEY_FACES",
    "TRAINING_SEEDS",
    "check_seed",
    "check_seeds",
    "parse_seeds",
]

#: As many faces as one list may name.
MOST_SEEDS = 10_000

#: numpy's RandomState, which turns a seed into z, takes 32 bits.
LARGEST_SEED = 2**32 - 1

#: Random training faces are drawn from this range and nothing else is, so that every seed below it is held out.
TRAINING_SEEDS = range(1_000_000_000, LARGEST_SEED)

#: Calibration takes its faces from here: never trained on, and out of the way of the small seeds that people use.
CALIBRATION_SEEDS = range(900_000_000, 1_000_000_000)

#: As many of them as a direction is calibrated on, unless somebody says otherwise.
CALIBRATION_FACES = 24

#: As many training faces as CLIP looks at to tell where a direction begins, unless somebody says otherwise.
SURVEY_FACES = 2048

#: As many where a face takes long: on a processor, in pictures larger than `SMALL_PICTURE`.
SLOW_SURVEY_FACES = 512

#: Side in pixels up to which a processor draws a picture soon.
SMALL_PICTURE = 128


def check_seed(seed: object, *, name: str = "seed") -> int:
    """Return `seed` as an int if it is one in [0, 2**32 - 1].

    Args:
        seed: any integer (numpy's too), but not a bool.
        name: what to call it in the error message.
    Raises:
        InputError: it is not an integer, or out of range.
    """
    try:
        if isinstance(seed, bool) or "bool" in str(getattr(seed, "dtype", "")):  # numpy's and torch's
            raise TypeError
        value = operator.index(seed)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):  # of several seeds where one is expected, and of tensors
        raise InputError(f"{name} must be a whole number from 0 to {LARGEST_SEED}; got {shown(seed)}") from None
    if not 0 <= value <= LARGEST_SEED:
        raise InputError(f"{name} must be a whole number from 0 to {LARGEST_SEED}; got {shown(value)}")
    return value


def check_seeds(seeds: Iterable[int] | int, *, name: str = "seeds") -> tuple[int, ...]:
    """Return `seeds` (one, or a sequence, array or tensor of them) as a tuple of ints.

    Raises:
        InputError: there are none, or one of them is not a whole number in [0, 2**32 - 1].
    """
    if isinstance(seeds, (str, bytes)):
        raise InputError(f"{name} must be whole numbers, not the text {shown(seeds)}")
    try:
        values = list(seeds)  # type: ignore[arg-type]
    except TypeError:  # one number, as an array of no dimensions too
        values = [seeds]  # type: ignore[list-item]
    if not values:
        raise InputError(f"{name} must name at least one face; got none")
    return tuple(check_seed(s, name="a seed") for s in values)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read a list of seeds as people write it: ``"1,2,5-10"``, ranges with both ends included.

    Args:
        text: whole numbers and ranges, separated by commas.
    Returns:
        The seeds in the order given, each once.
    Raises:
        InputError: something else than that, a range that runs backwards, a number out of range, or too many seeds.
    """
    seeds: dict[int, None] = {}
    for item in text.split(","):
        match = re.fullmatch(r"\s*([0-9]+)\s*(?:-\s*([0-9]+)\s*)?", item, flags=re.ASCII)
        if match is None or max(len(number or "") for number in match.groups()) > 20:
            raise InputError(f"seeds are whole numbers and ranges such as 1,2,5-10; got {text[:60]!r}")
        first, last = check_seed(int(match[1])), check_seed(int(match[2] or match[1]))
        if last < first:
            raise InputError(f"the range of seeds {item.strip()} runs backwards; write {last}-{first}")
        if last - first >= MOST_SEEDS or len(seeds) + last - first >= MOST_SEEDS:
            raise InputError(f"{text[:60]!r} names more than {MOST_SEEDS} seeds; give a shorter list")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)
