"""The page while it is put together: the components that several tabs share, and how events change a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from eclipsed.studio import views
from eclipsed.studio.engine import Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.pieces import event_data
from eclipsed.studio.portraits import face_key, face_stem
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
        session: state of the visitor.
        viewer: the face.
        stack: its edits.
        shelf: the directions.
        python: the lines that make the same picture.
    """

    engine: Engine
    jobs: LearningQueue
    inversions: InversionQueue
    session: gr.State
    viewer: gr.HTML
    stack: gr.HTML
    shelf: gr.HTML
    python: gr.HTML

    @property
    def look(self) -> list[Any]:
        """The components that show a look, in the order of `drawn`."""
        return [self.session, self.viewer, self.stack, self.shelf, self.python]

    def drawn(self, before: Session | None, after: Session) -> tuple[Any, ...]:
        """Values for `look`: what changed between two sessions; everything when `before` is None."""
        old = None if before is None else before.now
        now = after.now
        edits = old is None or old.entries != now.entries
        face = old is None or face_key(old) != face_key(now)
        return (
            after,
            views.viewer(self.engine, after),
            views.stack(self.engine, after) if edits else gr.skip(),
            views.shelf(self.engine, now) if face else gr.skip(),
            {"code": views.python_lines(self.engine.models, now, f"{face_stem(now)}.json")}
            if edits or face
            else gr.skip(),
        )

    def on_act(self, piece: gr.HTML, step: Callable[[Session, dict[str, Any]], Session], **options: Any) -> Any:
        """Wire what is told by a piece that is drawn by a script of ours.

        Args:
            piece: whose event ``act`` is meant.
            step: called with the session and what was told; gives the session afterwards.
            options: of the listener.
        """

        def run(session: Session, event: gr.EventData) -> tuple[Any, ...]:
            return self.drawn(session, step(session, event_data(event)))

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
        event.failure(self._redrawn, [self.session], [self.viewer, self.stack], concurrency_id=LOOKS, **QUIET)
        return event

    def _redrawn(self, session: Session) -> tuple[Any, Any]:
        return views.viewer(self.engine, session), views.stack(self.engine, session)


#: options of events that belong to the page alone; programs call the named endpoints instead
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
