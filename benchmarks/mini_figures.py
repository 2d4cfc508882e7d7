"""The figures of docs/figures.md: what the shipped directions of ``mini`` change, and what they leave alone.

Run from the checkout: ``python -m benchmarks.mini_figures``. Without options it measures the directions in
``models/``, writes the table between the figure marks of that page, all figures as JSON, and a strip of each
direction into ``docs/images``, on faces that lack what it brings. ``--strips`` draws the strips alone; ``--train``
trains further prompts first and measures them as well.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.pages import save_picture, write_between
from eclipsed import Direction, Editor, Target, TrainConfig
from recipes.mini.measure import PROMPTS, Figures, measure
from recipes.mini.train_directions import SHIPPED

#: faces that are measured; training draws from another range of seeds altogether
SEEDS = tuple(range(2000, 2032))

#: among these are the faces of the strips: the first that lack what the sentence asks for
CANDIDATES = tuple(range(1, 65))
SHOWN = 4


def _table(rows: dict[str, tuple[Figures, float | None]]) -> str:
    names = ("sentence", "faces that lacked it", "changed", "strictly", "outside / inside", "others flipped", "floor")
    lines = [f"| {' | '.join(names)} |"]
    lines.append("|---|---|---|---|---|---|---|")
    for prompt, (figures, _) in rows.items():
        lines.append(
            f"| {prompt} | {figures.lacked} | {figures.success:.0%} | {figures.strict:.0%} | {figures.ratio:.3f} "
            f"| {figures.leakage:.1%} | {figures.floor:.1%} |"
        )
    return "\n".join(lines)


def lacking(editor: Editor, target: Target, *, count: int = SHOWN) -> tuple[int, ...]:
    """Seeds of faces that could have an attribute and do not, as the set's classifier sees them.

    Args:
        editor: of a set with a classifier.
        target: the attribute, and the classes that count as having it.
        count: how many.
    """
    judge = editor.classifier
    assert judge is not None
    labels = judge.labels(editor.sample(seeds=CANDIDATES).images)
    wanted = [judge.attributes[target.attribute].index(name) for name in target.classes]
    seen, found = judge.seen(labels)[target.attribute], labels[target.attribute]
    lack = [seed for seed, there, one in zip(CANDIDATES, seen, found, strict=True) if there and int(one) not in wanted]
    return tuple(lack[:count])


def draw(editor: Editor, prompt: str, direction: Direction, path: Path) -> None:
    """The strip of a direction, on faces that lack what its prompt asks for."""
    faces = editor.sample(seeds=lacking(editor, PROMPTS[prompt]))
    save_picture(editor.strip(faces, direction, alphas=(-1.0, -0.5, 0.0, 0.5, 1.0)), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--directions", type=Path, default=Path("models"))
    parser.add_argument(
        "--train", nargs="*", metavar="PROMPT", help='further prompts, or "all" of recipes.mini.measure'
    )
    parser.add_argument("--json", type=Path, default=Path("benchmarks/mini_figures.json"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/images"))
    parser.add_argument("--strips", action="store_true", help="draw the strips alone")
    parser.add_argument("--page", type=Path, default=Path("docs/figures.md"))
    args = parser.parse_args()

    editor = Editor.from_pretrained(args.models)
    rows: dict[str, tuple[Figures, float | None]] = {}
    for name, prompt in SHIPPED.items():
        direction = Direction.load(args.directions / f"{name}.safetensors")
        draw(editor, prompt, direction, args.pictures / f"{name}.webp")
        if args.strips:
            continue
        rows[prompt] = (measure(editor, direction, PROMPTS[prompt], seeds=SEEDS), None)
        print(_line(prompt, *rows[prompt]), flush=True)
    if args.strips:
        return
    shipped = dict(rows)
    extra = [p for p in PROMPTS if p not in rows] if args.train == ["all"] else args.train or []
    for prompt in extra:
        began = time.perf_counter()
        direction = editor.train(prompt, config=TrainConfig())
        seconds = time.perf_counter() - began
        rows[prompt] = (measure(editor, direction, PROMPTS[prompt], seeds=SEEDS), seconds)
        print(_line(prompt, *rows[prompt]), flush=True)
    args.json.write_text(
        json.dumps({p: {**asdict(f), "ratio": f.ratio, "seconds": s} for p, (f, s) in rows.items()}, indent=1) + "\n",
        encoding="utf-8",
    )
    write_between(args.page, "figures", _table(shipped))


def _line(prompt: str, figures: Figures, seconds: float | None) -> str:
    text = f"{prompt:34s} {figures.success:5.0%} of {figures.lacked:2d}  strict {figures.strict:4.0%}"
    text += f"  out/in {figures.ratio:.3f}  leakage {figures.leakage:.3f} (floor {figures.floor:.3f})"
    return text if seconds is None else f"{text}  {seconds:.0f} s"


if __name__ == "__main__":
    main()
