"""A training step in every variant beside the original's, and where its time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from benchmarks import full_size, measuring
from benchmarks.gpu.run import Run
from benchmarks.measuring import graphs
from benchmarks.original import Original
from eclipsed import TrainConfig
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.batches import Step, step_rng
from eclipsed.training.descent import AdamState, advance
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss

__all__ = ["steps"]

STEP = 60  # of 120: from here on every term of the loss is there


def steps(run: Run) -> list[dict[str, Any]]:
    """A training step, the original's first."""
    upper = tuple(range(run.networks[0].num_ws // 2, run.networks[0].num_ws))
    default = TrainConfig(batch=2, layers=None, calibrate=False)
    rows = [_original(run)]
    for name, config, on in (
        ("report", TrainConfig.report(batch=2), True),
        ("default", default, True),
        ("default, upper rows", default.replace(layers=upper), True),
        ("default, batch 4", default.replace(batch=4), True),
        ("no graphs", default, False),
        ("no graphs, float32", default.replace(precision="float32"), False),
        ("low memory", default.replace(low_memory=True), True),
    ):
        with graphs(on):
            rows.append(_ours(run, name, config))
        row, base = rows[-1], rows[0]
        row["faster"], row["memory"] = base["seconds"] / row["seconds"], row["gb"] / base["gb"]
        print(
            f"{'':20s} {row['faster']:.1f} x faster than the original's, {row['memory']:.0%} of its memory", flush=True
        )
    with graphs(False):
        rows.append(_stages(run, default))
    return rows


def _original(run: Run) -> dict[str, Any]:
    generator, parser, clip = run.networks
    with run.memory() as memory:
        original = Original(generator, parser, clip, prompt=full_size.PROMPT, batch=2)
        seconds = _timed(run, lambda number: original.step(number), 1, 3)
    for network in (generator.network, parser.network, clip.network):
        network.requires_grad_(False)
        for parameter in network.parameters():
            parameter.grad = None
    return _step_row("original", seconds, memory)


def _ours(run: Run, name: str, config: TrainConfig) -> dict[str, Any]:
    loss = _loss(run, config)
    try:
        with run.memory() as memory:
            step = _stepper(loss)
            seconds = _timed(run, step, 6, run.steps)
    finally:
        loss.task.recorder.clear()
    return {**_step_row(name, seconds, memory), "recordings": int(loss.batches.recordable)}


def _loss(run: Run, config: TrainConfig) -> Loss:
    generator, parser, clip = run.networks
    region = Region.from_parts(["hair"])
    reading = read(full_size.PROMPT, world=parser.world)
    return Loss(Task.of(reading, generator=generator, parser=parser, clip=clip, region=region, config=config))


def _stepper(loss: Loss) -> Callable[[int], object]:
    config = loss.task.config
    layers = None if isinstance(config.layers, str) else config.layers
    space = make_space("W+", loss.task.generator, layers=layers)
    state = [AdamState.start(space.start(1, kind=config.start, scale=config.start_scale, rng=step_rng(0, 0, 1)))]

    def step(number: int) -> None:
        at, shared = Step(STEP + number, config.steps, row=min(space.rows)), config.optimiser == "shared"
        state[0], _ = advance(loss, loss.batches.of(at), space, state[0], step=at, rate=0.01, shared=shared)

    return step


def _timed(run: Run, step: Callable[[int], object], warm_up: int, count: int) -> float:
    for number in range(warm_up):
        step(number)
    measuring.synchronise(run.device)
    began = time.perf_counter()
    for number in range(warm_up, warm_up + count):
        step(number)
    measuring.synchronise(run.device)
    return (time.perf_counter() - began) / count


def _step_row(name: str, seconds: float, memory: dict[str, float]) -> dict[str, Any]:
    held = f", {memory['held_gb']:.2f} held" if "held_gb" in memory else ""
    print(f"{name:20s} {1e3 * seconds:8.2f} ms  {memory['gb']:6.2f} GB{held}", flush=True)
    return {"variant": name, "seconds": seconds, **memory}


def _stages(run: Run, config: TrainConfig) -> dict[str, Any]:
    """Where the time of a step without graphs goes; the device is waited for after each stage."""
    loss = _loss(run, config)
    generator, parser, clip = run.networks
    step, watch = _stepper(loss), measuring.Stopwatch(run.device)

    def drawing() -> str:
        return "synthesis after" if torch.is_grad_enabled() else "synthesis before"

    undo = [
        watch.watch(generator, "mapping", "mapping"),
        watch.watch(generator, "synthesis", drawing),
        watch.watch(parser, "labels", "parser"),
        watch.watch(clip, "encode_images", "CLIP"),
        watch.watch(torch.autograd, "grad", "backward"),
    ]
    try:
        step(0)
        watch.seconds.clear()
        watch.start()
        for number in range(1, 6):
            step(number)
        watch.done("other")
    finally:
        for one in undo:
            one()
    counted = measuring.count(lambda: step(9))
    stages = {name: seconds / 5 for name, seconds in watch.seconds.items()}
    floor = run.rates.floor(counted, loss.task.dtype or torch.float32)
    print(
        "stages: "
        + "  ".join(f"{name} {1e3 * s:.1f} ms" for name, s in stages.items())
        + f"; floor {1e3 * floor:.2f} ms"
    )
    return {"variant": "stages without graphs", "stages": stages, "floor": floor, **asdict(counted)}
