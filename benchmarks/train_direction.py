"""Seconds to a given held-out success on ``mini``: our default, plain float32, and the report's setting.

Run from the checkout: ``python -m benchmarks.train_direction``. Each sentence is trained with each setting and judged,
at alpha = 1, on 64 faces that training never saw by the set's classifier, which takes no part in training. The
report's setting is given longer and longer runs until it reaches the success that the default reached, the last of them
of about `--patience` times the default's time. Its direction is not calibrated, as in the report; `--alphas` lets it be
judged at its best strength among several all the same.
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
from recipes.mini.measure import PROMPTS

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
        "seconds": round(seconds, 1),
        "alpha": found.alpha,
        "success": found.success.mean,
        "interval": [found.success.low, found.success.high],
        "leakage": 1 - found.kept.mean,
    }


def train(editor: Editor, prompt: str, config: TrainConfig) -> tuple[Direction, float]:
    began = time.perf_counter()
    direction = editor.train(prompt, config=config)
    return direction, time.perf_counter() - began


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

    for prompt in args.sentences:
        default = TrainConfig()
        direction, ours = train(editor, prompt, default)
        reached = note("default", prompt, ours, default.steps, judged(editor, direction, prompt, (1.0,)))["success"]
        plain = TrainConfig(precision="float32")
        direction, seconds = train(editor, prompt, plain)
        note("float32", prompt, seconds, plain.steps, judged(editor, direction, prompt, (1.0,)))
        steps, most = 200, 200
        while True:
            direction, seconds = train(editor, prompt, TrainConfig.report(steps=steps))
            found = judged(editor, direction, prompt, tuple(args.alphas))
            success = note("report", prompt, seconds, steps, found)["success"]
            most = max(most, round(args.patience * ours / seconds * steps))
            if success >= reached or steps * 1.1 > most:
                break
            steps = min(4 * steps, most)
        verdict = "reached it" if success >= reached else "did not reach it"
        print(f"{prompt}: the report's setting {verdict} in {seconds / ours:.1f} times the default's time", flush=True)


if __name__ == "__main__":
    main()
