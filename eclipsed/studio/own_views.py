"""What the pieces that show a visitor's own pictures are given to draw: plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from eclipsed.images.pictures import signed
from eclipsed.studio.portraits import PhotoLook, Portrait

if TYPE_CHECKING:
    from PIL import Image

    from eclipsed.editing.stack import StackEntry
    from eclipsed.studio.inverting import InversionJob, InversionQueue
    from eclipsed.studio.session import Session

__all__ = ["album", "inversions", "people", "photograph", "put_back"]

_WHOLE = 1280  # pixels: the longer side of a picture in the page


def inversions(queue: InversionQueue, jobs: Iterable[InversionJob]) -> dict[str, Any]:
    """Pictures that are made editable, each with how far it is."""
    return {"jobs": [{**job.to_json(), "token": job.token, "ahead": queue.ahead(job)} for job in jobs]}


def album(session: Session) -> dict[str, Any]:
    """The visitor's own pictures, with the faces of each."""
    return {"portraits": [_portrait(session, portrait) for portrait in session.album]}


def _portrait(session: Session, portrait: Portrait) -> dict[str, Any]:
    faces = [
        {
            **face,
            "before": portrait.before[k] if k < len(portrait.before) else None,
            "after": portrait.after[k],
            "psnr": round(portrait.psnr[k], 1) if k < len(portrait.psnr) else None,
        }
        for k, face in enumerate(_faces(session, portrait))
    ]
    return {
        "token": portrait.token,
        "name": portrait.name,
        "faces": faces,
        "left": list(portrait.left),
        "picture": portrait.picture is not None,
    }


def _faces(session: Session, portrait: Portrait) -> list[dict[str, Any]]:
    """The faces of a picture: what each is called, whether it is shown, and its edits in words."""
    mine, now = session.own_look, session.now
    shown = now.number if isinstance(now, PhotoLook) and now.portrait is portrait else None
    return [
        {
            "number": k,
            "called": number,
            "shown": k == shown,
            "edits": _said(() if mine is None else mine.at(portrait, k).entries),
        }
        for k, number in enumerate(portrait.numbers)
    ]


def _said(entries: Sequence[StackEntry]) -> str:
    """Edits in words: ``"blond-hair +1, smile +0.7"``."""
    return ", ".join(f"{entry.direction} {signed(entry.alpha)}" for entry in entries if entry.on)


def people(session: Session) -> dict[str, Any]:
    """All faces of the visitor's own, to choose the one that is edited; nothing where there is only one."""
    faces = [
        {**face, "token": portrait.token, "name": portrait.name, "src": portrait.after[face["number"]]}
        for portrait in session.album
        for face in _faces(session, portrait)
    ]
    mine = isinstance(session.now, PhotoLook)
    return {"faces": faces if len(faces) > 1 else [], "share": mine, "several": len(session.album) > 1}


def photograph(session: Session) -> dict[str, Any]:
    """The whole picture of the face that is shown, with the places of its faces; nothing where it is not known."""
    now = session.now
    if not isinstance(now, PhotoLook) or not now.portrait.whole:
        return {}
    return {"before": now.portrait.whole, "title": now.portrait.name, **_spots(session, now.portrait)}


def put_back(session: Session, before: Image.Image, after: Image.Image, failed: Sequence[str]) -> dict[str, Any]:
    """The whole picture before and after.

    Args:
        session: of which a face of one's own is shown.
        before: the picture.
        after: with the edits of all its faces.
        failed: sentences on faces that could not be edited.
    """
    from eclipsed.studio.images import shrunk_uri

    now = session.now
    assert isinstance(now, PhotoLook)
    old, new = (shrunk_uri(one, _WHOLE) for one in (before, after))
    edited = "the edit" if len(now.portrait.faces) == 1 else "the edits"
    return {
        "before": old,
        "after": new,
        "title": f"With {edited} put back, {after.width} × {after.height} in full",
        "note": "; ".join(failed),
        **_spots(session, now.portrait),
    }


def _spots(session: Session, portrait: Portrait) -> dict[str, Any]:
    """Where each face lies, where there are several."""
    faces = _faces(session, portrait) if len(portrait.faces) > 1 else []
    spots = [{**face, "box": list(spot)} for face, spot in zip(faces, portrait.spots, strict=False)]
    return {"token": portrait.token, "spots": spots}
