"""What CLIP sees of many faces of a generator: looked at once, and asked for the boundary of any sentence."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from eclipsed.directions.margins import contrast_margin
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.values.seeds import SURVEY_FACES, TRAINING_SEEDS

__all__ = ["SURVEY_CHUNK", "Survey"]

#: Faces that are drawn and looked at together.
SURVEY_CHUNK = 16

_LEAST, _MOST = 0.015, 0.7  # share of the faces that count as having what a sentence says
_RIDGE = 0.1  # of the mean variance of w
_APART = 3.0  # how far a bystander that the faces tell of for certain is taken out: a quarter of it stays


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
        tell: Callable[[int], None] = lambda _: None,
    ) -> Survey:
        """The survey of a generator by a CLIP, made once and kept as long as both are, or until the generator changes.

        Args:
            generator: whose faces, without truncation, are looked at.
            clip: that looks.
            options: how the faces are drawn.
            count: faces.
            tell: called after each `SURVEY_CHUNK` faces with how many chunks are done; never when the survey is known.
        """
        kept = _made.setdefault(generator, WeakKeyDictionary()).setdefault(clip, {})
        key = (generator.version, generator.class_index, options.resolution, options.dtype, count)
        if key not in kept:
            kept[key] = cls._look(generator, clip, options, count, tell)
        found: Survey = kept[key]
        return found

    @classmethod
    @torch.no_grad()
    def _look(
        cls, generator: Generator, clip: Clip, options: SynthesisOptions, count: int, tell: Callable[[int], None]
    ) -> Survey:
        w, seen = [], []
        for number, start in enumerate(range(0, count, SURVEY_CHUNK)):
            first = TRAINING_SEEDS.start + start
            faces = Latent.of_seeds(generator, range(first, first + min(SURVEY_CHUNK, count - start)))
            image = faces.render(generator, options).image
            w.append(faces.ws[:, 0])
            seen.append(clip.encode_images(image, dtype=options.dtype))
            tell(number + 1)
        return cls(torch.cat(w), torch.cat(seen))

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
        the two groups along it.

        Args:
            texts: see `margins`.
            statistics: of the generator's w.
            bystanders: for each attribute that is to stay the embeddings of its captions, (T, D).
        Returns:
            (w_dim,), in the kept principal components.
        Source: Fisher 1936 (the linear discriminant); Shen et al. 2020, arXiv:2005.09635, who find boundaries in W with
            the labels of a classifier, and take one attribute out of another by projection; here the projection gives
            way as far as the regression of the bystander can be believed.
        """
        margins = self.margins(texts).double().cpu()
        wanted = min(max(int((margins > 0).sum()), round(_LEAST * len(margins)), 1), round(_MOST * len(margins)))
        having = torch.zeros(len(margins), dtype=torch.float64)
        having[margins.argsort(descending=True, stable=True)[:wanted]] = 1.0
        basis = statistics.basis[:, : statistics.kept].double().cpu()
        along = (self.w.double().cpu() - self.w.double().cpu().mean(dim=0)) @ basis
        covariance = along.T @ along / len(along)
        ridge = _RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
        normal = torch.linalg.solve(covariance + ridge, along.T @ (having - having.mean()) / len(along))
        verdicts = [self.margins(torch.cat([one[k:], one[:k]])) for one in bystanders for k in range(_sides(one))]
        if verdicts:
            others = torch.stack(verdicts, dim=1).double().cpu()
            others = (others - others.mean(dim=0)) / others.std(dim=0).clamp(min=1e-12)
            normals = torch.linalg.solve(covariance + ridge, along.T @ others / len(along))  # (kept, bystanders)
            believed = 1 - (others - along @ normals).square().mean(dim=0)  # share of the verdict that w tells
            apart = _APART * (normals * believed.clamp(0, 1)) @ normals.T * covariance.diagonal().mean()
            normal = torch.linalg.solve(torch.eye(len(apart), dtype=torch.float64) + apart, normal)
        unit = normal / normal.norm().clamp(min=1e-12)
        reach = along @ unit
        gap = reach[having == 1].mean() - reach[having == 0].mean()
        change: Tensor = basis @ unit * gap
        return change.to(self.w)


def _sides(texts: Tensor) -> int:
    """How many of the captions of an attribute say something that the others do not: of two, one."""
    return 1 if len(texts) == 2 else len(texts)


#: generator -> CLIP -> what else a survey depends on -> the survey
_made: WeakKeyDictionary[Generator, WeakKeyDictionary[Clip, dict[Hashable, Survey]]] = WeakKeyDictionary()
