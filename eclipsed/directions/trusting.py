"""What an `Editor` says of sentences before anything is learned: how far CLIP's verdict on them can be believed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from eclipsed.directions.margins import caption_texts
from eclipsed.directions.survey import Survey, looked_side
from eclipsed.directions.trust import trust
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.prompts.reading import Reading, read
from eclipsed.values.checks import whole
from eclipsed.values.seeds import SURVEY_FACES

__all__ = ["TrustMethods"]


class TrustMethods(ABC):
    """The part of `Editor` that says how far CLIP can be believed."""

    generator: Generator

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The face parser."""

    @property
    @abstractmethod
    def clip(self) -> Clip:
        """The CLIP model."""

    def trust(
        self, prompts: str | Sequence[str], *, count: int = SURVEY_FACES, tell: Callable[[int], None] = lambda _: None
    ) -> dict[str, float]:
        """How far CLIP's verdict on what sentences say can be believed, told by the generator's own faces.

        Args:
            prompts: a sentence, or several.
            count: faces that CLIP looks at, the same for all sentences and for trainings, unless it has already.
            tell: called as they are looked at; see `eclipsed.directions.survey.Survey.of`.
        Returns:
            Sentence -> about 0.5 where nothing says that CLIP can tell, up to 1; of a sentence of several statements
            the lowest. It ranks sentences and is no accuracy; see `eclipsed.directions.trust.trust`.
        Raises:
            InputError: a sentence is empty, or `count` is out of range.
        """
        asked = [prompts] if isinstance(prompts, str) else list(prompts)
        world = self.parser.world
        readings = {prompt: read(prompt, world=world).statements for prompt in asked}
        drawn, count = (
            SynthesisOptions(resolution=looked_side(self.generator, self.clip)),
            whole("count", count, 64, 1_000_000),
        )
        survey = Survey.of(self.generator, self.clip, options=drawn, count=count, tell=tell)

        def trusted(reading: Reading) -> float:
            texts = self.clip.encode_text(caption_texts(self.clip, reading, neutral=world.neutral))
            return trust(survey, texts, scale=self.clip.logit_scale)

        return {prompt: min(map(trusted, statements)) for prompt, statements in readings.items()}
