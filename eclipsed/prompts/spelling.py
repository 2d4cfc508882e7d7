"""Words of a prompt: cutting it up, folding case and accents, and mending one wrong letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["BREAK", "JOIN", "Speller", "Word", "fold", "one_slip", "split_words"]

#: What a comma, full stop, bracket or dash is read as: the end of a phrase.
BREAK = ","
#: What "&", "+" and "/" are read as.
JOIN = "and"

_TOKEN = re.compile(
    r"(?P<word>[^\W_]+(?:['’‘`´ʼ][^\W_]+)*)|(?P<join>[&+/])|(?P<break>[,.;:!?()\[\]{}\"“”„|\n…—–]|\s[-‐‑]+\s)"
)
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘`´ʼ", "'"))


@dataclass(frozen=True)
class Word:
    """One word or break of a prompt.

    Args:
        text: as written.
        norm: folded (`fold`) and with its spelling mended; what the lexicon is asked for.
        start: position of its first character in the prompt.
        end: position after its last character.
    """

    text: str
    norm: str
    start: int
    end: int


def fold(word: str) -> str:
    """Lower case without accents, with straight apostrophes and no possessive ``'s``: ``"Ombré"`` is ``"ombre"``."""
    plain = unicodedata.normalize("NFKD", word.translate(_APOSTROPHES)).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain.removesuffix("'s") or plain


def split_words(prompt: str) -> list[Word]:
    """Cut a prompt into words, joins and breaks; hyphens and underscores part words, other signs vanish."""
    words = []
    for match in _TOKEN.finditer(prompt):
        norm = fold(match.group()) if match["word"] else JOIN if match["join"] else BREAK
        words.append(Word(match.group(), norm, match.start(), match.end()))
    return words


def one_slip(typed: str, meant: str) -> bool:
    """Whether exactly one letter is wrong, missing, too many, or two neighbours are swapped (Damerau distance 1)."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    head = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), min(len(typed), len(meant)))
    a, b = typed[head:], meant[head:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else b[1:] == a


class Speller:
    """Mends words that are one slip away from a word of the lexicon.

    Args:
        targets: words that may be meant -> rank, lower first where several fit; rank 0 are the parts themselves,
            which are mended even at four letters.
        known: words that stand as they are: the lexicon's own and common words that look like a slip ("heard").
    """

    def __init__(self, targets: Mapping[str, int], known: Collection[str]) -> None:
        self._targets = dict(targets)
        self._known = frozenset(known)

    def mend(self, word: str) -> str:
        """The word that was meant, or the same word when it is known or nothing is near.

        Args:
            word: folded (`fold`).
        """
        if word in self._known or len(word) < 4 or not word.isalpha() or not word.isascii():
            return word
        drawn_in = re.sub(r"(.)\1{2,}", r"\1", word)  # "looong"
        if drawn_in in self._known:
            return drawn_in
        near = [t for t in self._targets if one_slip(word, t) and self._likely(word, t)]
        return min(near, key=lambda t: self._order(word, t)) if near else word

    def _likely(self, typed: str, meant: str) -> bool:
        """Short words have many neighbours: ask more of them."""
        if len(typed) >= 6:
            return len(meant) >= 5
        if len(meant) < 4:
            return re.sub(r"(.)\1", r"\1", typed) == meant  # "hatt"
        swapped = sorted(typed) == sorted(meant)
        if len(typed) == 5:
            return swapped or typed[0] == meant[0] or self._targets[meant] == 0
        return swapped or (self._targets[meant] == 0 and typed[0] == meant[0]) or len(meant) == 5

    def _order(self, typed: str, meant: str) -> tuple[bool, bool, int, str]:
        return (sorted(typed) != sorted(meant), typed[0] != meant[0], self._targets[meant], meant)
