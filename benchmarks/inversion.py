"""The figures of inversion on ``mini``: portraits of the recipe that no network saw, turned into latents and edited.

Run from the checkout: ``python -m benchmarks.inversion``. For each level it prints how close the faces come (PSNR to
the portrait), on how many of the attributes the set's classifier agrees with the portrait, and seconds a photo; for
each shipped direction, how often it reaches its attribute on inverted and on sampled faces that lack it; and whether
pasted pictures are the portrait outside the mask, bit for bit. All figures go to JSON, level by level, and a strip to
``docs/images/inversion.webp``.

How close a face comes does not depend on the threads: ``--threads 1 --best 64`` may take an hour or two of one core
beside other work, and ``--seconds`` measures afterwards, on a free machine, what a photo takes that is inverted alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pages import save_picture
from eclipsed import Direction, Editor, Faces, InversionConfig
from eclipsed.editing.faces import together
from eclipsed.images import metrics, pictures
from eclipsed.images.conversion import from_pil, to_pil
from eclipsed.inversion.pasting import edited_mask, paste_one
from recipes.mini.attributes import VALUES
from recipes.mini.portraits import render
from recipes.mini.targets import PROMPTS, SHIPPED

#: of the portraits; the recipe's shards are drawn from seeds from 100,003 on
SEED = 64_064

#: seeds of the sampled faces that the inverted ones are compared with
SAMPLED = range(3000, 3064)

LEVELS = ("fast", "good", "best")

_ALONE = 4  # portraits that are timed one by one

#: portraits and directions of the strip
SHOWN = {0: "blond-hair", 5: "smile", 6: "hat", 7: "glasses"}


def portraits(count: int, side: int) -> torch.Tensor:
    """Renders of the recipe's people of some width, as pictures of 8 bits."""
    values = VALUES.sample(count, rng=torch.Generator().manual_seed(SEED))
    return from_pil(to_pil(torch.cat([render(some, side)[0] for some in values.split(16)])))


def closeness(editor: Editor, images: torch.Tensor, faces: Faces, seconds: float) -> dict[str, float]:
    """How close some faces come to their portraits."""
    assert editor.classifier is not None
    psnr = metrics.psnr(faces.images, images)
    before, after = (editor.classifier.labels(x) for x in (images, faces.images))
    same = torch.stack([(before[name] == after[name]).double() for name in before], dim=1)
    return {
        "portraits": len(images),
        "psnr": float(psnr.mean()),
        "psnr_lowest": float(psnr.min()),
        "attributes_agreed": float(same.mean()),
        "seconds_a_photo": seconds / len(images),
    }


def inverted(editor: Editor, images: torch.Tensor, level: str, good: Faces | None) -> Faces:
    """The faces of some portraits; what `best` tunes is found by the search of `good`, not made or timed twice."""
    given = to_pil(images)
    if level != "best" or good is None:
        return editor.invert(given, level=level, aligned=True)
    config = InversionConfig(level="best", steps=0)
    each = [editor.invert(one, aligned=True, start=good[k], config=config) for k, one in enumerate(given)]
    return together(each)


def alone(editor: Editor, images: torch.Tensor, level: str) -> float:
    """Seconds of one photo that is inverted by itself, as a person does it: the mean over some, after a first one."""
    editor.invert(to_pil(images[:1])[0], level=level, aligned=True)
    began = time.perf_counter()
    for picture in to_pil(images):
        editor.invert(picture, level=level, aligned=True)
    return (time.perf_counter() - began) / len(images)


def time_alone(editor: Editor, images: torch.Tensor, path: Path, *, threads: int) -> None:
    """What a photo takes that is inverted alone, level by level, into the figures that are there already."""
    figures = json.loads(path.read_text(encoding="utf-8"))
    for level in LEVELS:
        found = alone(editor, images[:_ALONE], level)
        figures["levels"][level] |= {"seconds_alone": found, "threads_alone": threads}
        print(f"{level}: {found:.1f} s a photo alone, {threads} threads", flush=True)
    keep(figures, path)


def keep(figures: dict[str, Any], path: Path) -> None:
    """Write all figures that are known by now."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def success(editor: Editor, faces: Faces, direction: Direction) -> tuple[int, float]:
    """Of the faces that could have what a direction gives and lack it: how many, and the share that has it afterwards.

    As everywhere in these benchmarks, a bald head could not have blond hair.
    """
    assert editor.classifier is not None
    target, attributes = PROMPTS[direction.title], editor.classifier.attributes
    labels = editor.classifier.labels(faces.images)
    lacked = editor.classifier.seen(labels)[target.attribute] & ~target.reached(labels, attributes)
    after = editor.edit(faces, direction, 1.0)
    reached = target.reached(editor.classifier.labels(after.images), attributes)
    return int(lacked.sum()), float(reached[lacked].double().mean())


def untouched(editor: Editor, faces: Faces, direction: Direction) -> bool:
    """Whether pasted pictures are the portrait, bit for bit, wherever the mask of the edit is 0."""
    edited = editor.edit(faces, direction, 1.0)
    for index, picture in enumerate(editor.paste(edited)):
        origin = faces.origins[index]
        assert origin.photo is not None
        before = origin.placement.crop(origin.photo, editor.generator.resolution)
        sides = origin.placement.inner_sides(origin.photo.width, origin.photo.height)
        mask = edited_mask(
            editor.parser, before, edited.images[index : index + 1], direction.region.parts, inner_sides=sides
        )
        old = origin.photo.pixels
        ones = torch.ones(1, 3, *mask.shape[2:])
        shown = paste_one(np.zeros_like(old), origin.placement, ones, (mask > 0).float())[..., 0] > 0
        if not np.array_equal(np.asarray(picture)[~shown], old[~shown]):
            return False
    return True


def strip(editor: Editor, images: torch.Tensor, faces: dict[str, Faces], directions: dict[str, Direction]) -> Any:
    """The portrait, what each level makes of it, and the edit pasted into the portrait."""
    rows, labels = [], []
    for index, name in SHOWN.items():
        edited = editor.edit(faces["good"][index], directions[name], 1.0)
        pasted = from_pil(editor.paste(edited)[0])
        levels = [one.images[index : index + 1] for one in faces.values()]
        rows.append(torch.cat([images[index : index + 1], *levels, pasted]))
        labels.append(name.replace("-", " "))
    return pictures.strip(rows, columns=["portrait", *faces, "edited"], labels=labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--directions", type=Path, default=Path("models"))
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--best", type=int, default=8, help="portraits for the level best")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", action="store_true", help="measure what one photo takes, and nothing else")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/inversion.json"))
    parser.add_argument("--strip", type=Path, default=Path("docs/images/inversion.webp"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    editor = Editor.from_pretrained(args.models, device="cpu")
    images = portraits(args.count, editor.generator.resolution)
    if args.seconds:
        time_alone(editor, images, args.json, threads=args.threads)
        return
    figures: dict[str, Any] = {"threads": args.threads, "levels": {}, "directions": {}}
    faces: dict[str, Faces] = {}
    for level in LEVELS:
        count = args.best if level == "best" else args.count
        began = time.perf_counter()
        faces[level] = inverted(editor, images[:count], level, faces.get("good"))
        figures["levels"][level] = closeness(editor, images[:count], faces[level], time.perf_counter() - began)
        print(level, figures["levels"][level], flush=True)
        keep(figures, args.json)
    sampled = editor.sample(seeds=SAMPLED)
    directions = {name: Direction.load(args.directions / f"{name}.safetensors") for name in SHIPPED}
    for name, direction in directions.items():
        own, other = success(editor, faces["good"], direction), success(editor, sampled, direction)
        figures["directions"][name] = {
            "inverted_lacked": own[0], "inverted": own[1], "sampled_lacked": other[0], "sampled": other[1],
            "untouched_outside": untouched(editor, faces["good"][: args.best], direction),
        }  # fmt: skip
        print(name, figures["directions"][name], flush=True)
    keep(figures, args.json)
    save_picture(strip(editor, images, faces, directions), args.strip)


if __name__ == "__main__":
    main()
