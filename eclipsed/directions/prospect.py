"""How far a generator and a CLIP can go with a sentence, told by an atlas before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from eclipsed.directions.margins import caption_texts, saying
from eclipsed.directions.sketch import Sketch
from eclipsed.directions.trust import trust
from eclipsed.directions.verdict import DOUBT, DOUBTED, WEAK
from eclipsed.errors import InputError
from eclipsed.prompts.vocabulary import plain_words

__all__ = ["Prospect", "prospect"]


@dataclass(frozen=True)
class Prospect:
    """What can be expected of a sentence.

    Args:
        reach: share of a few faces that lacked it which the sketch serves, times `told`; 0 where nothing leads there.
        told: how far CLIP's verdict on it can be believed, from 0 where it is a coin's to 1; see
            `eclipsed.directions.trust.trust`.
        unknown: words that CLIP was never shown.
        why: what speaks against it, in a sentence; "" where nothing does.
    """

    reach: float
    told: float
    unknown: tuple[str, ...]
    why: str


@torch.no_grad()
def prospect(sketch: Sketch) -> Prospect:
    """What can be expected of a sketch's sentence.

    Args:
        sketch: that has not been asked yet.
    """
    clip, learned = sketch.clip, sketch.learned
    captions = [one.caption for one in learned]
    if not all(map(saying, learned)):
        return Prospect(0.0, 0.0, (), "it says nothing that could be seen")
    unknown = tuple(clip.unknown_words(" ".join(captions)))
    told = min(_told(sketch, caption_texts(clip, one, neutral=one.world.neutral)) for one in learned)
    try:
        served = float(sketch.find().scores.get("clip_success", 0.0))
    except InputError:
        served = 0.0
    reach = served * told
    if unknown:
        words = ", ".join(map(repr, unknown))
        share = len(unknown) / max(1, len(set(plain_words(" ".join(captions)))))
        return Prospect(reach * (1 - share) * WEAK, told, unknown, f"CLIP was never shown {words}")
    if told < 2 * DOUBTED - 1:
        return Prospect(reach, told, (), DOUBT)
    if served < WEAK:
        few = f"only {served:.0%} of a few faces that lacked it are reached" if served else "no move leads there"
        return Prospect(reach, told, (), few)
    return Prospect(reach, told, (), "")


def _told(sketch: Sketch, texts: tuple[str, ...]) -> float:
    found = trust(_Seen(sketch), sketch.clip.encode_text(texts), scale=sketch.clip.logit_scale)
    return max(0.0, 2 * found - 1)


class _Seen:
    """The faces of an atlas as `trust` asks for them."""

    def __init__(self, sketch: Sketch) -> None:
        self.w: Tensor = sketch.atlas.along
        self._atlas = sketch.atlas

    def margins(self, texts: Tensor) -> Tensor:
        return self._atlas.margins(texts)
