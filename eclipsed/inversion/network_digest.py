"""What tells the networks that a photograph goes through from any others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from eclipsed.pretrained.frozen import fingerprint_of

__all__ = ["networks_digest"]


def networks_digest(networks: Iterable[object]) -> str:
    """What tells some networks from any others, in their order: class, sizes and weights.

    Of what holds no network, such as a function of one's own, only the class counts, for nobody can see what it
    computes.

    Args:
        networks: a CLIP, a parser, a finder, anything that takes part; None is none.
    Returns:
        SHA-256 as hex digits.
    """
    return hashlib.sha256(json.dumps([_mark(one) for one in networks]).encode()).hexdigest()


def _mark(network: object) -> list[str]:
    """The class of a network, and what tells its numbers from any others."""
    if network is None:
        return []
    name = f"{type(network).__module__}.{type(network).__qualname__}"
    known = getattr(network, "fingerprint", None)
    if isinstance(known, str):
        return [name, known]
    held: Mapping[str, Any] = {"": network} if isinstance(network, nn.Module) else getattr(network, "__dict__", {})
    parts = [(f"{key}.{inner}", one) for key, module in held.items() if isinstance(module, nn.Module)
             for inner, one in module.named_modules()]  # fmt: skip
    sizes = [repr(one.config) for _, one in parts if hasattr(one, "config")]
    numbers = {
        f"{place}.{key}": value.detach()
        for place, one in parts
        for key, value in (*one.named_parameters(recurse=False), *one.named_buffers(recurse=False))
    }
    return [name, fingerprint_of(sizes, numbers)]
