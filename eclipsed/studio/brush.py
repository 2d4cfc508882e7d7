"""The brush: a picture on which somebody paints a region, for any tab that wants one."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from eclipsed.errors import InputError
from eclipsed.studio.pieces import piece
from eclipsed.values.checks import shown
from eclipsed.values.mask import KEPT_SIDE, Mask

__all__ = ["brush", "brush_value", "painted_mask"]

_CLOSED: dict[str, Any] = {"key": "", "side": KEPT_SIDE}


def brush(label: str, subject: str, *, place: str) -> gr.HTML:
    """A brush, put away at first.

    After each stroke its event ``act`` tells ``{"do": "painted", "key": …, "mask": …, "sent": …}``, where the mask is
    all that is painted by now, see `painted_mask`. ``{"do": "close"}`` is its button.

    Args:
        label: what it is called by screen readers.
        subject: what the pictures show, see `World.subject`.
        place: where it stands, which tells one brush from another.
    """
    return piece("brush", _CLOSED, label, subject, place=place)


def brush_value(
    key: str, mask: Mask | None = None, *, title: str = "", picture: str = "", sent: object = None
) -> dict[str, Any]:
    """What a brush shows.

    Args:
        key: names what is painted; strokes tell it, and another one begins anew. "" puts the brush away.
        mask: what is painted by now; None is nothing.
        title: what it is for, in words above the picture.
        picture: address of the picture that is painted on; "" is the edited face of the page.
        sent: number of the stroke that this answers; None where something else is the reason. What the hand painted
            since is not taken back by an answer that is late.
    """
    if not key:
        return _CLOSED
    kept = None if mask is None else mask.kept().to_json()
    told = {"key": key, "side": KEPT_SIDE, "mask": kept, "title": title, "picture": picture, "sent": sent}
    return {**told, "drawn": secrets.token_hex(4)}  # named anew, the value is drawn even where it is that of before


def painted_mask(data: object) -> Mask | None:
    """What a brush told as ``mask``: a mask as files keep it, or None where nothing is painted any more.

    Raises:
        InputError: it is damaged, or everything is painted.
    """
    if data is None:
        return None
    mask = Mask.from_json(data)
    if mask.side != KEPT_SIDE:
        raise InputError(f"the brush paints {KEPT_SIDE} pixels a side; got {shown(mask.side)}")
    return mask
