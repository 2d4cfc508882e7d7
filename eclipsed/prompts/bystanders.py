"""Captions of what a prompt does not speak of, and what its edit should therefore leave as it is."""

from __future__ import annotations

from eclipsed.prompts.attributes import Attributes

__all__ = ["bystanders"]


def bystanders(attributes: Attributes) -> tuple[tuple[str, ...], ...]:
    """The captions of every attribute that a prompt does not speak of.

    Args:
        attributes: of the prompt.
    Returns:
        One tuple of at least two captions for each attribute.
    Raises:
        CheckpointError: the world's ``bystanders.json`` is not what it should be.
    """
    spoken, words = attributes.names(), {*attributes.norms, *attributes.parse.lemmas}
    return tuple(
        tuple(one["captions"])
        for one in attributes.lexicon.world.bystanders
        if not spoken & set(one["unless"]) and not words & set(one.get("words", ()))
    )
