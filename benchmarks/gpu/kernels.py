"""Fused operations beside the reference, and pictures beside their floor, on the device alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from benchmarks import measuring
from benchmarks.gpu.run import FP32, Run
from benchmarks.measuring import graphs
from eclipsed.networks import ops
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import SynthesisOptions

__all__ = ["fused", "synthesis"]


def fused(run: Run) -> list[dict[str, Any]]:
    """Each fused operation beside the reference at every size that the large generator uses it at."""
    generator = run.networks[0]
    f = generator.network.synthesis.get_buffer("resample_filter")
    rows = []
    assert isinstance(generator.config, GeneratorConfig)
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
