"""What should be known of a sentence, or of what was learned from it, in the library's words and in plain ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eclipsed.prompts.reading import Reading, read

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction
    from eclipsed.studio.engine import Engine

__all__ = ["WEAK", "Advice", "of_learned", "of_sentence"]

#: what is said of a direction whose calibration found it weak
WEAK = "This edit came out weak: little may change. Say it in other words, choose its part, or learn it for longer."


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What should be known.

    Args:
        said: whole sentences for programs, as the library's warnings say it.
        plain: the same for the page.
    """

    said: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()

    def __add__(self, other: Advice) -> Advice:
        return Advice(said=self.said + other.said, plain=self.plain + other.plain)


def of_sentence(engine: Engine, prompt: str, *, by_hand: bool = False) -> tuple[Reading, Advice]:
    """A sentence read, and what should be known before it is learned.

    Args:
        engine: whose world and CLIP it is read with.
        prompt: the sentence.
        by_hand: the parts were chosen, so that it does not matter whether the sentence names any.
    Raises:
        InputError: the prompt has no words, or too many characters.
    """
    reading = read(prompt, world=engine.editor.world)
    said, plain = [], []
    region = reading.region
    if region.warning is not None and not by_hand:
        said.append(region.warning)
        plain.append(_whole(reading))
    unknown = () if engine.without_clip else engine.editor.clip.unknown_words(" ".join(reading.told))
    if unknown:
        from eclipsed.pretrained.clip import vocabulary_warning

        said.append(vocabulary_warning(engine.editor.clip, unknown))
        words = " and ".join(f"“{word}”" for word in unknown)
        it = "a word" if len(unknown) == 1 else "words"
        plain.append(
            f"{words}: {it} that the model set has never seen, so what is learned may have nothing to do with it. "
            "Choose other words."
        )
    if reading.note:
        said.append(reading.note)
        plain.append(f"{reading.note[0].upper()}{reading.note[1:]}.")
    return reading, Advice(said=tuple(said), plain=tuple(plain))


def of_learned(direction: Direction) -> Advice:
    """What should be known of a direction."""
    if not direction.weak:
        return Advice()
    instead = direction.scores.get("instead")
    plain = f"{WEAK} It looks more like “{instead}”." if instead else WEAK
    return Advice(said=(direction.note or WEAK,), plain=(plain,))


def _whole(reading: Reading) -> str:
    subject, region = reading.world.subject, reading.region
    if reading.is_foreign:
        why = "This does not look like English, so no part was found in it"
    elif region.matches:
        why = f"This is about the whole {subject}"
    else:
        why = f"This names no part of a {subject}"
    return f"{why}: all of the {subject} may change. Choose below what may, to keep the rest as it is."
