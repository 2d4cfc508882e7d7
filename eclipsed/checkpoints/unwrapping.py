"""Finding a network in whatever it was saved in: nested dictionaries, prefixes of keys, states of a training."""

from __future__ import annotations

import re
import warnings
from argparse import Namespace
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch

from eclipsed.checkpoints.plain_data import StoredArray
from eclipsed.errors import EclipsedWarning

__all__ = ["Unwrapped", "entries", "keys_seen", "tell_choice", "unwrap", "unwrap_object"]

_DEEPEST = 8  # dictionaries within dictionaries
_MOST = 10_000  # containers that are looked into
_AVERAGED = re.compile(r"(^|_)(ema|averaged|avg|swa)($|_)|^Gs$")  # names of weights that were averaged over a training
_LEFT = re.compile(r"frozen|optim|source|teacher|discriminator|^[dD]$")  # names of what nobody asks for
#: usual names of networks, the likeliest first
_USUAL = ("state_dict", "model", "network", "net", "generator", "decoder", "params", "g", "G", "module")
#: what a file that has the one usually has as well
_AVERAGE_OF = {"g": "g_ema", "G": "G_ema"}


@dataclass(frozen=True)
class Unwrapped:
    """A network that was found in the content of a file.

    Args:
        state: what it holds, by the names of its layout, the prefix taken off.
        way: keys that lead from the content to the dictionary that holds it.
        prefix: what stood in front of every key, with its dot; ``""`` for nothing.
        around: the dictionaries on the way, from the innermost, which holds the keys, to the content.
        others: other places of the content where such a network lies, as words.
    """

    state: dict[str, object]
    way: tuple[str, ...]
    prefix: str
    around: tuple[Mapping[str, object], ...]
    others: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it was found, such as ``"g_ema"`` or ``"state_dict, decoder."``; ``""`` is the content itself."""
        return ", ".join((*self.way, *filter(None, [self.prefix])))

    @property
    def names(self) -> tuple[str, ...]:
        """Every single name on the way and in the prefix."""
        return (*self.way, *filter(None, re.split(r"[./]", self.prefix)))

    @property
    def averaged(self) -> bool:
        """Whether a name says that the weights were averaged over a training."""
        return any(_AVERAGED.search(name) for name in self.names)

    def beside(self, *names: str) -> object:
        """What lies under one of some names next to the network, the nearest first; None where there is no such."""
        for values in self.around:
            for name in names:
                if values.get(name) is not None:
                    return _tensor(values[name])
        return None


def unwrap(content: object, telltales: Collection[str], *, least: float = 0.0) -> Unwrapped | None:
    """Find the network whose keys are known, however deep and behind whatever prefix it lies.

    Args:
        content: of a file: containers and tensors.
        telltales: keys that tell the layout; all keys of a network, or a few.
        least: share of the telltales that must be there, [0, 1]; one is always needed.
    Returns:
        The network. Averaged weights go before others, then those with more of the telltales, then usual names. None
        where there is no such.
    """
    known = set(telltales)
    found: list[tuple[float, Unwrapped]] = []
    for way, around in entries(content):
        prefixes = Counter(prefix for key in around[0] for prefix in _prefixes(key, known))
        for prefix, hits in prefixes.items():
            if hits >= least * len(known):
                found.append((hits, Unwrapped(_stripped(around[0], prefix), way, prefix, around)))
    return _best(found)


def unwrap_object(content: object, fits: Callable[[object], bool]) -> Unwrapped | None:
    """Find a network that was stored as an object, however deep it lies.

    Args:
        content: of a file.
        fits: whether an object is such a network.
    Returns:
        The network, its state the object itself under ``""``; see `unwrap` for which is taken.
    """
    if fits(content):
        return Unwrapped({"": content}, (), "", ())
    found = [
        (1.0, Unwrapped({"": value}, (*way, key), "", around))
        for way, around in entries(content)
        for key, value in around[0].items()
        if fits(value)
    ]
    return _best(found)


def tell_choice(path: Path, found: Unwrapped) -> None:
    """Warn which network was taken from a file that left a choice; averaged weights need no word.

    Args:
        path: the file, for the message.
        found: what `unwrap` gave.
    """
    if found.averaged:
        return
    last = found.way[-1] if found.way else ""
    if found.others:
        said = f"took {found.place or 'the file itself'!r}, not {' or '.join(map(repr, found.others[:3]))}"
    elif last in _AVERAGE_OF:
        said = f"no {_AVERAGE_OF[last]}; took {last}"
    else:
        return
    warnings.warn(f"{path}: {said}", EclipsedWarning, stacklevel=2)


def keys_seen(content: object) -> str:
    """The keys of a content as a few words, for files in which nothing fits."""
    keys = _named(content)
    if keys is None:
        return f"it holds no dictionary but {type(content).__name__}"
    if not keys:
        return "it is empty"
    shown = ", ".join(f"{key:.60}" for key in list(keys)[:8])
    return f"keys seen: {shown}" + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")


def entries(content: object) -> Iterator[tuple[tuple[str, ...], tuple[Mapping[str, object], ...]]]:
    """Every dictionary of a content, the outer ones first.

    Args:
        content: of a file; lists and namespaces count as dictionaries.
    Returns:
        For each the keys that lead to it, and the dictionaries from it outwards to the content.
    """
    waiting: deque[tuple[tuple[str, ...], object, tuple[Mapping[str, object], ...]]] = deque([((), content, ())])
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        way, value, outer = waiting.popleft()
        named = None if id(value) in seen else _named(value)
        if named is None:
            continue
        seen.add(id(value))
        around = (named, *outer)
        yield way, around
        if len(way) < _DEEPEST:
            waiting += [((*way, key), inner, around) for key, inner in named.items()]


def _best(found: list[tuple[float, Unwrapped]]) -> Unwrapped | None:
    """The one to take, of several with the number of telltales of each."""
    if not found:
        return None
    most = max(hits for hits, _ in found)
    alike = [(hits, one) for hits, one in found if 2 * hits > most]
    taken = min(alike, key=lambda item: (_rank(item[1]), -item[0]))[1]
    others = tuple(one.place or "the file itself" for _, one in alike if one is not taken)
    return replace(taken, others=others)


def _named(value: object) -> Mapping[str, object] | None:
    """A container as a dictionary with text for keys; None for what is no container."""
    if isinstance(value, Mapping):
        return {str(key): inner for key, inner in value.items()}
    if isinstance(value, list | tuple) and len(value) < _MOST:
        return {str(index): inner for index, inner in enumerate(value)}
    return vars(value) if isinstance(value, SimpleNamespace | Namespace) else None


def _prefixes(key: str, known: set[str]) -> Iterator[str]:
    """What stands in front of a telltale that a key ends with, at a dot or a slash."""
    for start in (0, *(match.end() for match in re.finditer(r"[./]", key))):
        if key[start:] in known:
            yield key[:start]


def _stripped(values: Mapping[str, object], prefix: str) -> dict[str, object]:
    return {key[len(prefix) :]: _tensor(value) for key, value in values.items() if key.startswith(prefix)}


def _tensor(value: object) -> object:
    """An array of numbers as a tensor; everything else as it is."""
    array = value.value if isinstance(value, StoredArray) else None
    if array is None or array.dtype.kind not in "fiub":
        return value
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=True))


def _rank(found: Unwrapped) -> tuple[int, int]:
    """How willingly a network is taken, judged by its names; less is better."""
    names = found.names
    if any(_LEFT.search(name) for name in names):
        return 2, 0
    usual = [_USUAL.index(name) for name in names if name in _USUAL]
    return (0 if found.averaged else 1), min(usual, default=len(_USUAL))
