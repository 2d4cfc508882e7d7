"""One sentence, read once: everything that the library wants to know of a prompt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property

from eclipsed.prompts.attributes import Attributes
from eclipsed.prompts.binding import Binder, bind
from eclipsed.prompts.bystanders import bystanders
from eclipsed.prompts.contrasts import contrasts
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import World, find_world

__all__ = ["Reading", "read"]


class Reading:
    """What a sentence says; each answer is found when it is first asked for, all of them in one parse.

    Args:
        prompt: a description of a picture, or an edit of one, in English.
        world: whose words it is read with.
    """

    def __init__(self, prompt: str, world: World) -> None:
        self.prompt = prompt
        self.world = world

    def __repr__(self) -> str:
        return f"Reading({self.prompt!r}, world={self.world.name!r})"

    @property
    def is_foreign(self) -> bool:
        """Whether the small words of the prompt are another language's rather than English."""
        return self._binder.is_foreign

    @cached_property
    def region(self) -> Region:
        """The parts that the prompt names or implies; the whole subject, with a warning, where it names none."""
        return Region.from_binder(self._binder)

    @cached_property
    def contrasts(self) -> tuple[str, ...]:
        """Captions of other values of the same attributes; see `eclipsed.prompts.contrasts.contrasts`."""
        return contrasts(self._attributes)

    @cached_property
    def bystanders(self) -> tuple[tuple[str, ...], ...]:
        """Captions of what the prompt does not speak of; see `eclipsed.prompts.bystanders.bystanders`."""
        return bystanders(self._attributes)

    def target(self, attributes: Mapping[str, Sequence[str]]) -> Target | None:
        """The attribute of a classifier that the prompt names with a word of its own, or None.

        Args:
            attributes: name -> classes, those of the classifier.
        """
        return Target.of_prompt(self.prompt, attributes, world=self.world)

    @cached_property
    def _binder(self) -> Binder:
        return bind(self.prompt, self.world)

    @cached_property
    def _attributes(self) -> Attributes:
        return Attributes(self._binder)


def read(text: str, *, world: World | str | os.PathLike[str] | None = None) -> Reading:
    """Read a sentence.

    Args:
        text: a description of a picture, or an edit of one, in English: "a person with blond hair".
        world: what the pictures are made of: a world, its name, or its folder; None is that of faces.
    Returns:
        What it says.
    Raises:
        InputError: the text is no text, is empty, has no words, or is longer than `MAX_PROMPT`; or there is no such
            world.
    """
    kind = find_world(world)
    check_prompt(text, kind)
    return Reading(text, kind)
