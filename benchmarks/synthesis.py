"""Synthesis resolution by resolution: seconds, the floor, and the fused operations beside the reference.

Run from the checkout: ``python -m benchmarks.synthesis --resolution 1024``. Random weights at the size of FFHQ's
generator. The floor is what the machine's best rates, measured in the same run, would need for the convolutions and
matrix products alone. Without a GPU there are no fused operations, and their columns stay empty.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch

from benchmarks import full_size, measuring
from eclipsed.devices import as_device
from eclipsed.generator import Generator
from eclipsed.networks import ops
from eclipsed.precision import compute_dtype

__all__ = ["main"]


def stages(generator: Generator, batch: int, dtype: torch.dtype) -> None:
    """Time up to each resolution; what a resolution takes is the difference to the one before."""
    device = generator.device
    rates = measuring.ceilings(device)
    print(f"{measuring.describe(device)}; {rates}; {str(dtype)[6:]}, batch {batch}")
    ws = generator.mapping(generator.z(range(batch)))
    before = measuring.Counted(), 0.0
    for resolution in generator.config.resolutions:
        draw = partial(generator.synthesis, ws, resolution=resolution, dtype=dtype)
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


def operations(generator: Generator, batch: int, dtype: torch.dtype) -> None:
    """Both fused operations at every size that the network uses them at, forward and backward."""
    device = generator.device
    f = generator.network.synthesis.resample_filter
    for resolution, channels in generator.config.channels:
        x = torch.randn(batch, channels, resolution, resolution, device=device, dtype=dtype)
        wide = torch.randn(batch, channels, resolution + 1, resolution + 1, device=device, dtype=dtype)
        b = torch.randn(channels, device=device, dtype=dtype)
        calls: dict[str, Callable[..., torch.Tensor]] = {
            "bias_act": lambda impl, x=x, b=b: ops.bias_act(x, b, act="lrelu", clamp=256.0, impl=impl),
            "upfirdn2d": lambda impl, x=wide: ops.upfirdn2d(x, f, padding=1, gain=4.0, impl=impl),
            "upsample": lambda impl, x=x[:, :3]: ops.upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4.0, impl=impl),
        }
        for name, call in calls.items():
            reference = measuring.seconds_of(partial(call, "reference"), device, repeat=20)
            text = f"{resolution:5d} px {name:10s} reference {1e3 * reference:8.3f} ms"
            if device.type == "cuda":
                fused = measuring.seconds_of(partial(call, "fused"), device, repeat=20)
                text += f"  fused {1e3 * fused:8.3f} ms  {reference / fused:.1f} x faster"
            print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")
    parser.add_argument("--device", default=None)
    args = parser.parse_args()
    device = as_device(args.device)
    generator = full_size.generator(args.resolution, str(device))
    dtype = compute_dtype(args.precision, device)
    with torch.no_grad():
        stages(generator, args.batch, dtype)
        operations(generator, args.batch, dtype)


if __name__ == "__main__":
    main()
