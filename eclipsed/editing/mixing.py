"""Several faces as one: weighted sums, in some rows or all, that stay where the data is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, check_faces, sample
from eclipsed.errors import InputError
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import rows_of
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import shown

__all__ = ["mix"]


def mix(
    generator: Generator,
    faces: Faces | Sequence[Faces],
    weights: Sequence[float],
    *,
    rows: Sequence[int | str] | None = None,
    shell: bool = True,
) -> Faces:
    """One face made of several by weights; of groups of faces, of their means.

    Args:
        generator: that made them.
        faces: N faces, or N groups of faces, each of which stands for its mean.
        weights: one for each; a negative one takes away: ``mix([smiling_women, women, men], [1, -1, 1])``. What they
            lack to 1 is given to the mean face.
        rows: of ws, or names of layers, in which to mix; in the others the result is the first face, or the mean of the
            first group. None is all rows.
        shell: keep as far from the data's mean, in Mahalanobis distance and row by row, as the faces are on average.
            Without it a mixture of many comes near the mean face.
    Returns:
        One face. With a weight of 1 for one face and 0 for the others it is that face, bit for bit.
    Raises:
        InputError: no faces, a weight that is no finite number, or another number of weights than of faces.
    Source: Karras et al. 2019, arXiv:1812.04948, style mixing; Radford et al. 2015, arXiv:1511.06434, arithmetic.
    """
    groups = _groups(faces)
    given = list(weights)
    if not groups or len(given) != len(groups):
        raise InputError(f"expected one weight for each of {len(groups)} faces or groups; got {len(given)}")
    if not all(_finite(one) for one in given) or not any(given):
        raise InputError(f"weights must be finite numbers, not all of them 0; got {shown(weights)}")
    if any(group.latent.offsets for group in groups):
        raise InputError("faces that were edited in S cannot be mixed; mix first and edit then")
    chosen = list(rows_of(generator, rows))
    statistics = WStatistics.of_generator(generator)
    centres = torch.cat([_centre(group.ws) for group in groups])  # (groups, num_ws, w_dim)
    scale = centres.new_tensor(given).view(-1, 1, 1)
    mixed = (centres * scale).sum(dim=0, keepdim=True) + (1 - math.fsum(given)) * statistics.mean
    if shell:
        far = torch.stack([statistics.distance(group.ws).mean(dim=0) for group in groups])  # (groups, num_ws)
        wanted = (far * scale[..., 0].abs()).sum(dim=0) / scale.abs().sum()
        stretch = wanted / statistics.distance(mixed)[0].clamp(min=1e-6)
        mixed = mixed + (stretch - 1).view(1, -1, 1) * (mixed - statistics.mean)
    ws = centres[:1].clone()
    ws[:, chosen] = mixed[:, chosen]
    first = groups[0].latent
    return sample(generator, replace(Latent(ws), truncation_psi=first.truncation_psi))


def _groups(faces: Faces | Sequence[Faces]) -> list[Faces]:
    """Groups of faces as they are, or each of some faces by itself."""
    if isinstance(faces, (list, tuple)):
        return [check_faces(group) for group in faces]
    every = check_faces(faces)
    return [every[k] for k in range(len(every))]


def _centre(ws: Tensor) -> Tensor:
    """The mean of some faces as one, (1, num_ws, w_dim); of one face itself, bit for bit."""
    return ws if len(ws) == 1 else ws.mean(dim=0, keepdim=True)


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
