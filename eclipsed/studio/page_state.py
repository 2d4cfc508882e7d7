"""The page while it is put together: the components that several tabs share, and how events change a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from eclipsed.studio import own_views, views
from eclipsed.studio.engine import Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.making import MakingQueue
from eclipsed.studio.pieces import event_data
from eclipsed.studio.portraits import can_be_put_back, face_key, face_stem, portrait_of
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session

__all__ = ["LOOKS", "QUIET", "SLOW", "Page"]

#: queues of Gradio: what changes a session runs one after the other, and what takes long does not hold it up
LOOKS, SLOW = "looks", "slow"


@dataclass(kw_only=True)
class Page:
    """What the tabs share. Each tab draws its own part and wires it when all parts are there.

    Args:
        engine: the shared half.
        jobs: the queue of trainings.
        inversions: the queue of pictures.
        makings: the queue of directions that no sentence trains.
        session: state of the visitor.
        viewer: the face.
        stack: its edits.
        brush: that paints where an edit may act.
        shelf: the directions.
        people: the visitor's own faces.
        python: the lines that make the same picture.
        tabs: all of them.
        for_edits: buttons that work where an edit is on.
        for_faces: buttons that work on a face of the visitor's own.
        for_pictures: buttons that also need the picture that it was taken from.
    """

    engine: Engine
    jobs: LearningQueue
    inversions: InversionQueue
    makings: MakingQueue
    session: gr.State
    viewer: gr.HTML
    stack: gr.HTML
    brush: gr.HTML
    shelf: gr.HTML
    people: gr.HTML
    python: gr.HTML
    tabs: gr.Tabs
    for_edits: tuple[gr.Button, ...] = ()
    for_faces: tuple[gr.Button, ...] = ()
    for_pictures: tuple[gr.Button, ...] = ()

    @property
    def look(self) -> list[Any]:
        """The components that show a look, in the order of `drawn`."""
        shown = [self.session, self.viewer, self.stack, self.brush, self.shelf, self.people, self.python]
        return [*shown, *self.for_edits, *self.for_faces, *self.for_pictures]

    def drawn(
        self,
        before: Session | None,
        after: Session,
        *,
        shelf: dict[str, Any] | None = None,
        go: int | None = None,
        sent: object = None,
    ) -> tuple[Any, ...]:
        """Values for `look`: what changed between two sessions; everything when `before` is None.

        Args:
            before: what is shown.
            after: what is to be shown.
            shelf: the shelf, where it is drawn already or must be drawn anew.
            go: the edit, counted from 0, whose row the page turns to.
            sent: number of the brush's stroke that is answered.
        """
        old = None if before is None else before.now
        now = after.now
        edits = old is None or old.entries != now.entries
        face = old is None or face_key(old) != face_key(now)
        taken = before is None or before.brush_key != after.brush_key
        anew = gr.skip()
        if edits or taken or go is not None:
            anew = views.stack(self.engine, after, go=go)
        if shelf is None and face:
            shelf = views.shelf(self.engine, now)
        return (
            after,
            views.viewer(self.engine, after),
            anew,
            views.brush(after, sent=sent) if taken or (edits and after.brush_key) else gr.skip(),
            gr.skip() if shelf is None else shelf,
            own_views.people(after) if edits or face or _album(before) != after.album else gr.skip(),
            {"code": views.python_lines(self.engine.models, now, f"{face_stem(now)}.json")}
            if edits or face
            else gr.skip(),
            *self.usable(before, after),
        )

    def usable(self, before: Session | None, after: Session) -> list[Any]:
        """Values for the buttons among `look`: each can be pressed where it can do something."""
        found = []
        kinds: list[tuple[tuple[gr.Button, ...], Callable[[Session], bool]]] = [
            (self.for_edits, lambda session: any(entry.on for entry in session.now.entries)),
            (self.for_faces, lambda session: portrait_of(session.now) is not None),
            (self.for_pictures, lambda session: can_be_put_back(session.now, chosen=session.picture)),
        ]
        for buttons, can in kinds:
            known = before is not None and can(before) == can(after)
            found += [gr.skip() if known else gr.Button(interactive=can(after)) for _ in buttons]
        return found

    def on_act(self, piece: gr.HTML, step: Callable[[Session, dict[str, Any]], Session], **options: Any) -> Any:
        """Wire what is told by a piece that is drawn by a script of ours.

        Args:
            piece: whose event ``act`` is meant.
            step: called with the session and what was told; gives the session afterwards.
            options: of the listener.
        """

        def run(session: Session, event: gr.EventData) -> tuple[Any, ...]:
            data = event_data(event)
            return self.drawn(session, step(session, data), sent=data.get("sent"))

        return self._wired(piece.act, run, [self.session], options)

    def on_look_as_it_is(
        self, listener: Callable[..., Any], show: Callable[..., Any], inputs: list[Any], outputs: Any
    ) -> Any:
        """Wire an event that takes long and changes no look.

        The session is read in its turn, after all that was pressed before, and the work then holds nobody up.

        Args:
            listener: such as ``button.click``.
            show: called with the session and the values of `inputs`; gives those of `outputs`.
            inputs: further components.
            outputs: what is shown.
        """
        taken = gr.State(None)
        return listener(lambda session: session, self.session, taken, concurrency_id=LOOKS, **QUIET).success(
            in_a_sentence(show), [taken, *inputs], outputs, concurrency_id=SLOW, **{**QUIET, "show_progress": "minimal"}
        )

    def _wired(self, listener: Callable[..., Any], run: Callable[..., Any], inputs: list[Any], options: Any) -> Any:
        event = listener(
            in_a_sentence(run),
            inputs,
            self.look,
            **{"concurrency_id": LOOKS, "trigger_mode": "multiple", **QUIET, **options},
        )
        # After a failure the page shows what is, not what was asked for.
        event.failure(
            self._redrawn, [self.session], [self.viewer, self.stack, self.brush], concurrency_id=LOOKS, **QUIET
        )
        return event

    def _redrawn(self, session: Session) -> tuple[Any, ...]:
        return views.viewer(self.engine, session), views.stack(self.engine, session), views.brush(session)


def _album(session: Session | None) -> object:
    return None if session is None else session.album


#: options of events that belong to the page alone; programs call the named endpoints instead
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
