"""From a prompt to the parts of a picture that an edit may touch."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eclipsed.errors import InputError, LocalityWarning
from eclipsed.prompts.binding import Binder, bind
from eclipsed.values.showing import facts_table
from eclipsed.worlds.world import DEFAULT_WORLD, World, find_world, known_worlds

if TYPE_CHECKING:
    from eclipsed.values.mask import Mask

__all__ = ["MAX_PROMPT", "Region", "check_prompt"]

#: The longest prompt that is taken, in characters.
MAX_PROMPT = 1000


@dataclass(frozen=True)
class Region:
    """The parts of a picture that an edit may touch, and why.

    Args:
        parts: single parts, in the order of the world's; none where the region is painted.
        whole_face: the prompt names no part, so ``parts`` is the whole subject and locality is off.
        matches: words of the prompt, lower case -> the parts they led to.
        prompt: the prompt the region was found in, or "".
        warning: what the user should know, in one sentence; None when all is well.
        world: name of the world whose parts these are.
        mask: what somebody painted on aligned faces in place of parts; None where there are parts.
        painted: those of ``parts`` that the world's files do not know: they were painted, see `World.with_parts`.
    """

    parts: tuple[str, ...]
    whole_face: bool = False
    matches: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    prompt: str = ""
    warning: str | None = None
    world: str = DEFAULT_WORLD
    mask: Mask | None = None
    painted: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = self.spoken()
        return f"Region({parts})" if not self.prompt else f"Region({parts}; {self.prompt!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the parts, and the words that say so."""
        parts = self.spoken()
        words = {word: ", ".join(led) for word, led in self.matches.items()}
        return facts_table(self.prompt or "Region", {"parts": parts, **words, "warning": self.warning})

    @classmethod
    def from_prompt(
        cls, prompt: str, *, world: World | str | os.PathLike[str] | None = None, warn: bool = True
    ) -> Region:
        """Find the parts that a prompt names or implies.

        Args:
            prompt: a description of a picture, or an edit of one, in English: "a person with blond hair".
            world: what the pictures are made of: a world, its name, or its folder; None is that of faces.
            warn: give a `LocalityWarning` when no part is found; the text stands in ``warning`` either way.
        Returns:
            The region; the whole face where the prompt names no part.
        Raises:
            InputError: the prompt is no text, is empty, has no words, or is longer than `MAX_PROMPT`.
        """
        kind = find_world(world)
        check_prompt(prompt, kind)
        region = cls.from_binder(bind(prompt, kind))
        if warn and region.warning:
            warnings.warn(region.warning, LocalityWarning, stacklevel=2)
        return region

    @classmethod
    def from_binder(cls, binder: Binder) -> Region:
        """The region of a prompt that was parsed already."""
        prompt, world = binder.parse.prompt, binder.lexicon.world
        found = () if binder.is_foreign else binder.found
        matches: dict[str, tuple[str, ...]] = {}
        for each in found:
            words = binder.parse.text(each.start, each.term.end)
            matches[words] = world.in_order((*matches.get(words, ()), *each.parts))
        parts = world.in_order(p for each in found for p in each.parts)
        if not parts or all(each.parts == world.whole for each in found):
            message = _whole_warning(prompt, tuple(matches), world, foreign=binder.is_foreign)
            return cls(world.whole, True, matches, prompt, message, world.name)
        return cls(parts, False, matches, prompt, None, world.name, painted=_painted_of(parts, world))

    @classmethod
    def from_parts(cls, names: Iterable[str] | str, *, world: World | str | os.PathLike[str] | None = None) -> Region:
        """The region of parts and groups named by the caller.

        Args:
            names: part and group names as `World.expand` takes them; one text may hold several, parted by commas.
            world: whose parts they are: a world, its name, or its folder; None is that of faces.
        Raises:
            InputError: a name is unknown, or there is none.
        """
        kind = find_world(world)
        parts = kind.expand(n for n in names.split(",") if n.strip()) if isinstance(names, str) else kind.expand(names)
        if not parts:
            raise InputError(f"a region needs at least one part, got none; known parts: {', '.join(kind.parts)}")
        whole = set(kind.whole) <= set(parts)
        return cls(parts, whole_face=whole, world=kind.name, painted=_painted_of(parts, kind))

    @classmethod
    def from_mask(cls, mask: Mask, *, world: World | str | os.PathLike[str] | None = None) -> Region:
        """The region that somebody painted on aligned faces.

        Args:
            mask: one for all faces. It is kept as files keep it, see `Mask.kept`.
            world: what the pictures are made of; see `from_parts`.
        Raises:
            InputError: there are several masks.
        """
        if len(mask) != 1:
            raise InputError(f"a region is one mask for all faces; got {len(mask)} masks")
        return cls((), world=find_world(world).name, mask=mask.kept())

    def spoken(self, world: World | None = None) -> str:
        """The parts in one line, or what the world calls all of them: ``"hair, hat"``, ``"the whole face"``.

        What was painted is ``"a mask"``.

        Args:
            world: whose parts they are; None is the one of this name that comes with the package. Where there is none,
                all is the whole picture.
        """
        if self.mask is not None:
            return "a mask"
        if not self.whole_face:
            return ", ".join(self.parts)
        known = world or (find_world(self.world) if self.world in known_worlds() else None)
        return "the whole picture" if known is None else known.everything

    def to_json(self) -> dict[str, Any]:
        """The region as a plain dict, ready for `json.dumps`."""
        return {
            "prompt": self.prompt,
            "parts": list(self.parts),
            "whole_face": self.whole_face,
            "matches": {words: list(parts) for words, parts in self.matches.items()},
            "warning": self.warning,
            **({} if self.world == DEFAULT_WORLD else {"world": self.world}),
            **({} if self.mask is None else {"mask": self.mask.to_json()}),
            **({"painted": list(self.painted)} if self.painted else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, world: World | None = None) -> Region:
        """The region that `to_json` wrote.

        Args:
            data: the dict.
            world: whose parts they must be; None is the one that the dict names. Parts of a world that does not come
                with the package are taken as they stand.
        Raises:
            InputError: a field is missing or of the wrong kind, or a part is unknown.
        """
        painted = data.get("mask") if isinstance(data, Mapping) else None
        try:
            parts = tuple(data["parts"])
            matches = {str(words): tuple(found) for words, found in dict(data.get("matches", {})).items()}
            warning = data.get("warning")
            region = cls(
                parts,
                bool(data.get("whole_face", False)),
                matches,
                str(data.get("prompt", "")),
                None if warning is None else str(warning),
                str(data.get("world", DEFAULT_WORLD)) if world is None else world.name,
                None if painted is None else _mask_of(painted),
                tuple(data.get("painted", ())),
            )
        except InputError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"a region is a dict with a list 'parts' and a dict 'matches', got {data!r}") from error
        kind = world or (find_world(region.world) if region.world in known_worlds() else None)
        found = [part for some in (parts, *matches.values()) for part in some]
        known_parts = None if kind is None else {*kind.parts, *region.painted}
        unknown = [p for p in found if not isinstance(p, str) or (known_parts is not None and p not in known_parts)]
        if region.mask is not None and parts:
            raise InputError("a region has parts or a mask; this one has both")
        if unknown or not (parts or region.mask):
            what = f"unknown part {unknown[0]!r}" if unknown else "no part"
            known = "" if kind is None else f"; known parts: {', '.join(kind.parts)}"
            raise InputError(f"a region holds {what}{known}")
        return region


def _painted_of(parts: Iterable[str], world: World) -> tuple[str, ...]:
    return tuple(part for part in parts if part in world.painted)


def _mask_of(data: object) -> Mask:
    from eclipsed.values.mask import Mask  # numpy, which a sentence never needs

    return Mask.from_json(data)


def check_prompt(prompt: object, world: World | None = None) -> None:
    """Raise unless the prompt is a text with words in it.

    Args:
        prompt: to check.
        world: whose example is shown; None is that of faces.
    Raises:
        InputError: the prompt is no text, is empty, has no words, or is longer than `MAX_PROMPT`.
    """
    kind = world or find_world()
    example = f'such as "{kind.example}"'
    if not isinstance(prompt, str):
        raise InputError(f"a prompt is a text {example}, got {type(prompt).__name__}")
    if not prompt.strip():
        raise InputError(f"the prompt is empty; describe the {kind.subject} you want, {example}")
    if len(prompt) > MAX_PROMPT:
        raise InputError(f"a prompt has at most {MAX_PROMPT} characters, got {len(prompt)}; one short sentence is best")
    if not any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in prompt):
        raise InputError(f"the prompt {prompt!r} has no words; write a sentence {example}")


def _whole_warning(prompt: str, words: tuple[str, ...], world: World, *, foreign: bool) -> str:
    if foreign:
        reason = f"the prompt {prompt!r} does not look like English"
    elif words:
        reason = f"the prompt {prompt!r} is about {world.everything} ({', '.join(words)})"
    else:
        reason = f"the prompt {prompt!r} names no part of a {world.subject}"
    return f"{reason}, so locality is off and the edit may change all of it; name the region to hold it to a part"
