"""What every benchmark of speed measures alike: seconds of the stages, operations and bytes, the machine's ceilings."""

from __future__ import annotations

import functools
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

__all__ = [
    "Ceilings",
    "Counted",
    "Stopwatch",
    "ceilings",
    "count",
    "describe",
    "graphs",
    "peak_memory",
    "seconds_in_graph",
    "seconds_of",
    "synchronise",
]

_PRODUCTS = ("convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm", "_scaled_dot_product")


def synchronise(device: torch.device) -> None:
    """Wait for what was launched."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(call: Callable[[], object], device: torch.device, *, repeat: int = 5, warm_up: int = 1) -> float:
    """Median seconds of a call, after some that do not count; on a GPU these are enough to record a CUDA graph."""
    for _ in range(warm_up if device.type == "cpu" else max(warm_up, 4)):
        call()
    times = []
    for _ in range(repeat):
        synchronise(device)
        began = time.perf_counter()
        call()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def seconds_in_graph(call: Callable[[], object], device: torch.device, *, inner: int = 10, repeat: int = 10) -> float:
    """Median seconds that a GPU spends on a call, without what launching it takes: in a CUDA graph of several calls."""
    stream, graph = torch.cuda.Stream(device), torch.cuda.CUDAGraph()
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.autograd.set_multithreading_enabled(False), torch.cuda.stream(stream):
        for _ in range(3):
            call()
        torch.cuda.synchronize(device)
        graph.capture_begin()
        for _ in range(inner):
            call()
        graph.capture_end()
    times: list[float] = []
    for _ in range(repeat + 1):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        graph.replay()
        ended.record()
        ended.synchronize()
        times.append(began.elapsed_time(ended) / 1e3 / inner)
    return statistics.median(times[1:])


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use since the process began: of the GPU, or of the whole process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), "CPU")
    return f"{name}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def _cpu_lines() -> list[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


@dataclass(frozen=True)
class Ceilings:
    """What the machine can do at best, as measured.

    Args:
        product: operations a second of a large matrix product, by the name of the format; ``"tf32"`` is what a GPU
            rounds float32 to in convolutions.
        copy: bytes a second that a large copy reads and writes.
    """

    product: dict[str, float]
    copy: float

    def __str__(self) -> str:
        products = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in self.product.items())
        return f"{products}; copy {self.copy / 1e9:.1f} GB/s"

    def floor(self, counted: Counted, dtype: torch.dtype) -> float:
        """Seconds below which the same products cannot be had: operations or bytes, whichever take longer."""
        rounded = dtype == torch.float32 and "tf32" in self.product and torch.backends.cudnn.allow_tf32
        rate = self.product["tf32" if rounded else _name(dtype)]
        return max(counted.operations / rate, counted.product_bytes / self.copy)


def ceilings(device: torch.device) -> Ceilings:
    """Measure a large matrix product in each format, and a large copy."""
    side = 8192 if device.type == "cuda" else 2048
    formats = [torch.float32, torch.bfloat16] + ([torch.float16] if device.type == "cuda" else [])
    product = {}
    for dtype in formats:
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        product[_name(dtype)] = 2 * side**3 / seconds_of(functools.partial(torch.matmul, a, b), device)
    if device.type == "cuda":
        product["tf32"] = _tf32(side, device)
    source = torch.empty(2**28 if device.type == "cuda" else 2**26, device=device).fill_(1.0)
    target = torch.empty_like(source)
    return Ceilings(product, 2 * 4 * source.numel() / seconds_of(lambda: target.copy_(source), device))


def _tf32(side: int, device: torch.device) -> float:
    allowed = torch.backends.cuda.matmul.allow_tf32
    a, b = (torch.randn(side, side, device=device) for _ in range(2))
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        return 2 * side**3 / seconds_of(lambda: a @ b, device)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@dataclass
class Counted:
    """What a piece of work asks for.

    Args:
        operations: of convolutions and matrix products, two to a multiplication and addition.
        product_bytes: that these read and write when each tensor moves once; all else could be fused into them.
        moved_bytes: that all operations read and write as they are run.
    """

    operations: int = 0
    product_bytes: int = 0
    moved_bytes: int = 0


class _Bytes(TorchDispatchMode):
    def __init__(self, counted: Counted) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counted = counted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            moved = _bytes(args) + _bytes(out)
            self.counted.moved_bytes += moved
            if func.overloadpacket.__name__.startswith(_PRODUCTS):
                self.counted.product_bytes += moved
        return out


def _bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    return sum(map(_bytes, value)) if isinstance(value, (tuple, list)) else 0


def count(call: Callable[[], object]) -> Counted:
    """Run something once, without CUDA graphs, whose operations nobody sees, and count what it asks for."""
    counted = Counted()
    flops = FlopCounterMode(display=False)
    with graphs(False), flops, _Bytes(counted):
        call()
    counted.operations = flops.get_total_flops()
    return counted


@contextmanager
def graphs(on: bool) -> Iterator[None]:
    """With CUDA graphs, or without."""
    before = os.environ.get("ECLIPSED_GRAPHS")
    os.environ["ECLIPSED_GRAPHS"] = "1" if on else "0"
    try:
        yield
    finally:
        del os.environ["ECLIPSED_GRAPHS"]
        if before is not None:
            os.environ["ECLIPSED_GRAPHS"] = before


@dataclass
class Stopwatch:
    """Seconds by stage. Stages within stages count for themselves only.

    Args:
        device: which is waited for at each change of stage.
    """

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _last: float = 0.0

    def done(self, name: str) -> None:
        """All time since the last call belongs to a stage."""
        synchronise(self.device)
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def start(self) -> None:
        """Time counts from here."""
        synchronise(self.device)
        self._last = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What runs inside belongs to a stage; what ran since the last stage to the one around, or to "other"."""
        self.done(self._open[-1] if self._open else "other")
        self._open.append(name)
        try:
            yield
        finally:
            self.done(name)
            self._open.pop()

    def watch(self, owner: object, method: str, name: str | Callable[[], str]) -> Callable[[], None]:
        """Let a method of an object count as a stage, until the function that is returned is called."""
        original = getattr(owner, method)

        def watched(*args: Any, **options: Any) -> Any:
            with self.stage(name if isinstance(name, str) else name()):
                return original(*args, **options)

        own = method in vars(owner)
        setattr(owner, method, watched)
        return lambda: setattr(owner, method, original) if own else delattr(owner, method)
