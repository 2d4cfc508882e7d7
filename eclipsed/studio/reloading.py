"""What a page that is loaded again goes on from: the look that it showed, which the browser's tab keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError
from eclipsed.studio.engine import FIRST_SEED
from eclipsed.studio.portraits import PhotoLook, Portrait, of_portrait, portrait_of
from eclipsed.values.checks import is_whole

if TYPE_CHECKING:
    from eclipsed.studio.engine import Engine
    from eclipsed.studio.session import Session

__all__ = ["READ", "forget", "kept", "restored"]

#: script that takes the place of a text among the inputs of an event; a tab keeps it until it is closed
READ = "(session) => [session, (() => { try { return sessionStorage.getItem('eclipsed-look') } catch { } })() || '']"

_LONGEST = 600 * 1024  # characters

_reachable: WeakValueDictionary[str, Portrait] = WeakValueDictionary()  # by tokens that only their visitors have


def kept(session: Session) -> dict[str, Any]:
    """What is shown as plain JSON values; pictures of the visitor's own are named by their tokens, and stay here."""
    now = session.now
    _reachable.update({one.token: one for one in session.album})
    told: dict[str, Any] = {"look": now.to_json(), "number": getattr(now, "number", 0)}
    mine, shown = session.own_look, portrait_of(now)
    if shown is not None:
        told["face"] = shown.token
    if mine is not None:
        album = session.album
        told["album"] = [[one.token, [mine.at(one, k).to_json() for k in range(len(one.faces))]] for one in album]
    return told


def restored(engine: Engine, session: Session, text: object) -> Session | None:
    """The session with what `kept` described; None where there is nothing, or it cannot be shown here and now.

    A face of the visitor's own that is gone by now leaves its edits, on the first face.
    """
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
        return None
    try:
        data = json.loads(text)
        look = engine.checked(Stack.from_json(data["look"]))
        album, mine = _album(engine, data.get("album") or [])
        portrait, number = _reachable.get(str(data.get("face"))), data.get("number", 0)
        if portrait is not None and is_whole(number, 0, len(portrait.faces) - 1):
            shown = of_portrait(look, portrait, number)
            look = shown if mine is None else replace(mine.at(portrait, number), entries=look.entries)
        elif look.saved_face or look.seed is None:
            look = replace(look, saved_face="", seed=FIRST_SEED)
        engine.before(look)
    except (EclipsedError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return replace(session, now=look, album=album, own=mine)


def _album(engine: Engine, told: list[Any]) -> tuple[tuple[Portrait, ...], PhotoLook | None]:
    """The visitor's own pictures that are here still, and a look that knows the edits of their faces."""
    album: list[Portrait] = []
    mine: PhotoLook | None = None
    for token, stacks in told:
        portrait = _reachable.get(str(token))
        if portrait is None:
            continue
        album.append(portrait)
        for k, stack in enumerate(stacks[: len(portrait.faces)]):
            edits = engine.checked(Stack.from_json(stack))
            if mine is None:
                mine = of_portrait(edits, portrait, k)
            elif edits.entries:
                mine = replace(mine.at(portrait, k), entries=edits.entries)
    return tuple(album), mine


def forget(portrait: Portrait | None) -> None:
    """Let nobody reach a face any more, and remove its picture; None changes nothing."""
    if portrait is not None:
        _reachable.pop(portrait.token, None)
        if portrait.picture is not None:
            portrait.picture.remove()
