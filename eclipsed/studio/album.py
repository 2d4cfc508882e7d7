"""A visitor's own pictures side by side: which there are, which face is shown, and the edits of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio.portraits import PhotoLook, Portrait, of_portrait, portrait_of
from eclipsed.studio.session import Session
from eclipsed.values.checks import is_whole

__all__ = ["MOST_PICTURES", "act", "adopted", "forgotten", "shared", "turned"]

#: pictures of one visitor
MOST_PICTURES = 12


def act(session: Session, data: Mapping[str, Any]) -> Session:
    """Carry out what a piece that shows one's own faces told: ``{"do": "take", "token": …, "number": …}`` or share.

    Raises:
        InputError: there is no such action, or no such face.
    """
    if data.get("do") == "share":
        return shared(session)
    if data.get("do") != "take":
        raise InputError(f"the studio knows no action {str(data.get('do'))[:40]!r}")
    return turned(session, data.get("token"), data.get("number"))


def adopted(session: Session, portrait: Portrait, *, show: bool = True) -> Session:
    """With one more picture; what was made of the same photograph before gives way, and its edits stay.

    Args:
        session: before.
        portrait: of the picture.
        show: turn to its first face. A face of which no edits are known gets those that are shown.
    Raises:
        InputError: there are too many pictures.
    """
    album = (*(one for one in session.album if one.source != portrait.source), portrait)
    if len(album) > MOST_PICTURES:
        raise InputError(f"at most {MOST_PICTURES} pictures are kept side by side; forget one first")
    now, mine = session.now, session.own_look
    again = isinstance(now, PhotoLook) and now.portrait.source == portrait.source
    if show or again:
        number = now.number if isinstance(now, PhotoLook) and again and now.number < len(portrait.faces) else 0
        look = of_portrait(now, portrait, number) if mine is None else mine.at(portrait, number)
        if mine is not None and not mine.knows(portrait, number):
            look = replace(of_portrait(now, portrait, number), others=mine.each)
        session = session.show(look)
    return _settled(replace(session, album=album))


def turned(session: Session, token: object, number: object) -> Session:
    """Show a face of one's own, with its own edits.

    Args:
        session: before.
        token: of the portrait.
        number: of the face, from 0.
    Raises:
        InputError: there is no such face.
    """
    portrait = next((one for one in session.album if one.token == token), None)
    if portrait is None or not is_whole(number, 0, len(portrait.faces) - 1):
        raise InputError("that face is not here any more; make the picture editable again")
    mine = session.own_look
    bare = replace(session.now, entries=())
    return session.show(of_portrait(bare, portrait, number) if mine is None else mine.at(portrait, number))


def shared(session: Session) -> Session:
    """Give the edits that are shown to all faces of one's own.

    Raises:
        InputError: the face that is shown is none of them.
    """
    if not isinstance(session.now, PhotoLook):
        raise InputError("the face that is shown is not from a picture of yours; take one of yours first")
    return session.show(session.now.everywhere(session.album))


def forgotten(session: Session, token: object, seed: int) -> Session:
    """Without one of one's own pictures.

    If one of its faces is shown, another of one's own takes its place, or else a face of a seed with the same edits.
    """
    album = tuple(one for one in session.album if one.token != token)
    shown = portrait_of(session.now)
    if isinstance(session.now, PhotoLook) and shown is not None and shown.token == token:
        session = session.show(session.now.at(album[0])) if album else session.face(seed, None)
    return _settled(replace(session, album=album))


def _settled(session: Session) -> Session:
    """Without looks of pictures that are gone."""
    album = session.album

    def stay(looks: Iterable[Stack]) -> tuple[Stack, ...]:
        return tuple(look for look in looks if portrait_of(look) in (None, *album))

    own = session.own
    if own is not None and own.portrait not in album:
        own = own.at(album[0]) if album else None
    return replace(session, past=stay(session.past), future=stay(session.future), own=own)
