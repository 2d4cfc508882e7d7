"""One sentence, read once: everything that the library wants to know of a prompt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from eclipsed.prompts.attributes import Attributes
from eclipsed.prompts.binding import Binder, bind
from eclipsed.prompts.bystanders import bystanders
from eclipsed.prompts.claims import Claim, claims
from eclipsed.prompts.contrasts import contrasts
from eclipsed.prompts.known_words import unknown_words
from eclipsed.prompts.naming import target_of
from eclipsed.prompts.phrases import together
from eclipsed.prompts.region import Region, check_prompt
from eclipsed.prompts.target import Target
from eclipsed.prompts.wishes import Wishes
from eclipsed.worlds.world import World, find_world

__all__ = ["Reading", "read"]


class Reading:
    """What a sentence says; each answer is found when it is first asked for, all of them in one parse.

    Args:
        prompt: a description of a picture, or an edit of one, in English.
        world: whose words it is read with.
        beside: what is said beside it, where it is a statement of a longer sentence: it is no bystander.
    """

    def __init__(self, prompt: str, world: World, *, beside: Reading | None = None) -> None:
        self.prompt = prompt
        self.world = world
        self._beside = beside

    def __repr__(self) -> str:
        return f"Reading({self.prompt!r}, world={self.world.name!r})"

    @property
    def is_foreign(self) -> bool:
        """Whether the small words of the prompt are another language's rather than English."""
        return self._binder.is_foreign

    @cached_property
    def region(self) -> Region:
        """The parts that the prompt names or implies, those of all its statements; the whole subject, with a warning,
        where it names none."""
        own = Region.from_binder(self._binder)
        if not own.whole_face or not self._claims or self.caption == self.prompt:
            return own
        said = Region.from_binder(bind(self.caption, self.world))
        return own if said.whole_face else replace(said, prompt=self.prompt)

    @cached_property
    def statements(self) -> tuple[Reading, ...]:
        """A reading for each attribute that the prompt speaks of, with a caption of its own; itself where it is one.

        "Pink curly hair" gives those of "a person with pink hair" and "a person with curly hair", "a beard and no
        glasses" those of "a person with a beard" and "a person without glasses", which removes. A gender in passing is
        no statement. The bystanders of a statement leave out what the others speak of.
        """
        if len(self._claims) < 2:
            return (self,)
        return tuple(Reading(_caption(claim), self.world, beside=self) for claim in self._claims)

    @cached_property
    def caption(self) -> str:
        """The caption that says what the prompt means.

        The prompt itself where it is a description; the world's caption of the same where it is a command ("make the
        hair red" is "a person with red hair"), or has its words in an order that no caption has ("hair blond short").
        Where something is to go, the plain caption without it ("remove the glasses" is "a person without glasses"),
        or the one of its opposite where that is a value of its own ("not bald" is "a person with hair").
        """
        said = self._claims
        if not said or not (self._is_turned or all(c.lacking and not c.absent for c in said)):
            return self.prompt
        return together([_caption(c) for c in said], [c.phrase for c in said], self.world.neutral)

    @cached_property
    def removes(self) -> Reading | None:
        """What is to go or to be absent, put positively; None where nothing is.

        "Remove the glasses", "no glasses" and "a person without glasses" give the reading of "a person with glasses":
        its direction, turned round, is what the prompt asks for. None where the caption says the opposite of what is
        to go, and where a prompt of several statements has one that asks for something: each statement has its own.
        """
        said = self._claims
        if not said or not all(_removes(c) for c in said):
            return None
        there = together([c.phrase.there for c in said], [c.phrase for c in said], self.world.neutral)
        return Reading(there, self.world, beside=self._beside)

    @property
    def told(self) -> tuple[str, ...]:
        """The captions that CLIP is told when the prompt is learned: one of each statement, put positively."""
        learned = self if self.removes is None else self.removes
        return tuple(one.caption for one in learned.statements)

    @cached_property
    def note(self) -> str:
        """What the user should know of how the prompt was read, in a few words; empty where it was taken as it is."""
        if self.removes is not None:
            return f'learned as "{self.removes.caption}" and turned round'
        if len(self.statements) > 1 and any(one.removes for one in self.statements):
            there = [f'"{one.caption}"' for one in self.statements if one.removes is None]
            gone = [f'"{one.removes.caption}" turned round' for one in self.statements if one.removes is not None]
            return f"read as {', '.join(there)}, and {', '.join(gone)}"
        return "" if self.caption == self.prompt else f'read as "{self.caption}"'

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The words of the prompt that the world does not know, each once, in their order; small words are known."""
        return unknown_words(self._binder)

    @cached_property
    def contrasts(self) -> tuple[str, ...]:
        """Captions of other values of the same attributes; see `eclipsed.prompts.contrasts.contrasts`."""
        return contrasts(self._captioned)

    @cached_property
    def bystanders(self) -> tuple[tuple[str, ...], ...]:
        """Captions of what the prompt does not speak of; see `eclipsed.prompts.bystanders.bystanders`."""
        own = bystanders(self._captioned)
        if self._beside is None:
            return own
        others = set(self._beside.bystanders)
        return tuple(one for one in own if one in others)

    def target(self, attributes: Mapping[str, Sequence[str]]) -> Target | None:
        """What the prompt is to reach, in the words of a classifier: that of the first statement that has one.

        Args:
            attributes: name -> classes, those of the classifier.
        Returns:
            See `targets`; an attribute that a prompt is about only in passing only where there is no other. None where
            the classifier knows nothing of it.
        """
        found = [one for one in self.targets(attributes) if one is not None]
        found.sort(key=lambda one: one.attribute in self.world.last_attributes)
        return found[0] if found else None

    def targets(self, attributes: Mapping[str, Sequence[str]]) -> tuple[Target | None, ...]:
        """What each statement is to reach, in the words of a classifier.

        Args:
            attributes: name -> classes, those of the classifier.
        Returns:
            One for each of `statements`: the class that means the same by the words of the world, of the attribute
            whose parts are most like the statement's; where it removes, the classes that are left, "glasses=no". None
            where the classifier knows nothing of it. See `eclipsed.prompts.naming.target_of`.
        """
        if not self._claims:
            return (Target.of_prompt(self.prompt, attributes, world=self.world),)
        return tuple(self._target_of(claim, attributes) for claim in self._claims)

    @cached_property
    def _binder(self) -> Binder:
        return bind(self.prompt, self.world)

    @cached_property
    def _claims(self) -> tuple[Claim, ...]:
        return claims(self._binder)

    def _target_of(self, claim: Claim, attributes: Mapping[str, Sequence[str]]) -> Target | None:
        """What a claim is to reach; of what is put the other way that of its opposite."""
        opposite = claims(bind(claim.phrase.lacking, self.world)) if claim.lacking and claim.phrase.opposite else ()
        found = (target_of(one, attributes, self.world) for one in opposite[:1])
        return next((one for one in found if one), None) or target_of(claim, attributes, self.world)

    @cached_property
    def _is_turned(self) -> bool:
        """Whether the prompt is a command, or has its words in an order that no caption has."""
        wishes = Wishes(self._binder)
        aside = any(cue.kind == "instead" for cue in wishes.cues)
        return wishes.is_command or aside or any(c.turned for c in self._claims)

    @cached_property
    def _captioned(self) -> Attributes:
        """The attributes of the caption."""
        return Attributes(self._binder if self.caption == self.prompt else bind(self.caption, self.world))


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


def _removes(claim: Claim) -> bool:
    """Whether a claim is of something that is to go, and whose opposite has no caption of its own."""
    return claim.lacking and not claim.absent and not claim.phrase.opposite


def _caption(claim: Claim) -> str:
    return claim.phrase.lacking if claim.lacking else claim.phrase.there
