"""Which faces, strengths and measures an evaluation takes when nobody says; needs no torch."""

from __future__ import annotations

__all__ = ["ALPHAS", "EQUAL_SUCCESS", "EXTRAS", "SEEDS"]

#: Faces; training and calibration draw from other ranges.
SEEDS = tuple(range(2000, 2064))

#: Strengths.
ALPHAS = (-1.0, 0.25, 0.5, 1.0, 1.5)

#: Measures that need weights which are not in every set.
EXTRAS = ("lpips", "identity")

#: Success at which methods of other strength are compared.
EQUAL_SUCCESS = 0.8
