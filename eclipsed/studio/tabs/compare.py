"""Compare: several directions at the same strengths, or at equal change, with what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio import views
from eclipsed.studio.engine import Engine
from eclipsed.studio.page_state import QUIET, SLOW, Page
from eclipsed.studio.pieces import piece
from eclipsed.studio.portraits import face_name, portrait_of
from eclipsed.studio.safety import in_a_sentence
from eclipsed.studio.session import Session
from eclipsed.values.alphas import parse_alphas

if TYPE_CHECKING:
    from eclipsed.evaluation.comparison import Compared

__all__ = ["TITLE", "CompareTab", "compared"]

TITLE = "Compare"

MOST_DIRECTIONS, MOST_ALPHAS = 6, 5


class CompareTab:
    """Draws its part when it is made; see `wire`."""

    def __init__(self, tab: gr.Tab, engine: Engine) -> None:
        self.tab = tab
        subject = engine.editor.world.subject
        with gr.Row(elem_classes=["tools"]):
            self.names = gr.Dropdown(
                [],
                label="Directions",
                info=f"up to {MOST_DIRECTIONS}",
                multiselect=True,
                max_choices=MOST_DIRECTIONS,
                scale=3,
                min_width=220,
                elem_id="compare-names",
            )
            self.alphas = gr.Textbox(
                "0.5, 1", label="Strengths", max_length=60, min_width=120, info=f"up to {MOST_ALPHAS}"
            )
        self.equal = gr.Checkbox(
            label="At equal change", info=f"the others change the {subject} as much as the first direction does"
        )
        self.draw = gr.Button("Compare", variant="primary", size="sm", elem_id="draw-compare", interactive=False)
        hint = f"Pick some on the wall by the mark in their corner; without any, the {subject} that is shown is taken."
        self.table = piece("compare", {"hint": hint}, "Comparison", subject)

    def wire(self, page: Page) -> None:
        """Make it answer."""

        def usable(names: list[str] | None) -> Any:
            return gr.Button(interactive=bool(names))

        def offered(names: list[str] | None) -> tuple[Any, Any]:
            known = [one.name for one in page.engine.shelf.all()]
            kept = [name for name in names or [] if name in known] or known[:2]
            return gr.Dropdown(choices=known, value=kept), usable(kept)

        self.tab.select(in_a_sentence(offered), self.names, [self.names, self.draw], concurrency_id=SLOW, **QUIET)
        self.names.change(usable, self.names, self.draw, concurrency_id=SLOW, **QUIET)

        def drawn(session: Session, names: list[str], alphas: str, equal: bool) -> Any:
            own = portrait_of(session.now) is not None
            seeds = session.chosen or (() if own else (session.now.seed or 0,))
            strengths = parse_alphas(alphas)
            rows = compared(page.engine, session.now, seeds, names, strengths, equal=equal)
            shown = ", ".join(f"seed {seed}" for seed in seeds) or face_name(session.now)
            return views.compare(page.engine, names, strengths, rows, equal=equal, seeds=shown)

        page.on_look_as_it_is(self.draw.click, drawn, [self.names, self.alphas, self.equal], self.table)


def compared(
    engine: Engine, look: Stack, seeds: Sequence[int], names: Sequence[str], alphas: Sequence[float], *, equal: bool
) -> list[list[Compared]]:
    """Directions side by side on some faces.

    Args:
        engine: the shared half.
        look: whose truncation and class the faces have.
        seeds: the faces; none is the visitor's own, of `look`.
        names: of the directions.
        alphas: the strengths.
        equal: at equal change, set by the first direction.
    Raises:
        InputError: too many or too few of anything.
    """
    from eclipsed.evaluation.comparison import compare

    if not 1 <= len(names or ()) <= MOST_DIRECTIONS:
        raise InputError(f"choose 1 to {MOST_DIRECTIONS} directions to compare; got {len(names or ())}")
    if not 1 <= len(alphas) <= MOST_ALPHAS or not (portrait_of(look) is None) <= len(seeds) <= 8:
        raise InputError(f"a comparison has 1 to {MOST_ALPHAS} strengths and 1 to 8 faces")
    faces = engine.faces(seeds, look.truncation_psi, look.class_index) if seeds else engine.before(look)
    return compare(engine.editor, faces, [engine.shelf.direction(name) for name in names], alphas, equal_change=equal)
