"""What each style channel of a generator does to CLIP's view of its faces, measured once and kept on this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_order import run_in_order
from eclipsed.compute.crew_work import Turn
from eclipsed.directions.style_matrix_file import Measured, StyleMatrixFile, read_matrix
from eclipsed.errors import EclipsedWarning, InputError, OutputError
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import Layer, SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import real, whole
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["BETAS", "STYLE_FACES", "StyleMatrix", "style_side"]

#: Faces on which channels are tried when nobody says otherwise.
STYLE_FACES = 48

#: Thresholds of relevance, of which the largest is taken that leaves enough channels.
BETAS: tuple[float, ...] = tuple(round(0.10 + 0.01 * step, 2) for step in range(20))

_KEPT = 20  # channels that more than are left
_FACES_AT_ONCE = 4
_PICTURES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class StyleMatrix:
    """How CLIP's view of faces changes with each style channel of a generator.

    Args:
        layers: names of the style layers; those of colours are left out, and those finer than CLIP sees.
        vectors: for each channel the way that CLIP's view goes when the channel grows, unit norm, (channels, D).
        deviations: standard deviation of each channel over faces, (channels,).
        faces: on how many it was measured.
    Source: Patashnik et al. 2021, arXiv:2103.17249, section 6 (the global direction).
    """

    layers: tuple[str, ...]
    vectors: Tensor
    deviations: Tensor
    faces: int

    @classmethod
    def of(
        cls,
        generator: Generator,
        clip: Clip,
        *,
        faces: int = STYLE_FACES,
        step: float | None = None,
        crew: Crew | None = None,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> StyleMatrix:
        """The matrix of a generator and a CLIP: from the user's cache, or measured and kept there.

        A measurement that was cut off goes on where it was, and ends as it would have without that. What is damaged in
        the cache is as if it were not there.

        Args:
            generator: whose channels they are; faces of training seeds, without truncation.
            clip: that looks.
            faces: on how many; a whole number of fours is measured.
            step: how far each channel is set from its mean, to both sides, in standard deviations: 5 as published,
                for two pictures a channel and face. None takes the derivative where the face is, for one pass
                backwards per dimension of CLIP's vectors: it costs many times less.
            crew: who measures; None is this process. The result is the same for any number of workers.
            tell: called with how many faces are done, and how many are to be; never when all are known.
        Raises:
            InputError: `faces` or `step` is out of range, or the generator has no style channels.
        Warns:
            EclipsedWarning: the cache cannot be written.
        """
        count = -(-whole("faces", faces, 1, 10_000) // _FACES_AT_ONCE) * _FACES_AT_ONCE
        step = None if step is None else real("step", step, 0.01)
        side = style_side(generator, clip)
        layers = _style_layers(generator, side)
        names, widths = tuple(layer.name for layer in layers), tuple(layer.channels for layer in layers)
        _, deviations = WStatistics.of_generator(generator).styles(generator, names)
        kept = StyleMatrixFile(generator, clip, side=side, step=step, styles=tuple(zip(names, widths, strict=True)))
        known = kept.read() or Measured(0, torch.zeros(0))
        left = range(known.faces, count, _FACES_AT_ONCE)
        with closing(run_in_order(partial(_measuring, generator, clip, side, step), left, crew=crew)) as measured:
            for found in measured:
                known = Measured(known.faces + _FACES_AT_ONCE, known.total + found if known.faces else found)
                try:
                    kept.write(known)
                except OutputError as error:
                    text = f"what style channels do is not kept for the next time: {error}"
                    warnings.warn(text, EclipsedWarning, 2)
                    kept = kept.nowhere()
                tell(known.faces, count)
        return cls(names, F.normalize(known.total, dim=1), deviations.cpu(), known.faces)

    @classmethod
    def load(cls, path: str | os.PathLike[str], generator: Generator, clip: Clip) -> StyleMatrix:
        """Read a matrix that was measured elsewhere, out of the cache of that machine.

        Args:
            path: of the file.
            generator: that it must belong to.
            clip: that it must belong to.
        Raises:
            MissingModelError: the file is not there.
            CheckpointError: it is damaged, another kind of file, or the matrix of another generator or CLIP.
        """
        styles, known = read_matrix(path, generator, clip)
        names = tuple(name for name, _ in styles)
        _, deviations = WStatistics.of_generator(generator).styles(generator, names)
        return cls(names, F.normalize(known.total, dim=1), deviations.cpu(), known.faces)

    def relevance(self, change: Tensor) -> Tensor:
        """How much each channel does of a change of CLIP's view, as a cosine, (channels,).

        Args:
            change: unit norm, (D,).
        Raises:
            InputError: it is of another CLIP, whose vectors have another length.
        """
        if change.shape != self.vectors.shape[1:]:
            raise InputError(
                f"the matrix of style channels is of a CLIP with vectors of length {self.vectors.shape[1]}; got "
                f"{tuple(change.shape)}"
            )
        return self.vectors @ change.detach().cpu().float()

    def threshold(self, relevance: Tensor, *, beta: float | None = None, count: int | None = None) -> float:
        """From which relevance on channels take part.

        Args:
            relevance: from `relevance`.
            beta: named by the user, in (0, 1).
            count: that as many channels have instead. With neither, the largest of `BETAS` that leaves more than 20
                channels, or else the lowest of them.
        Raises:
            InputError: both are given, one is out of range, or no channel is as relevant.
        Source: beta as the authors' published code chooses it.
        """
        if beta is not None and count is not None:
            raise InputError("channels are chosen by beta or by their count; give one of them")
        sizes = relevance.abs()
        if count is not None:
            return float(sizes.topk(whole("count", count, 1, len(sizes))).values[-1])
        if beta is None:
            return max((one for one in BETAS if int((sizes >= one).sum()) > _KEPT), default=BETAS[0])
        return float(real("beta", beta, 0.0, 1.0))

    def delta(self, change: Tensor, *, beta: float | None = None, count: int | None = None) -> Tensor:
        """The delta of style vectors that changes CLIP's view, (channels,), in units of the paper's alpha.

        Args:
            change: see `relevance`.
            beta: see `threshold`.
            count: see `threshold`.
        Raises:
            InputError: see `relevance` and `threshold`.
        """
        relevance = self.relevance(change)
        least = self.threshold(relevance, beta=beta, count=count)
        chosen = torch.where(relevance.abs() >= least, relevance, 0.0)
        most = chosen.abs().max()
        if not float(most):
            raise InputError(
                f"no style channel has a relevance of {least:g} to this sentence; the most is "
                f"{float(relevance.abs().max()):.2f}"
            )
        return chosen / most * self.deviations


def _measuring(generator: Generator, clip: Clip, side: int, step: float | None) -> Callable[[int, Turn], Tensor]:
    """What one worker measures of a few faces, by the number of the first: the sum over them, (channels, D)."""
    layers, options = _style_layers(generator, side), SynthesisOptions(resolution=side)
    names = tuple(layer.name for layer in layers)
    mean, deviations = WStatistics.of_generator(generator).styles(generator, names)

    def measure(number: int, _: Turn) -> Tensor:
        first = TRAINING_SEEDS.start + number
        start = Latent.of_seeds(generator, range(first, first + _FACES_AT_ONCE))
        if step is None:
            change = _derivatives(generator, clip, start, layers, options) * deviations[:, None]
        else:
            change = _differences(generator, clip, start, layers, options, (mean, step * deviations))
        return F.normalize(change, dim=2).sum(dim=0).cpu()

    return measure


def style_side(generator: Generator, clip: Clip) -> int:
    """Side of the pictures on which channels are tried: the largest that the generator draws and CLIP enlarges.

    Args:
        generator: that draws.
        clip: that looks.
    Returns:
        Pixels; the smallest that there are where CLIP looks at still smaller ones. 128 for a CLIP of 224 or 256 px.
    """
    sizes = sorted({layer.resolution for layer in generator.layers})
    return max((size for size in sizes if size < clip.size), default=sizes[0] if sizes else generator.resolution)


def _style_layers(generator: Generator, side: int) -> tuple[Layer, ...]:
    found = tuple(layer for layer in generator.layers if not layer.is_rgb and layer.resolution <= side)
    if not found:
        raise InputError(f"the generator {generator.name!r} has no style channels but those of colours; edit w instead")
    return found


def _derivatives(
    generator: Generator, clip: Clip, faces: Latent, layers: tuple[Layer, ...], options: SynthesisOptions
) -> Tensor:
    """Derivative of CLIP's view of each face by each channel, (N, channels, D)."""
    names = [layer.name for layer in layers]
    with torch.no_grad():
        styles = dict(faces.styles(generator))
    with torch.inference_mode(False), torch.enable_grad():
        own = {name: values.detach().clone().requires_grad_() for name, values in styles.items() if name in names}
        image = generator.synthesis_from_styles({**styles, **own}, options).image
        seen = clip.encode_images(image)  # (N, D)
        wanted = [own[name] for name in names]
        columns = [
            torch.cat(torch.autograd.grad(seen[:, k].sum(), wanted, retain_graph=True), dim=1)
            for k in range(seen.shape[1])
        ]
    return torch.stack(columns, dim=2).detach()


@torch.no_grad()
def _differences(
    generator: Generator,
    clip: Clip,
    faces: Latent,
    layers: tuple[Layer, ...],
    options: SynthesisOptions,
    around: tuple[Tensor, Tensor],
) -> Tensor:
    """Difference of CLIP's view of each face with each channel set above and below its mean, (N, channels, D).

    Args:
        around: mean of each channel, and how far to go from it, (channels,) each.
    """
    styles, count = faces.styles(generator), len(faces)
    at_once = max(1, _PICTURES_AT_ONCE // (2 * count))
    found, means, steps = [], around[0].split([one.channels for one in layers]), around[1]
    for layer, mean, step in zip(layers, means, steps.split([one.channels for one in layers]), strict=True):
        prefix = generator.prefix(styles, layer.row, options)  # only what comes after it is drawn again
        for channels in torch.arange(layer.channels).split(at_once):
            many = 2 * len(channels)
            changed = {name: values.repeat(many, 1) for name, values in styles.items()}
            values = changed[layer.name].view(len(channels), 2, count, -1)
            for place, channel in enumerate(channels.tolist()):
                values[place, 0, :, channel] = mean[channel] - step[channel]
                values[place, 1, :, channel] = mean[channel] + step[channel]
            each = torch.arange(count, device=prefix.x.device).repeat(many)
            image = generator.synthesis_from_styles(changed, options, prefix=prefix[each]).image
            seen = clip.encode_images(image).view(len(channels), 2, count, -1)
            found.append((seen[:, 1] - seen[:, 0]).transpose(0, 1))
    return torch.cat(found, dim=1)
