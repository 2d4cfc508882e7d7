"""What one visitor has in front of them: a face, its edit stack, and the way back. Values only; nothing is shared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio.portraits import PhotoLook, Portrait
from eclipsed.values.checks import one_of
from eclipsed.values.seeds import check_seed

__all__ = ["GROUPS_OF_FACES", "Session"]

#: what a face can be marked as, for a direction from one group to the other
GROUPS_OF_FACES = ("with", "without")

_LONGEST = 100  # looks that can be undone


@dataclass(frozen=True, kw_only=True)
class Session:
    """One visitor's work. It never changes; each method gives a new one.

    Args:
        now: the face that is shown and what is done to it.
        past: looks that undo goes back to, the latest last.
        future: looks that redo goes to, the next one last.
        gesture: names the drag that made `now`; its further moves replace `now` instead of adding to `past`.
        chosen: seeds that were picked for comparing.
        having: seeds of faces that are marked as having something that a direction shall bring.
        lacking: of those that are marked as lacking it.
        first: seed that the wall of faces begins with.
        picture: whether a picture of one's own is chosen.
        album: one's own pictures that can be edited.
        own: the last look of a face of one's own, where another face is shown.
        painting: place, counted from 0, and digest of the edit that the brush paints for; None where it is put away.
    """

    now: Stack
    past: tuple[Stack, ...] = ()
    future: tuple[Stack, ...] = ()
    gesture: str = ""
    chosen: tuple[int, ...] = ()
    having: tuple[int, ...] = ()
    lacking: tuple[int, ...] = ()
    first: int = 0
    picture: bool = False
    album: tuple[Portrait, ...] = ()
    own: PhotoLook | None = None
    painting: tuple[int, str] | None = None

    @property
    def own_look(self) -> PhotoLook | None:
        """The look of a face of one's own that is shown, or that was shown last; None where there was none."""
        return self.now if isinstance(self.now, PhotoLook) else self.own

    @property
    def painted_at(self) -> int | None:
        """The place of the edit that the brush paints for; None where it is put away, or the edit is gone."""
        if self.painting is None:
            return None
        index, digest = self.painting
        entries = self.now.entries
        return index if index < len(entries) and entries[index].digest == digest else None

    @property
    def brush_key(self) -> str:
        """Names the edit that the brush paints for; "" where it is put away."""
        return "" if self.painted_at is None or self.painting is None else "{}-{}".format(*self.painting)

    def show(self, look: Stack, *, gesture: str = "") -> Session:
        """Go on to another look.

        Args:
            look: what is shown from now on.
            gesture: name of a drag; "" is a step of its own.
        """
        if gesture and gesture == self.gesture:
            return replace(self, now=look)
        if look == self.now:
            return self
        past = (*self.past, self.now)[-_LONGEST:]
        return replace(self, now=look, past=past, future=(), gesture=gesture, own=self.own_look)

    def undo(self) -> Session:
        """One look back; the same session when there is none.

        >>> a = Session(now=Stack(seed=1))
        >>> a.show(Stack(seed=2)).undo().now.seed
        1
        """
        if not self.past:
            return self
        now, past, future = self.past[-1], self.past[:-1], (*self.future, self.now)
        return replace(self, now=now, past=past, future=future, gesture="", own=self.own_look)

    def redo(self) -> Session:
        """Take one undo back; the same session when there is none."""
        if not self.future:
            return self
        now, past, future = self.future[-1], (*self.past, self.now), self.future[:-1]
        return replace(self, now=now, past=past, future=future, gesture="", own=self.own_look)

    def reset(self) -> Session:
        """The face without edits; it can be undone."""
        return self.show(replace(self.now, entries=(), generator="", generator_name="", generator_sketch=""))

    def face(self, seed: int, truncation_psi: float | None, class_index: int | None = None) -> Session:
        """The same edits on another face.

        Raises:
            InputError: a bad seed, truncation or class.
        """
        now = self.now
        return self.show(
            Stack(
                entries=now.entries,
                generator=now.generator,
                generator_name=now.generator_name,
                generator_sketch=now.generator_sketch,
                seed=seed,
                truncation_psi=truncation_psi,
                class_index=class_index,
            )
        )

    def toggled(self, seed: int, *, most: int) -> Session:
        """Pick a face for comparing, or drop it.

        Raises:
            InputError: more than `most` would be picked.
        """
        if seed in self.chosen:
            return replace(self, chosen=tuple(one for one in self.chosen if one != seed))
        if len(self.chosen) >= most:
            raise InputError(f"at most {most} faces can be compared; take one away first")
        return replace(self, chosen=(*self.chosen, seed))

    def marked(self, seed: object, group: object, *, most: int) -> Session:
        """Mark a face as one of a group, or take the mark away; a face is in one group at most.

        Args:
            seed: of the face.
            group: ``"with"`` or ``"without"``.
            most: faces in a group.
        Raises:
            InputError: the seed is none, there is no such group, or it is full.
        """
        one_of("the group", group, GROUPS_OF_FACES)
        seed = check_seed(seed)
        having, lacking = (tuple(one for one in seeds if one != seed) for seeds in (self.having, self.lacking))
        if self.group_of(seed) == group:
            return replace(self, having=having, lacking=lacking)
        if len(having if group == "with" else lacking) >= most:
            raise InputError(f"a group has at most {most} faces; take one away first")
        having, lacking = ((*having, seed), lacking) if group == "with" else (having, (*lacking, seed))
        return replace(self, having=having, lacking=lacking)

    def group_of(self, seed: int) -> str | None:
        """The group that a face is marked as one of; None where it is not marked."""
        return "with" if seed in self.having else "without" if seed in self.lacking else None
