"""What CLIP sees of many faces of a generator: looked at once, and asked for the boundary of any sentence."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_order import run_in_order
from eclipsed.compute.crew_work import Turn
from eclipsed.compute.precision import compute_dtype
from eclipsed.directions.discriminant import Discriminant
from eclipsed.directions.margins import contrast_margin, told_apart
from eclipsed.directions.survey_file import SurveyFile, survey_key
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.values.seeds import SURVEY_FACES, TRAINING_SEEDS

__all__ = ["SURVEY_CHUNK", "Survey", "looked_side"]

#: Faces that are drawn and looked at together.
SURVEY_CHUNK = 16

_KEPT_EVERY = 16  # chunks
_SAME = 0.999  # cosine of what CLIP saw of a face and what it sees today, beyond what rounding does


@dataclass(frozen=True, eq=False)
class Survey:
    """Many faces as CLIP sees them.

    Args:
        w: where they are, (N, w_dim).
        embedding: CLIP's view of them, unit norm, (N, D).
    """

    w: Tensor
    embedding: Tensor

    @classmethod
    def of(
        cls,
        generator: Generator,
        clip: Clip,
        *,
        options: SynthesisOptions,
        count: int = SURVEY_FACES,
        crew: Crew | None = None,
        tell: Callable[[int], None] = lambda _: None,
    ) -> Survey:
        """The survey of a generator by a CLIP, made once: kept in this process, and on this machine for the next.

        Args:
            generator: whose faces, without truncation, are looked at.
            clip: that looks.
            options: how the faces are drawn; in whatever the device is fast in, so that a survey is the same for
                trainings of every precision.
            count: faces.
            crew: who looks; None is this process. The result is the same for any number of workers.
            tell: called after each `SURVEY_CHUNK` faces with how many chunks are done; never when the survey is known.
        Returns:
            Of `count` faces. What is on this machine counts where CLIP sees the first faces as it saw them then; the
            rest is looked at now. One that was cut short goes on where it was.
        """
        options = replace(options, dtype=compute_dtype("auto", generator.device))
        kept = _made.setdefault(generator, WeakKeyDictionary()).setdefault(clip, {})
        key = (generator.version, generator.class_index, options.resolution, count)
        if key not in kept:
            kept[key] = cls._look(generator, clip, options, count, crew, tell)
        found: Survey = kept[key]
        return found

    @classmethod
    @torch.no_grad()
    def _look(
        cls,
        generator: Generator,
        clip: Clip,
        options: SynthesisOptions,
        count: int,
        crew: Crew | None,
        tell: Callable[[int], None],
    ) -> Survey:
        chunks = -(-count // SURVEY_CHUNK)
        looking = partial(_looking, generator, clip, options)
        kept = SurveyFile(survey_key(generator, clip, options.resolution))
        look = looking()
        seen = _known(kept, lambda number: look(number, Turn()).to(generator.device))
        with closing(run_in_order(looking, range(len(seen), chunks), crew=crew)) as looked:
            for one in looked:
                seen.append(one.to(generator.device))
                tell(len(seen))
                if len(seen) % _KEPT_EVERY == 0 or len(seen) == chunks:
                    kept.write(torch.cat(seen))
        w = torch.cat([_faces(generator, number).ws[:, 0] for number in range(chunks)])
        return cls(w[:count], torch.cat(seen[:chunks])[:count])

    def margins(self, texts: Tensor) -> Tensor:
        """By how much CLIP prefers a caption to the best of others for each face, in cosines, (N,).

        Args:
            texts: embeddings of the caption (first) and of the others, (T, D).
        """
        return contrast_margin(self.embedding, texts, temperature=1.0)

    def boundary(self, texts: Tensor, statistics: WStatistics, *, bystanders: Sequence[Tensor] = ()) -> Tensor:
        """The way across the boundary between the faces that have what a caption says and those that have not.

        Its direction is that of a linear regression of CLIP's verdict on w, which holds apart what goes together among
        the faces; what it would do to CLIP's verdict on bystanders is taken out of it. Its length is the distance of
        the two groups along it. It has no place: where a plane is wanted, or labels are not CLIP's, the boundary is
        that of `eclipsed.directions.boundary.Boundary`.

        Args:
            texts: see `margins`.
            statistics: of the generator's w.
            bystanders: for each attribute that is to stay the embeddings of its captions, (T, D).
        Returns:
            (w_dim,), in the kept principal components.
        Source: see `eclipsed.directions.discriminant.Discriminant`.
        """
        basis = statistics.basis[:, : statistics.kept].double().cpu()
        verdicts = [self.margins(one) for one in told_apart(bystanders)]
        w = self.w.double().cpu()
        found = Discriminant.of((w - w.mean(dim=0)) @ basis, self.margins(texts), bystanders=verdicts)
        return (basis @ found.step()).to(self.w)


def _faces(generator: Generator, number: int) -> Latent:
    """The faces of one chunk."""
    first = TRAINING_SEEDS.start + number * SURVEY_CHUNK
    return Latent.of_seeds(generator, range(first, first + SURVEY_CHUNK))


def _looking(generator: Generator, clip: Clip, options: SynthesisOptions) -> Callable[[int, Turn], Tensor]:
    """What one worker does with each chunk of faces, by its number."""

    @torch.no_grad()
    def look(number: int, _: Turn) -> Tensor:
        image = _faces(generator, number).render(generator, options).image
        return clip.encode_images(image, dtype=options.dtype).half().float().cpu()  # as the file holds it

    return look


def looked_side(generator: Generator, clip: Clip) -> int:
    """Side of the pictures that CLIP looks at: the power of two that covers what it takes, as far as there are pixels.

    Args:
        generator: that draws them.
        clip: that looks.
    Returns:
        Pixels.
    """
    return min(generator.resolution, 1 << (clip.size - 1).bit_length())


def _known(kept: SurveyFile, look: Callable[[int], Tensor]) -> list[Tensor]:
    """What is known of the first chunks; nothing where CLIP sees the first of them otherwise today."""
    found = kept.read()
    if found is None or len(found) < SURVEY_CHUNK:
        return []
    today = look(0)
    if today.shape[1] != found.shape[1]:
        return []
    found = found.to(today)
    alike = F.cosine_similarity(found[:SURVEY_CHUNK], today, dim=1)
    return list(found[: len(found) // SURVEY_CHUNK * SURVEY_CHUNK].split(SURVEY_CHUNK)) if alike.min() > _SAME else []


#: generator -> CLIP -> what else a survey depends on -> the survey
_made: WeakKeyDictionary[Generator, WeakKeyDictionary[Clip, dict[Hashable, Survey]]] = WeakKeyDictionary()
