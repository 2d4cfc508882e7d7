"""Everything that wants a GPU, in one run of a few minutes: ceilings, kernels, synthesis, steps, edits, directions.

Run from the checkout: ``python -m benchmarks.gpu``. Architectures at full size have random weights, on which speed does
not depend; what directions are worth is judged on ``mini``. Ratios are of numbers of the same run. Each section writes
its part of ``benchmarks/gpu.json`` as soon as it is done, and one that fails leaves the others alone.

Sections that are not asked for stay in the file as they were.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import full_size, measuring
from benchmarks.edit import ALPHAS, random_direction
from benchmarks.measuring import graphs
from benchmarks.original import Original
from benchmarks.train_direction import SENTENCES, judged
from eclipsed import Editor, TrainConfig, TrainStep
from eclipsed.compute.precision import compute_dtype
from eclipsed.editing.moving import ladder
from eclipsed.errors import EclipsedWarning
from eclipsed.latents.spaces import make_space
from eclipsed.networks import ops
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.batches import Step, step_rng
from eclipsed.training.descent import AdamState, advance
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss

__all__ = ["main"]

STEP = 60  # of 120: from here on every term of the loss is there
FP32 = torch.float32


@dataclass
class Run:
    """One run on one device.

    Args:
        device: of everything.
        resolution: side of the large architecture's pictures.
        steps: that are timed.
        out: where the results go.
        results: by section.
    """

    device: torch.device
    resolution: int
    steps: int
    out: Path
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def short(self) -> torch.dtype:
        """The format that is fast here."""
        return compute_dtype("auto", self.device)

    @cached_property
    def rates(self) -> measuring.Ceilings:
        return measuring.ceilings(self.device)

    @cached_property
    def networks(self) -> tuple[Any, Any, Any]:
        name = str(self.device)
        return full_size.generator(self.resolution, name), full_size.parser(name), full_size.clip(name)

    @cached_property
    def mini(self) -> Editor:
        editor = Editor.from_pretrained("mini", self.device)
        assert editor.parser
        assert editor.clip
        return editor

    def device_seconds(self, call: Callable[[], object], *, inner: int = 10, repeat: int = 10) -> float:
        """Seconds on the device alone, where that can be told."""
        if self.device.type == "cuda":
            return measuring.seconds_in_graph(call, self.device, inner=inner, repeat=repeat)
        return measuring.seconds_of(call, self.device, repeat=3)

    def seconds(self, call: Callable[[], object], *, repeat: int = 10, warm_up: int = 4) -> float:
        return measuring.seconds_of(call, self.device, repeat=repeat, warm_up=warm_up)

    @contextmanager
    def memory(self) -> Iterator[dict[str, float]]:
        """Fills in the most memory that was in use, and that was held, in GB."""
        found: dict[str, float] = {}
        self.tidy()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        yield found
        found["gb"] = measuring.peak_memory(self.device) / 1e9
        if self.device.type == "cuda":
            found["held_gb"] = torch.cuda.max_memory_reserved(self.device) / 1e9

    def tidy(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.empty_cache()


def machine(run: Run) -> dict[str, Any]:
    """What it runs on."""
    found = {
        "device": measuring.describe(run.device),
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "python": platform.python_version(),
        "short format": str(run.short)[6:],
    }
    print(", ".join(f"{name} {value}" for name, value in found.items()))
    return found


def ceilings(run: Run) -> dict[str, Any]:
    """What the machine can do at best."""
    print(run.rates)
    return asdict(run.rates)


# --- kernels


def fused(run: Run) -> list[dict[str, Any]]:
    """Each fused operation beside the reference at every size that the large generator uses it at."""
    generator = run.networks[0]
    f = generator.network.synthesis.resample_filter
    rows = []
    for dtype, last in ((run.short, True), (FP32, False)):
        for side, channels in generator.config.channels:
            for name, call in _operations(side, channels, f, dtype, last, run.device).items():
                rows.append(_fused_row(run, name, side, channels, dtype, call))
    slower = [f"{row['operation']} {row['side']} {row['dtype']}" for row in rows if min(row["faster"]) < 1]
    print(f"slower than the reference: {', '.join(slower) or 'none'}")
    return rows


Operation = tuple[torch.Tensor, Callable[[torch.Tensor, str], torch.Tensor]]


def _operations(
    side: int, channels: int, f: torch.Tensor, dtype: torch.dtype, last: bool, device: torch.device
) -> dict[str, Operation]:
    layout = torch.channels_last if last else torch.contiguous_format

    def rand(channels: int, side: int, dtype: torch.dtype) -> torch.Tensor:
        return torch.randn(2, channels, side, side, device=device, dtype=dtype).contiguous(memory_format=layout)

    b = torch.randn(channels, device=device, dtype=dtype)
    found: dict[str, Operation] = {
        "bias_act": (
            rand(channels, side, dtype),
            lambda x, impl: ops.bias_act(x, b, act="lrelu", clamp=256.0, impl=impl),
        )
    }
    if side > 4:
        found["upfirdn2d"] = (
            rand(channels, side + 1, dtype),
            lambda x, impl: ops.upfirdn2d(x, f, padding=1, gain=4.0, impl=impl),
        )
        found["upsample"] = (
            rand(3, side // 2, FP32),
            lambda x, impl: ops.upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4.0, impl=impl),
        )
    return found


def _fused_row(
    run: Run, name: str, side: int, channels: int, dtype: torch.dtype, operation: Operation
) -> dict[str, Any]:
    x, call = operation
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.no_grad():
        grad = torch.randn_like(call(x, "reference"))

    def forward(impl: str) -> None:
        with torch.no_grad():
            call(x, impl)

    def both(impl: str) -> None:
        torch.autograd.grad(call(leaf, impl), leaf, grad)

    times = {}
    for impl in ("reference", "fused") if run.device.type == "cuda" else ("reference", "reference"):
        times[impl] = [run.device_seconds(partial(each, impl)) for each in (forward, both)]
    faster = [a / b for a, b in zip(times["reference"], times.get("fused", times["reference"]), strict=True)]
    row = {"operation": name, "side": side, "channels": channels, "dtype": str(dtype)[6:], **times, "faster": faster}
    shown = "  ".join(f"{impl} {1e6 * t[0]:8.1f} {1e6 * t[1]:8.1f} us" for impl, t in times.items())
    print(
        f"{name:10s} {side:5d} px {row['dtype']:9s} {shown}  {faster[0]:.1f} and {faster[1]:.1f} x faster", flush=True
    )
    return row


# --- drawing


@torch.no_grad()
def synthesis(run: Run) -> list[dict[str, Any]]:
    """The large generator's pictures beside their floor, resolution by resolution."""
    generator = run.networks[0]
    rows = []
    for dtype, batch in ((run.short, 1), (run.short, 8), (FP32, 1), (FP32, 8)):
        ws = generator.network.mapping(generator.z(range(batch)))
        before, spent = measuring.Counted(), 0.0
        for side in generator.config.resolutions:
            draw = partial(generator.network.synthesis, ws, SynthesisOptions(resolution=side, dtype=dtype))
            seconds = run.device_seconds(draw, inner=2, repeat=5)
            counted = measuring.count(draw)
            own = measuring.Counted(
                counted.operations - before.operations, counted.product_bytes - before.product_bytes
            )
            rows.append(_drawn(run, side, batch, dtype, own, max(seconds - spent, 1e-9)))
            before, spent = counted, seconds
        whole = _drawn(run, 0, batch, dtype, before, spent)
        for on in (True, False):
            with graphs(on):
                draw = partial(generator.synthesis, ws, SynthesisOptions(dtype=dtype))
                whole["with graphs" if on else "without"] = run.seconds(draw)
        print(
            f"  called: {1e3 * whole['with graphs']:.2f} ms, without graphs {1e3 * whole['without']:.2f} ms", flush=True
        )
        rows.append(whole)
    return rows


def _drawn(
    run: Run, side: int, batch: int, dtype: torch.dtype, counted: measuring.Counted, seconds: float
) -> dict[str, Any]:
    floor = run.rates.floor(counted, dtype)
    what = f"{side} px" if side else "whole"
    print(
        f"{what:8s} x{batch} {str(dtype)[6:]:9s} {counted.operations / 1e9:8.1f} GFLOP {1e3 * seconds:8.3f} ms "
        f" floor {1e3 * floor:7.3f} ms  {floor / seconds:4.0%} of the floor's speed",
        flush=True,
    )
    return {
        "side": side,
        "batch": batch,
        "dtype": str(dtype)[6:],
        "seconds": seconds,
        "floor": floor,
        **asdict(counted),
    }


# --- a training step


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


# --- edits


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


# --- directions


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


SECTIONS: dict[str, Callable[[Run], Any]] = {
    "machine": machine,
    "ceilings": ceilings,
    "step": steps,
    "edit": edits,
    "direction": directions,
    "synthesis": synthesis,
    "fused": fused,
    "quality": quality,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=20, help="training steps that are timed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/gpu.json"))
    args = parser.parse_args()
    run = Run(torch.device(args.device), args.resolution, args.steps, args.json)
    if args.json.exists():
        run.results = json.loads(args.json.read_text(encoding="utf-8"))
    for name in args.sections:
        print(f"\n== {name}", flush=True)
        began = time.perf_counter()
        try:
            run.results[name] = SECTIONS[name](run)
        except Exception:
            traceback.print_exc()
            run.results[name] = {"error": traceback.format_exc().splitlines()[-1]}
        run.tidy()
        run.results.setdefault("seconds", {})[name] = round(time.perf_counter() - began, 1)
        run.out.write_text(json.dumps(run.results, indent=1) + "\n", encoding="utf-8")
        print(f"({run.results['seconds'][name]} s)", flush=True)


if __name__ == "__main__":
    main()
