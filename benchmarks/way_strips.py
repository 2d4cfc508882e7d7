"""A strip for each way to a direction, for docs/directions.md, on `mini`.

Run from the checkout: ``python -m benchmarks.way_strips``. Directions from examples and from labels are those of
`benchmarks.ways`; a component, a sum and style channels are found here.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.defaults import SHOWN
from benchmarks.pages import save_picture
from benchmarks.records import models_digest
from benchmarks.ways import Ways, examples_of
from eclipsed import Direction, EclipsedWarning, Editor
from eclipsed.directions.components import components_of_w
from eclipsed.directions.style_channels import StyleChannels, channels_of_examples
from eclipsed.prompts.region import Region
from recipes.mini.targets import PROMPTS

__all__ = ["STRIPS", "main"]

_FACES = SHOWN[:2]


def _examples(ways: Ways) -> Direction:
    return ways.make("a person with glasses", "examples")[0]


def _boundary(ways: Ways) -> Direction:
    return ways.make("a person with curly hair", "boundary, classifier")[0]


def _component(ways: Ways) -> Direction:
    generator = ways.editor.generator
    return components_of_w(generator, count=1).direction(0, generator=generator)


def _arithmetic(ways: Ways) -> Direction:
    both = Direction.load("smile", models="mini") + Direction.load("blond-hair", models="mini")
    return replace(both, name="smile-plus-blond-hair")


def _channels(ways: Ways) -> Direction:
    target = PROMPTS["a person with blond hair"]
    having, _ = examples_of(ways.editor, target)
    faces = ways.editor.sample(seeds=having, truncation_psi=1.0)
    found = channels_of_examples(ways.editor.generator, faces, count=12)
    parts = Region.from_parts(["hair"])
    finder = StyleChannels(generator=ways.editor.generator, channels=found, region=parts, name="blond-hair")
    return ways.editor.find(finder, margin=target, avoid=having)


#: name of the strip -> how its direction is made, and the strengths that it shows
STRIPS: dict[str, tuple[Callable[[Ways], Direction], tuple[float, ...]]] = {
    "examples": (_examples, (-1.0, 0.0, 0.5, 1.0)),
    "boundary": (_boundary, (-1.0, 0.0, 0.5, 1.0)),
    "components": (_component, (-2.5, 0.0, 1.25, 2.5)),
    "arithmetic": (_arithmetic, (-1.0, 0.0, 0.5, 1.0)),
    "channels": (_channels, (-1.0, 0.0, 0.5, 1.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--device", default=None)
    parser.add_argument("--only", nargs="+", default=list(STRIPS), choices=list(STRIPS), metavar="WAY")
    parser.add_argument("--directions", type=Path, default=Path("work/ways"), help="where directions are kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    editor = Editor.from_pretrained(args.models, args.device)
    ways = Ways(editor, args.directions, models_digest(args.models))
    faces = editor.sample(seeds=_FACES, truncation_psi=1.0)
    for name in args.only:
        make, alphas = STRIPS[name]
        direction = make(ways)
        print(name, direction.name, direction.scores.get("judge_success"), flush=True)
        picture = editor.strip(faces, direction, alphas=alphas)
        save_picture(picture, args.docs / "images" / f"way-{name}.webp")


if __name__ == "__main__":
    main()
