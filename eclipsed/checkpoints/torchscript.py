"""The parameters and buffers of a TorchScript network, without compiling or running the program in its archive.

Of the program, which lies in ``code/``, nothing is read but each class's lists of its parameters and buffers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor

from eclipsed.checkpoints.stand_ins import ScriptModule

__all__ = ["script_state"]

_MODULES = 100_000  # more than any network has
_LISTED = r"\[([^\]]*)\]"


def script_state(root: ScriptModule, code: Callable[[str], str]) -> dict[str, Tensor]:
    """The tensors of a module and of those within it, under the names of its ``state_dict``.

    Args:
        root: the module.
        code: gives the text of a file of the archive, ``""`` where there is no such file.
    Returns:
        Parameters and buffers; every tensor of a module whose class does not say which these are.
    Raises:
        ValueError: there are modules within modules without an end.
    """
    state: dict[str, Tensor] = {}
    declared: dict[str, frozenset[str] | None] = {}
    waiting, visited = [("", root)], 0
    while waiting:
        prefix, module = waiting.pop()
        visited += 1
        if visited > _MODULES:
            raise ValueError("modules within modules without an end")
        qualified = type(module).qualified
        if qualified not in declared:
            declared[qualified] = _declared(qualified, code)
        names = declared[qualified]
        inner = []
        for name, value in vars(module).items():
            if isinstance(value, ScriptModule):
                inner.append((f"{prefix}{name}.", value))
            elif isinstance(value, Tensor) and (names is None or name in names):
                state[f"{prefix}{name}"] = value
        waiting += reversed(inner)
    return state


def _declared(qualified: str, code: Callable[[str], str]) -> frozenset[str] | None:
    """The parameters and buffers that a class declares; None when it does not say."""
    module, _, name = qualified.rpartition(".")
    found = re.search(
        rf"^class {re.escape(name)}\(Module\):\n  __parameters__ = {_LISTED}\n  __buffers__ = {_LISTED}",
        code(f"code/{module.replace('.', '/')}.py"),
        re.MULTILINE,
    )
    return None if found is None else frozenset(re.findall(r'"([^"]*)"', found[1] + found[2]))
