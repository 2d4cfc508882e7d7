"""A visitor's own face: inverted from a picture, or saved earlier, and the looks that edit it.

It hangs on the looks of its visitor's session and on nothing else: nobody else can name it, and when the last look that
shows it is gone, so are the face and the picture that it came from.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.memory import Memory
from eclipsed.studio.safety import check_upload
from eclipsed.values.checks import is_whole

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.networks.layers import SynthesisPrefix
    from eclipsed.photos.reading import Photo
    from eclipsed.studio.session import Session

__all__ = [
    "FACE_SUFFIX",
    "MOST_FACES",
    "PhotoLook",
    "Portrait",
    "adopted",
    "can_be_put_back",
    "face_key",
    "face_name",
    "face_stem",
    "forgotten",
    "of_portrait",
    "open_face",
    "portrait_of",
    "reopened",
    "short_name",
]

#: the end of a saved face's name
FACE_SUFFIX = ".face.safetensors"

#: faces of one picture that are edited together
MOST_FACES = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Portrait:
    """The faces of one picture, ready to be edited.

    Args:
        faces: inverted and not edited, N of them, without the picture's pixels.
        digest: of them, see `eclipsed.inversion.saving.faces_digest`.
        name: of the picture.
        picture: None when the faces were saved earlier and opened without it.
        psnr: how close each face came, in dB; empty when that is not known.
        before: each face as the picture shows it, as addresses; empty when that is not known.
        token: that its visitor's page names it by, and nobody else knows.
    """

    faces: Faces
    digest: str
    name: str
    picture: KeptPicture | None = None
    psnr: tuple[float, ...] = ()
    before: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    thumbnails: Memory[str] = field(default_factory=lambda: Memory(512))
    prefixes: Memory[SynthesisPrefix] = field(default_factory=lambda: Memory(2))

    @classmethod
    def of(cls, faces: Faces, name: str, picture: KeptPicture | None = None) -> Portrait:
        """A portrait of inverted faces; what can be seen of the picture now is noted, and its pixels are let go."""
        from eclipsed.images import metrics
        from eclipsed.inversion.saving import faces_digest
        from eclipsed.studio.images import to_uris

        psnr, before = [], []
        for image, origin in zip(faces.images, faces.origins, strict=True):
            if origin.photo is None:
                continue
            goal = origin.placement.crop(origin.photo, image.shape[-1]).to(image)
            psnr.append(float(metrics.psnr(image[None], goal)))
            before += to_uris(goal)
        bare = tuple(replace(origin, photo=None) for origin in faces.origins)
        return cls(
            faces=replace(faces, origins=bare),
            digest=faces_digest(faces),
            name=name,
            picture=picture,
            psnr=tuple(psnr),
            before=tuple(before),
        )

    def photo(self, given: KeptPicture | None = None) -> Photo:
        """The picture.

        Args:
            given: instead of the one that is kept.
        Raises:
            InputError: there is none.
        """
        picture = given or self.picture
        if picture is None:
            raise InputError("the saved face was opened without its picture; choose the picture as well")
        return picture.read()


@dataclass(frozen=True, kw_only=True)
class PhotoLook(Stack):
    """A stack on a visitor's own face, with the face.

    Args:
        portrait: whose faces are edited, all in the same way.
        number: of the one that is shown, from 0.
    """

    portrait: Portrait
    number: int = 0

    @property
    def face(self) -> Faces:
        """The face that is shown, unedited."""
        return self.portrait.faces[self.number]


def portrait_of(look: Stack) -> Portrait | None:
    """The portrait that a look is of; None for a face of a seed."""
    return look.portrait if isinstance(look, PhotoLook) else None


def can_be_put_back(look: Stack, *, chosen: bool) -> bool:
    """Whether the picture that a look's face was taken from is at hand; `chosen`: the page has a picture to take."""
    mine = portrait_of(look)
    return mine is not None and (mine.picture is not None or chosen)


def face_key(look: Stack) -> tuple[object, ...]:
    """What tells the face of a look from others."""
    return (look.seed, look.truncation_psi, look.class_index, portrait_of(look), getattr(look, "number", 0))


def face_name(look: Stack) -> str:
    """What the face of a look is called: ``"seed 2"``, ``"photo"``, or ``"photo, face 2"``."""
    if not isinstance(look, PhotoLook):
        return f"seed {look.seed}"
    return "photo" if len(look.portrait.faces) == 1 else f"photo, face {look.number + 1}"


def face_stem(look: Stack) -> str:
    """What files of a look's face are called: ``"seed0002"``, or ``"me-face1"`` of ``me.jpg``."""
    if not isinstance(look, PhotoLook):
        return f"seed{look.seed or 0:04d}"
    return f"{short_name(look.portrait.name)}-face{look.number + 1}"


def short_name(name: str) -> str:
    """A file's name without its end and without all that is neither letter, digit, ``-`` nor ``_``.

    >>> short_name("me and you.jpg"), short_name("me.face.safetensors"), short_name("…")
    ('me-and-you', 'me', 'photo')
    """
    stem = name[: -len(FACE_SUFFIX)] if name.endswith(FACE_SUFFIX) else Path(name).stem
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[:40].strip("-") or "photo"


def adopted(session: Session, portrait: Portrait, number: int = 0) -> Session:
    """The same edits on one's own face; looks of another portrait are forgotten.

    Raises:
        InputError: there is no face of that number, counted from 0.
    """
    if not is_whole(number, 0, len(portrait.faces) - 1):
        raise InputError(f"the picture has {len(portrait.faces)} faces, counted from 0; got {str(number)[:20]}")
    return _without(session.show(of_portrait(session.now, portrait, number)), portrait)


def of_portrait(look: Stack, portrait: Portrait, number: int = 0) -> PhotoLook:
    """The edits of a look on a face of a portrait, counted from 0."""
    return PhotoLook(
        entries=look.entries,
        generator=look.generator,
        generator_name=look.generator_name,
        generator_sketch=look.generator_sketch,
        saved_face=portrait.digest,
        portrait=portrait,
        number=number,
    )


def forgotten(session: Session, seed: int) -> Session:
    """Without one's own face: if it is shown, a face of a seed takes its place, with the same edits."""
    if portrait_of(session.now) is not None:
        session = session.face(seed, None)
    return _without(session, None)


def _without(session: Session, kept: Portrait | None) -> Session:
    """Without looks of other portraits than one."""

    def stay(looks: Iterable[Stack]) -> tuple[Stack, ...]:
        return tuple(look for look in looks if portrait_of(look) in (None, kept))

    return replace(session, past=stay(session.past), future=stay(session.future))


def reopened(now: Stack, opened: Stack, seed: int) -> Stack:
    """A stack that was opened, on the face that it names, or else on the one that is shown.

    Args:
        now: what is shown.
        opened: from a file.
        seed: taken where there is no face at all.
    Raises:
        InputError: it was made on a face of a photo, which is not the one that is shown.
    """
    mine = portrait_of(now)
    if opened.saved_face and (mine is None or mine.digest != opened.saved_face):
        raise InputError("these edits were made on a face from a photo; open that saved face in Own picture first")
    if mine is not None and opened.seed is None:
        return replace(
            now,
            entries=opened.entries,
            generator=opened.generator,
            generator_name=opened.generator_name,
            generator_sketch=opened.generator_sketch,
        )
    if opened.seed is None:
        return replace(opened, seed=seed if now.seed is None else now.seed)
    return opened


def open_face(editor: Editor, path: str, picture: KeptPicture | None = None) -> Portrait:
    """A face that was saved earlier.

    Args:
        editor: whose generator it was inverted with.
        path: where the page put the file.
        picture: that it was taken from, if it is at hand.
    Raises:
        InputError: it is no saved face, is damaged, or belongs to another generator.
    """
    place = check_upload(path, (".safetensors",))
    try:
        faces = editor.load_faces(place)
    except EclipsedError as error:
        raise type(error)(str(error).replace(str(place), place.name[-80:])) from error
    if not faces.origins:
        raise InputError(f"{place.name[-80:]} holds faces that come from no photo; make them from their seeds")
    if len(faces) > MOST_FACES:
        raise InputError(f"the file holds {len(faces)} faces; the studio edits at most {MOST_FACES} together")
    return Portrait.of(faces, place.name[-80:] if picture is None else picture.name, picture)
