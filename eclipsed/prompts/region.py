"""From a prompt to the parts of a face that an edit may touch."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eclipsed.errors import InputError, LocalityWarning
from eclipsed.prompts.binding import Binder
from eclipsed.prompts.contrasts import contrasts
from eclipsed.prompts.lexicon import load_lexicon
from eclipsed.worlds.parts import INDEX, PARTS, WHOLE_FACE, expand

__all__ = ["MAX_PROMPT", "Region", "check_prompt", "contrasts"]

#: The longest prompt that is taken, in characters.
MAX_PROMPT = 1000


@dataclass(frozen=True)
class Region:
    """The parts of a face that an edit may touch, and why.

    Args:
        parts: single parts, in the order of `eclipsed.worlds.parts.PARTS`.
        whole_face: the prompt names no part, so ``parts`` is the whole head and locality is off.
        matches: words of the prompt, lower case -> the parts they led to.
        prompt: the prompt the region was found in, or "".
        warning: what the user should know, in one sentence; None when all is well.
    """

    parts: tuple[str, ...]
    whole_face: bool = False
    matches: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    prompt: str = ""
    warning: str | None = None

    @classmethod
    def from_prompt(cls, prompt: str, *, warn: bool = True) -> Region:
        """Find the parts that a prompt names or implies.

        Args:
            prompt: a description of a face, or an edit of one, in English: "a person with blond hair".
            warn: give a `LocalityWarning` when no part is found; the text stands in ``warning`` either way.
        Returns:
            The region; the whole face where the prompt names no part.
        Raises:
            InputError: the prompt is no text, is empty, has no words, or is longer than `MAX_PROMPT`.
        """
        check_prompt(prompt)
        lexicon = load_lexicon()
        reading = lexicon.read(prompt)
        found = [] if lexicon.is_foreign(prompt) else Binder(reading, lexicon).found()
        matches: dict[str, tuple[str, ...]] = {}
        for each in found:
            words = reading.text(each.start, each.term.end)
            matches[words] = _in_order({*matches.get(words, ()), *each.parts})
        parts = _in_order({p for each in found for p in each.parts})
        if not parts or all(each.parts == WHOLE_FACE for each in found):
            message = _whole_face_warning(prompt, tuple(matches), lexicon.is_foreign(prompt))
            if warn:
                warnings.warn(message, LocalityWarning, stacklevel=2)
            return cls(WHOLE_FACE, True, matches, prompt, message)
        return cls(parts, False, matches, prompt)

    @classmethod
    def from_parts(cls, names: Iterable[str] | str) -> Region:
        """The region of parts and groups named by the caller.

        Args:
            names: part and group names as `eclipsed.worlds.parts.expand` takes them; one text may hold several, parted
                by commas.
        Raises:
            InputError: a name is unknown, or there is none.
        """
        parts = expand(n for n in names.split(",") if n.strip()) if isinstance(names, str) else expand(names)
        if not parts:
            raise InputError(f"a region needs at least one part, got none; known parts: {', '.join(PARTS)}")
        return cls(parts, whole_face=set(WHOLE_FACE) <= set(parts))

    def to_json(self) -> dict[str, Any]:
        """The region as a plain dict, ready for `json.dumps`."""
        return {
            "prompt": self.prompt,
            "parts": list(self.parts),
            "whole_face": self.whole_face,
            "matches": {words: list(parts) for words, parts in self.matches.items()},
            "warning": self.warning,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Region:
        """The region that `to_json` wrote.

        Raises:
            InputError: a field is missing or of the wrong kind, or a part is unknown.
        """
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
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"a region is a dict with a list 'parts' and a dict 'matches', got {data!r}") from error
        unknown = [p for found in (parts, *matches.values()) for p in found if p not in INDEX]
        if unknown or not parts:
            what = f"unknown part {unknown[0]!r}" if unknown else "no part"
            raise InputError(f"a region holds {what}; known parts: {', '.join(PARTS)}")
        return region


def check_prompt(prompt: object) -> None:
    """Raise unless the prompt is a text with words in it.

    Raises:
        InputError: the prompt is no text, is empty, has no words, or is longer than `MAX_PROMPT`.
    """
    if not isinstance(prompt, str):
        raise InputError(f'a prompt is a text such as "a person with blond hair", got {type(prompt).__name__}')
    if not prompt.strip():
        raise InputError('the prompt is empty; describe the face you want, such as "a person with blond hair"')
    if len(prompt) > MAX_PROMPT:
        raise InputError(f"a prompt has at most {MAX_PROMPT} characters, got {len(prompt)}; one short sentence is best")
    if not any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in prompt):
        raise InputError(f'the prompt {prompt!r} has no words; write a sentence such as "a person with blond hair"')


def _in_order(parts: Iterable[str]) -> tuple[str, ...]:
    wanted = set(parts)
    return tuple(p for p in PARTS if p in wanted)


def _whole_face_warning(prompt: str, words: tuple[str, ...], foreign: bool) -> str:
    if foreign:
        reason = f"the prompt {prompt!r} does not look like English"
    elif words:
        reason = f"the prompt {prompt!r} is about the whole face ({', '.join(words)})"
    else:
        reason = f"the prompt {prompt!r} names no part of a face"
    return f"{reason}, so locality is off and the edit may change all of it; name the region to hold it to a part"
