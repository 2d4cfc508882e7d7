"""What a press on the page does to a session: pure steps, checked as strictly as if a stranger had sent them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from eclipsed.editing.stack import GROUPS, Stack
from eclipsed.errors import InputError
from eclipsed.studio.brush import painted_mask
from eclipsed.studio.engine import Engine
from eclipsed.studio.session import Session
from eclipsed.values.alphas import check_alpha
from eclipsed.values.checks import is_whole
from eclipsed.values.choices import LAST_ROW
from eclipsed.values.seeds import LARGEST_SEED, parse_seeds

__all__ = ["FACES_ON_WALL", "MOST_CHOSEN", "act", "move", "pick", "place_of", "shuffle"]

FACES_ON_WALL = 24
MOST_CHOSEN = 4

_PAINTED_BLEND = "features"  # of an edit that is held to a painted mask, where none was chosen
_WALL_SEEDS = 1_000_000  # shuffle shows seeds below, which neither training nor calibration draws


def act(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """Carry out what a piece of the page told.

    Args:
        engine: the shared half.
        session: before.
        data: ``{"do": name, …}``.
    Returns:
        The session afterwards.
    Raises:
        InputError: there is no such action, or a value of it makes no sense.
    """
    action = _ACTIONS.get(str(data.get("do")))
    if action is None:
        raise InputError(f"the studio knows no action {str(data.get('do'))[:40]!r}")
    after = action(engine, session, data)
    if after.now is not session.now:
        engine.checked(after.now)
    return after


def move(session: Session, data: Mapping[str, Any]) -> Session:
    """Follow a slider; a move of an edit that is gone by now changes nothing."""
    index, entries = _index(data), session.now.entries
    if index >= len(entries) or entries[index].digest != data.get("digest"):
        return session
    alpha = round(check_alpha(data.get("alpha")), 4) + 0.0  # no -0
    return session.show(session.now.changed(index, alpha=alpha), gesture=str(data.get("gesture", ""))[:100])


def pick(session: Session, seed: object, psi: float | None, class_index: int | None = None) -> Session:
    """Take a face.

    Raises:
        InputError: a bad seed, truncation or class.
    """
    text = str(seed).strip().removesuffix(".0")
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise InputError(f"a seed is a whole number from 0 to {LARGEST_SEED}; got {text[:40]!r}")
    return session.face(int(text), psi, class_index)


def shuffle(session: Session) -> Session:
    """Turn the wall to faces that chance picks."""
    return replace(session, first=secrets.randbelow(_WALL_SEEDS))


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("i")
    if not is_whole(index, 0):
        raise InputError(f"an edit is named by its place, counted from 0; got {str(index)[:40]!r}")
    return index


def _layers(data: Mapping[str, Any]) -> tuple[int | str, ...] | str | None:
    text = str(data.get("layers", "")).strip()
    if text in ("", "all"):
        return None
    if text in GROUPS:
        return text
    rows = parse_seeds(text)
    if max(rows) > LAST_ROW:
        raise InputError(f"rows are small numbers such as 4-7; got {text[:40]!r}")
    return rows


def _change(
    what: str, value: Callable[[Mapping[str, Any]], Any]
) -> Callable[[Engine, Session, Mapping[str, Any]], Session]:
    def changed(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
        return session.show(session.now.changed(_index(data), **{what: value(data)}))

    return changed


def _reorder(by: int) -> Callable[[Engine, Session, Mapping[str, Any]], Session]:
    def moved(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
        index = _index(data)
        return session.show(session.now.moved(index, min(max(index + by, 0), len(session.now) - 1)))

    return moved


def _blended(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """Another blend; without one there is nothing that a painted mask could hold, and it goes."""
    blend = None if data.get("blend") in (None, "none") else str(data["blend"])
    gone = {"mask": None} if blend is None else {}
    return session.show(session.now.changed(_index(data), blend=blend, **gone))


def _paint(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """Take the brush for an edit, or put it away."""
    index, entries = _index(data), session.now.entries
    if index >= len(entries):
        return session
    return replace(session, painting=None if session.painted_at == index else (index, entries[index].digest))


def _painted(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """What the brush painted holds its edit; a stroke for an edit that is gone by now changes nothing."""
    index = session.painted_at
    if index is None or data.get("key") != session.brush_key:
        return session
    mask, blend = painted_mask(data.get("mask")), session.now.entries[index].blend
    if mask is not None:
        blend = blend or _PAINTED_BLEND
    elif not engine.editor.has_parser:  # what the mask held, nothing can
        blend = None
    return session.show(session.now.changed(index, mask=mask, blend=blend))


def place_of(engine: Engine, look: Stack, name: object) -> int | None:
    """Where a look has a direction of the shelf, counted from 0; None where it does not have it.

    Raises:
        EclipsedError: the shelf has no such direction.
    """
    digest = engine.shelf.direction(str(name)).digest
    places = [index for index, entry in enumerate(look.entries) if entry.digest == digest]
    return places[-1] if places else None


def _add(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """One more direction; one that is there already is not added again."""
    name = str(data.get("name", ""))
    if place_of(engine, session.now, name) is not None:
        return session
    return session.show(engine.added(session.now, name))


def _take(engine: Engine, session: Session, data: Mapping[str, Any]) -> Session:
    """The two directions of a palette at the strengths of a cell: entries of theirs are set, or added."""
    names, alphas = data.get("names"), data.get("alphas")
    if not isinstance(names, list) or not isinstance(alphas, list) or not len(names) == len(alphas) == 2:
        raise InputError("a cell of the palette has two directions and two strengths")
    look = session.now
    for name, alpha in zip(names, alphas, strict=True):
        strength = round(check_alpha(alpha), 4)
        place = place_of(engine, look, name)
        if place is not None:
            look = look.changed(place, alpha=strength, on=True)
        else:
            look = engine.added(look, str(name), alpha=strength)
    return session.show(look)


_ACTIONS: dict[str, Callable[[Engine, Session, Mapping[str, Any]], Session]] = {
    "undo": lambda engine, session, data: session.undo(),
    "redo": lambda engine, session, data: session.redo(),
    "reset": lambda engine, session, data: session.reset(),
    "add": _add,
    "remove": lambda engine, session, data: session.show(session.now.removed(_index(data))),
    "up": _reorder(-1),
    "down": _reorder(1),
    "on": _change("on", lambda data: data.get("on")),
    "layers": _change("layers", _layers),
    "blend": _blended,
    "take": _take,
    "paint": _paint,
    "painted": _painted,
    "close": lambda engine, session, data: replace(session, painting=None),
}
