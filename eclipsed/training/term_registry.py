"""The terms of the loss by name; loads no torch."""

from __future__ import annotations

from typing import Any, TypeVar

from eclipsed.values.registry import Registry

__all__ = ["TERMS", "register_term"]

T = TypeVar("T")

_HERE = "eclipsed.training.terms"

#: every term of the loss by its name, in the order in which they are added up
TERMS: Registry[Any] = Registry(
    "term of the loss",
    {
        "clip": f"{_HERE}:ClipTerm",
        "preservation": f"{_HERE}:PreservationTerm",
        "locality": f"{_HERE}:LocalityTerm",
        "fidelity": f"{_HERE}:FidelityTerm",
        "fence": f"{_HERE}:FenceTerm",
        "correlation": f"{_HERE}:CorrelationTerm",
    },
)


def register_term(term: T) -> T:
    """Make a term of one's own known by its name, so that a config and a stopped training can name it.

    Args:
        term: a subclass of `eclipsed.Term`.
    Returns:
        The term, so that this can decorate its class.
    Raises:
        InputError: another term has its name.
    """
    TERMS.register(term)
    return term
