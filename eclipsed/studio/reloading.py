"""What a page that is loaded again goes on from: the look that it showed, which the browser's tab keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError
from eclipsed.studio.engine import FIRST_SEED
from eclipsed.studio.portraits import PhotoLook, Portrait, of_portrait
from eclipsed.values.checks import is_whole

if TYPE_CHECKING:
    from eclipsed.studio.engine import Engine

__all__ = ["READ", "forget", "kept", "restored"]

#: script that takes the place of a text among the inputs of an event; a tab keeps it until it is closed
READ = "(session) => [session, (() => { try { return sessionStorage.getItem('eclipsed-look') } catch { } })() || '']"

_LONGEST = 600 * 1024  # characters

_reachable: WeakValueDictionary[str, Portrait] = WeakValueDictionary()  # by tokens that only their visitors have


def kept(look: Stack) -> dict[str, Any]:
    """A look as plain JSON values; a face of the visitor's own is named by its token, and stays here."""
    if not isinstance(look, PhotoLook):
        return {"look": look.to_json()}
    _reachable[look.portrait.token] = look.portrait
    return {"look": look.to_json(), "face": look.portrait.token, "number": look.number}


def restored(engine: Engine, text: object) -> Stack | None:
    """The look that `kept` described; None where there is none, or where it cannot be shown here and now.

    A face of the visitor's own that is gone by now leaves its edits, on the first face.
    """
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
        return None
    try:
        data = json.loads(text)
        look = engine.checked(Stack.from_json(data["look"]))
        portrait, number = _reachable.get(str(data.get("face"))), data.get("number", 0)
        if portrait is not None and is_whole(number, 0, len(portrait.faces) - 1):
            look = of_portrait(look, portrait, number)
        elif look.saved_face or look.seed is None:
            look = replace(look, saved_face="", seed=FIRST_SEED)
        engine.before(look)
    except (EclipsedError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return look


def forget(portrait: Portrait | None) -> None:
    """Let nobody reach a face any more, and remove its picture; None changes nothing."""
    if portrait is not None:
        _reachable.pop(portrait.token, None)
        if portrait.picture is not None:
            portrait.picture.remove()
