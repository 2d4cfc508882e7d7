"""How much of the data a direction has to itself: the share of variance that counts as the data; loads no torch."""

from __future__ import annotations

__all__ = ["KEPT_VARIANCE"]

#: Share of the variance of mapped w in whose principal components a delta is kept, and distances are measured.
KEPT_VARIANCE = 0.9995
