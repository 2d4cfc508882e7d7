"""The method in worlds harder than `mini`: worlds × sentences × settings × training seeds, judged against the truth.

Run from the checkout: ``python -m benchmarks.worlds --worlds witness big --prompts "a person with blond hair"``. Worlds
are those of `recipes.worlds`, or groups of them (``cheap``, ``witnesses``, ``honest``, ``parsers``, ``every``); what
needs a training is made by ``python -m recipes.worlds.make``. A direction is learned with the networks of its world and
judged by mini's own parser and by a classifier that can be trusted, at alpha = 1. Each record is kept as soon as it is
there, so a run that was stopped goes on where it was; ``--table`` only prints, of what was measured again the last.

``--config batch=12 reuse=4`` changes training options, ``--label TEXT`` says what else is otherwise, such as a change
of code; both make records and directions of their own. ``--equal 0.8`` judges each direction at the strength at which
80 % of the faces have what was asked for, so that settings of other strength can be compared.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measuring
from benchmarks.crews import crew_of, crew_options, share
from benchmarks.defaults import SENTENCES
from benchmarks.records import FACES, Records, as_share, crossed, digest, grid, judge, plain, train
from eclipsed import Direction, EclipsedWarning, TrainConfig
from eclipsed.commands.options import parse_setting
from eclipsed.compute.crew_work import Turn
from eclipsed.directions.verdict import reached
from eclipsed.evaluation.equal_success import STRENGTHS, strength_at, success_of
from eclipsed.values.seeds import parse_seeds
from recipes.drawn.truth import Truth
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS
from recipes.worlds.catalogue import HarderWorld, Place, load, named

__all__ = ["ATLAS", "EXACT", "SETTINGS", "SKETCH", "main", "says", "table"]

#: the setting whose record is what no direction can do much better than
EXACT = "exact edit"

#: the setting that trains nothing: what the atlas of the world tells
SKETCH = "sketch"

#: the setting that begins with what that atlas tells; the atlas is measured before
ATLAS = "from the atlas"

#: settings that no config changes
_PLAIN = (EXACT, SKETCH)

SETTINGS: dict[str, Callable[[], TrainConfig]] = {
    "default": TrainConfig,
    "report": TrainConfig.report,
    ATLAS: TrainConfig.from_atlas,
}

Record = dict[str, Any]


def says(direction: Direction) -> dict[str, Any]:
    """What the program itself says of a direction."""
    return {
        "reached": reached(direction.scores),
        "gain": direction.scores.get("clip_gain"),
        "weak": direction.weak,
        "note": direction.note,
        "layers": list(direction.layers),
    }


def measured(
    world: HarderWorld,
    records: Records,
    prompts: Sequence[str],
    settings: Mapping[str, TrainConfig],
    seeds: Sequence[int],
    *,
    faces: Sequence[int],
    folder: Path,
    equal: float | None = None,
) -> None:
    """Make the records of all combinations that are missing.

    Args:
        settings: label -> the config; `EXACT` and `SKETCH` stand for what they are, whatever their config.
        seeds: of the trainings.
        faces: seeds of those that are judged.
        folder: where directions are kept.
        equal: success at which to judge; None judges at alpha = 1.
    """
    for prompt in prompts:
        truth: Truth | None = None
        for label, config in settings.items():
            for seed in seeds if label not in _PLAIN else (0,):
                one = config.replace(seed=seed)
                of = "" if label in _PLAIN else digest(one.to_json())
                key = {"world": world.name, "prompt": prompt, "setting": label, "seed": seed, "config": of}
                key |= {"models": world.digest, "faces": digest(list(faces))}
                if records.find(key) is not None:
                    continue
                truth = truth or Truth.of(world.judge, PROMPTS[prompt], recipe=RECIPE, seeds=faces, frame=world.frame)
                if label == EXACT:
                    record = {"key": key, **plain(truth.ceiling(world.judge, prompt=prompt))}
                else:
                    direction, seconds = _found(world, prompt, label, one, folder)
                    alpha = 1.0 if equal is None else equal_alpha(world, direction, truth, equal)
                    record = {"key": key, "seconds": round(seconds, 1), "says": says(direction), "alpha": alpha}
                    record |= judge(world.judge, direction, truth, alpha=alpha)
                records.add(record)
                figures = " · ".join(cells([[record]]))
                print(f"{world.name:14s} {prompt:30s} {label}, seed {seed}: {figures}", flush=True)


def _found(world: HarderWorld, prompt: str, label: str, config: TrainConfig, folder: Path) -> tuple[Direction, float]:
    """The direction of a setting, and the seconds that it took."""
    if label != SKETCH and config.start != "atlas":
        return train(world.editor, prompt, config, folder=folder, models=world.digest)
    atlas = world.editor.atlas(tell=lambda done, total: done % 512 or print(f"{done} of {total} faces", flush=True))
    if label != SKETCH:
        return train(world.editor, prompt, config, folder=folder, models=world.digest)
    began = time.perf_counter()
    return world.editor.sketch(prompt, atlas=atlas), time.perf_counter() - began


def equal_alpha(world: HarderWorld, direction: Direction, truth: Truth, wanted: float) -> float:
    """The strength at which a share of the faces has the target; the strongest where even that is not enough."""
    found = strength_at(success_of(world.judge, direction, truth.before, truth.target), wanted)
    return STRENGTHS[-1] if found is None else found


COLUMNS = ("success", "strict", "outside / inside", "leakage", "says", "weak", "seconds")
EXTREMES = ("least success", "most outside", "says within 15 points")


def cells(sentences: Sequence[Sequence[Record]]) -> list[str]:
    """The figures of some sentences, each with its records of one world and setting, in the order of `COLUMNS`."""
    records = [one for sentence in sentences for one in sentence]
    told = [one["says"] for one in records if "says" in one]
    reached = [one["reached"] for one in told if one["reached"] is not None]
    seconds = [one["seconds"] for one in records if one.get("seconds") is not None]
    return [
        as_share(crossed(sentences, "success").mean),
        as_share(crossed(sentences, "strict").mean),
        f"{crossed(sentences, _ratio).mean:.3f}",
        as_share(1 - crossed(sentences, "kept").mean, 1),
        as_share(float(np.mean(reached))) if reached else "–",
        f"{sum(one['weak'] for one in told)} of {len(told)}" if told else "–",
        f"{np.mean(seconds):.0f}" if seconds else "–",
    ]


def _ratio(mean: Any) -> Any:
    return mean("outside") / mean("inside")


def _success(sentence: Sequence[Record]) -> float:
    return float(np.nanmean(grid(sentence, "success")))


def summary(sentences: Mapping[str, Sequence[Record]]) -> list[str]:
    """The means of a world and setting with their intervals, its worst sentences, and how far off the program was."""
    every = list(sentences.values())
    success, ratio = crossed(every, "success"), crossed(every, _ratio)
    worst = min(sentences, key=lambda prompt: _success(sentences[prompt]))
    ratios = {prompt: crossed([some], _ratio).mean for prompt, some in sentences.items()}
    farthest = max(ratios, key=lambda prompt: ratios[prompt])
    off = [
        abs(one["says"]["reached"] - _success([one]))
        for one in (one for sentence in every for one in sentence)
        if one.get("says", {}).get("reached") is not None
    ]
    figures = cells(every)
    figures[0] = f"**{success.mean:.0%}** {success.low:.0%}…{success.high:.0%}"
    figures[2] = f"**{ratio.mean:.3f}** {ratio.low:.3f}…{ratio.high:.3f}"
    return [
        *figures,
        f"{worst} {as_share(_success(sentences[worst]))}",
        f"{farthest} {ratios[farthest]:.3f}",
        f"{sum(one <= 0.15 for one in off)} of {len(off)}" if off else "–",
    ]


def latest(records: Sequence[Record]) -> list[Record]:
    """Of the records of the same world, sentence, setting and seed the last: networks or the default have changed."""
    what = ("world", "prompt", "setting", "seed")
    return list({tuple(one["key"][name] for name in what): one for one in records}.values())


def table(records: Sequence[Record], *, details: bool = True) -> str:
    """Markdown: a row for each world and setting, and then one for each sentence of them."""
    rows: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for one in latest(records):
        key = one["key"]
        rows.setdefault((key["world"], key["setting"]), {}).setdefault(key["prompt"], []).append(one)
    names: tuple[str, ...] = ("world", "setting", "sentences × seeds", *COLUMNS, *EXTREMES)
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for (world, setting), sentences in rows.items():
        seeds = max(len(some) for some in sentences.values())
        lines.append(f"| {world} | {setting} | {len(sentences)} × {seeds} | {' | '.join(summary(sentences))} |")
    if details:
        names = ("world", "setting", "sentence", *COLUMNS)
        lines += ["", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        for (world, setting), sentences in rows.items():
            for prompt, some in sentences.items():
                lines.append(f"| {world} | {setting} | {prompt} | {' | '.join(cells([some]))} |")
    return "\n".join(lines)


def configs(
    settings: Sequence[str], changes: Sequence[str] = (), *, label: str = "", equal: float | None = None
) -> dict[str, TrainConfig]:
    """Label -> config, for names of `SETTINGS`, `EXACT` and `SKETCH`.

    Args:
        settings: the names.
        changes: ``name=value`` of training options, the same for all of them; in the labels, as all that follows.
        label: what else is otherwise.
        equal: success at which is judged.
    Raises:
        InputError: no such option, or a value out of range.
    """
    values = dict(parse_setting(text) for text in changes)
    others = [*changes, *([label] if label else []), *([] if equal is None else [f"at {equal:.0%}"])]
    out = {", ".join([name, *others]): SETTINGS[name]().replace(**values) for name in settings if name not in _PLAIN}
    return {name: TrainConfig() for name in _PLAIN if name in settings} | out


def shared(args: argparse.Namespace) -> Callable[[tuple[str, str, str, int], Turn], None]:
    """What a worker does with a world, a sentence, a setting and a training seed: see `measured`."""
    warnings.simplefilter("ignore", EclipsedWarning)
    place = Place(args.work, args.device)

    @lru_cache(maxsize=1)
    def world(name: str) -> HarderWorld:
        return load(name, place)

    def piece(task: tuple[str, str, str, int], _: Turn) -> None:
        name, prompt, setting, seed = task
        _measured(args, world(name), [prompt], [setting], [seed])

    return piece


def _records(args: argparse.Namespace) -> Records:
    return Records(args.json or args.work / "worlds" / "records.json")


def _measured(
    args: argparse.Namespace, world: HarderWorld, prompts: Sequence[str], settings: Sequence[str], seeds: Sequence[int]
) -> None:
    kept = args.work / "worlds" / "directions"
    measured(
        world,
        _records(args),
        prompts,
        configs(settings, args.config, label=args.label, equal=args.equal),
        seeds,
        faces=parse_seeds(args.faces),
        folder=kept / digest(args.label) if args.label else kept,
        equal=args.equal,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=["cheap"], metavar="WORLD")
    parser.add_argument("--prompts", nargs="+", default=list(SENTENCES), choices=list(PROMPTS), metavar="PROMPT")
    parser.add_argument("--settings", nargs="+", default=["default"], choices=[*SETTINGS, *_PLAIN], metavar="NAME")
    parser.add_argument("--config", nargs="+", default=[], metavar="NAME=VALUE", help="training options to change")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="training seeds")
    parser.add_argument("--faces", default=f"{FACES[0]}-{FACES[-1]}", help="held-out faces, such as 2000-2063")
    parser.add_argument("--label", default="", metavar="TEXT", help="what is otherwise, where it is no option")
    parser.add_argument("--equal", type=float, default=None, metavar="SHARE", help="success at which to judge")
    parser.add_argument("--work", type=Path, default=Path("work"), help="where worlds and directions are kept")
    parser.add_argument("--json", type=Path, default=None, help="the records; WORK/worlds/records.json when not given")
    parser.add_argument("--device", default=None)
    parser.add_argument("--table", action="store_true", help="only print what is there already")
    crew_options(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", EclipsedWarning)
    worlds = named(args.worlds)
    crew = crew_of(args)
    if crew is not None and not args.table:
        share(partial(shared, args), list(product(worlds, args.prompts, args.settings, args.seeds)), crew)
    elif not args.table:
        place = Place(args.work, args.device)
        print(measuring.describe(place.device), flush=True)
        for name in worlds:
            _measured(args, load(name, place), args.prompts, args.settings, args.seeds)
    print(table([one for one in _records(args).all() if one["key"]["world"] in worlds]))


if __name__ == "__main__":
    main()
