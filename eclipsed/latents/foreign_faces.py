"""Faces from the files of other projects, and into files that these read: the latents of e4e, PTI and projectors."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch
from torch import Tensor

from eclipsed.checkpoints.numbers import read_numbers
from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.latents.foreign_kinds import shapes_seen, tensors_of, what_else
from eclipsed.latents.membership import Membership
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator

__all__ = ["read_ws"]

#: keys under which latents lie, the likeliest first
_KEYS = ("ws", "w_plus", "wplus", "latent", "latents", "w_pivot", "projected_w", "dlatents", "codes", "w")


def read_ws(generator: Generator, path: str | os.PathLike[str]) -> Tensor:
    """The ws in a file of e4e, PTI, HyperStyle, NVIDIA's or rosinality's projector, or any like it.

    Nothing in the file is run. An array of the shape (num_ws, w_dim) is taken for the rows of one face.

    Args:
        generator: that the faces belong to.
        path: ``.npy``, ``.npz``, ``.pt``, ``.pkl`` or safetensors with one array or several.
    Returns:
        float32, (N, num_ws, w_dim), on the generator's device.
    Raises:
        MissingModelError: there is no such file.
        ForeignGlobalError: the file asks to run something.
        CheckpointError: it is damaged.
        InputError: it holds no latents of this generator.
    Warns:
        EclipsedWarning: they may not belong to this generator.
    """
    place = Path(os.fspath(path))
    content = read_numbers(place).content
    rows, dim = generator.num_ws, generator.w_dim
    if (other := what_else(content)) is not None and not isinstance(content, Tensor):
        raise InputError(f"{place} is {other}, and no faces")
    fitting = [(name.rpartition("/")[2], one) for name, one in tensors_of(content) if _fits(one, rows, dim)]
    named = next((key for key in _KEYS if any(name == key for name, _ in fitting)), None)
    chosen = [one for name, one in fitting if named is None or name == named]
    if not chosen:
        raise InputError(
            f"{place} holds no faces of the generator {generator.name!r}, whose ws have {rows} rows of {dim} numbers; "
            f"it holds {shapes_seen(content)}"
        )
    ws = torch.cat([_as_ws(one, rows, dim) for one in chosen])
    if not bool(torch.isfinite(ws).all()):
        raise InputError(f"{place} holds numbers that are not finite, or too large")
    statistics = WStatistics.of_generator(generator)
    seen = Membership.of(ws.to(statistics.mean) - statistics.mean, statistics)
    if not seen.likely:
        said = f"{seen.said(place.name, generator.name)}; it may be of another generator"
        warnings.warn(EclipsedWarning(said), stacklevel=3)
    return ws.to(generator.device)


def _fits(numbers: Tensor, rows: int, dim: int) -> bool:
    if not numbers.is_floating_point() or not numbers.numel():
        return False
    shape = tuple(numbers.shape)
    if shape[-1] == dim:
        return len(shape) <= 2 or (len(shape) == 3 and shape[1] in (1, rows))
    return len(shape) <= 2 and shape[-1] == rows * dim


def _as_ws(numbers: Tensor, rows: int, dim: int) -> Tensor:
    """Numbers that fit as (N, rows, dim)."""
    shape = tuple(numbers.shape)
    whole = shape[-1] == rows * dim or shape == (rows, dim) or (len(shape) == 3 and shape[1] == rows)
    given = numbers.detach().cpu().to(torch.float32)
    return given.reshape(-1, rows, dim) if whole else given.reshape(-1, 1, dim).repeat(1, rows, 1)
