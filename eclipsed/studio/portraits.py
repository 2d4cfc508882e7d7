"""A visitor's own face: inverted from a picture, or saved earlier, and the looks that edit it.

It hangs on its visitor's session and on nothing else: nobody else can name it, and when the last look that shows it is
gone, so are the face and the picture that it came from.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eclipsed.editing.stack import Stack, StackEntry
from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.memory import Memory
from eclipsed.studio.safety import check_upload

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.inversion.people import EditedPerson
    from eclipsed.networks.layers import SynthesisPrefix
    from eclipsed.photos.origin import Origin
    from eclipsed.photos.reading import Photo

__all__ = [
    "FACE_SUFFIX",
    "MOST_FACES",
    "PhotoLook",
    "Portrait",
    "Spot",
    "can_be_put_back",
    "face_key",
    "face_name",
    "face_stem",
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


#: where a face lies in its picture: left, top, right and bottom, as shares of the picture's sides
Spot = tuple[float, float, float, float]

_SMALL = 256  # pixels: the longer side of a face as the page lists it
_WHOLE = 1280  # of a whole picture


@dataclass(frozen=True, eq=False, kw_only=True)
class Portrait:
    """The faces of one picture, ready to be edited.

    Args:
        faces: inverted and not edited, N of them, without the picture's pixels.
        digest: of them, see `eclipsed.inversion.saving.faces_digest`.
        name: of the picture.
        numbers: of the faces in the picture, from 1, from the left.
        picture: None when the faces were saved earlier and opened without it.
        psnr: how close each face came, in dB; empty when that is not known.
        before: each face as the picture shows it, as small addresses; empty when that is not known.
        after: each face as the generator draws it.
        whole: the whole picture, as a smaller address; "" when it is not known.
        left: sentences on faces of the picture that could not be made editable.
        token: that its visitor's page names it by, and nobody else knows.
    """

    faces: Faces
    digest: str
    name: str
    numbers: tuple[int, ...]
    picture: KeptPicture | None = None
    psnr: tuple[float, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    whole: str = ""
    left: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    thumbnails: Memory[str] = field(default_factory=lambda: Memory(512))
    prefixes: Memory[SynthesisPrefix] = field(default_factory=lambda: Memory(2))

    @classmethod
    def of(
        cls,
        faces: Faces,
        name: str,
        picture: KeptPicture | None = None,
        *,
        numbers: Sequence[int] | None = None,
        left: Sequence[str] = (),
    ) -> Portrait:
        """A portrait of inverted faces; what can be seen of the picture now is noted, and its pixels are let go."""
        from eclipsed.images import metrics
        from eclipsed.images.conversion import to_pil
        from eclipsed.inversion.saving import faces_digest
        from eclipsed.studio.images import shrunk_uri

        psnr, before = [], []
        for image, origin in zip(faces.images, faces.origins, strict=True):
            if origin.photo is None:
                continue
            goal = origin.placement.crop(origin.photo, image.shape[-1]).to(image)
            psnr.append(float(metrics.psnr(image[None], goal)))
            before += [shrunk_uri(one, _SMALL) for one in to_pil(goal)]
        photo = faces.origins[0].photo
        bare = tuple(replace(origin, photo=None) for origin in faces.origins)
        return cls(
            faces=replace(faces, origins=bare),
            digest=faces_digest(faces),
            name=name,
            numbers=tuple(range(1, len(faces) + 1) if numbers is None else numbers),
            picture=picture,
            psnr=tuple(psnr),
            before=tuple(before),
            after=tuple(shrunk_uri(one, _SMALL) for one in to_pil(faces.images)),
            whole="" if photo is None else shrunk_uri(photo.pil(), _WHOLE),
            left=tuple(left),
        )

    @classmethod
    def of_people(
        cls, people: Sequence[EditedPerson], name: str, picture: KeptPicture, *, left: Sequence[str] = ()
    ) -> Portrait:
        """A portrait of people on one picture who were inverted each by themselves."""
        from eclipsed.editing.faces import together

        faces = together([person.faces for person in people if person.faces is not None])
        numbers = [person.number for person in people if person.faces is not None]
        return cls.of(faces, name, picture, numbers=numbers, left=left)

    @property
    def source(self) -> str:
        """What tells its photograph from others, see `Photo.sha256`."""
        return self.faces.origins[0].sha256

    @property
    def people(self) -> tuple[EditedPerson, ...]:
        """Its faces as `Editor.edit_people` takes them."""
        from eclipsed.inversion.people import EditedPerson

        return tuple(EditedPerson(number, self.faces[k]) for k, number in enumerate(self.numbers))

    @property
    def spots(self) -> tuple[Spot, ...]:
        """Where each face lies in the picture."""
        return tuple(map(_spot, self.faces.origins))

    def photo(self, given: KeptPicture | None = None) -> Photo:
        """The picture.

        Args:
            given: instead of the one that is kept.
        Raises:
            InputError: there is none, or it is another one.
        """
        picture = given or self.picture
        if picture is None:
            raise InputError("the saved face was opened without its picture; choose the picture as well")
        photo = picture.read()
        self.faces.origins[0].check(photo)
        return photo


@dataclass(frozen=True, kw_only=True)
class PhotoLook(Stack):
    """A stack on a visitor's own face, with the face, and the edits of all other faces of theirs.

    Args:
        portrait: whose face is shown.
        number: of that face, from 0.
        others: edits of other faces, by what tells their photograph from others and their number.
    """

    portrait: Portrait
    number: int = 0
    others: Mapping[tuple[str, int], tuple[StackEntry, ...]] = field(default_factory=dict)

    @property
    def face(self) -> Faces:
        """The face that is shown, unedited."""
        return self.portrait.faces[self.number]

    @property
    def each(self) -> dict[tuple[str, int], tuple[StackEntry, ...]]:
        """The edits of all faces of which any are known."""
        return {**self.others, (self.portrait.source, self.number): self.entries}

    def knows(self, portrait: Portrait, number: int) -> bool:
        """Whether it is known what is done to a face."""
        return (portrait.source, number) in self.each

    def at(self, portrait: Portrait, number: int = 0) -> PhotoLook:
        """The look that shows another face of the same visitor, with that face's own edits."""
        others = self.each
        entries = others.pop((portrait.source, number), ())
        return replace(
            self, entries=entries, portrait=portrait, number=number, saved_face=portrait.digest, others=others
        )

    def everywhere(self, portraits: Iterable[Portrait]) -> PhotoLook:
        """The same edits on all faces of some portraits."""
        shared = {(one.source, k): self.entries for one in portraits for k in range(len(one.faces))}
        return replace(self, others={**self.others, **shared}).at(self.portrait, self.number)


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


def _spot(origin: Origin) -> Spot:
    """Where the square of a face lies in its picture, as shares of the sides."""
    width, height = origin.size
    left, top, right, bottom = origin.placement.bounds(width, height)
    return (left / width, top / height, right / width, bottom / height)
