"""What people wait for: edits, whole directions; and what the directions are worth."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from benchmarks import full_size
from benchmarks.edit import ALPHAS, random_direction
from benchmarks.gpu.run import Run
from benchmarks.measuring import graphs
from benchmarks.train_direction import SENTENCES, judged
from eclipsed import Editor, TrainConfig, TrainStep
from eclipsed.editing.moving import ladder
from eclipsed.errors import EclipsedWarning
from eclipsed.prompts.region import Region

__all__ = ["directions", "edits", "quality"]


def edits(run: Run) -> list[dict[str, Any]]:
    """Edits with the large generator and with mini."""
    generator = run.networks[0]
    large = Editor(generator, lambda: run.networks[1], lambda: run.networks[2])
    rows = []
    for name, editor in ((f"{run.resolution} px", large), ("mini", run.mini)):
        for on in (True, False):
            with graphs(on):
                rows.append(_edited(run, name, editor, on))
            editor.generator.recorder.clear()
    return rows


def _edited(run: Run, name: str, editor: Editor, on: bool) -> dict[str, Any]:
    direction = random_direction(editor.generator, region=Region.from_parts(["hair"]))
    with run.memory() as memory, torch.no_grad():
        one, many = editor.sample(seeds=[1]), editor.sample(seeds=range(8))
        prefix = one.latent.prefix(editor.generator, min(direction.layers))

        def slide() -> None:
            space = direction.space_of(editor.generator)
            moved = space.move(one.latent, direction.deltas[0].to(run.device), 0.7 * direction.scale)
            moved.render(editor.generator, prefix=prefix)

        times = {
            "one": run.seconds(partial(editor.edit, one, direction, 0.7)),
            "eight": run.seconds(partial(editor.edit, many, direction, 0.7), repeat=5),
            "slider": run.seconds(slide),
            "strip of nine": run.seconds(partial(ladder, editor.generator, one, direction, ALPHAS), repeat=5),
        }
    shown = "  ".join(f"{what} {1e3 * seconds:.2f} ms" for what, seconds in times.items())
    print(f"{name:8s} {'with' if on else 'without'} graphs: {shown}  {memory['gb']:.2f} GB", flush=True)
    return {"networks": name, "graphs": on, **times, **memory}


def directions(run: Run) -> list[dict[str, Any]]:
    """Seconds of a whole direction, trial of rows and calibration with it; the first one also loads and builds."""
    rows = []
    generator, parser, clip = run.networks
    for name, editor in (
        (f"{run.resolution} px, random weights", Editor(generator, parser, clip)),
        ("mini", run.mini),
    ):
        for turn in range(2):
            with run.memory() as memory:
                _, times = trained(editor, full_size.PROMPT, ["hair"], TrainConfig(seed=turn))
            rows.append({"networks": name, "turn": turn + 1, **times, **memory})
            shown = "  ".join(f"{what} {seconds:.2f} s" for what, seconds in times.items())
            print(f"{name}, {'again' if turn else 'first'}: {shown}  {memory['gb']:.2f} GB", flush=True)
    return rows


def trained(editor: Editor, prompt: str, region: Sequence[str], config: TrainConfig) -> tuple[Any, dict[str, float]]:
    """A direction, and its seconds by phases."""
    ends: dict[str, float] = {}

    def tell(event: TrainStep) -> None:
        ends[event.phase] = time.perf_counter()

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weak:", EclipsedWarning)
        last = began = time.perf_counter()
        direction = editor.train(prompt, region=region, config=config, callback=tell)
    times = {"all": time.perf_counter() - began}
    for phase, end in ends.items():
        times[phase], last = end - last, end
    return direction, times


def quality(run: Run) -> list[dict[str, Any]]:
    """Success and leakage on held-out faces of mini, with everything that makes it fast and in plain float32."""
    rows = []
    for prompt in SENTENCES:
        for setting, config, on in (
            ("default", TrainConfig(), True),
            ("float32", TrainConfig(precision="float32"), False),
        ):
            with graphs(on):
                direction, times = trained(run.mini, prompt, Region.from_prompt(prompt).parts, config)
            found = judged(run.mini, direction, prompt, (1.0,))
            assert found.success is not None
            assert found.kept is not None
            leakage = [1 - found.kept.high, 1 - found.kept.low]
            rows.append(
                {
                    "prompt": prompt,
                    "setting": setting,
                    "seconds": times["all"],
                    "layers": list(direction.layers),
                    "success": found.success.mean,
                    "interval": [found.success.low, found.success.high],
                    "leakage": 1 - found.kept.mean,
                    "leakage_interval": leakage,
                }
            )
            print(
                f"{prompt:30s} {setting:8s} {times['all']:6.2f} s  success {found.success.mean:4.0%} "
                f"[{found.success.low:.0%}, {found.success.high:.0%}]  leakage {1 - found.kept.mean:.1%} "
                f"[{leakage[0]:.1%}, {leakage[1]:.1%}]  rows {min(direction.layers)}-{max(direction.layers)}",
                flush=True,
            )
    return rows
