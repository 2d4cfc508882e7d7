"""StyleCLIP's global direction: the style channels that do to CLIP's view of faces what a sentence says."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.directions.margins import saying
from eclipsed.directions.style_matrix import StyleMatrix
from eclipsed.errors import InputError, VocabularyWarning
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.clip import Clip, vocabulary_warning
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import World

__all__ = ["GlobalStyles", "text_change"]

_MANY = "a photo of many {}"  # of one thing it is said otherwise than of a picture with one face
_ARTICLES = ("a ", "an ", "the ")


@cache
def _templates() -> tuple[str, ...]:
    """OpenAI's templates for ImageNet, without the one of many things."""
    text = Path(__file__).with_name("imagenet_templates.json").read_text(encoding="utf-8")
    return tuple(one for one in json.loads(text) if one != _MANY)


def text_change(clip: Clip, target: str, neutral: Sequence[str]) -> Tensor:
    """The way from neutral captions to another in CLIP's space, unit norm, (D,).

    Each caption stands in every template whose words the CLIP knows, without its own article.

    Args:
        clip: that reads.
        target: what is to be seen.
        neutral: what is seen before; of several the mean counts.
    Raises:
        InputError: the captions say the same to this CLIP.
    Source: Patashnik et al. 2021, arXiv:2103.17249, section 6; Radford et al. 2021, arXiv:2103.00020, the templates.
    """
    known = [one for one in _templates() if not clip.unknown_words(one.replace("{}", " "))] or ["{}"]

    def embedded(caption: str) -> Tensor:
        bare = next((caption[len(one) :] for one in _ARTICLES if caption.lower().startswith(one)), caption)
        return F.normalize(clip.encode_text([one.format(bare) for one in known]).mean(dim=0), dim=0)

    change = embedded(target) - torch.stack([embedded(one) for one in neutral]).mean(dim=0)
    if not float(change.norm()) > 1e-6:
        raise InputError(f"to the CLIP model {clip.name!r} {target!r} says the same as {', '.join(map(repr, neutral))}")
    return F.normalize(change, dim=0)


@dataclass(frozen=True, kw_only=True)
class GlobalStyles:
    """Makes a direction of the style channels that do what a sentence says, without any training.

    What the sentence puts negatively ("no glasses") is read positively and turned round; of several statements the ways
    add up.

    Args:
        generator: whose channels they are.
        clip: that reads the sentence.
        prompt: what the edited face shall look like.
        matrix: what each channel does to CLIP's view; None takes it from the cache, or measures it.
        target: the text that says what is to be seen; None is the sentence's own caption.
        neutral: texts that say what is seen before; None is the world's neutral caption.
        beta: channels of less relevance stay as they are, in (0, 1); None chooses it, see `StyleMatrix.threshold`.
        count: how many channels there shall be instead.
        region: the parts that it may change; None is the sentence's.
        world: whose words it is read with; None is that of faces.
        name: what it is called; made of the sentence when empty.
    Source: Patashnik et al. 2021, arXiv:2103.17249, section 6.
    """

    generator: Generator
    clip: Clip
    prompt: str
    matrix: StyleMatrix | None = None
    target: str | None = None
    neutral: str | Sequence[str] | None = None
    beta: float | None = None
    count: int | None = None
    region: Region | None = None
    world: World | None = None
    name: str = ""

    @property
    def method(self) -> str:
        """How the direction is made."""
        return "global style direction"

    @cached_property
    def reading(self) -> Reading:
        """What the sentence says."""
        return read(self.prompt, world=self.world)

    @property
    def texts(self) -> tuple[tuple[str, tuple[str, ...], float], ...]:
        """Of each statement the target, the neutral texts, and 1, or −1 where the way is to be turned round.

        Raises:
            InputError: the CLIP was never shown a word of it.
        """
        reading = self.reading
        if self.target is not None or self.neutral is not None:
            told = [(reading if self.target is None else read(self.target, world=self.world), 1.0)]
        else:
            told = [(one.removes or one, -1.0 if one.removes else 1.0) for one in reading.statements]
        found = []
        for one, sign in told:
            self._check_known(one)
            found.append((self.target or one.caption, self._neutral(one), sign))
        return tuple(found)

    def find(self) -> Direction:
        """The direction, in the style space, in units of the paper's alpha.

        Raises:
            InputError: CLIP knows no word of the sentence, no channel is relevant, or an option is out of range.
        Warns:
            VocabularyWarning: CLIP was never shown some words of it.
        """
        told = self.texts
        ways = [sign * text_change(self.clip, target, neutral) for target, neutral, sign in told]
        change = F.normalize(torch.stack(ways).sum(dim=0), dim=0)
        matrix = self.matrix or StyleMatrix.of(self.generator, self.clip)
        unknown = self.clip.unknown_words(" ".join(target for target, *_ in told))
        if unknown:
            warnings.warn(VocabularyWarning(vocabulary_warning(self.clip, unknown)), stacklevel=2)
        least = matrix.threshold(matrix.relevance(change), beta=self.beta, count=self.count)
        delta = matrix.delta(change, beta=self.beta, count=self.count)
        found = Direction.of(
            self.generator,
            delta,
            method=self.method,
            space="S",
            layers=list(matrix.layers),
            region=self.region or self.reading.region,
            prompt=self.prompt,
            name=self.name,
        )
        config = {
            "texts": [{"target": target, "neutral": list(neutral), "sign": sign} for target, neutral, sign in told],
            "beta": least,
            "channels": int((delta != 0).sum()),
            "faces": matrix.faces,
            "seeds": [],
        }
        scores = {"unknown": list(unknown)} if unknown else {}
        return replace(found, config=config, clip=self.clip.name, scores=scores)

    def _neutral(self, reading: Reading) -> tuple[str, ...]:
        if self.neutral is not None:
            return (self.neutral,) if isinstance(self.neutral, str) else tuple(self.neutral)
        return (reading.world.neutral,)

    def _check_known(self, reading: Reading) -> None:
        """Refuse a statement of which CLIP knows nothing but small words."""
        caption, told = reading.caption, saying(reading)
        if told and told <= set(self.clip.unknown_words(caption)):
            raise InputError(
                f"the CLIP model {self.clip.name!r} was never shown a word of {caption!r}; say it in other words"
            )
