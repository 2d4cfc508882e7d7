"""How the threads of a computation wait for one another."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["wait_asleep"]

#: what somebody may have said of it to one OpenMP or another
_SAID = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_asleep(environment: MutableMapping[str, str] | None = None) -> bool:
    """Let the threads of OpenMP sleep while they wait, unless the environment says how they are to wait.

    By itself libgomp lets them spin, which holds the cores that those threads need for which they wait: beside another
    program that is busy, steps take many times as long. OpenMP reads this when torch is imported, so that it
    is for programs to call, before that; how many threads there are, and so every bit, stays as it is.

    Args:
        environment: of this process; None is `os.environ`.
    Returns:
        Whether it was set.
    Source: OpenMP 5.0, section 6.7, OMP_WAIT_POLICY.
    """
    place = os.environ if environment is None else environment
    if any(name in place for name in _SAID):
        return False
    place["OMP_WAIT_POLICY"] = "passive"
    return True
