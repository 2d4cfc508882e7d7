"""A sentence sketched while it is typed: what the atlas makes of it, seen on the face at once."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eclipsed.directions.verdict import WEAK
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, InputError
from eclipsed.prompts.region import Region
from eclipsed.studio.engine import Engine
from eclipsed.studio.images import to_uris
from eclipsed.studio.memory import Memory

if TYPE_CHECKING:
    from eclipsed.directions.atlas import Atlas
    from eclipsed.latents.direction import Direction

__all__ = ["NO_ATLAS", "Sketches"]

#: what is said where nothing can be sketched
NO_ATLAS = "there is no atlas of this model set on this machine; `eclipsed atlas build` measures it"

_KEPT = 64  # sketches that are remembered


class Sketches:
    """What the atlas makes of sentences, where there is one on this machine; nothing is measured for it.

    Args:
        engine: whose editor sketches.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._directions: Memory[Direction] = Memory(_KEPT)

    @property
    def atlas(self) -> Atlas | None:
        """The atlas; None where there is none, or no CLIP."""
        return self.engine.atlas

    def direction(self, prompt: str, parts: Sequence[str] | None) -> Direction:
        """The sketched direction of a sentence.

        Args:
            prompt: the sentence.
            parts: that may change; None finds them in the sentence.
        Raises:
            InputError: there is no atlas, or nothing in it leads there.
        """
        atlas = self.atlas
        if atlas is None:
            raise InputError(NO_ATLAS)
        editor = self.engine.editor
        region = None if parts is None else Region.from_parts(parts, world=editor.world)
        key = (prompt.strip(), region and region.parts)
        from eclipsed.directions.sketch import Sketch

        sketch = Sketch(  # without the library's warnings: the page says the same of a sentence that is being typed
            generator=editor.generator,
            clip=editor.clip,
            atlas=atlas,
            prompt=prompt,
            region=region,
            world=editor.world,
        )
        return self._directions.get(key, sketch.find)

    def drawn(self, look: Stack, prompt: str, parts: Sequence[str] | None) -> str:
        """A face with a sketch, and what can be expected of it, as HTML; "" where there is nothing to show.

        Args:
            look: whose face, as it looks now.
            prompt: the sentence.
            parts: see `direction`.
        """
        if not prompt.strip() or self.atlas is None:
            return ""
        try:
            direction = self.direction(prompt, parts)
            before = self.engine.show(look)
            edited = self.engine.editor.edit(before, direction, 1.0)
        except EclipsedError:  # an unknown word, or no move leads there: the sentence itself is told so elsewhere
            return ""
        pictures = [*to_uris(before.images), *to_uris(edited.images)]
        said = html.escape(self._said(direction))
        words = html.escape(prompt.strip(), quote=True)
        images = "".join(
            f'<img src="{uri}" alt="{alt}">'
            for uri, alt in zip(pictures, ("the face as it is", f"a sketch of: {words}"), strict=True)
        )
        return f'<figure class="piece sketch">{images}<figcaption>{said}</figcaption></figure>'

    def keep(self, prompt: str, parts: Sequence[str] | None) -> str:
        """Put the sketch of a sentence on the shelf, and return its name there.

        Raises:
            InputError: see `direction`.
            OutputError: it cannot be written.
        """
        return self.engine.shelf.take(self.direction(prompt, parts))

    def _said(self, direction: Direction) -> str:
        served, tried = float(direction.scores["clip_success"]), int(direction.scores["tried_faces"])
        told = f"A sketch, before anything is learned: it reaches {round(served * tried)} of {tried} faces"
        unsure = served < WEAK or bool(direction.scores.get("unknown"))
        return f"{told}, so do not expect much of this sentence." if unsure else f"{told}. Learning does it properly."
