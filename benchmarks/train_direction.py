"""Seconds to a given held-out success on ``mini``: our default, plain float32, the atlas, and the report's setting.

Run from the checkout: ``python -m benchmarks.train_direction``. Each sentence is trained with each setting, or
sketched, and judged, at alpha = 1, on 64 faces that training never saw by the set's classifier, which takes no part in
training. The report's setting is given longer and longer runs until it reaches the success that each of ours reached,
the last of them of about `--patience` times the default's time. Its direction is not calibrated, as in the report;
`--alphas` lets it be judged at its best strength among several all the same. Seconds are those of the processor, all
threads together, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks import measuring
from eclipsed import Direction, Editor, TrainConfig
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.evaluation.results import Strength
from recipes.mini.targets import PROMPTS

__all__ = ["main"]

SENTENCES = ("a person with blond hair", "a person with the mouth open", "a person with glasses", "dark skin")
SEEDS = tuple(range(5000, 5064))


def judged(editor: Editor, direction: Direction, prompt: str, alphas: tuple[float, ...]) -> Strength:
    """The strength at which most faces changed."""
    found = evaluate(editor, direction, seeds=SEEDS, alphas=alphas, target=PROMPTS[prompt]).strengths
    return max(found, key=lambda one: one.success.mean if one.success else 0.0)


def row(name: str, prompt: str, seconds: float, steps: int, found: Strength) -> dict[str, Any]:
    assert found.success is not None
    assert found.kept is not None
    return {
        "prompt": prompt,
        "setting": name,
        "steps": steps,
        "seconds": round(seconds, 2),
        "alpha": found.alpha,
        "success": found.success.mean,
        "interval": [found.success.low, found.success.high],
        "leakage": 1 - found.kept.mean,
    }


def train(editor: Editor, prompt: str, config: TrainConfig | None) -> tuple[Direction, float]:
    """A direction that was trained, or sketched where there is no config, and the seconds that it took."""
    began = time.process_time()
    direction = editor.sketch(prompt) if config is None else editor.train(prompt, config=config)
    return direction, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", nargs="+", default=list(SENTENCES), choices=list(PROMPTS))
    parser.add_argument("--patience", type=float, default=10.0)
    parser.add_argument("--alphas", type=float, nargs="+", default=[1.0, 2.0, 4.0], help="of the report's directions")
    parser.add_argument("--device", default=None)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/train_direction.json"))
    args = parser.parse_args()
    editor = Editor.from_pretrained("mini", args.device)
    print(measuring.describe(editor.generator.device))
    rows: list[dict[str, Any]] = []

    def note(*facts: Any) -> dict[str, Any]:
        rows.append(row(*facts))
        one = rows[-1]
        low, high = one["interval"]
        print(
            f"{one['prompt']:30s} {one['setting']:12s} {one['steps']:6d} steps {one['seconds']:7.1f} s  "
            f"success {one['success']:4.0%} [{low:.0%}, {high:.0%}]  leakage {one['leakage']:.1%}  at {one['alpha']:g}",
            flush=True,
        )
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        return one

    editor.sketch("a person with freckles")  # everything is loaded, for all alike
    ours: dict[str, TrainConfig | None] = {
        "default": TrainConfig(),
        "float32": TrainConfig(precision="float32"),
        "from the atlas": TrainConfig.from_atlas(),
        "sketch": None,
    }
    for prompt in args.sentences:
        found = {}
        for name, config in ours.items():
            direction, seconds = train(editor, prompt, config)
            steps = 0 if config is None else config.steps
            found[name] = note(name, prompt, seconds, steps, judged(editor, direction, prompt, (1.0,)))
        goal, budget = max(one["success"] for one in found.values()), args.patience * found["default"]["seconds"]
        runs, steps, most = [], 200, 200
        while True:
            direction, seconds = train(editor, prompt, TrainConfig.report(steps=steps))
            runs.append(note("report", prompt, seconds, steps, judged(editor, direction, prompt, tuple(args.alphas))))
            most = max(most, round(budget / seconds * steps))
            if runs[-1]["success"] >= goal or steps * 1.1 > most:
                break
            steps = min(4 * steps, most)
        for name, one in found.items():
            print(f"{prompt}: {verdict(runs, one)}, beside {name}")


def verdict(runs: list[dict[str, Any]], ours: dict[str, Any]) -> str:
    """How long the report's setting takes to the success of one of ours, in times of its seconds."""
    reached = [one for one in runs if one["success"] >= ours["success"]]
    if not reached:
        return f"the report's setting did not reach it in {runs[-1]['seconds'] / ours['seconds']:.1f} times the time"
    return f"the report's setting reached it in {reached[0]['seconds'] / ours['seconds']:.1f} times the time"


if __name__ == "__main__":
    main()
