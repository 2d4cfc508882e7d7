"""What Griffe must know of the docstrings here: their sections stand close, and it wants a blank line above each."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(r"(?<=\S)\n(?=(?:Args|Returns|Raises|Warns|Yields|Source):)")


class Sections(griffe.Extension):
    """Opens up the docstring of every object that is read."""

    def on_instance(self, *, obj: griffe.Object, **_rest: Any) -> None:
        """See `griffe.Extension`."""
        if obj.docstring is not None:
            obj.docstring.value = _SECTION.sub("\n\n", obj.docstring.value)
