"""What a picture asks for in place of a sentence: to be like it in a region, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from eclipsed.prompts.binding import bind
from eclipsed.prompts.reading import Reading
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import World

__all__ = ["Likeness"]


class Likeness(Reading):
    """The reading of a reference picture: one statement without words; whatever lies outside its region is to stay.

    Args:
        prompt: what the picture is called in messages and in files of trainings.
        world: what it shows.
        region: in which faces are to be like it.
    """

    def __init__(self, prompt: str, world: World, region: Region) -> None:
        super().__init__(prompt, world)
        self._within = region

    @cached_property
    def region(self) -> Region:
        """In which faces are to be like the picture."""
        return self._within

    @cached_property
    def statements(self) -> tuple[Reading, ...]:
        """Itself alone."""
        return (self,)

    @cached_property
    def caption(self) -> str:
        """What the picture is called; CLIP is not told it."""
        return self.prompt

    @cached_property
    def removes(self) -> Reading | None:
        """Nothing: a picture shows what is to be."""
        return None

    @property
    def told(self) -> tuple[str, ...]:
        """No captions."""
        return ()

    @cached_property
    def note(self) -> str:
        """Nothing: it was taken as it is."""
        return ""

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """No words."""
        return ()

    @cached_property
    def contrasts(self) -> tuple[str, ...]:
        """No captions."""
        return ()

    @cached_property
    def bystanders(self) -> tuple[tuple[str, ...], ...]:
        """The captions of every attribute of the world that lies outside the region; none where that is everything."""
        if self._within.whole_face:
            return ()
        return tuple(captions for one in self.world.bystanders if self._is_outside(captions := tuple(one["captions"])))

    def _is_outside(self, captions: Sequence[str]) -> bool:
        regions = [Region.from_binder(bind(text, self.world)) for text in captions]
        return not any(set(one.parts) & set(self._within.parts) for one in regions if not one.whole_face)

    def targets(self, attributes: Mapping[str, Sequence[str]]) -> tuple[Target | None, ...]:
        """None for its only statement: no classifier is asked in words.

        Args:
            attributes: of the classifier.
        """
        return (None,)
