"""Synthesis resolution by resolution: seconds, the floor, and the fused operations beside the reference.

Run from the checkout: ``python -m benchmarks.synthesis --resolution 1024``. Random weights at the size of FFHQ's
generator. The floor is what the machine's best rates, measured in the same run, would need for the convolutions and
matrix products alone. Without a GPU there are no fused operations, and their columns stay empty.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks import full_size, measuring
from eclipsed.compute.devices import as_device
from eclipsed.compute.precision import compute_dtype
from eclipsed.networks import ops
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator

__all__ = ["main", "operations"]


def stages(generator: Generator, batch: int, dtype: torch.dtype) -> None:
    """Time up to each resolution; what a resolution takes is the difference to the one before."""
    device = generator.device
    rates = measuring.ceilings(device)
    print(f"{measuring.describe(device)}; {rates}; {str(dtype)[6:]}, batch {batch}")
    ws = generator.mapping(generator.z(range(batch)))
    before = measuring.Counted(), 0.0
    for resolution in generator.config.resolutions:
        draw = partial(generator.synthesis, ws, SynthesisOptions(resolution=resolution, dtype=dtype))
        seconds = measuring.seconds_of(draw, device)
        counted = measuring.count(draw)
        own = measuring.Counted(
            counted.operations - before[0].operations, counted.product_bytes - before[0].product_bytes
        )
        spent, floor = max(seconds - before[1], 1e-9), rates.floor(own, dtype)
        print(
            f"{resolution:5d} px {own.operations / 1e9:8.1f} GFLOP  {1e3 * spent:9.2f} ms  floor {1e3 * floor:8.2f} ms"
            f"  {floor / spent:4.0%} of the floor's speed",
            flush=True,
        )
        before = counted, seconds
    whole = rates.floor(before[0], dtype)
    print(f"whole picture: {1e3 * before[1]:.2f} ms, {whole / before[1]:.0%} of the floor's speed")


@dataclass(frozen=True)
class Operation:
    """A fused operation at one size.

    Args:
        name: of the operation, and of what is done with it.
        x: what it is given, in the layout that the row is about.
        call: the operation on `x` or its like, by ``impl``.
        backward: whether its gradient is taken too.
    """

    name: str
    x: Tensor
    call: Callable[[Tensor, str], Tensor]
    backward: bool = False

    def run(self, impl: str) -> Callable[[], object]:
        """The call that is timed."""
        if not self.backward:
            return partial(self.call, self.x, impl)
        with torch.enable_grad():
            x = self.x.detach().requires_grad_()
            grad = torch.randn_like(self.call(x, impl))

        def both() -> object:
            with torch.enable_grad():
                return torch.autograd.grad(self.call(x, impl), x, grad)

        return both

    def bytes(self) -> int:
        """What must be read and written: each tensor once; a gradient of an activation reads the result too."""
        result = self.call(self.x, "reference")
        forward = (self.x.numel() + result.numel()) * result.element_size()
        kept = result.numel() * result.element_size() if self.name.startswith("bias_act") else 0
        return 2 * forward + kept if self.backward else forward


def operations(generator: Generator, batch: int, dtype: torch.dtype) -> list[dict[str, Any]]:
    """Both fused operations at every size that the network uses them at, forward and backward.

    Returns:
        One row per operation and size: name, side, seconds of the reference and of the fused operation (None without
        a GPU), bytes that must move, and their share of the rate of a large copy. A map that fits the cache may be
        moved faster than that.
    """
    device = generator.device
    copy = measuring.ceilings(device).copy if device.type == "cuda" else math.nan
    rows = []
    assert isinstance(generator.config, GeneratorConfig)
    for resolution, channels in generator.config.channels:
        for operation in _operations(generator, batch, dtype, resolution, channels):
            row: dict[str, Any] = {"name": operation.name, "side": resolution, "bytes": operation.bytes()}
            row["reference"] = _seconds(operation.run("reference"), device)
            row["fused"] = _seconds(operation.run("fused"), device) if device.type == "cuda" else None
            row["share"] = row["bytes"] / row["fused"] / copy if row["fused"] else None
            text = f"{resolution:5d} px {operation.name:28s} reference {1e3 * row['reference']:8.4f} ms"
            if row["fused"]:
                text += (
                    f"  fused {1e3 * row['fused']:8.4f} ms  {row['reference'] / row['fused']:5.1f} x faster"
                    f"  {row['bytes'] / row['fused'] / 1e9:6.0f} GB/s  {row['share']:4.0%} of a copy"
                )
            print(text, flush=True)
            rows.append(row)
    return rows


def _operations(
    generator: Generator, batch: int, dtype: torch.dtype, resolution: int, channels: int
) -> Iterator[Operation]:
    device = generator.device
    f = generator.network.synthesis.get_buffer("resample_filter")
    b = torch.randn(channels, device=device, dtype=dtype)

    def bias_act(x: Tensor, impl: str) -> Tensor:
        return ops.bias_act(x, b, act="lrelu", clamp=256.0, impl=impl)

    def upfirdn2d(x: Tensor, impl: str) -> Tensor:
        return ops.upfirdn2d(x, f, padding=1, gain=4.0, impl=impl)

    def upsample(x: Tensor, impl: str) -> Tensor:
        return ops.upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4.0, impl=impl)

    def downsample(x: Tensor, impl: str) -> Tensor:
        return ops.upfirdn2d(x, f, down=2, padding=1, impl=impl)

    x = torch.randn(batch, channels, resolution, resolution, device=device, dtype=dtype)
    wide = torch.randn(batch, channels, resolution + 1, resolution + 1, device=device, dtype=dtype)
    yield Operation("bias_act", x, bias_act)
    yield Operation("upfirdn2d", wide, upfirdn2d)
    yield Operation("upsample", x[:, :3], upsample)
    if device.type != "cuda":  # there is nothing to compare with
        return
    yield Operation("bias_act, with gradient", x, bias_act, backward=True)
    yield Operation("upfirdn2d, with gradient", wide, upfirdn2d, backward=True)
    yield Operation("upsample, with gradient", x[:, :3], upsample, backward=True)
    yield Operation("downsample", x, downsample)
    last = partial(torch.Tensor.contiguous, memory_format=torch.channels_last)
    yield Operation("bias_act, channels last", last(x), bias_act)
    yield Operation("upfirdn2d, channels last", last(wide), upfirdn2d)
    yield Operation("upsample, channels last", last(x[:, :3].float()), upsample)  # as the colours lie
    yield Operation("downsample, channels last", last(x), downsample)


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call; on a GPU without what it takes to launch it, where a graph of it can be captured."""
    if device.type != "cuda":
        return measuring.seconds_of(call, device, repeat=20)
    times = 20
    try:
        once = _captured(call, times)
    except RuntimeError:
        once = lambda: [call() for _ in range(times)]  # noqa: E731
    return _event_seconds(once) / times


def _captured(call: Callable[[], object], times: int) -> Callable[[], object]:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(times):
            call()
    return graph.replay


def _event_seconds(call: Callable[[], object]) -> float:
    call()
    taken: list[float] = []
    for _ in range(10):
        began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        began.record()
        call()
        ended.record()
        torch.cuda.synchronize()
        taken.append(began.elapsed_time(ended) / 1e3)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")
    parser.add_argument("--device", default=None)
    parser.add_argument("--channels-last", action="store_true", help="on a GPU too")
    args = parser.parse_args()
    device = as_device(args.device)
    generator = full_size.generator(args.resolution, str(device))
    if args.channels_last:
        generator.network.synthesis.channels_last = ("cpu", "cuda")
    dtype = compute_dtype(args.precision, device)
    with torch.no_grad():
        stages(generator, args.batch, dtype)
        operations(generator, args.batch, dtype)


if __name__ == "__main__":
    main()
