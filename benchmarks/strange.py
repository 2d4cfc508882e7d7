"""Portraits with something on them that no network of ``mini`` has seen, and how inversion keeps it.

Run from the checkout: ``python -m benchmarks.strange``. Each portrait of the recipe gets one of `ADDITIONS`, drawn over
its picture. Measured are how close each of `WAYS` comes, on the whole picture and on the strange object, and by how
much the object changes when the hair is edited: `good`, `tuned` (``best`` as it was, a generator tuned around the
face) and `best`, both from what `good` found. Of each is also told on how many attributes the set's classifier agrees
with the picture, and which shipped directions reach what they give, of those whose attribute it lacks. Portraits with
nothing strange are measured beside them. Seconds are those of the processor, all threads together, after `good` in the
latter two. What is in the JSON file already is not measured again, so a run that was stopped goes on where it was;
several may run at once, each with some additions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from benchmarks.inversion import success
from benchmarks.pages import save_picture
from benchmarks.records import Records, models_digest
from eclipsed import Direction, Editor, Faces, InversionConfig
from eclipsed.images import metrics, pictures
from eclipsed.images.conversion import from_pil, to_pil
from eclipsed.worlds.world import find_world
from recipes.mini.attributes import VALUES
from recipes.mini.portraits import render
from recipes.mini.targets import SHIPPED

#: of the portraits; `benchmarks.inversion` measures others, the recipe's shards begin at 100,003
SEED = 65_065

_FINE = 4  # how much larger additions are drawn
_SKIN = (224, 172, 140)
_CREASE = (168, 112, 88)
_LABEL = find_world("face").label

#: an addition: draws on a picture of some side, given the parser's label of each pixel; gives where it may show
Addition = Callable[[ImageDraw.ImageDraw, Any, int, int], Any]


def logo(draw: ImageDraw.ImageDraw, labels: Any, side: int, index: int) -> Any:
    """A ring around a triangle on the wall, in the upper corner that shows more of it."""
    wall = labels == _LABEL("background")
    left = wall[: side // 3, : side // 3].sum() >= wall[: side // 3, -side // 3 :].sum()
    x, y, r = (0.17 if left else 0.83) * side, 0.17 * side, 0.13 * side
    colours = [((212, 32, 48), (250, 236, 120)), ((20, 70, 200), (245, 245, 245)), ((16, 130, 70), (250, 170, 40))]
    ring, inner = colours[index % 3]
    draw.ellipse((x - r, y - r, x + r, y + r), fill=ring)
    draw.ellipse((x - 0.75 * r, y - 0.75 * r, x + 0.75 * r, y + 0.75 * r), fill=inner)
    draw.polygon([(x, y - 0.6 * r), (x - 0.52 * r, y + 0.35 * r), (x + 0.52 * r, y + 0.35 * r)], fill=ring)
    return wall


def hand(draw: ImageDraw.ImageDraw, labels: Any, side: int, index: int) -> Any:
    """A hand before the chin: a palm with four fingers."""
    x, y = (0.5 + 0.03 * (index % 3 - 1)) * side, 0.86 * side
    width = 0.055 * side
    draw.ellipse((x - 2.3 * width, y - 0.2 * width, x + 2.3 * width, side * 1.05), fill=_SKIN)
    for k in range(4):
        left, top = x + (k - 2) * 1.12 * width, y - (2.2 + 0.35 * (k in (1, 2))) * width
        finger, rim = (left, top, left + width, y + 1.5 * width), max(1, round(0.1 * width))
        draw.rounded_rectangle(finger, radius=width / 2, fill=_SKIN, outline=_CREASE, width=rim)
    return np.ones_like(labels, dtype=bool)


def earring(draw: ImageDraw.ImageDraw, labels: Any, side: int, index: int) -> Any:
    """A large green drop with a golden rim beside the cheek, hung where an ear is."""
    ears = np.isin(labels, [_LABEL("left_ear"), _LABEL("right_ear")])
    rows, columns = np.nonzero(ears)
    right = index % 2 == 1
    if len(rows):
        half = columns >= side / 2 if right and (columns >= side / 2).any() else columns < side / 2
        half = half if half.any() else columns >= side / 2
        x, y = float(columns[half].mean()), float(rows[half].max())
    else:
        x, y = (0.76 if right else 0.24) * side, 0.55 * side
    r = 0.05 * side
    drop = [(x, y), (x + r, y + 2.2 * r), (x, y + 3.2 * r), (x - r, y + 2.2 * r)]
    draw.polygon(drop, fill=(30, 160, 110), outline=(240, 200, 60))
    draw.line([*drop, drop[0]], fill=(240, 200, 60), width=max(1, round(0.25 * r)))
    return np.ones_like(labels, dtype=bool)


def stripes(draw: ImageDraw.ImageDraw, labels: Any, side: int, index: int) -> Any:
    """A wall of slanted stripes."""
    colours = [((40, 90, 160), (230, 225, 205)), ((170, 40, 60), (240, 220, 220)), ((60, 60, 60), (235, 200, 90))]
    dark, light = colours[index % 3]
    draw.rectangle((0, 0, side, side), fill=light)
    step = side / 12
    for k in range(-12, 24):
        x = k * step * 1.5
        draw.polygon([(x, 0), (x + 0.6 * step, 0), (x + 0.6 * step + side / 3, side), (x + side / 3, side)], fill=dark)
    return labels == _LABEL("background")


def text(draw: ImageDraw.ImageDraw, labels: Any, side: int, index: int) -> Any:
    """A word on the shirt, as far as it is seen."""
    word = ("HELLO", "MOON 7", "JAZZ!")[index % 3]
    font = ImageFont.load_default(size=0.1 * side)
    box = draw.textbbox((0, 0), word, font=font)
    place = (side / 2 - (box[0] + box[2]) / 2, 0.93 * side - (box[1] + box[3]) / 2)
    draw.text(place, word, font=font, fill=((250, 250, 250), (20, 20, 20), (250, 210, 30))[index % 3],
              stroke_width=max(1, side // 200), stroke_fill=(120, 20, 60))  # fmt: skip
    return np.isin(labels, [_LABEL("clothes"), _LABEL("neck"), _LABEL("necklace")])


ADDITIONS: dict[str, Addition | None] = {
    "logo": logo, "hand": hand, "earring": earring, "stripes": stripes, "text": text, "plain": None
}  # fmt: skip


def add(portrait: Image.Image, labels: Any, addition: Addition, index: int) -> tuple[Image.Image, Tensor]:
    """Draw an addition over a portrait.

    Args:
        portrait: as the recipe draws it.
        labels: the part of each pixel, (H, W).
        addition: what to draw.
        index: of the portrait; it chooses a colour, a word, a side.
    Returns:
        The picture, and where the addition shows, (1, 1, H, W), 0 or 1.
    """
    side = portrait.width
    layer = Image.new("RGBA", (_FINE * side, _FINE * side))
    fine = np.asarray(Image.fromarray(labels).resize(layer.size, Image.Resampling.NEAREST))
    where = addition(ImageDraw.Draw(layer), fine, layer.width, index)
    pixels = np.asarray(layer).copy()
    pixels[..., 3] = np.where(where, pixels[..., 3], 0)
    small = Image.fromarray(pixels, "RGBA").convert("RGBa").resize(portrait.size, Image.Resampling.BOX).convert("RGBA")
    shown = torch.from_numpy(np.asarray(small)[..., 3] > 127)[None, None].float()
    picture = Image.alpha_composite(portrait.convert("RGBA"), small)
    return picture.convert("RGB"), shown


def portraits(name: str, count: int, side: int) -> tuple[list[Image.Image], Tensor]:
    """Portraits with one addition, and where it shows, (N, 1, H, W); "plain" has none, and all of it counts."""
    values = VALUES.sample(count, rng=torch.Generator().manual_seed(SEED))
    drawn = [render(some, side) for some in values.split(8)]
    images, labels = (torch.cat([part[k] for part in drawn]) for k in (0, 1))
    addition = ADDITIONS[name]
    if addition is None:
        return to_pil(images), torch.ones(count, 1, side, side)
    pairs = [add(*pair, addition, k) for k, pair in enumerate(zip(to_pil(images), labels.numpy(), strict=True))]
    return [picture for picture, _ in pairs], torch.cat([shown for _, shown in pairs])


def within(a: Tensor, b: Tensor, where: Tensor) -> float:
    """PSNR of two pictures within a mask, in dB."""
    error = ((a.clamp(-1, 1) - b) / 2).square().mean(dim=1, keepdim=True)
    return float(-10 * ((error * where).sum() / where.sum().clamp(min=1)).clamp(min=1e-12).log10())


def change(before: Faces, after: Faces, where: Tensor) -> float:
    """How much an edit changes what lies within a mask: the mean, as a share of the range of colours."""
    apart = ((before.images - after.images) / 2).abs().mean(dim=1, keepdim=True)
    return float((apart * where).sum() / where.sum().clamp(min=1))


#: what is measured, and the options of each
WAYS = {
    "good": InversionConfig(level="good"),
    "tuned": InversionConfig(level="best", steps=0, keep_rate=0.0),
    "best": InversionConfig(level="best", steps=0),
}


def measured(
    editor: Editor, picture: Image.Image, shown: Tensor, way: str, edit: Direction, start: Faces | None
) -> tuple[dict[str, Any], Faces, Faces]:
    """The figures of one portrait, the face, and the face edited."""
    began = time.process_time()
    faces = editor.invert(picture, aligned=True, force=True, start=start, config=WAYS[way])
    seconds = time.process_time() - began
    goal, edited = from_pil(picture), editor.edit(faces, edit)
    kept = faces.origins[0].kept
    figures = {
        "seconds": round(seconds, 2),
        "psnr": round(float(metrics.psnr(faces.images, goal)), 2),
        "psnr_object": round(within(faces.images, goal, shown), 2),
        "object_change": round(change(faces, edited, shown), 4),
        "keep_steps": WAYS[way].keep_steps if WAYS[way].level == "best" and WAYS[way].keep_rate else 0,
        "kept": 0.0 if kept is None else round(float(kept.features.share.mean()), 3),
    }
    return figures, faces, edited


def judged(editor: Editor, goal: Tensor, faces: Faces, directions: Mapping[str, Direction]) -> dict[str, Any]:
    """On how many attributes the classifier agrees, and which directions it lacked and which of them reach it."""
    assert editor.classifier is not None
    before, after = (editor.classifier.labels(images) for images in (goal, faces.images))
    found = {name: success(editor, faces, direction) for name, direction in directions.items()}
    lacked = [name for name, (count, _) in found.items() if count]
    return {
        "attributes": round(float(np.mean([bool((before[name] == after[name]).all()) for name in before])), 4),
        "lacked": lacked,
        "reached": [name for name in lacked if found[name][1] == 1],
    }


def sheet(editor: Editor, folder: Path, edit: Direction) -> Image.Image:
    """A row for the first portrait of each addition: what each way makes of it, and that edited; of kept faces."""
    rows, names = [], [name for name, addition in ADDITIONS.items() if addition is not None]
    for name in names:
        row = [from_pil(portraits(name, 1, editor.generator.resolution)[0][0])]
        for way in WAYS:
            faces = editor.load_faces(_kept_at(folder, name, 0, way))
            row += [faces.images, editor.edit(faces, edit).images]
        rows.append(torch.cat(row))
    return pictures.strip(rows, columns=_columns(edit), labels=names)


def _columns(edit: Direction) -> list[str]:
    return ["portrait", *(title for way in WAYS for title in (way, edit.name))]


def _kept_at(folder: Path, name: str, index: int, way: str) -> Path:
    return folder / f"{name}-{index}-{way}.face.safetensors"


def shares(records: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Direction -> the portraits that lacked what it gives, and how many of them it reached."""
    told = [one for one in records if "lacked" in one]
    names = sorted({name for one in told for name in one["lacked"]})
    return {
        name: (sum(name in one["lacked"] for one in told), sum(name in one["reached"] for one in told))
        for name in names
    }


def summed_up(records: list[dict[str, Any]]) -> None:
    """Print the means, and how often directions reach what they give on strange portraits."""
    for way in WAYS:
        for addition in ADDITIONS:
            rows = [one for one in records if (one["key"]["way"], one["key"]["addition"]) == (way, addition)]
            if rows:
                figures = [name for name, value in rows[0].items() if isinstance(value, int | float)]
                means = {name: round(float(np.mean([one[name] for one in rows])), 4) for name in figures}
                print(f"{way} {addition} ({len(rows)}):", means)
        strange = [one for one in records if one["key"]["way"] == way and one["key"]["addition"] != "plain"]
        for name, (lacked, reached) in shares(strange).items():
            print(f"{way}, {name}: reached on {reached} of {lacked}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--direction", type=Path, default=Path("models/blond-hair.safetensors"))
    parser.add_argument("--additions", default=",".join(ADDITIONS))
    parser.add_argument("--count", type=int, default=4, help="portraits for each addition")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/strange.json"))
    parser.add_argument("--strips", type=Path, help="folder for a picture of each portrait that is measured")
    parser.add_argument("--faces", type=Path, help="folder for the faces that were found, each to be looked at again")
    parser.add_argument("--picture", type=Path, help="draw that of the documents from the faces that are kept")
    args = parser.parse_args()
    if args.picture and not args.faces:
        parser.error("--picture draws the faces that --faces keeps")
    for folder in filter(None, (args.strips, args.faces)):
        folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    editor = Editor.from_pretrained(args.models, device="cpu")
    directions = {name: Direction.load(Path("models") / f"{name}.safetensors") for name in SHIPPED}
    direction, records, models = Direction.load(args.direction), Records(args.json), models_digest(args.models)
    for index in range(args.count):  # so that a run that is stopped has some of each
        for name in args.additions.split(","):
            key = {"models": models, "addition": name, "portrait": index}
            missing = [way for way in WAYS if records.find({**key, "way": way}) is None]
            if not missing:
                continue
            shown, where = portraits(name, index + 1, editor.generator.resolution)
            row, found = [from_pil(shown[index])], None
            for way in [way for way in WAYS if way in missing or way == "good"]:  # where the others begin
                one = measured(editor, shown[index], where[index : index + 1], way, direction, found)
                found = one[1] if found is None else found
                facts = one[0] | judged(editor, row[0], one[1], directions)
                records.add({"key": {**key, "way": way}, **facts})
                print(name, index, way, facts, flush=True)
                row += [one[1].images, one[2].images]
                if args.faces:
                    editor.save_faces(one[1], _kept_at(args.faces, name, index, way))
            if args.strips and len(missing) == len(WAYS):
                picture = pictures.strip([torch.cat(row)], columns=_columns(direction))
                save_picture(picture, args.strips / f"{name}-{index}.webp")
    summed_up(records.all())
    if args.picture:
        save_picture(sheet(editor, args.faces, direction), args.picture)


if __name__ == "__main__":
    main()
