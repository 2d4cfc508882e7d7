"""A part while a visitor paints it: the faces, what is painted on each, and what was learned from them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.brush import brush_value
from eclipsed.studio.images import to_uris
from eclipsed.studio.safety import check_upload
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import check_seed, check_seeds
from eclipsed.worlds.parts import part_key

if TYPE_CHECKING:
    from eclipsed.pretrained.painted_part import PaintedPart
    from eclipsed.studio.engine import Engine

__all__ = [
    "IN_A_ROW",
    "MOST_PAINTED",
    "Learned",
    "Painting",
    "brush_on",
    "keep_painted",
    "kept_part",
    "learn",
    "named",
    "opened",
    "row_of_found",
    "row_to_paint",
]

#: faces in a row
IN_A_ROW = 8

#: faces that are painted in one go
MOST_PAINTED = 16

_FIRST, _UNSEEN = 1, 101  # seeds that the rows begin with
_LAST = 2**32 - IN_A_ROW
_TINT = (1.0, -0.26, -0.55)  # of the part on faces, in [-1, 1]: the brush's colour
_SHARE = 0.5  # of the tint in the picture
_NAME = "give the part a name first, such as 'forehead'"


@dataclass(frozen=True, kw_only=True)
class Painting:
    """What is painted by now. It never changes; each method gives a new one.

    Args:
        paintings: seed of a face -> where the part is on it; None where it shows none of the part.
        seed: of the face under the brush; None where it is put away.
        begun: what the brush began with on that face, found or painted earlier.
        first: seed that the row of faces to paint begins with.
        corrects: name of the part that is kept and is painted further; "" where this is one more.
        earlier: that part, or one of a file, whose paintings count as well.
        class_index: of the faces, where the generator has classes.
        stamp: tells these paintings from others.
    """

    paintings: dict[int, Mask | None] = field(default_factory=dict)
    seed: int | None = None
    begun: Mask | None = None
    first: int = _FIRST
    corrects: str = ""
    earlier: PaintedPart | None = None
    class_index: int | None = None
    stamp: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def brush_key(self) -> str:
        """Names the face under the brush; "" where it is put away."""
        return "" if self.seed is None else f"{self.stamp}-{self.seed}"

    def opened(self, seed: object, found: Mask | None = None) -> Painting:
        """Put a face under the brush.

        Args:
            seed: of the face.
            found: where the part was found on it, to begin with; None is nowhere.
        Raises:
            InputError: the seed is none, or as many faces as may be are painted.
        """
        one = check_seed(seed)
        if one not in self.paintings and len(self.paintings) >= MOST_PAINTED:
            raise InputError(f"at most {MOST_PAINTED} faces are painted here; leave one out first")
        return replace(self, seed=one, begun=self.paintings.get(one, found))

    def painted(self, key: object, mask: Mask | None) -> Painting:
        """Keep what the brush painted; a stroke on a face that is put away by now changes nothing.

        A face that is wiped clean shows none of the part where some was found on it, and else is left out.
        """
        if self.seed is None or key != self.brush_key:
            return self
        if mask is None and self.begun is None:
            return self.left_out()
        return replace(self, paintings={**self.paintings, self.seed: mask})

    def without_any(self) -> Painting:
        """Say that the face under the brush shows none of the part."""
        if self.seed is None:
            return self
        return replace(self, paintings={**self.paintings, self.seed: None}, begun=None, stamp=secrets.token_hex(4))

    def left_out(self) -> Painting:
        """Leave the face under the brush out."""
        kept = {seed: mask for seed, mask in self.paintings.items() if seed != self.seed}
        return replace(self, paintings=kept)

    def closed(self) -> Painting:
        """Put the brush away."""
        return replace(self, seed=None, begun=None)

    def turned(self) -> Painting:
        """Offer the next faces."""
        return replace(self, first=_FIRST if self.first + IN_A_ROW > _LAST else self.first + IN_A_ROW)

    @property
    def said(self) -> str:
        """How much is painted, in words."""
        count, before = len(self.paintings), 0 if self.earlier is None else len(self.earlier.paintings)
        faces = "1 face" if count == 1 else f"{count} faces"
        return f"Painted: {faces}" + (f", and {before} before" if before else "")


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A part that was learned, and the faces on which it is shown.

    Args:
        part: the part.
        first: seed of the first face; those that were painted are passed over.
        skipped: seeds that were painted.
        class_index: of the faces, where the generator has classes.
    """

    part: PaintedPart
    first: int = _UNSEEN
    skipped: frozenset[int] = frozenset()
    class_index: int | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the faces on which it is shown, none of which was painted."""
        found: list[int] = []
        seed = self.first
        while len(found) < IN_A_ROW:
            if seed not in self.skipped:
                found.append(seed)
            seed += 1
        return tuple(found)

    def turned(self) -> Learned:
        """Show it on the next faces."""
        last = self.seeds[-1]
        return replace(self, first=_UNSEEN if last + 2 * IN_A_ROW > _LAST else last + 1)

    def on(self, engine: Engine, seed: object) -> Mask | None:
        """Where the part is found on the face of a seed; None where it is nowhere."""
        faces = engine.face(check_seed(seed), None, self.class_index)
        inside = engine.editor.part_mask(faces, self.part)[0, 0].cpu().numpy() > 0
        return Mask(inside).kept() if inside.any() and not inside.all() else None


def named(engine: Engine, painting: Painting, name: str, words: str) -> tuple[str, tuple[str, ...]]:
    """The name and the words of a part, as somebody wrote them.

    Args:
        engine: whose parts it is to be one of.
        painting: what it is learned from.
        name: as people write it: ``"Left cheek"``.
        words: with commas between; none is the name.
    Raises:
        InputError: there is no name, it is taken, or a word names another part.
    """
    if not name.strip():
        raise InputError(_NAME)
    given = tuple(" ".join(word.split()) for word in words.split(",") if word.strip())
    called = " ".join(name.split())
    key = engine.editor.check_part_name(called, given, again=part_key(called) == painting.corrects)
    return key, given or (key.replace("_", " "),)


def learn(engine: Engine, painting: Painting, name: str, words: str) -> Learned:
    """Learn the part that was painted.

    Raises:
        InputError: nothing is painted, or see `named`.
    """
    key, called = named(engine, painting, name, words)
    earlier = painting.earlier
    if earlier is not None and not painting.paintings:
        part = replace(earlier, name=key, words=called)
    elif not any(mask is not None for mask in painting.paintings.values()) and earlier is None:
        raise InputError("nothing is painted yet: press a face, and paint over the part on it")
    else:
        faces = engine.faces(list(painting.paintings), None, painting.class_index)
        masks = list(painting.paintings.values())
        part = engine.editor.learn_part(key, faces, masks, words=called, earlier=earlier)
    return Learned(part=part, skipped=frozenset(painting.paintings), class_index=painting.class_index)


def kept_part(engine: Engine, name: object) -> PaintedPart:
    """A painted part that is kept.

    Raises:
        InputError: there is none of this name.
    """
    found = next((part for part in engine.editor.parts if part.name == part_key(name)), None)
    if found is None:
        known = ", ".join(part.name for part in engine.editor.parts) or "none"
        raise InputError(f"no part {str(name)[:60]!r} is kept; there are: {known}")
    return found


def keep_painted(
    engine: Engine,
    name: str,
    seeds: Sequence[int],
    masks: Sequence[object],
    words: Sequence[str],
    *,
    add: bool = False,
    class_index: int | None = None,
) -> PaintedPart:
    """Learn a part at once from all its paintings, and keep it.

    Args:
        engine: the shared half.
        name: of the part.
        seeds: of the faces.
        masks: one for each, as files keep them; None where a face shows none of the part.
        words: that sentences call it by; none is its name.
        add: these are painted beside those that it was painted on before.
        class_index: of the faces, where the generator has classes.
    Raises:
        InputError: see `Editor.learn_part`; the name is taken, or there is nothing to add to.
    """
    earlier = kept_part(engine, name) if add else None
    engine.editor.check_part_name(name, words, again=add)
    given = [None if mask is None else Mask.from_json(mask) for mask in masks]
    faces = engine.faces(check_seeds(seeds), None, class_index)
    part = engine.editor.learn_part(name, faces, given, words=words, earlier=earlier)
    engine.keep_part(part)
    return part


def opened(engine: Engine, path: str) -> PaintedPart:
    """A part of a file that was given to the page.

    Raises:
        InputError: it is no painted part, is damaged, or was painted for another generator.
    """
    from eclipsed.pretrained.painted_part import PaintedPart

    place = check_upload(path, (".safetensors",))
    try:
        part = PaintedPart.load(place)
    except EclipsedError as error:
        raise InputError(str(error).replace(str(place), place.name[-80:])) from error
    part.check(engine.editor.generator)
    return part


def brush_on(engine: Engine, painting: Painting, name: str) -> dict[str, Any]:
    """The brush over the face that is painted on."""
    if painting.seed is None:
        return brush_value("")
    (picture,) = engine.pictures([painting.seed], None, painting.class_index)
    mask = painting.paintings.get(painting.seed, painting.begun)
    what = name.strip() or "the part"
    return brush_value(painting.brush_key, mask, title=f"Paint {what} on seed {painting.seed}", picture=picture)


def row_to_paint(engine: Engine, painting: Painting) -> dict[str, Any]:
    """The faces to paint on, those that are painted first."""
    offered = [seed for seed in range(painting.first, painting.first + IN_A_ROW) if seed not in painting.paintings]
    seeds = [*painting.paintings, *offered]
    pictures = engine.pictures(seeds, None, painting.class_index, small=True)
    marks = {seed: "none" if mask is None else "painted" for seed, mask in painting.paintings.items()}
    tools = [["turn", "Other faces"]]
    if painting.seed is not None:
        counted = painting.seed in painting.paintings
        tools.append(["none", "It shows none of it"])
        tools += [["out", "Leave this face out"]] if counted else []
    return {
        "faces": _faces(seeds, pictures, marks, painting.seed),
        "title": "Paint it on a few faces",
        "verb": "Paint on",
        "said": painting.said,
        "tools": tools,
    }


def row_of_found(engine: Engine, learned: Learned | None) -> dict[str, Any]:
    """Faces that nobody painted, with the part as it is found on them."""
    if learned is None:
        return {"faces": []}
    seeds = learned.seeds
    faces = engine.faces(seeds, None, learned.class_index)
    mask = engine.editor.part_mask(faces, learned.part).to(faces.images)
    tint = faces.images.new_tensor(_TINT)[:, None, None]
    pictures = to_uris(faces.images + _SHARE * mask * (tint - faces.images))
    count, there = len(learned.part.paintings), mask.flatten(1).any(dim=1).tolist()
    marks = {seed: "" if found else "none" for seed, found in zip(seeds, there, strict=True)}
    learned_from = "1 painting" if count == 1 else f"{count} paintings"
    return {
        "faces": _faces(seeds, pictures, marks, None),
        "title": "Found on faces that nobody painted",
        "verb": "Correct it on",
        "said": f"Learned from {learned_from}. Where it is wrong, press the face and paint what is missing.",
        "tools": [["turn", "Other faces"]],
    }


def _faces(seeds: Sequence[int], pictures: Sequence[str], marks: dict[int, str], current: int | None) -> list[Any]:
    return [
        {"seed": seed, "src": src, "mark": marks.get(seed, ""), "current": seed == current}
        for seed, src in zip(seeds, pictures, strict=True)
    ]
