"""What Griffe must know of the code here to write the pages of the API."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(r"(?<=\S)\n(?=(?:Args|Returns|Raises|Warns|Yields|Source):)")


class Pages(griffe.Extension):
    """Opens up docstrings, whose sections stand close here, and shows the default alone of an `option`."""

    def on_instance(self, *, obj: griffe.Object, **_rest: Any) -> None:
        """See `griffe.Extension`."""
        if obj.docstring is not None:
            obj.docstring.value = _SECTION.sub("\n\n", obj.docstring.value)
        if isinstance(obj, griffe.Attribute):
            obj.value = _default(obj.value)


def _default(value: Any) -> Any:
    """What stands first in ``option(…)`` of `eclipsed.values.checks`; any other value as it is."""
    return value.arguments[0] if isinstance(value, griffe.ExprCall) and str(value.function) == "option" else value
