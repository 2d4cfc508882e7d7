"""Seconds and memory of one training step at the size of the real networks, beside the original code's step, and with
two and three CLIPs at once.

Run from the checkout: ``python -m benchmarks.train_step --resolution 256``. The weights are random; speed does not
depend on them. Every variant runs in a process of its own, so that each has its own peak of memory. Printed are the
seconds of a step and of its stages, the operations and bytes that it asks for, and the floor: the time that the
machine's own best rates, measured in the same run, would need for its convolutions and matrix products alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks import full_size, measuring
from benchmarks.original import Original
from eclipsed import TrainConfig
from eclipsed.compute.devices import as_device
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training import batches
from eclipsed.training.batches import step_rng
from eclipsed.training.descent import AdamState, advance
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss

__all__ = ["main"]

STAGES = ("mapping", "synthesis before", "synthesis after", "parser", "CLIP", "backward", "optimiser", "other")

#: our step in several settings; all rows of ws are learned unless it says otherwise
OURS: dict[str, dict[str, Any]] = {
    "default": {},
    "no-graphs": {},
    "float32": {"precision": "float32"},
    "begun-once": {"begun": True},
    "float32-once": {"begun": True, "precision": "float32"},
    "float32-four": {"begun": True, "precision": "float32", "reuse": 4},
    "upper-rows": {"layers": "upper"},
    "low-memory": {"low_memory": True},
    "two-clips": {"clips": 2},
    "three-clips": {"clips": 3},
}
#: number of the first step: in the second half of a training every term of the loss is there
LATE = 60

VARIANTS = ("original", "report", *OURS)

Step = Callable[[int, measuring.Stopwatch], object]


def ours(
    config: TrainConfig, networks: tuple[Any, Any, Any], watch: measuring.Stopwatch, *, begun: bool = False
) -> tuple[Step, torch.dtype]:
    """One step of this library's training, with its stages watched.

    Args:
        config: of the training.
        networks: generator, parser, CLIP.
        watch: counts the seconds of each stage.
        begun: draw what the start makes of the faces once for all their steps, as a training from the atlas does.
    """
    generator, parser, clip = networks
    region = Region.from_prompt(full_size.PROMPT)
    reading = read(full_size.PROMPT, world=parser.world)
    task = Task.of(reading, generator=generator, parser=parser, clip=clip, region=region, config=config)
    loss = Loss(task)
    space = make_space("W+", generator, layers=None if isinstance(config.layers, str) else config.layers)
    start = space.start(1, kind=config.start, scale=config.start_scale, rng=step_rng(0, 0, 1))
    state = [AdamState.start(start.to(generator.device))]
    loss.anchor = state[0].deltas[0].clone()  # as where the faces told it, which the term of fidelity draws again
    if begun:
        loss.batches.begin_with(space, loss.anchor)

    def drawing() -> str:
        return "synthesis after" if torch.is_grad_enabled() else "synthesis before"

    if not loss.batches.recordable:  # what a CUDA graph replays has no stages
        watch.watch(generator, "mapping", "mapping")
        watch.watch(generator, "synthesis", drawing)
        watch.watch(generator, "prefix", "synthesis before")
        watch.watch(parser, "labels", "parser")
        watch.watch(clip, "encode_images", "CLIP")
        watch.watch(torch.autograd, "grad", "backward")
        watch.watch(sys.modules["eclipsed.training.descent"], "adam", "optimiser")
        watch.watch(space, "constrain", "optimiser")

    def step(number: int, watch: measuring.Stopwatch) -> None:
        at, shared = batches.Step(number, task.config.steps, row=min(space.rows)), config.optimiser == "shared"
        state[0], _ = advance(loss, loss.batches.of(at), space, state[0], step=at, rate=0.01, shared=shared)
        watch.done("other")

    return step, task.dtype or torch.float32


def build(variant: str, args: argparse.Namespace) -> tuple[Step, torch.dtype, measuring.Stopwatch, int]:
    """The step of a variant, its format, its stopwatch, and how many steps the same faces serve."""
    device = as_device(args.device)
    name = str(device)
    generator = full_size.generator(args.resolution, name)
    changes = dict(OURS.get(variant, {}))
    begun = changes.pop("begun", False)
    parser, clip = full_size.parser(name), full_size.clips(changes.pop("clips", 1), name)
    watch = measuring.Stopwatch(device)
    if variant == "original":
        original = Original(generator, parser, full_size.clip(name), prompt=full_size.PROMPT, batch=args.batch)
        return (lambda number, watch: original.step(number, watch.done)), torch.float32, watch, 1
    if variant == "report":
        config = TrainConfig.report(batch=args.batch)
    else:
        if changes.get("layers") == "upper":  # where colours lie
            changes["layers"] = tuple(range(generator.num_ws // 2, generator.num_ws))
        config = TrainConfig(batch=args.batch, calibrate=False).replace(**{"layers": None, **changes})
    step, dtype = ours(config, (generator, parser, clip), watch, begun=begun)
    return step, dtype, watch, config.reuse


def measure(variant: str, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds, stages, memory and counts of a variant, in this process."""
    if variant == "no-graphs":
        os.environ["ECLIPSED_GRAPHS"] = "0"
    step, dtype, watch, group = build(variant, args)
    numbers = itertools.count(LATE)

    def steps() -> None:
        for number in itertools.islice(numbers, group):
            step(number, watch)

    watch.start()
    for _ in range(args.warm_up):
        steps()
    stages = []
    for _ in range(args.steps):
        watch.seconds.clear()
        watch.start()
        steps()
        stages.append({name: seconds / group for name, seconds in watch.seconds.items()})
    peak = measuring.peak_memory(watch.device)  # before the counting, which keeps books of its own
    counted = measuring.count(steps)
    return {
        "variant": variant,
        "dtype": str(dtype).removeprefix("torch."),
        "seconds": statistics.median(sum(one.values()) for one in stages),
        "stages": {name: statistics.median(one.get(name, 0.0) for one in stages) for name in STAGES},
        "peak_bytes": peak,
        "operations": counted.operations // group,
        "product_bytes": counted.product_bytes // group,
        "moved_bytes": counted.moved_bytes // group,
    }


def in_own_process(variant: str, args: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.train_step", "--one", variant]
    for name in ("resolution", "batch", "steps", "warm_up"):
        command += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    command += ["--device", args.device] if args.device else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def line(row: dict[str, Any], base: dict[str, Any] | None) -> str:
    """A row of the table, with its ratios to the original's step."""
    text = f"{row['variant']:11s} {row['dtype']:9s} {row['seconds']:8.3f} s {row['peak_bytes'] / 1e9:6.2f} GB"
    text += f" {row['operations'] / 1e9:8.0f} G  {row['moved_bytes'] / 1e9:6.1f} GB  floor {row['floor']:7.3f} s"
    text += f" (x{row['seconds'] / row['floor']:.2f})"
    if base is not None and base is not row:
        faster, memory = base["seconds"] / row["seconds"], row["peak_bytes"] / base["peak_bytes"]
        text += f"  {faster:.1f} x faster, {memory:.0%} of the memory"
    return text + "\n" + " " * 12 + "  ".join(f"{name} {row['stages'][name]:.3f}" for name in STAGES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=256, help="side of the generator's pictures")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument(
        "--steps", type=int, default=3, help="times that are taken, each of the steps that share their faces"
    )
    parser.add_argument("--warm-up", type=int, default=1, help="such times before them; with CUDA graphs at least 4")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--device", default=None)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args)))
        return
    device = as_device(args.device)
    rates = measuring.ceilings(device)
    print(f"{measuring.describe(device)}; {rates}", flush=True)
    rows: list[dict[str, Any]] = []
    for variant in args.variants:
        row = in_own_process(variant, args)
        counted = measuring.Counted(*(row[name] for name in ("operations", "product_bytes", "moved_bytes")))
        rows.append({**row, "floor": rates.floor(counted, getattr(torch, row["dtype"]))})
        base = rows[0] if rows[0]["variant"] == "original" else None
        print(line(rows[-1], base), flush=True)
    if args.json:
        record = {"device": measuring.describe(device), "date": date.today().isoformat(), **vars(rates)}
        shown = {**record, "resolution": args.resolution, "batch": args.batch, "rows": rows}
        args.json.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
