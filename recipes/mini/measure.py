"""Judge an edit of mini: did the named attribute change, and did the rest stay?

The judge is `recipes.mini.judge`, which no direction was trained with. Change is measured in the picture, the region
is the parser's, before and after the edit together, and what counts as outside begins 5 % of the width beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eclipsed.direction import Direction
from eclipsed.editor import Editor
from eclipsed.evaluation import Target, evaluate

__all__ = ["PROMPTS", "Figures", "measure"]

#: prompts and what the judge must see afterwards: first the six that ship, then more of their kind
PROMPTS: dict[str, Target] = {
    "a person with blond hair": Target("hair_colour", ("blond",)),
    "a person with curly hair": Target("hair_texture", ("curly",)),
    "a person with the mouth open": Target("mouth_open", ("open",)),
    "a person with glasses": Target("glasses", ("clear", "sunglasses")),
    "red lipstick": Target("lip_colour", ("red",)),
    "dark skin": Target("skin", ("dark",)),
    "a smiling person": Target("smile", ("smile",)),
    "a person with black hair": Target("hair_colour", ("black",)),
    "purple hair": Target("hair_colour", ("purple",)),
    "a person with long hair": Target("hair_length", ("long",)),
    "a bald man": Target("bald", ("bald",)),
    "a man with a beard": Target("beard", ("yes",)),
    "a woman wearing a hat": Target("hat", ("yes",)),
    "blue eyes": Target("eye_colour", ("blue",)),
    "thick eyebrows": Target("brows", ("thick",)),
    "a big nose": Target("nose", ("big",)),
    "a person wearing earrings": Target("earrings", ("yes",)),
    "a pearl necklace": Target("necklace", ("yes",)),
    "an old person with wrinkles": Target("age", ("old",)),
    "pale skin": Target("skin", ("pale",)),
    "freckles": Target("freckles", ("yes",)),
    "a person wearing a red shirt": Target("clothes_colour", ("red",)),
    "a person with bangs": Target("bangs", ("yes",)),
    "a person with sunglasses": Target("glasses", ("sunglasses",)),
    "straight hair": Target("hair_texture", ("straight",)),
    "a person with short hair": Target("hair_length", ("short",)),
    "a person with red hair": Target("hair_colour", ("red", "auburn")),
    "a sad person": Target("smile", ("frown",)),
    "a man with a moustache": Target("moustache", ("yes",)),
    "full lips": Target("lips", ("full",)),
}


@dataclass(frozen=True)
class Figures:
    """What an edit did to some faces.

    Args:
        lacked: faces that did not have the attribute before.
        success: share of them that have it after.
        inside: mean absolute change in the region, of pictures in [−1, 1].
        outside: the same beyond the grown region.
        leakage: mean share of faces whose other attributes flipped.
        flips: attribute -> that share.
    """

    lacked: int
    success: float
    inside: float
    outside: float
    leakage: float
    flips: dict[str, float]

    @property
    def ratio(self) -> float:
        """Outside over inside."""
        return self.outside / max(self.inside, 1e-9)


def measure(
    editor: Editor, direction: Direction, target: Target, *, seeds: Sequence[int], alpha: float = 1.0
) -> Figures:
    """Edit the faces of some seeds and judge the result.

    Args:
        editor: of the set that the direction was trained on.
        direction: what to apply.
        target: what it should reach.
        seeds: faces; they must not have been trained on.
        alpha: strength.
    """
    found = evaluate(editor, direction, seeds=seeds, alphas=(alpha,), target=target).strengths[0]
    assert found.success is not None
    flips = {name: flip.mean for name, flip in found.flips.items()}
    return Figures(
        lacked=found.success.count,
        success=found.success.mean if found.success.count else 1.0,
        inside=found.inside.mean,
        outside=found.outside.mean,
        leakage=sum(flips.values()) / len(flips),
        flips=flips,
    )
