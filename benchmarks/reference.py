"""Directions learned from a picture in place of a sentence, judged by the classifier of ``mini``.

Run from the checkout: ``python -m benchmarks.reference``. Each reference is a portrait that the recipe renders, of
somebody who has one thing (`REFERENCES`) and is otherwise anybody; no network is told what the thing is. Measured are
whether the region is found, how many of the held-out faces that lacked the thing have it after the edit at alpha = 1,
what else flips, and how much of the change lies in the region; the same of the direction from a sentence beside it.
What is in the JSON file already is not measured again.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks.pages import save_picture
from benchmarks.records import Records, models_digest
from eclipsed import Editor, TrainConfig
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.images import pictures
from eclipsed.images.conversion import from_pil, to_pil
from recipes.mini.attributes import COLOURS, VALUES
from recipes.mini.portraits import render

#: of the portraits; no shard of the recipe has it
SEED = 77_023

#: of the held-out faces that are judged
SEEDS = range(2000, 2032)

#: of those in the pictures
SHOWN = [2001, 2002, 2003, 2004]

#: how all directions are trained: the default
CONFIG = TrainConfig()

#: thing -> values of the portrait that has it, the parts in which it is, a sentence, and the judge's class
REFERENCES: dict[str, tuple[dict[str, float], tuple[str, ...], str, str]] = {
    "red-lips": ({"lips:red": 4.0}, ("mouth",), "a person with red lips", "lip_colour=red"),
    "blond-hair": ({"hair:blond": 4.0}, ("hair",), "a person with blond hair", "hair_colour=blond"),
    "hat": ({"hat": 2.0}, ("hat",), "a person wearing a hat", "hat=yes"),
    "glasses": ({"glasses": 2.0}, ("glasses",), "a person with glasses", "glasses=clear"),
    "curly-hair": ({"curl": 2.0}, ("hair",), "a person with curly hair", "hair_texture=curly"),
}


def portrait(thing: str, side: int, index: int) -> Image.Image:
    """Somebody who has a thing, and of the others nothing that would hide it."""
    values = VALUES.sample(index + 1, rng=torch.Generator().manual_seed(SEED))[index:]
    plain = {"hat": -2.0, "glasses": -2.0, "sunglasses": -2.0, "beard": -2.0, "moustache": -2.0, "bald": -2.0}
    for name, value in {**plain, **REFERENCES[thing][0]}.items():
        if ":" in name:  # one colour of a family, and none of its others
            family, _, colour = name.partition(":")
            for other in COLOURS[family]:
                values[:, VALUES.index[f"{family}_{other}"]] = value if other == colour else -value
        else:
            values[:, VALUES.index[name]] = value
    return to_pil(render(values, side)[0])[0]


def measured(editor: Editor, thing: str, way: str, index: int, strip: Path | None) -> dict[str, Any]:
    """The figures of one direction: from the picture with the region given or found, or from the sentence."""
    _, parts, sentence, target = REFERENCES[thing]
    picture = portrait(thing, editor.generator.resolution, index)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "sentence":
            direction = editor.train(sentence, config=CONFIG)
        else:
            direction = editor.train(image=picture, region=parts if way == "given" else None, config=CONFIG)
    seconds = time.process_time() - began
    found = evaluate(editor, direction, seeds=SEEDS, alphas=(1.0,), prompt=sentence, target=target, extras=())
    at = found.strengths[0]
    if strip is not None:
        edited = editor.edit(editor.sample(seeds=SHOWN), direction)
        row = torch.cat([from_pil(picture), edited.images])
        save_picture(pictures.strip([row]), strip / f"{thing}-{index}-{way}.webp")
    wanted = set(editor.world.expand(parts))
    return {
        "seconds": round(seconds, 1),
        "region": direction.region.spoken(editor.world),
        "right": bool(set(direction.region.parts) & wanted),
        "weak": direction.weak,
        "success": _mean(at.success),
        "kept": _mean(at.kept),
        "localization": _mean(at.localization),
    }


def _mean(figure: Any) -> float | None:
    return None if figure is None else round(float(figure.mean), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--things", default=",".join(REFERENCES))
    parser.add_argument("--ways", default="given,found,sentence")
    parser.add_argument("--count", type=int, default=1, help="portraits of each thing")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/reference.json"))
    parser.add_argument("--strips", type=Path, help="folder for a picture of each direction")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    editor, records = Editor.from_pretrained(args.models, device="cpu"), Records(args.json)
    models = models_digest(args.models)
    for index in range(args.count):
        for thing in args.things.split(","):
            for way in args.ways.split(","):
                key = {"models": models, "thing": thing, "portrait": index if way != "sentence" else 0, "way": way}
                if records.find(key) is None:
                    row = measured(editor, thing, way, index, args.strips)
                    records.add({"key": key, **row})
                    print(thing, index, way, row, flush=True)


if __name__ == "__main__":
    main()
