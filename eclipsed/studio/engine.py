"""What all visitors share: one editor, the shelf of directions, and bounded memories of what is dear to compute.

Nothing here belongs to a visitor. Every value is found by what it is made from (seed, truncation, digests), so no
session can see what another one did.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eclipsed.editing.stack import MOST_EDITS, Stack
from eclipsed.errors import EclipsedError, EclipsedWarning, InputError, MissingExtraError, MissingModelError
from eclipsed.store import painted_parts
from eclipsed.store.own_kind import OwnKind
from eclipsed.store.sets import DEFAULT_SET, find_set
from eclipsed.studio.likeness import Likeness
from eclipsed.studio.memory import Memory
from eclipsed.studio.portraits import PhotoLook, face_key, portrait_of
from eclipsed.studio.shelf import Shelf

if TYPE_CHECKING:
    from eclipsed.directions.atlas import Atlas
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.networks.layers import SynthesisPrefix
    from eclipsed.pretrained.painted_part import PaintedPart

__all__ = ["FIRST_SEED", "Engine"]

#: of the first face that the page shows: a dark-haired one of `mini`, so that the first edit shows
FIRST_SEED = 1

_FIRST_EDIT = "blond-hair"
_FACES, _PREFIXES, _THUMBNAILS, _PICTURES = 24, 6, 512, 256  # how many are remembered
_MOST_THUMBNAILS = 64  # on the page


_log = logging.getLogger(__name__)


class Engine:
    """The editor behind the page. `load` loads it; whatever needs it waits until it is there.

    Args:
        models: name or folder of a model set.
        device: where the networks run; None takes the best there is.
        class_index: class of the faces, where the generator has classes; None is the set's own.
        clip: names of other CLIPs than the set's, asked together; None is the set's own.
        witness: name of a CLIP that says what a direction reached; None is none.
    """

    def __init__(
        self,
        models: str = DEFAULT_SET,
        device: str | None = None,
        *,
        class_index: int | None = None,
        clip: Sequence[str] | None = None,
        witness: str | None = None,
    ) -> None:
        self.models, self.device, self.class_index = models, device, class_index
        self._clip, self._witness = clip or None, witness
        self._editor: Future[Editor] = Future()
        self._warm, self._lock = False, threading.Lock()
        self.kind = OwnKind()  # what the set draws, where it says so
        self.without_clip = ""  # why nothing can be learned: CLIP is not on this machine
        self._faces: Memory[Faces] = Memory(_FACES)
        self._prefixes: Memory[SynthesisPrefix] = Memory(_PREFIXES)
        self._thumbnails: Memory[str] = Memory(_THUMBNAILS)
        self._pictures: Memory[str] = Memory(_PICTURES)
        self.shelf = Shelf(lambda: self.editor)

    @classmethod
    def of(cls, editor: Editor) -> Engine:
        """An engine of an editor that is loaded already."""
        engine = cls(editor.name)
        engine._editor.set_result(editor)
        return engine

    def load(self) -> None:
        """Load the model set and draw the first face, so that what cannot work is known before anybody is asked in.

        A set whose CLIP is not on this machine edits all the same; `without_clip` then says how to get it.

        Raises:
            EclipsedError: the device is not there, or a network of the set is missing or damaged.
        Warns:
            EclipsedWarning: CLIP is not on this machine.
        """
        from eclipsed.editor import Editor

        editor = Editor.from_pretrained(
            self.models, self.device, clip=self._clip, witness=self._witness, class_index=self.class_index
        )
        if editor.has_parser:
            _ = editor.parser
        self.kind = find_set(self.models).kind
        try:
            _ = editor.clip
        except (MissingModelError, MissingExtraError) as error:
            self.without_clip = str(error)
            warnings.warn(EclipsedWarning(f"the studio edits, and learns nothing new: {error}"), stacklevel=2)
        self._editor.set_result(editor)
        self.face(FIRST_SEED, None)

    @property
    def editor(self) -> Editor:
        """The editor; whoever asks waits until `load` is done."""
        return self._editor.result()

    @cached_property
    def likeness(self) -> Likeness:
        """What tells pictures that look like the set's own from others."""
        return Likeness(self.editor)

    @cached_property
    def atlas(self) -> Atlas | None:
        """The atlas of the set where one is at hand, for nothing is measured; None where there is none, or no CLIP."""
        if self.without_clip or not self.editor.has_parser:
            return None
        from eclipsed.directions.atlas import Atlas

        editor = self.editor
        return Atlas.at_hand(editor.generator, editor.clip, editor.parser.of_pictures)

    def warm(self) -> None:
        """Begin to load what the first screen does without, the parser and the lexicon, so that nobody waits."""
        with self._lock:
            if self._warm:
                return
            self._warm = True

        def load() -> None:
            from eclipsed.prompts.lexicon import load_lexicon

            try:
                _ = self.editor.parser, load_lexicon(self.editor.world)
            except EclipsedError as error:  # said again, and in the page, by whatever needs it
                _log.warning("%s", error)

        threading.Thread(target=load, name="eclipsed-warm", daemon=True).start()

    # ---- painted parts

    def keep_part(self, part: PaintedPart) -> None:
        """Keep a painted part for the model set, one of the world's from now on.

        Raises:
            InputError: it was painted for another generator.
            OutputError: it cannot be written.
        """
        with self._lock:
            editor = self.editor.with_parts(part)
            part.save(painted_parts.kept_part(editor.name, part.name))
            self._taken(editor)

    def drop_part(self, name: str) -> None:
        """Remove a painted part that is kept.

        Raises:
            InputError: there is none of this name.
            OutputError: it cannot be removed.
        """
        with self._lock:
            editor = self.editor.without_parts(name)
            painted_parts.remove_part(editor.name, name)
            self._taken(editor)

    def _taken(self, editor: Editor) -> None:
        """Let another editor stand behind the page."""
        after: Future[Editor] = Future()
        after.set_result(editor)
        self._editor = after

    # ---- faces

    def face(self, seed: int, psi: float | None, class_index: int | None = None) -> Faces:
        """One unedited face; of a class, where the generator has classes and it is not to be the engine's own."""
        return self._faces.get((seed, psi, class_index), lambda: self.faces([seed], psi, class_index))

    def faces(self, seeds: Sequence[int], psi: float | None, class_index: int | None = None) -> Faces:
        """Several unedited faces at once."""
        return self.editor.sample(seeds=seeds, truncation_psi=psi, class_index=class_index)

    def pictures(
        self, seeds: Sequence[int], psi: float | None, class_index: int | None = None, *, small: bool = False
    ) -> list[str]:
        """Addresses of pictures of unedited faces, small ones for thumbnails; those not drawn lately are drawn."""
        from eclipsed.studio.images import to_uris

        def drawn(some: Sequence[int]) -> list[str]:
            return to_uris(self.faces(some, psi, class_index).images, thumbnails=small) if some else []

        memory = self._thumbnails if small else self._pictures
        keys = [("wall", seed, psi, class_index) for seed in seeds]
        missing = [seed for seed, key in zip(seeds, keys, strict=True) if key not in memory]
        fresh = dict(zip(missing, drawn(missing), strict=True))
        pairs = zip(seeds, keys, strict=True)  # one that made room since is drawn again
        return [memory.get(key, lambda seed=seed: fresh.get(seed) or drawn([seed])[0]) for seed, key in pairs]  # type: ignore[misc]

    def before(self, look: Stack) -> Faces:
        """The face of a look without its edits.

        Raises:
            InputError: it is one that was saved, which a stack only names.
        """
        if isinstance(look, PhotoLook):
            return look.face
        if look.saved_face:
            raise InputError("this stack edits a face that was taken from a photo; give the saved face as well")
        seed = FIRST_SEED if look.seed is None else look.seed
        return self.face(seed, look.truncation_psi, look.class_index)

    def show(self, look: Stack) -> Faces:
        """The face of a look with its edits.

        Raises:
            MissingModelError: a direction of it is not in the library.
            DirectionError: it belongs to another generator.
        """
        mine = portrait_of(look)
        if mine is None:
            return self.apply(look, self.before(look), key=face_key(look)[:3])
        tuned = any(origin.alone for origin in mine.faces.origins)  # each is drawn from the start
        return self.apply(look, self.before(look), key=None if tuned else face_key(look)[4:], prefixes=mine.prefixes)

    def apply(
        self,
        look: Stack,
        faces: Faces,
        *,
        key: tuple[object, ...] | None = None,
        prefixes: Memory[SynthesisPrefix] | None = None,
    ) -> Faces:
        """Some faces with the edits of a look.

        Args:
            look: whose edits.
            faces: unedited.
            key: names the faces, so that what is drawn before the first edited layer can be remembered.
            prefixes: where; None is where faces of seeds are remembered.
        """
        from eclipsed.editing.replay import first_row, replay, steps_of

        editor = self.editor
        steps = steps_of(look, editor.generator, models=editor.name, find=self.shelf.find)
        prefix = None
        row = first_row(steps, editor.generator)
        if key is not None and row:
            memory = self._prefixes if prefixes is None else prefixes
            prefix = memory.get((*key, row), lambda: faces.latent.prefix(editor.generator, row))
        return replay(editor.generator, lambda: editor.parser, faces, steps, prefix=prefix)

    # ---- looks

    def added(self, look: Stack, name: str, **changes: Any) -> Stack:
        """A look with one more direction of the shelf."""
        if len(look) >= MOST_EDITS:
            raise InputError(f"a stack holds at most {MOST_EDITS} edits; remove one first")
        direction = self.shelf.direction(name)
        self.shelf.remember(direction)
        return look.added(direction, name, **changes)

    def checked(self, look: Stack) -> Stack:
        """A look that came from outside, if all that it needs is here.

        Raises:
            EclipsedError: a direction is missing, or belongs to another generator, or a layer is unknown.
        """
        from eclipsed.editing.replay import first_row, steps_of

        on = replace(look, entries=tuple(replace(entry, on=True) for entry in look.entries))
        generator = self.editor.generator
        first_row(steps_of(on, generator, models=self.editor.name, find=self.shelf.find), generator)
        return look

    def first_look(self) -> Stack:
        """What the page shows first: a face and an edit of it, where the shelf has one."""
        look = Stack(seed=FIRST_SEED, class_index=self.editor.generator.class_index)
        names = [one.name for one in self.shelf.all() if one.shipped]
        if not names:
            return look
        return self.added(look, _FIRST_EDIT if _FIRST_EDIT in names else names[0])

    def thumbnails(self, look: Stack) -> dict[str, str]:
        """What each direction of the shelf makes of a face at full strength: name -> address of a picture."""
        from eclipsed.studio.images import to_uris

        face = self.before(look)

        def draw(name: str) -> str:
            edited = self.editor.edit(face, self.shelf.direction(name), 1.0)
            return to_uris(edited.images, thumbnails=True)[0]

        mine = portrait_of(look)
        memory = self._thumbnails if mine is None else mine.thumbnails
        shown = {}
        for one in self.shelf.all()[:_MOST_THUMBNAILS]:
            key = (*(face_key(look)[:3] if mine is None else face_key(look)[4:]), one.stamp)
            shown[one.name] = memory.get(key, lambda one=one: draw(one.name))  # type: ignore[misc]
        return shown
