"""What directions of a drawn set change, and what they leave alone.

Run from the checkout: ``python -m benchmarks.figures``. Without options it measures the directions of ``mini`` that
ship in ``models/``, writes the table between the figure marks of docs/figures.md, all figures as JSON, and a strip of
each direction into ``docs/images``, on pictures that lack what it brings. ``--strips`` draws the strips alone;
``--train`` trains further sentences of the recipe first and measures them as well. A recipe that ships no directions,
``python -m benchmarks.figures church --train all``, has its trained ones in the table; ``--keep`` keeps them, and goes
on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.pages import save_picture, write_between
from eclipsed import Direction, Editor, Target, TrainConfig
from recipes.drawn.measure import Figures, measure
from recipes.drawn.recipe import find_recipe

#: faces that are measured; training draws from another range of seeds altogether
SEEDS = tuple(range(2000, 2032))

#: among these are the faces of the strips: the first that lack what the sentence asks for
CANDIDATES = tuple(range(1, 65))
SHOWN = 4


def _table(rows: dict[str, tuple[Figures, float | None]], *, shown: str) -> str:
    lines = [f"| sentence | {shown} that lacked it | changed | strictly | outside / inside | others flipped | floor |"]
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


def draw(editor: Editor, target: Target, direction: Direction, path: Path) -> None:
    """The strip of a direction, on pictures that lack what its sentence asks for."""
    faces = editor.sample(seeds=lacking(editor, target))
    save_picture(editor.strip(faces, direction, alphas=(-1.0, -0.5, 0.0, 0.5, 1.0)), path)


def trained(editor: Editor, prompt: str, *, keep: Path | None) -> tuple[Direction, float | None]:
    """The direction of a sentence by the defaults, and its seconds, where it was not kept before."""
    file = keep and keep / f"{prompt.replace(' ', '-')}.safetensors"
    if file and file.exists():
        return Direction.load(file), None
    began = time.perf_counter()
    direction = editor.train(prompt, config=TrainConfig())
    seconds = time.perf_counter() - began
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        direction.save(file)
    return direction, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="mini", help="name of the recipe: mini, church")
    parser.add_argument("--models", help="name or folder of the set instead of the recipe's own")
    parser.add_argument("--directions", type=Path, default=Path("models"))
    parser.add_argument("--train", nargs="*", metavar="PROMPT", help='further sentences of the recipe, or "all"')
    parser.add_argument("--keep", type=Path, help="where trained directions are kept")
    parser.add_argument("--json", type=Path, help="instead of benchmarks/figures.json, of others figures-RECIPE.json")
    parser.add_argument("--pictures", type=Path, default=Path("docs/images"))
    parser.add_argument("--strips", action="store_true", help="draw the strips alone")
    parser.add_argument("--page", type=Path, default=Path("docs/figures.md"))
    args = parser.parse_args()

    recipe = find_recipe(args.recipe)
    editor = Editor.from_pretrained(args.models or recipe.set_folder)
    rows: dict[str, tuple[Figures, float | None]] = {}

    def add(prompt: str, name: str, direction: Direction, seconds: float | None) -> None:
        target = recipe.prompts[prompt]
        draw(editor, target, direction, args.pictures / f"{name}.webp")
        if not args.strips:
            figures = measure(editor, direction, target, recipe=recipe, seeds=SEEDS)
            rows[prompt] = (figures, seconds)
            print(_line(prompt, figures, seconds), flush=True)

    for name, prompt in recipe.shipped.items():
        add(prompt, name, Direction.load(args.directions / f"{name}.safetensors"), None)
    kept = list(rows)
    more = [prompt for prompt in recipe.prompts if prompt not in recipe.shipped.values()]
    for prompt in more if args.train == ["all"] else args.train or []:
        add(prompt, prompt.replace(" ", "-"), *trained(editor, prompt, keep=args.keep))
    if args.strips:
        return
    mark, file = ("figures", "figures") if recipe.shipped else (f"{recipe.name}-figures", f"figures-{recipe.name}")
    (args.json or Path(f"benchmarks/{file}.json")).write_text(
        json.dumps({p: {**asdict(f), "ratio": f.ratio, "seconds": s} for p, (f, s) in rows.items()}, indent=1) + "\n",
        encoding="utf-8",
    )
    write_between(args.page, mark, _table({p: rows[p] for p in kept or rows}, shown=recipe.card.shown))


def _line(prompt: str, figures: Figures, seconds: float | None) -> str:
    text = f"{prompt:34s} {figures.success:5.0%} of {figures.lacked:2d}  strict {figures.strict:4.0%}"
    text += f"  out/in {figures.ratio:.3f}  leakage {figures.leakage:.3f} (floor {figures.floor:.3f})"
    return text if seconds is None else f"{text}  {seconds:.0f} s"


if __name__ == "__main__":
    main()
