"""What a direction file holds, read back as the fields of a `Direction`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from eclipsed.errors import DirectionError, EclipsedError
from eclipsed.prompts.region import Region
from eclipsed.values.checks import is_whole

__all__ = ["read_fields"]

_Made = TypeVar("_Made")


def read_fields(make: Callable[..., _Made], tensors: Mapping[str, Tensor], data: dict[str, Any]) -> _Made:
    """Make the direction that a file holds.

    Args:
        make: the class `Direction`, which is given the fields by their names.
        tensors: of the file.
        data: its metadata, as `Direction.metadata` gives them.
    Raises:
        DirectionError: a field is missing or damaged.
    """
    if set(tensors) != {"deltas"}:
        raise DirectionError(f'expected one tensor "deltas"; got {", ".join(sorted(tensors)) or "none"}')
    deltas = tensors["deltas"].to(torch.float32)
    if data.get("shape") != list(deltas.shape):
        raise DirectionError(f"its metadata says shape {data.get('shape')}; the deltas have {list(deltas.shape)}")
    try:
        return make(**_fields(data, deltas))
    except DirectionError:
        raise
    except (EclipsedError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DirectionError(f"its metadata is damaged ({type(error).__name__}: {error})") from error


def _fields(data: dict[str, Any], deltas: Tensor) -> dict[str, Any]:
    texts = {name: _text(data, name) for name in ("name", "space", "note")}
    data = {"method": "trained", "clip": "", **data}  # files from before these were noted
    low, high = data["alpha_range"]
    return {
        "deltas": deltas,
        "prompt": None if data["prompt"] is None else _text(data, "prompt"),
        "method": _text(data, "method"),
        "clip": _text(data, "clip"),
        "region": Region.from_json(data["region"]),
        "layers": tuple(_int(row) for row in data["layers"]),
        "styles": tuple((str(name), _int(width)) for name, width in data["styles"]),
        "generator": _text(data["generator"], "fingerprint"),
        "generator_name": _text(data["generator"], "name"),
        "generator_sketch": _text({"sketch": "", **data["generator"]}, "sketch"),
        "config": dict(data["config"]),
        "seed": _int(data["seed"]),
        "scale": float(data["scale"]),
        "alpha_range": (float(low), float(high)),
        "scores": dict(data["scores"]),
        "reference": dict(data.get("reference", {})),
        **texts,
    }


def _text(data: Mapping[str, Any], key: str) -> str:
    if not isinstance(data[key], str):
        raise TypeError(f"{key} must be text, not {type(data[key]).__name__}")
    return str(data[key])


def _int(value: object) -> int:
    if not is_whole(value, 0):
        raise TypeError(f"expected a whole number, not {value!r}")
    return value
