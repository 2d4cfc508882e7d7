"""The other ways to a direction beside the trained default, on the twelve sentences' attributes, on `mini`.

Run from the checkout: ``python -m benchmarks.ways``. Same faces, measures and judge as `benchmarks.defaults`, whose
rows of the default stand beside these: directions from 2 × 32 examples, boundaries from the classifier's labels and
from CLIP's two captions; and for the pairs where most leaks, the direction without what leaks (``--pairs``), and each
sentence from examples without the attributes that leak most, all at once (``--most``), or by three quarters each in the
measure of the data (``--eased``). What is in the JSON file already is not measured again; directions and labels are
kept in ``--directions``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks import measuring
from benchmarks.defaults import SENTENCES, row
from benchmarks.pages import write_between
from benchmarks.records import FACES, Records, digest, models_digest, plain
from benchmarks.way_tables import WAYS, most_table, pairs_table, table, verdicts
from eclipsed import Direction, EclipsedWarning, Editor, Faces, TrainConfig
from eclipsed.directions.boundary import Boundary
from eclipsed.directions.labelling import LABELLED, label_faces, labelled_seeds
from eclipsed.directions.margins import Margin, clip_margin, examples_margin
from eclipsed.files.atomic import atomic_write
from eclipsed.latents.direction import short_name
from eclipsed.latents.latent import Latent
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.latent import LATENT
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS

__all__ = ["CAPTIONS", "Ways", "examples_of", "main", "most_of", "pairs_of"]

#: sentence -> what CLIP tells apart, as a person would say it: what has it, and what lacks it
CAPTIONS = {
    "a person with glasses": ("a person with glasses", "a person without glasses"),
    "a woman wearing a hat": ("a person wearing a hat", "a person without a hat"),
    "a man with a beard": ("a man with a beard", "a man without a beard"),
    "a person with the mouth open": ("a person with the mouth open", "a person with the mouth closed"),
    "a smiling person": ("a smiling person", "a serious person"),
    "a person with long hair": ("a person with long hair", "a person with short hair"),
    "a person with curly hair": ("a person with curly hair", "a person with straight hair"),
    "a person with blond hair": ("a person with blond hair", "a person with brown hair"),
    "a person with black hair": ("a person with black hair", "a person with brown hair"),
    "red lipstick": ("red lipstick", "a person without lipstick"),
    "dark skin": ("dark skin", "pale skin"),
    "blue eyes": ("blue eyes", "brown eyes"),
}

EXAMPLES = 32  # of each kind
_POOL = range(10_000, 20_000)  # seeds that examples are chosen from: neither judged, nor calibrated with


def examples_of(editor: Editor, target: Target, count: int = EXAMPLES) -> tuple[list[int], list[int]]:
    """The first seeds of faces that have a target, and of those that plainly have another class of its attribute.

    Args:
        editor: of `mini`.
        target: an attribute of `ATTRIBUTES` and some of its classes.
        count: seeds of each kind.
    """
    wanted = [ATTRIBUTES[target.attribute].index(one) for one in target.classes]
    having: list[int] = []
    lacking: list[int] = []
    for start in range(_POOL.start, _POOL.stop, 1000):
        seeds = range(start, start + 1000)
        found = facts(LATENT.frame.values(Latent.of_seeds(editor.generator, seeds).ws[:, 0]))[target.attribute].tolist()
        having += [seed for seed, one in zip(seeds, found, strict=True) if one in wanted]
        lacking += [seed for seed, one in zip(seeds, found, strict=True) if one >= 0 and one not in wanted]
        if min(len(having), len(lacking)) >= count:
            break
    return having[:count], lacking[:count]


class Ways:
    """Makes directions in every way, each kept in a folder.

    Args:
        editor: of `mini`.
        folder: where directions and labels are kept.
        models: from `models_digest`.
    """

    def __init__(self, editor: Editor, folder: Path, models: str) -> None:
        self.editor, self.folder, self.models = editor, folder, models
        self._looked: dict[str, Tensor] | None = None

    def make(self, prompt: str, way: str) -> tuple[Direction, float]:
        """The direction of a sentence's attribute, and the seconds that it took; see `WAYS`."""
        made = {"examples": self._examples, "boundary, classifier": self._classifier, "boundary, CLIP": self._clip}
        return self._kept(f"{short_name(prompt)}-{short_name(way)}", lambda: made[way](prompt))

    def without(
        self, prompt: str, way: str, attributes: Sequence[str], *, eased: bool = False
    ) -> tuple[Direction, float]:
        """The same without what tells the classes of attributes apart, its strength found anew by the same judge.

        Args:
            prompt: the sentence.
            way: see `WAYS`.
            attributes: what is taken out.
            eased: by three quarters each, in the measure of the data.
        """

        def made() -> Direction:
            direction, _ = self.make(prompt, way)
            others = [self.bare(attribute, name) for attribute in attributes for name in _told(attribute)]
            left = direction.without(*others, generator=self.editor.generator if eased else None)
            return self.editor.calibrate(left, margin=self._margin(prompt, way))

        which = attributes[0] if len(attributes) == 1 else f"{len(attributes)}-{digest(list(attributes))}"
        which += "-eased" if eased else ""
        return self._kept(f"{short_name(prompt)}-{short_name(way)}-without-{which}", made)

    def bare(self, attribute: str, name: str) -> Direction:
        """The boundary of one class by the classifier's labels, neither located nor calibrated."""
        w, scores = self._labels(Target(attribute, (name,)))
        return Boundary(generator=self.editor.generator, w=w, scores=scores, labels="classifier").find()

    def _examples(self, prompt: str) -> Direction:
        return self.editor.between(*self._groups(prompt), region=_region(prompt), name=short_name(prompt))

    def _classifier(self, prompt: str) -> Direction:
        w, scores = self._labels(PROMPTS[prompt])
        finder = Boundary(
            generator=self.editor.generator,
            w=w,
            scores=scores,
            labels="classifier",
            region=_region(prompt),
            name=short_name(prompt),
        )
        return self.editor.find(finder, margin=PROMPTS[prompt])

    def _clip(self, prompt: str) -> Direction:
        return self.editor.boundary(captions=CAPTIONS[prompt], region=_region(prompt), name=short_name(prompt))

    def _margin(self, prompt: str, way: str) -> Margin | Target:
        """What calibrates a way's direction."""
        if way == "examples":
            return examples_margin(self.editor.clip, *(group.images for group in self._groups(prompt)))
        if way == "boundary, classifier":
            return PROMPTS[prompt]
        return clip_margin(self.editor.clip, self.editor.clip.encode_text(CAPTIONS[prompt]))

    def _groups(self, prompt: str) -> list[Faces]:
        both = examples_of(self.editor, PROMPTS[prompt])
        return [self.editor.sample(seeds=seeds, truncation_psi=1.0) for seeds in both]

    def _kept(self, name: str, make: Callable[[], Direction]) -> tuple[Direction, float]:
        path = self.folder / f"{name}-{digest(EXAMPLES, LABELLED, CAPTIONS, self.models)}.safetensors"
        if not path.exists():
            began = time.perf_counter()
            found = make()
            scores = {**found.scores, "wall_seconds": time.perf_counter() - began}
            self.folder.mkdir(parents=True, exist_ok=True)
            replace(found, scores=scores).save(path)
        direction = Direction.load(path)
        return direction, float(direction.scores["wall_seconds"])

    def _labels(self, target: Target) -> tuple[Tensor, Tensor]:
        """w of many faces, and the log odds of a target by the classifier, who looks at them once for all targets."""
        if self._looked is None:
            path = self.folder / f"labels-{digest(LABELLED, self.models)}.safetensors"
            if not path.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                atomic_write(path, lambda place: save_file(self._look(), place))
            self._looked = load_file(path)
        chosen = [ATTRIBUTES[target.attribute].index(name) for name in target.classes]
        return self._looked["w"], torch.logit(self._looked[target.attribute][:, chosen].sum(dim=1), eps=1e-6)

    def _look(self) -> dict[str, Tensor]:
        generator, classifier = self.editor.generator, self.editor.classifier
        assert classifier is not None
        seen: list[dict[str, Tensor]] = []

        def look(images: Tensor) -> Tensor:
            seen.append(classifier.probabilities(images))
            return images.mean(dim=(1, 2, 3))

        w, _ = label_faces(generator, look, labelled_seeds(LABELLED))
        return {"w": w, **{name: torch.cat([one[name] for one in seen]) for name in seen[0]}}


def _region(prompt: str) -> Region:
    """The parts that the default may change for a sentence, so that inside and outside are the same."""
    return read(prompt).region


def _told(attribute: str) -> tuple[str, ...]:
    """Classes whose boundaries together tell all classes of an attribute apart."""
    classes = ATTRIBUTES[attribute]
    return classes[1:] if len(classes) < 4 else classes


def judged(editor: Editor, direction: Direction, truth: Truth, *, prompt: str) -> dict[str, Any]:
    """A record's figures, as `benchmarks.records.judge` gives them, and every face's flips of every attribute."""
    after = editor.edit(truth.before, direction, 1.0)
    rows = direction.space_of(editor.generator).rows
    found = truth.judge(editor, after, prompt=prompt, parts=direction.region.parts, rows=rows)
    flips = {
        name[5:]: [None if x != x else x for x in flip.tolist()]
        for name, flip in found.items()
        if name.startswith("flip ")
    }
    return {**plain(found), "flipped": flips}


def measured(
    ways: Ways, records: Records, prompts: Sequence[str], *, faces: Sequence[int], again: bool = False
) -> list[dict[str, Any]]:
    """The records of every sentence in every way; those that are missing are made and kept on the way."""
    found = []
    for prompt in prompts:
        truth: Truth | None = None
        for way in WAYS:
            key = _key(ways, prompt, way, faces)
            record = None if again else records.find(key)
            if record is None:
                truth = truth or Truth.of(ways.editor, PROMPTS[prompt], recipe=RECIPE, seeds=faces)
                direction, seconds = ways.make(prompt, way)
                figures = judged(ways.editor, direction, truth, prompt=prompt)
                record = {"key": key, "seconds": round(seconds, 1), **figures}
                records.add(record)
                print(f"{prompt:30s} {way:22s} {'  '.join(f'{k} {v}' for k, v in row([record]).items())}", flush=True)
            found.append(record)
    return found


def pairs_of(
    records: Sequence[dict[str, Any]], floors: Mapping[str, dict[str, Any]], count: int
) -> list[tuple[str, str, str]]:
    """Sentence, way and attribute of the pairs where most flips beyond what the exact edit flips, the worst first."""
    every = [
        (share - floors[one["key"]["prompt"]]["flips"][name], one["key"]["prompt"], one["key"]["variant"], name)
        for one in records
        for name, share in one["flips"].items()
        if not {name, PROMPTS[one["key"]["prompt"]].attribute} <= {"hat", "hat_colour"}
    ]
    return [pair[1:] for pair in sorted(every, reverse=True)[:count]]


def most_of(
    records: Sequence[dict[str, Any]], floors: Mapping[str, dict[str, Any]], way: str, count: int
) -> list[tuple[str, str, tuple[str, ...]]]:
    """For each sentence the way and the attributes that flip most beyond what the exact edit flips, the worst first."""
    out = []
    for one in records:
        prompt = one["key"]["prompt"]
        if one["key"]["variant"] == way:
            over = {
                name: share - floors[prompt]["flips"][name]
                for name, share in one["flips"].items()
                if not {name, PROMPTS[prompt].attribute} <= {"hat", "hat_colour"}
            }
            out.append((prompt, way, tuple(sorted(over, key=lambda name: -over[name])[:count])))
    return out


def measured_without(
    ways: Ways,
    records: Records,
    taken: Sequence[tuple[str, str, Sequence[str]]],
    *,
    faces: Sequence[int],
    eased: bool = False,
) -> list[dict[str, Any]]:
    """The records of directions without what leaks, in the order given; see `Ways.without`."""
    found = []
    for prompt, way, attributes in taken:
        how = "eased without" if eased else "without"
        key = _key(ways, prompt, f"{way}, {how} {', '.join(attributes)}", faces)
        record = records.find(key)
        if record is None:
            truth = Truth.of(ways.editor, PROMPTS[prompt], recipe=RECIPE, seeds=faces)
            direction, seconds = ways.without(prompt, way, attributes, eased=eased)
            record = {"key": key, "seconds": round(seconds, 1), **judged(ways.editor, direction, truth, prompt=prompt)}
            records.add(record)
            print(f"{prompt:30s} {how} {len(attributes)}  {row([record])}", flush=True)
        found.append(record)
    return found


def _key(ways: Ways, prompt: str, variant: str, faces: Sequence[int]) -> dict[str, Any]:
    of = {"prompt": prompt, "variant": variant, "seed": 0, "config": digest(EXAMPLES, LABELLED, CAPTIONS[prompt])}
    return {**of, "models": ways.models, "faces": digest(list(faces))}


def default_rows(path: Path, prompts: Sequence[str], variant: str, *, models: str, faces: Sequence[int]) -> Any:
    """The records of `benchmarks.defaults` for the sentences: of the trained default, or of the exact edit."""
    of = digest(TrainConfig().replace(seed=0).to_json()) if variant == "default" else ""
    kept = Records(path)
    rest = {"variant": variant, "seed": 0, "config": of, "models": models, "faces": digest(list(faces))}
    found = {prompt: kept.find({"prompt": prompt, **rest}) for prompt in prompts}
    missing = [prompt for prompt, one in found.items() if one is None]
    if missing:
        raise SystemExit(f"run benchmarks.defaults first: {variant} of {missing[0]!r} is not in {path}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--device", default=None)
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(SENTENCES), metavar="PROMPT")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces, such as 2000-2063")
    parser.add_argument("--pairs", type=int, default=6, help="of the worst leaks, how many are taken out")
    parser.add_argument("--most", type=int, default=5, help="attributes that are taken out of a sentence at once")
    parser.add_argument("--eased", type=int, default=10, help="attributes that are taken out by three quarters each")
    parser.add_argument("--again", action="store_true", help="judge anew; directions that are kept are not made anew")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/ways.json"))
    parser.add_argument("--defaults", type=Path, default=Path("benchmarks/defaults.json"))
    parser.add_argument("--directions", type=Path, default=Path("work/ways"), help="where directions are kept")
    parser.add_argument("--readme", type=Path, default=Path("benchmarks/README.md"))
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    models, faces = models_digest(args.models), parse_seeds(args.faces)
    floors, defaults = (
        default_rows(args.defaults, args.prompts, variant, models=models, faces=faces)
        for variant in ("exact edit", "default")
    )
    editor = Editor.from_pretrained(args.models, args.device)
    print(measuring.describe(editor.generator.device))
    ways, records = Ways(editor, args.directions, models), Records(args.json)
    found = measured(ways, records, args.prompts, faces=faces, again=args.again)
    pairs = pairs_of(found, floors, args.pairs)
    parts = [table(found, floors, defaults), verdicts(found)]
    if pairs:
        single = [(prompt, way, (attribute,)) for prompt, way, attribute in pairs]
        parts.append(pairs_table(found, pairs, measured_without(ways, records, single, faces=faces)))
    before = [one for one in found if one["key"]["variant"] == "examples"]
    for count, eased in ((args.most, False), (args.eased, True)):
        if count:
            taken = most_of(found, floors, "examples", count)
            after = measured_without(ways, records, taken, faces=faces, eased=eased)
            how = f"without three quarters of the {count}" if eased else f"without the {count}"
            parts.append(most_table(before, after, f"{how} that flip most"))
    text = "\n\n".join(parts)
    print(text)
    write_between(args.readme, "ways", text)


if __name__ == "__main__":
    main()
