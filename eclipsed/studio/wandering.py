"""What there is to find in the atlas: the most local moves of each part, seen on the face as it looks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio.engine import Engine
from eclipsed.studio.images import to_uris
from eclipsed.studio.memory import Memory
from eclipsed.studio.sketching import NO_ATLAS
from eclipsed.values.checks import is_whole

if TYPE_CHECKING:
    from eclipsed.directions.atlas_catalogue import LocalMove
    from eclipsed.latents.direction import Direction

__all__ = ["ALPHAS", "Wanderer"]

#: strengths at which a move is shown
ALPHAS = (-1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0)

_MOVES = 3  # of each part
_KEPT = 128  # directions of moves that are remembered


class Wanderer:
    """The catalogue of an atlas, where one is at hand; it is worked out once, when somebody looks.

    Args:
        engine: whose atlas.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._directions: Memory[Direction] = Memory(_KEPT)

    @cached_property
    def moves(self) -> Mapping[str, tuple[LocalMove, ...]]:
        """Part -> its most local moves; nothing without an atlas."""
        from eclipsed.directions.atlas_catalogue import local_moves

        atlas, editor = self.engine.atlas, self.engine.editor
        return {} if atlas is None else local_moves(atlas, editor.clip, world=editor.world, count=_MOVES)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that have moves, in the order of the world."""
        return self.engine.editor.world.in_order(set(self.moves))

    def direction(self, part: str, number: int) -> Direction:
        """A move as a direction.

        Args:
            part: whose.
            number: which of the part's, from 0.
        Raises:
            InputError: there is no atlas, or no such move.
        """
        if self.engine.atlas is None:
            raise InputError(NO_ATLAS)
        moves = self.moves.get(part, ())
        if not is_whole(number, 0) or number >= len(moves):
            raise InputError(f"the atlas has no move {str(number)[:20]} of {part[:40]!r}")
        editor, atlas, called = self.engine.editor, self.engine.atlas, f"{part}-{number + 1}"
        return self._directions.get(
            called, lambda: moves[number].direction(editor.generator, atlas, world=editor.world, name=called)
        )

    def shown(self, look: Stack, part: str | None) -> dict[str, Any]:
        """The moves of a part on a face, as JSON values.

        Args:
            look: whose face, as it looks now.
            part: which; None is the first.
        """
        if not self.parts:
            return {"hint": f"{NO_ATLAS[0].upper()}{NO_ATLAS[1:]}.", "moves": []}
        chosen = part if part is not None and part in self.moves else self.parts[0]
        face = self.engine.show(look)
        drawn = []
        for number, move in enumerate(self.moves[chosen]):
            direction = self.direction(chosen, number)
            frames = [face if not alpha else self.engine.editor.edit(face, direction, alpha) for alpha in ALPHAS]
            drawn.append(
                {
                    "number": number,
                    "more": move.more,
                    "less": move.less,
                    "inside": round(move.inside, 4),
                    "frames": [to_uris(one.images)[0] for one in frames],
                }
            )
        return {"part": chosen, "title": chosen.replace("_", " "), "alphas": list(ALPHAS), "moves": drawn}

    def keep(self, part: str, number: int) -> str:
        """Put a move on the shelf, and return its name there.

        Raises:
            InputError: see `direction`.
            OutputError: it cannot be written.
        """
        return self.engine.shelf.take(self.direction(part, number))
