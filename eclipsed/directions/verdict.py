"""What can be said of a direction in one sentence: how many faces it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DOUBT", "DOUBTED", "WEAK", "reached", "verdict"]

#: Share of the faces that lacked the attribute below which a direction is weak.
WEAK = 0.5

#: Trust below which CLIP hardly tells what a sentence says; see `eclipsed.directions.trust.trust`.
DOUBTED = 0.6

#: What is said then.
DOUBT = "CLIP hardly tells it in the faces of this generator"

_GOOD = 0.8


def reached(scores: Mapping[str, Any]) -> float | None:
    """Share of the faces that lacked what a direction is to bring and have it at alpha = 1.

    By a CLIP that is there as a witness; else by the set's own classifier where that knows it: no direction is learned
    with either. Else by whatever calibrated the direction.

    Args:
        scores: of the direction.
    Returns:
        In [0, 1]; None where nobody can tell.
    """
    if scores.get("unknown"):
        return None
    for judge in ("witness", "judge", "clip", "margin"):
        share = scores.get(f"{judge}_success")
        if share is not None:
            return float(share)
    return None


def verdict(scores: Mapping[str, Any]) -> str:
    """The same in a sentence: "reaches 27 % of the faces that lacked it: poor"; "" where nothing was measured.

    Where a witness said so, it is named: "reaches 27 % of the faces that lacked it, says the witness 'ViT-B-16': poor".

    Args:
        scores: of the direction.
    """
    unknown = scores.get("unknown")
    if unknown:
        words = ", ".join(repr(word) for word in unknown)
        return f"nobody can tell what it reaches: CLIP was never shown {words}"
    share = reached(scores)
    if share is None:
        return ""
    word = "good" if share >= _GOOD else "fair" if share >= WEAK else "poor"
    witness = scores.get("witness") if scores.get("witness_success") is not None else None
    says = f", says the witness {witness!r}" if witness else ""
    instead = scores.get("instead")
    more = f"; it looks more like {instead!r}" if instead else ""
    more += f"; {DOUBT}" if scores.get("trust", 1.0) < DOUBTED else ""
    return f"reaches {share:.0%} of the faces that lacked it{says}: {word}{more}"
