"""Everything that wants a GPU, in one run of a few minutes: ceilings, kernels, synthesis, steps, edits, directions.

Run from the checkout: ``python -m benchmarks.gpu``. Architectures at full size have random weights, on which speed does
not depend; what directions are worth is judged on ``mini``. Ratios are of numbers of the same run. Each section writes
its part of ``benchmarks/gpu.json`` as soon as it is done, and one that fails leaves the others alone.

Sections that are not asked for stay in the file as they were.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks import measuring
from benchmarks.gpu.directions import directions, edits, quality
from benchmarks.gpu.kernels import fused, synthesis
from benchmarks.gpu.run import Run
from benchmarks.gpu.steps import steps

__all__ = ["main"]


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
