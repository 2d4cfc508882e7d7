"""What is to be known of a direction that came to the shelf, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eclipsed.directions.foreign import TURNED
from eclipsed.directions.verdict import verdict
from eclipsed.latents.foreign import FOREIGN, UNJUDGED
from eclipsed.latents.rows import ranges

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction

__all__ = ["described"]


def described(direction: Direction, name: str) -> str:
    """A direction in one sentence: what it moves and changes, its sign, how far it reaches, and where it belongs.

    Args:
        direction: however it was made.
        name: that it has on the shelf.
    """
    *some, last = _clauses(direction)
    return f"“{name}” is on the shelf: it {', '.join(some)}, and {last}."


def _clauses(direction: Direction) -> Iterator[str]:
    scores, rows = direction.scores, direction.layers
    if "with" in scores and "without" in scores:
        yield f"leads from {_faces(scores['without'])} without to {_faces(scores['with'])} with it"
    yield f"moves {'row' if len(rows) == 1 else 'rows'} {ranges(rows)} of {direction.space}"
    region = direction.region
    if region.mask is not None:
        yield "changes what was painted"
    else:
        parts = [region.spoken()] if region.whole_face else [part.replace("_", " ") for part in region.parts]
        yield f"changes {_listed(parts)}"
    if direction.method == FOREIGN:
        yield _sign(direction)
    told = "" if direction.weak else verdict(scores)
    if told:
        yield told.replace(": ", ", which is ", 1) if told.startswith("reaches") else f"may be anything, for {told}"
    if direction.weak:
        yield "came out weak"
    if direction.method == FOREIGN:
        yield _belonging(direction)


def _listed(words: Sequence[str]) -> str:
    """Words as people list them: ``"nose, mouth and hair"``."""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count} faces"


def _sign(direction: Direction) -> str:
    if TURNED in direction.note:
        return "was turned round, since its own sign took away what it is to bring"
    if UNJUDGED in direction.note:
        return "keeps the file's sign, which nobody judged"
    return "keeps the file's sign, which CLIP agrees with" if direction.prompt else "keeps the file's sign and strength"


def _belonging(direction: Direction) -> str:
    scores = direction.scores
    if scores.get("belongs") is None:
        return f"may or may not belong to this generator, which cannot be told in {direction.space}"
    found = (
        f"({scores['share']:.0%} of it lies where the generator's faces differ, and of random vectors "
        f"{scores['chance']:.0%} ± {scores['chance_spread']:.0%})"
    )
    return f"belongs to this generator {found}" if scores["belongs"] else f"may belong to another generator {found}"
