"""What an edit is to reach, in the words of a classifier, and which of them a prompt means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING

from eclipsed.errors import InputError
from eclipsed.prompts.spelling import split_words
from eclipsed.worlds.world import World, find_world

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLAIN", "Target"]

#: Words in the names of attributes that say nothing of themselves.
PLAIN = (
    "colour", "texture", "length", "height", "open", "size", "width", "angle", "shape", "material", "kind", "yes", "no",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """What an edit should reach: one of some classes of an attribute.

    Args:
        attribute: as the classifier calls it.
        classes: any of these is a success.
    """

    attribute: str
    classes: tuple[str, ...]

    def reached(self, labels: Mapping[str, Tensor], attributes: Mapping[str, Sequence[str]]) -> Tensor:
        """Whether each face has it, (N,) bool.

        Args:
            labels: from `Classifier.labels`.
            attributes: those of the classifier.
        """
        names, found = attributes[self.attribute], labels[self.attribute]
        return reduce(or_, (found == names.index(name) for name in self.classes))

    @classmethod
    def parse(cls, text: str, attributes: Mapping[str, Sequence[str]]) -> Target:
        """Read ``"hair_colour=blond"`` or ``"glasses=clear,sunglasses"``.

        Raises:
            InputError: there is no such attribute or class.
        """
        name, _, classes = (part.strip() for part in text.partition("="))
        if name not in attributes:
            raise InputError(f"unknown attribute {name!r}; the classifier knows {', '.join(attributes)}")
        chosen = tuple(part.strip() for part in classes.split(","))
        for one in chosen:
            if one not in attributes[name]:
                raise InputError(f"{name} has no class {one!r}; it has {', '.join(attributes[name])}")
        return cls(name, chosen)

    @classmethod
    def of_prompt(
        cls, prompt: str, attributes: Mapping[str, Sequence[str]], *, world: World | None = None
    ) -> Target | None:
        """The attribute that a prompt names with a word of its own, or None.

        "blond hair" names the class blond of the attribute hair_colour; "glasses" and "a smiling person" name an
        attribute, and mean any class of it but "no", or the class of that name.

        Args:
            prompt: any text.
            attributes: those of the classifier.
            world: what the pictures are made of; None is that of faces.
        """
        kind = world or find_world()
        alike = partial(_alike, stems=kind.stems)
        words = [word.norm for word in split_words(prompt.lower())]
        negated = any(word in ("no", "not", "without") for word in words)
        best: tuple[int, Target] | None = None
        for name, classes in attributes.items():
            nouns = [part for part in name.split("_") if part not in PLAIN]
            about = any(alike(noun, word) for noun in nouns for word in words)
            said = tuple(c for c in classes if c not in PLAIN[-2:] and any(alike(c, word) for word in words))
            sure = sum(c in other for c in said for other in attributes.values()) == 1
            if said and (about or sure):  # "man" alone is rarely what an edit is about
                candidate = (0 if name in kind.last_attributes else 2 + about, cls(name, said[:1]))
            elif about and classes[0] == "no":
                candidate = (1, cls(name, tuple(classes[:1] if negated else classes[1:])))
            else:
                continue
            if best is None or candidate[0] > best[0]:
                best = candidate
        return None if best is None else best[1]


def _alike(name: str, word: str, stems: Collection[str]) -> bool:
    """Whether a word is a form of a name: "lip" and "lipstick", "smile" and "smiling", "brows" and "eyebrows"."""
    if len(name) <= 3:
        return word in (name, f"{name}s") or (name in stems and word.startswith(name))
    return word.startswith(name.removesuffix("s").removesuffix("e")) or word.endswith(name)
