"""The layouts in which other projects keep directions, brought to one: deltas for the rows of ws, or for styles.

Source: the formats of e4e, PTI, InterFaceGAN, idinvert, HiGAN, GANSpace, FeatureStyleEncoder, TargetCLIP and StyleMC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.foreign_kinds import shapes_seen, tensors_of, what_else
from eclipsed.pretrained.generator import Generator
from eclipsed.values.checks import is_whole
from eclipsed.values.seeds import parse_seeds

__all__ = ["ForeignDelta", "find_delta"]

#: keys under which the vectors of a direction lie, the likeliest first
_KEYS = ("lat_comp", "comp", "boundary", "direction", "delta", "dir", "s", "w", "latent")
_STACKS = ("lat_comp", "comp")  # of which those with several hold components
_MOST_ROWS = 18  # of ws, at 1024 px


@dataclass(frozen=True, eq=False)
class ForeignDelta:
    """The deltas of a file.

    Args:
        numbers: float32, (K, 1, dim) for all rows alike, (K, num_ws, dim), or (K, sum of widths) for styles.
        rows: of ws that the file says it is for; None where it does not say.
        title: what the file calls it; "".
        facts: what else it says, as JSON values.
        warning: what is unusual about it; "".
    """

    numbers: Tensor
    rows: tuple[int, ...] | None = None
    title: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""

    @property
    def in_styles(self) -> bool:
        """Whether it is one of style vectors."""
        return self.numbers.ndim == 2


def find_delta(content: object, path: Path, generator: Generator, *, dim: int, index: int | None) -> ForeignDelta:
    """Find the deltas in the content of a file.

    Args:
        content: as `read_numbers` gives it.
        path: for messages.
        generator: that they shall move.
        dim: length of a vector: of w, or of z.
        index: which of several to take; None takes all components, and asks where several are something else.
    Raises:
        DirectionError: it holds none; says what it holds instead.
    """
    if (other := what_else(content)) is not None:
        raise DirectionError(f"{path} is {other}")
    name, numbers, beside = _chosen(content, path)
    numbers = _real(numbers, path)
    found = _styles(numbers, generator) if name in ("", "s") else None
    warning = ""
    if found is None:
        found, warning = _rows(numbers, path, generator, dim, stacked=name in _STACKS)
    if index is not None:
        if not is_whole(index, 0, len(found) - 1):
            raise DirectionError(f"{path} holds {len(found)} directions, from 0 to {len(found) - 1}; got index {index}")
        found = found[index : index + 1]
    elif len(found) > 1 and name not in _STACKS:
        raise DirectionError(
            f"{path} holds {len(found)} vectors of shape {tuple(found.shape[1:])}, which may be faces as well as "
            "directions; say which of them is meant by its index (--index)"
        )
    return ForeignDelta(found, _row_range(beside, path, generator), _title(beside), _facts(beside), warning)


def _chosen(content: object, path: Path) -> tuple[str, Tensor, Mapping[str, object]]:
    """The tensor that a direction lies in, the last of its keys, and what lies beside it."""
    if isinstance(content, Tensor):
        return "", content, {}
    if isinstance(content, list) and len(content) == 1:
        return _chosen(content[0], path)
    if isinstance(content, Mapping):
        for key in _KEYS:
            value = content.get(key)
            if isinstance(value, Tensor) and value.numel() > 1:
                return key, value, content
    all_of = [(way, value) for way, value in tensors_of(content) if value.numel() > 1]
    if len(all_of) == 1:
        (way, value) = all_of[0]
        return way.rpartition("/")[2], value, content if isinstance(content, Mapping) else {}
    raise DirectionError(f"{path} holds no direction that is known: {shapes_seen(content)}")


def _real(numbers: Tensor, path: Path) -> Tensor:
    if numbers.is_complex() or numbers.dtype == torch.bool:
        raise DirectionError(f"{path} holds numbers of the type {numbers.dtype}; a direction has real ones")
    real = numbers.detach().cpu().to(torch.float32)
    if not bool(torch.isfinite(real).all()):
        raise DirectionError(f"{path} holds numbers that are not finite, or too large")
    if not bool(real.any()):
        raise DirectionError(f"{path} holds nothing but zeros, which move no face")
    return real


def _styles(numbers: Tensor, generator: Generator) -> Tensor | None:
    """The numbers as one delta of all style layers, (1, sum of widths); None where they are none.

    StyleMC keeps (1, layers, widest), zero beyond each layer's width; others one vector of all layers, or of all but
    the ToRGB layers.
    """
    widths = [layer.channels for layer in generator.layers]
    shape = tuple(numbers.shape[1:] if numbers.ndim > 1 and len(numbers) == 1 else numbers.shape)
    if shape[:-1] == (len(widths),) and shape[-1] >= max(widths) and len(widths) != generator.num_ws:
        rows = numbers.reshape(shape)
        parts = [row[:width] for row, width in zip(rows, widths, strict=True)]
        beyond = [bool(row[width:].any()) for row, width in zip(rows, widths, strict=True)]
        return None if any(beyond) else torch.cat(parts)[None]
    flat = numbers.reshape(-1)
    if len(shape) != 1 or shape[0] % generator.w_dim == 0:
        return None
    if shape[0] == sum(widths):
        return flat[None]
    conv = [0 if layer.is_rgb else layer.channels for layer in generator.layers]
    if shape[0] != sum(conv):
        return None
    split = torch.split(flat, conv)
    whole = [part if len(part) else torch.zeros(width) for part, width in zip(split, widths, strict=True)]
    return torch.cat(whole)[None]


def _rows(numbers: Tensor, path: Path, generator: Generator, dim: int, *, stacked: bool) -> tuple[Tensor, str]:
    """The numbers as (K, 1 or num_ws, dim), and what is unusual about them."""
    shape, rows = tuple(numbers.shape), generator.num_ws
    flat = shape[-1:] != (dim,) and numbers.numel() == max(shape) and max(shape) % dim == 0
    if flat and max(shape) // dim <= _MOST_ROWS:
        numbers = numbers.reshape(1, -1, dim)
    elif shape[-1:] != (dim,) or len(shape) > 3:
        raise DirectionError(
            f"{path} holds an array of the shape {shape}, which is no direction of {generator.name!r}: its latents "
            f"have {rows} rows of {dim} numbers"
        )
    elif len(shape) < 3:
        several = len(shape) == 2 and 1 < shape[0] <= _MOST_ROWS and not stacked
        numbers = numbers.reshape(1, -1, dim) if several else numbers.reshape(-1, 1, dim)
    given = numbers.shape[1]
    if given in (1, rows):
        return numbers, ""
    if torch.equal(numbers, numbers[:, :1].expand_as(numbers)):
        return numbers[:, :1], f"it has {given} equal rows, taken as one for all {rows} of {generator.name!r}"
    if given > rows and bool(numbers[:, rows:].any()):
        raise DirectionError(f"{path} is for {given} rows of ws; the generator {generator.name!r} has {rows}")
    fitted = numbers.new_zeros(len(numbers), rows, dim)
    fitted[:, : min(given, rows)] = numbers[:, :rows]
    return fitted, f"it is for {given} rows of ws; the generator {generator.name!r} has {rows}, counted from the first"


def _row_range(beside: Mapping[str, object], path: Path, generator: Generator) -> tuple[int, ...] | None:
    """The rows that a file says its direction is for."""
    inner = beside.get("meta_data")
    told = {**beside, **(inner if isinstance(inner, Mapping) else {})}
    for first, last in (("edit_start", "edit_end"), ("start", "end")):  # the end is not among them
        start, end = told.get(first), told.get(last)
        if is_whole(start, 0) and is_whole(end, 1):
            rows = range(start, min(end, generator.num_ws))
            return _some(tuple(rows), f"{start} to {end - 1}", path, generator)
    for key in ("manipulate_layers", "layers", "rows"):
        given = told.get(key)
        if isinstance(given, Tensor) and given.ndim == 1:
            given = given.tolist()
        if isinstance(given, list) and given and all(is_whole(row, 0) for row in given):
            wanted = tuple(sorted({int(row) for row in given}))
        elif isinstance(given, str) and re.fullmatch(r"\s*\d+(\s*[-,]\s*\d+)*\s*", given) and len(given) < 100:
            try:
                wanted = parse_seeds(given)
            except InputError as error:
                raise DirectionError(f"{path}: its rows {given!r} cannot be read") from error
        else:
            continue
        kept = tuple(sorted({row for row in wanted if row < generator.num_ws}))
        return _some(kept, ", ".join(map(str, wanted)), path, generator)
    return None


def _some(rows: tuple[int, ...], said: str, path: Path, generator: Generator) -> tuple[int, ...]:
    if not rows:
        raise DirectionError(
            f"{path} is for the rows {said:.60}; the generator {generator.name!r} has {generator.num_ws}"
        )
    return rows


def _title(beside: Mapping[str, object]) -> str:
    name = beside.get("name")
    return name.strip()[:60] if isinstance(name, str) else ""


def _facts(beside: Mapping[str, object]) -> dict[str, Any]:
    """What a file says of its direction, as JSON values: names, numbers, and the deviations of components."""
    facts: dict[str, Any] = {}
    for key, value in list(beside.items())[:50]:
        if isinstance(value, (bool, int, str)) or (isinstance(value, float) and abs(value) < 1e30):
            facts[key[:60]] = value[:200] if isinstance(value, str) else value
    for key in ("std", "lat_stdev", "act_stdev"):
        value = beside.get(key)
        if isinstance(value, Tensor) and value.ndim == 1 and len(value) <= 512 and bool(value.isfinite().all()):
            facts[key] = [round(float(one), 6) for one in value]
    return facts
