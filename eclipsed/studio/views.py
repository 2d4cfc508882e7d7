"""What the pieces of the page are given to draw: plain JSON values made from sessions and results."""

from __future__ import annotations

import json
import math
import secrets
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eclipsed.editing.stack import GROUPS, MOST_EDITS
from eclipsed.images.pictures import signed
from eclipsed.latents.rows import ranges, row_groups
from eclipsed.studio.advice import WEAK, Advice
from eclipsed.studio.brush import brush_value
from eclipsed.studio.images import data_uri, to_uris
from eclipsed.studio.portraits import FACE_SUFFIX, PhotoLook, face_name, short_name
from eclipsed.studio.reloading import kept

if TYPE_CHECKING:
    from eclipsed.editing.stack import Stack
    from eclipsed.evaluation.comparison import Compared
    from eclipsed.prompts.region import Region
    from eclipsed.studio.engine import Engine
    from eclipsed.studio.learning import Job, LearningQueue
    from eclipsed.studio.making import Making, MakingQueue
    from eclipsed.studio.session import Session

__all__ = [
    "brush",
    "caption",
    "compare",
    "found_parts",
    "groups",
    "learning",
    "made",
    "making",
    "palette",
    "progress",
    "python_lines",
    "shelf",
    "stack",
    "viewer",
    "wall",
]

_CURVE_POINTS = 240
_NOTHING = Advice()
_DRAWN_ANEW = "An edit below is drawn whole, and with it all edits above: move this one down, below it."


def caption(look: Stack) -> str:
    """A look in words: ``"seed 2 · blond-hair +1"``."""
    edits = [f"{entry.direction} {signed(entry.alpha)}" for entry in look.entries if entry.on]
    return " · ".join([face_name(look), *edits])


def viewer(engine: Engine, session: Session) -> dict[str, Any]:
    """The face before and after."""
    look = session.now
    before, after = engine.before(look), engine.show(look)
    (old,), (new,) = to_uris(before.images), to_uris(after.images)
    return {
        "before": old,
        "after": new,
        "same": old == new,
        "caption": caption(look),
        "version": f"{len(session.past)}:{_version(look)}:" + ",".join(f"{e.alpha:.2f}{e.on:d}" for e in look.entries),
        "kept": json.dumps(kept(session), allow_nan=False),
        "can": {"undo": bool(session.past), "redo": bool(session.future), "reset": bool(look.entries)},
    }


def _version(look: Stack) -> str:
    """The face in the name of a picture, which tells it from others in the page."""
    if isinstance(look, PhotoLook):
        return f"photo-{look.portrait.digest[:12]}-{look.number}"
    return str(look.seed)


def stack(engine: Engine, session: Session, *, go: int | None = None) -> dict[str, Any]:
    """The edits, first to last; `go` is the one whose row the page turns to, if any."""
    groups = row_groups(engine.editor.generator.num_ws)
    rows = []
    for index, entry in enumerate(session.now.entries):
        direction = engine.shelf.find(entry)
        low, high = direction.alpha_range
        layers = list(entry.layers) if isinstance(entry.layers, tuple) else entry.layers
        rows.append(
            {
                "i": index,
                "digest": entry.digest,
                "name": entry.direction,
                "prompt": entry.prompt,
                "weak": WEAK if direction.weak else "",
                "alpha": entry.alpha,
                "low": min(math.trunc(100 * low) / 100, entry.alpha),  # whole hundredths, so that the slider meets 0
                "high": max(math.trunc(100 * high) / 100, entry.alpha),
                "on": entry.on,
                "layers": layers,
                "blend": entry.blend,
                "painted": entry.mask is not None,
                "painting": index == session.painted_at,
                "over": _DRAWN_ANEW if _drawn_anew(session.now, index) else "",
                "rows": ranges(direction.layers),
                "groups": [[name, not set(groups[name]) & set(direction.layers)] for name in GROUPS],
            }
        )
    # A drag moves the slider without a new value; named anew, the value is drawn even where it is that of before.
    return {"rows": rows, "drawn": secrets.token_hex(4), "go": go}


def _drawn_anew(look: Stack, index: int) -> bool:
    """Whether an edit that is held to a part shows beyond it, since a later one is drawn whole, with all before it."""
    entry, later = look.entries[index], look.entries[index + 1 :]
    held = entry.on and entry.blend is not None
    return held and any(one.on and one.alpha and one.blend is None for one in later)


def brush(session: Session, *, sent: object = None) -> dict[str, Any]:
    """The brush for the edit that is painted for; `sent` is the number of the stroke that is answered."""
    index = session.painted_at
    if index is None:
        return brush_value("")
    entry = session.now.entries[index]
    return brush_value(session.brush_key, entry.mask, title=f"Paint where {entry.direction} may act", sent=sent)


def shelf(engine: Engine, look: Stack) -> dict[str, Any]:
    """The directions to take, each with what it makes of the face."""
    thumbs = engine.thumbnails(look)
    items = []
    for one in engine.shelf.all():
        if one.name in thumbs:
            scores = one.scores
            items.append(
                {
                    "name": one.name,
                    "prompt": one.prompt,
                    "shipped": one.shipped,
                    "thumb": thumbs[one.name],
                    "success": _number(one.success),
                    "locality": _number(scores.get("localization")),
                    "note": "" if one.weak else one.note,
                    "weak": WEAK if one.weak else "",
                }
            )
    return {"items": items, "most": MOST_EDITS}


def groups(engine: Engine, session: Session, *, psi: float | None, class_index: int | None = None) -> dict[str, Any]:
    """The faces that are marked as having something and as lacking it."""
    marked = {"with": session.having, "without": session.lacking}
    return {
        name: [
            {"seed": seed, "src": src}
            for seed, src in zip(seeds, engine.pictures(seeds, psi, class_index, small=True), strict=True)
        ]
        for name, seeds in marked.items()
    }


def wall(
    engine: Engine, session: Session, *, count: int, psi: float | None, class_index: int | None = None
) -> dict[str, Any]:
    """A page of faces."""
    seeds = [seed for seed in range(session.first, session.first + count) if seed < 2**32]
    pictures = engine.pictures(seeds, psi, class_index)
    chosen, now = set(session.chosen), session.now
    return {
        "faces": [
            {
                "seed": seed,
                "src": src,
                "current": seed == now.seed,
                "chosen": seed in chosen,
                "group": session.group_of(seed),
            }
            for seed, src in zip(seeds, pictures, strict=True)
        ],
        "count": count,
    }


def found_parts(
    engine: Engine, look: Stack, region: Region | None, parts: Sequence[str], advice: Advice = _NOTHING
) -> dict[str, Any]:
    """The parts that may change, over the face, and what should be known of the sentence."""
    from PIL import Image

    from eclipsed.editing.seeing import seen as seen_by

    face = engine.before(look)
    parser = engine.editor.parser
    labels = parser.labels(seen_by(parser, face, parser.finds))[0].cpu().numpy().astype("uint8")
    seen = set(labels.ravel().tolist())
    shown = [(label, part) for label, part in enumerate(parser.parts) if label in seen or part in parts]
    return {
        "face": to_uris(face.images)[0],
        "labels": data_uri(Image.fromarray(labels), exact=True),
        "parts": [
            {"name": part, "label": label, "title": part.replace("_", " "), "on": part in parts}
            for label, part in shown
        ],
        "words": []
        if region is None
        else [[words, parser.world.spoken(found)] for words, found in region.matches.items()],
        "warnings": list(advice.plain),
        "hint": "Write a sentence, then see which parts it names."
        if region is None
        else "No word of the sentence names a part.",
    }


def learning(jobs: LearningQueue, job: Job | None) -> dict[str, Any]:
    """A training as it runs, and what can be resumed."""
    shown = None if job is None else {**_job(jobs, job), "advice": list(job.advice.plain)}
    return {
        "job": shown,
        "unfinished": [
            {"name": one.name, "prompt": one.prompt, "step": one.step, "steps": one.steps} for one in jobs.unfinished()
        ],
    }


def progress(jobs: LearningQueue, job: Job) -> dict[str, Any]:
    """How a training stands, for programs."""
    return {name: value for name, value in _job(jobs, job).items() if name not in ("before", "after")}


def _job(jobs: LearningQueue, job: Job) -> dict[str, Any]:
    points = list(job.curve)
    every = max(1, math.ceil(len(points) / _CURVE_POINTS))
    points = points[:-1:every] + points[-1:]
    return {
        "prompt": job.prompt,
        "status": job.status,
        "over": job.over,
        "phase": job.phase,
        "step": job.step,
        "steps": job.steps,
        "total": max(1, job.steps if job.phase == "train" else points[-1][0] if points else 1),
        "left": duration(job.seconds_left),
        "ahead": jobs.ahead(job),
        "curves": _curves(points),
        "before": job.before,
        "after": job.after,
        "after_step": job.after_step,
        "message": job.message,
        "warnings": list(job.advice.said),
        "name": job.name,
    }


def making(queue: MakingQueue, task: Making | None) -> dict[str, Any]:
    """A direction that is being made, for the page."""
    if task is None:
        return {"task": None}
    return {"task": {**made(queue, task), "advice": list(task.advice.plain)}}


def made(queue: MakingQueue, task: Making) -> dict[str, Any]:
    """How the making of a direction stands, for programs."""
    return {
        "status": task.status,
        "over": task.over,
        "step": task.step,
        "steps": task.steps,
        "left": duration(task.seconds_left),
        "ahead": queue.ahead(task),
        "message": task.message,
        "warnings": list(task.advice.said),
        "name": task.name,
    }


def _curves(points: Sequence[tuple[int, Mapping[str, float]]]) -> dict[str, list[list[float]]]:
    """Each figure of a training by its name, as pairs of step and value; those that are never a number are left out."""
    curves: dict[str, list[list[float]]] = {}
    for step, terms in points:
        for name, value in terms.items():
            shown = _number(value)
            if shown is not None:
                curves.setdefault(name, []).append([step, shown])
    return curves


def palette(
    names: tuple[str, str], down: Sequence[float], across: Sequence[float], rows: list[list[str]]
) -> dict[str, Any]:
    """A face under two directions."""
    return {"names": list(names), "down": list(down), "across": list(across), "rows": rows}


def compare(
    engine: Engine,
    names: Sequence[str],
    alphas: Sequence[float],
    rows: list[list[Compared]],
    *,
    equal: bool,
    seeds: str,
) -> dict[str, Any]:
    """Directions side by side."""
    note = f"Faces: {seeds}. Change is the mean over the picture, in % of half the range of a pixel."
    if equal:
        note += f" {names[0]} has the strengths above; the others change the faces equally much."
    shown = []
    for name, cells in zip(names, rows, strict=True):
        one = engine.shelf.named(name)
        shown.append(
            {
                "name": name,
                "config": f"{one.prompt} ({one.made})",
                "cells": [{**cell.to_json(), "src": to_uris(cell.faces.images)} for cell in cells],
            }
        )
    return {"alphas": list(alphas), "rows": shown, "equal": equal, "note": note}


def python_lines(models: str, look: Stack, name: str) -> str:
    """The Python that makes the same picture from the stack's file; of a photo's face from its saved file, too."""
    if isinstance(look, PhotoLook):
        picture = look.portrait.picture
        face, photo = short_name(look.portrait.name) + FACE_SUFFIX, "photo.png" if picture is None else picture.name
        return (
            f"import eclipsed\n\n"
            f"editor = eclipsed.Editor.from_pretrained({models!r})\n"
            f"stack = eclipsed.Stack.load({name!r})\n"
            f"edited = editor.edit(editor.load_faces({face!r}), stack)  # saved in Own picture\n"
            f'edited.save("faces")\n'
            f'editor.paste(edited, {photo!r})[0].save("edited.png")  # back in the picture\n\n'
            f"# eclipsed photo {shlex.quote(photo)} --from-face {face} --stack {name} "
            f"--models {models} --out edited.png\n"
        )
    of_class = "" if look.class_index is None else ", class_index=stack.class_index"
    return (
        f"import eclipsed\n\n"
        f"editor = eclipsed.Editor.from_pretrained({models!r})\n"
        f"stack = eclipsed.Stack.load({name!r})\n"
        f"faces = editor.sample(seeds=stack.seed, truncation_psi=stack.truncation_psi{of_class})\n"
        'editor.edit(faces, stack).save("faces")\n'
    )


def _number(value: Any) -> float | None:
    return round(float(value), 4) if isinstance(value, (int, float)) and math.isfinite(value) else None


def duration(seconds: float | None) -> str:
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
