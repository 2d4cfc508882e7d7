"""A judge of one's own beside the classifier of ``mini``: what 200 pictures of a class teach, on held-out renders.

Run from the checkout: ``python -m benchmarks.judge``. It renders people with `recipes/mini`, sorts them by what is true
of them into a folder for each class, trains judges as ``eclipsed judge train`` does, and holds them and the set's own
classifier against other renders, as many of each class. It writes ``benchmarks/judge.json``, the table between the
marks of ``benchmarks/README.md``, and the picture of ``docs/own-judge.md``. What is in that file already is not
measured again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.pages import save_picture, write_between
from eclipsed import Classifier, JudgeConfig, Scores, score_judge, train_judge
from eclipsed.images.conversion import to_pil
from eclipsed.store.sets import find_set
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.portraits import render

#: what is judged: chosen before anything was measured
CHOSEN = ("gender", "smile", "hair_texture")
BACKBONES = ("mini", "scratch")
EACH, HELD_OUT = 200, 100  # pictures of a class
SIDE = 128
_CHUNK = 25  # portraits drawn at once


def write_pictures(folder: Path, attribute: str, count: int, *, seed: int) -> Path:
    """Render people until there are so many of each class, a folder for each class; what is there already stays.

    Args:
        folder: where.
        attribute: what the classes are classes of; people of whom it is not clear are left out.
        count: pictures of a class.
        seed: of the people.
    """
    rng = torch.Generator().manual_seed(seed)
    places = {name: folder / name for name in ATTRIBUTES[attribute]}
    if all(len(list(place.glob("*.png"))) == count for place in places.values()):
        return folder
    values = VALUES.sample(40 * count, rng=rng)
    labels = facts(values)[attribute]
    for label, place in enumerate(places.values()):
        place.mkdir(parents=True, exist_ok=True)
        picked = values[labels == label][:count]
        if len(picked) < count:
            raise SystemExit(f"only {len(picked)} people of the class {place.name}")
        for number, picture in enumerate(to_pil(_rendered(picked))):
            picture.save(place / f"{number:03d}.png")
    return folder


def _rendered(values: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([render(some, SIDE)[0] for some in values.split(_CHUNK)])


def measure(attribute: str, backbone: str, folder: Path) -> dict[str, Any]:
    """Train one judge and hold it against the classifier of the set.

    Args:
        attribute: what it learns.
        backbone: what it begins with.
        folder: where pictures are kept.
    """
    learn = write_pictures(folder / attribute / "learn", attribute, EACH, seed=410_000)
    unseen = write_pictures(folder / attribute / "unseen", attribute, HELD_OUT, seed=520_000)
    began = time.perf_counter()
    judge = train_judge(learn, config=JudgeConfig(backbone=backbone), attribute=attribute, held_out=unseen)
    seconds = time.perf_counter() - began
    file = find_set("mini").classifier
    assert file is not None
    return {
        "attribute": attribute,
        "backbone": backbone,
        "seconds": round(seconds, 1),
        "epochs": judge.epochs,
        "judge": judge.scores.to_json(),
        "classifier": score_judge(Classifier.from_file(file), unseen, attribute=attribute).to_json(),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The table of benchmarks/README.md."""
    lines = ["| attribute | backbone | accuracy | macro F1 | the set's classifier | share of it | epochs | seconds |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        own, its = row["judge"], row["classifier"]
        lines.append(
            f"| {row['attribute']} | {row['backbone']} | {own['accuracy']:.1%} | {own['macro']['f1']:.3f} "
            f"| {its['accuracy']:.1%} | {own['accuracy'] / its['accuracy']:.3f} | {row['epochs']} "
            f"| {row['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/judge"), help="folder for the pictures")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/judge.json"))
    parser.add_argument("--page", type=Path, default=Path("benchmarks/README.md"))
    parser.add_argument("--picture", type=Path, default=Path("docs/images/confusion.webp"))
    args = parser.parse_args()
    rows = json.loads(args.json.read_text(encoding="utf-8")) if args.json.exists() else []
    for backbone in BACKBONES:
        for attribute in CHOSEN:
            if not any((row["attribute"], row["backbone"]) == (attribute, backbone) for row in rows):
                rows.append(measure(attribute, backbone, args.work))
                args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
                print(f"{attribute} {backbone} {rows[-1]['judge']['accuracy']:.3f}", flush=True)
    write_between(args.page, "judge", table(rows))
    drawn = next(row["judge"] for row in rows if (row["attribute"], row["backbone"]) == ("hair_texture", "mini"))
    confusion = tuple(tuple(row) for row in drawn["confusion"])
    save_picture(Scores(drawn["attribute"], tuple(drawn["classes"]), confusion).picture(), args.picture)


if __name__ == "__main__":
    main()
