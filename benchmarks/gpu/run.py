"""One run on one device: its ceilings, its networks, and how seconds and memory are taken."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks import full_size, measuring
from eclipsed import Editor
from eclipsed.compute.precision import compute_dtype

__all__ = ["FP32", "Run"]

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
