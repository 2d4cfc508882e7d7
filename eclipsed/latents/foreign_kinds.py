"""What files of other projects hold that is no direction, told by their names and shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from eclipsed.checkpoints.unwrapping import entries

__all__ = ["shapes_seen", "tensors_of", "what_else"]

_MANY = 24  # tensors in one dictionary, from which on it is a network
_SHOWN = 4

#: words of keys -> what has such keys
_NETWORKS = {
    ("course_mapping", "medium_mapping", "fine_mapping"): (
        "a StyleCLIP mapper: a network that computes another change for every face, so that there is no one direction "
        "in it; train a direction of the same sentence with `eclipsed train`"
    ),
    ("sm_coarse", "cm_coarse", "fm_coarse", "sm_fine", "fm_fine"): (
        "a DeltaEdit mapper: a network that computes the change from each picture and a sentence, so that there is no "
        "one direction in it; train a direction of the same sentence with `eclipsed train`"
    ),
}
_STATISTICS = (
    "the mean and standard deviation of StyleCLIP's style channels: numbers that channels are scaled by, and no "
    "direction"
)
_CHANNELS = (
    "StyleCLIP's matrix of what each style channel does to CLIP's view (fs3): it finds directions from sentences, and "
    "is none itself"
)
_SAMPLE = "style vectors of many faces, as StyleCLIP measures its statistics with, and no direction"


def what_else(content: object) -> str | None:
    """What a content is that is known and no direction, as the end of a sentence; None for all others.

    Args:
        content: as `read_numbers` gives it.
    """
    if isinstance(content, Tensor):
        return _CHANNELS if content.ndim == 2 and tuple(content.shape) in ((6048, 512), (5376, 512)) else None
    for _, around in entries(content):
        names = set(around[0])
        for words, said in _NETWORKS.items():
            if any(word in name.split(".") for word in words for name in names):
                return said
    if isinstance(content, list) and len(content) == 2 and isinstance(content[1], list) and len(content[1]) > 2:
        first, second = content
        if all(isinstance(one, Tensor) and one.ndim == 2 for one in second):
            return _SAMPLE
        if isinstance(first, list) and _same_vectors(first, second):
            return _STATISTICS
    if isinstance(content, Mapping) and set(content) == {"deltas"}:
        return "a direction of eclipsed's own; load it with Direction.load, or name the file where a direction is asked"
    for _, around in entries(content):
        held = [name for name, value in around[0].items() if isinstance(value, Tensor)]
        if len(held) >= _MANY and any("." in name or "/" in name for name in held):
            return f"a network (keys seen: {', '.join(held[:_SHOWN])}, …), and no direction"
    return None


def tensors_of(content: object) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a content, each with the keys that lead to it; of a tensor, itself under ``""``."""
    if isinstance(content, Tensor):
        yield "", content
        return
    for way, around in entries(content):
        for name, value in around[0].items():
            if isinstance(value, Tensor):
                yield "/".join((*way, name)), value


def shapes_seen(content: object) -> str:
    """The arrays of a content in a few words, for messages."""
    found = [f"{name} {tuple(value.shape)}".strip() for name, value in tensors_of(content)]
    if not found:
        return "no array at all" if isinstance(content, (Mapping, list)) else f"a {type(content).__name__}"
    return ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _same_vectors(first: list[object], second: list[object]) -> bool:
    pairs = list(zip(first, second, strict=False))
    return len(first) == len(second) and all(
        isinstance(a, Tensor) and isinstance(b, Tensor) and a.ndim == 1 and a.shape == b.shape for a, b in pairs
    )
