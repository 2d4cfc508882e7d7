"""Sentences that say what is true of a picture, made of the words for each class of each attribute.

A phrase is a noun phrase that follows "with" ("blond hair"), an adjective of the subject ("blond"), a clause that
follows it ("wearing a hat"), or a whole caption. Sentences mix them freely, so that CLIP meets people's many ways of
saying the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Captions", "Forms", "phrases"]

#: form -> phrases: "with" noun phrases, "be" adjectives, "do" clauses, "say" whole captions
Forms = Mapping[str, tuple[str, ...]]

#: words that sentences are put together with
_GLUE = "a an and with who that is the of"


def phrases(**forms: str) -> dict[str, tuple[str, ...]]:
    """The phrases of a class, those of a form divided by ``|``."""
    return {form: tuple(phrase.strip() for phrase in text.split("|")) for form, text in forms.items()}


@dataclass(frozen=True)
class Captions:
    """How people speak of a kind of picture.

    Args:
        words: (attribute, class) -> its phrases.
        subjects: what the picture is called, the frequent ones often.
        held_out: subjects that training never uses: held-out captions are made of these alone.
        general: subjects, as they stand in `subjects`, that something more special may take the place of.
        special: what may take it.
        pronoun: what an adjective is joined by: "who is", "that is".
    """

    words: Mapping[tuple[str, str], Forms]
    subjects: tuple[str, ...]
    held_out: tuple[str, ...]
    general: tuple[str, ...]
    special: tuple[str, ...]
    pronoun: str = "that is"

    def caption(
        self,
        attribute: str,
        name: str,
        *,
        rng: random.Random,
        subjects: tuple[str, ...] | None = None,
        special: str | None = None,
    ) -> str:
        """One sentence that says this class of this attribute, and nothing else.

        Args:
            attribute: of the picture.
            name: of the class.
            rng: the only source of randomness.
            subjects: instead of the usual ones.
            special: speak of this, one of `special`, where the sentence allows it.
        """
        forms = self.words[attribute, name]
        form = rng.choice([f for f, texts in forms.items() for _ in range(2 if f == "with" else 1)])
        phrase = rng.choice(forms[form])
        if form == "say":
            return phrase
        subject = rng.choice(subjects or self.subjects)
        if special is not None:
            subject = re.sub(rf"\b({'|'.join(self.general)})\b", special, subject)
        if form == "with" and rng.random() < 0.25:
            return phrase
        return self._attach(subject, form, phrase, rng)

    def _attach(self, subject: str, form: str, phrase: str, rng: random.Random) -> str:
        if form == "be":
            head, _, noun = subject.rpartition("a ")
            if noun and rng.random() < 0.8:
                article = "an" if phrase[0] in "aeiou" else "a"
                return f"{head}{article} {phrase} {noun}"
            return f"{subject} {self.pronoun} {phrase}"
        return f"{subject} with {phrase}" if form == "with" else f"{subject} {phrase}"

    def compound(self, parts: list[tuple[str, str]], *, rng: random.Random) -> str:
        """One sentence that says several classes of different attributes."""
        subject = rng.choice(self.subjects)
        texts = []
        for attribute, name in parts:
            forms = self.words[attribute, name]
            usable = [f for f in forms if f != "say"] or ["say"]
            form = rng.choice(usable)
            phrase = rng.choice(forms[form])
            texts.append((form, phrase))
        adjectives = [p for f, p in texts if f == "be"]
        withs = [p for f, p in texts if f in ("with", "say")]
        clauses = [p for f, p in texts if f == "do"]
        for adjective in adjectives:
            subject = self._attach(subject, "be", adjective, rng)
        sentence = subject + (f" with {' and '.join(withs)}" if withs else "")
        return " and ".join([sentence, *clauses]) if withs and clauses else " ".join([sentence, *clauses])

    @property
    def phrases(self) -> list[str]:
        """Every phrase of every class."""
        return [phrase for forms in self.words.values() for some in forms.values() for phrase in some]

    def vocabulary(self) -> list[str]:
        """Every word that the training captions may hold, sorted."""
        texts = [*self.phrases, *self.subjects, *self.held_out, *self.special, _GLUE]
        return sorted({word for text in texts for word in re.findall(r"[a-z']+", text.lower())})
