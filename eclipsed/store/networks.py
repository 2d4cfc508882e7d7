"""The catalogue of single networks that others publish: addresses, sizes, hashes and licences.

It is ``networks.json`` beside this file. Where its authors publish no hash or size of a file, none is written there:
what the first fetch brought is recorded beside the file and checked ever after. This module reads nothing but the
catalogue.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eclipsed.errors import MissingModelError

__all__ = ["Licence", "Network", "known_networks", "known_sets", "network", "set_networks"]

_CATALOGUE = Path(__file__).with_name("networks.json")


@dataclass(frozen=True)
class Licence:
    """The terms of a network."""

    name: str
    text: str  # in one sentence
    address: str  # where the whole of it can be read
    non_commercial: bool


@dataclass(frozen=True)
class Network:
    """One file of weights as its authors publish it."""

    name: str
    kind: str  # generator, parser, encoder, identity, finder, detector, landmarks, backbone, trunk or segmenter
    description: str
    file: str  # as the authors call it
    addresses: tuple[str, ...]  # tried in turn; ``drive:ID`` is a file of Google Drive
    licence: Licence
    size: int | None = None  # bytes; None where it is not published
    sha256: str | None = None  # None where it is not published
    sha256_start: str | None = None  # how it begins, where its authors publish no more of it
    ships: bool = False  # comes with eclipsed, in a folder of its name: neither fetched nor removed

    @property
    def converted(self) -> bool:
        """Whether it is kept as safetensors rather than as it was fetched."""
        return self.kind == "generator"


@cache
def _content() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(_CATALOGUE.read_text(encoding="utf-8"))
    return content


@cache
def known_networks() -> Mapping[str, Network]:
    """Every network of the catalogue by name."""
    licences = {name: Licence(name, **terms) for name, terms in _content()["licences"].items()}
    return MappingProxyType(
        {
            name: Network(
                name=name,
                **{
                    **entry,
                    "addresses": tuple(entry["addresses"]),
                    "licence": licences[entry["licence"]],
                },
            )
            for name, entry in _content()["networks"].items()
        }
    )


def known_sets() -> Mapping[str, Mapping[str, Any]]:
    """Every set of the catalogue by name.

    ``generator``, ``parser`` (not in all), ``encoder`` (in few) and the list ``photos`` name networks; the last two are
    for photographs alone. ``shows`` (in few) is the class of a segmentation network that its pictures are of.
    """
    sets: Mapping[str, Mapping[str, Any]] = _content()["sets"]
    return sets


def set_networks(name: str, *, photos: bool = True) -> tuple[str, ...]:
    """Names of the networks of a set, without its CLIP.

    Args:
        name: a set of the catalogue.
        photos: with those that only photographs need.
    """
    entry = known_sets()[name]
    wanted = [entry[key] for key in ("generator", "parser") if entry.get(key)]
    if photos:
        wanted += [entry["encoder"]] if entry.get("encoder") else []
        wanted += entry.get("photos", [])
    return tuple(wanted)


def network(name: str) -> Network:
    """A network of the catalogue.

    Args:
        name: such as ``"ffhq-generator"`` or ``"bisenet"``.
    Raises:
        MissingModelError: there is none of this name.
    """
    found = known_networks().get(name)
    if found is None:
        near = difflib.get_close_matches(name, known_networks(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known_networks())}"
        raise MissingModelError(f"there is no network {name!r}; {hint}")
    return found
