"""How the values of mini's people go together."""

from __future__ import annotations

from recipes.drawn.population import Population

__all__ = ["MINI"]

#: the people of mini: nearly everything is independent
MINI = Population(
    {
        "beard": {"male": 0.9},
        "moustache": {"male": 0.9},
        "bald": {"male": 0.35},
        "hair_length": {"male": -0.5},
        "lips_red": {"male": -0.3},
    },
    step="male",
)
