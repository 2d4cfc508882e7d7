"""Steps of a training on `mini` beside other programs that hold cores: how its threads wait for one another.

    python -m benchmarks.busy --loops 0 1 --rounds 3

Each setting of OpenMP trains in a process of its own, the settings in turn, so that a noisy machine is noisy for all;
of a training that is cut at `--limit` the last step counts as long as it had taken. Prints the seconds of a step by the
clock and of the processor, and whether all settings of one number of threads learned the same bits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["SETTINGS", "main"]

#: name -> what is asked of OpenMP
SETTINGS: dict[str, dict[str, str]] = {
    "spinning": {},  # what libgomp does by itself: hundreds of thousands of turns before a thread lies down
    "10,000 spins": {"GOMP_SPINCOUNT": "10000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}

_ASKED = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")

WORKER = """
import hashlib, sys, time
import eclipsed
editor = eclipsed.Editor.from_pretrained("mini", "cpu")
steps = int(sys.argv[1])
config = eclipsed.TrainConfig(steps=steps, layers=(4, 5, 6, 7), start="small", calibrate=False)
def told(step):
    print("step", time.perf_counter(), time.process_time(), flush=True)
found = editor.train("a person with blond hair", config=config, callback=told)
print("bits", hashlib.sha256(found.deltas.numpy().tobytes()).hexdigest()[:12], flush=True)
"""


@dataclass
class Seen:
    """What was seen of one setting: seconds of its steps by the clock and of the processor, and what it learned."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    bits: set[str] = field(default_factory=set)
    cut: int = 0  # steps that did not end


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """As many programs that do nothing but hold a core."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def measure(setting: Mapping[str, str], seen: Seen, *, steps: int, limit: float) -> None:
    """Train for a few steps in a process of its own; the first step, which waits for memory, does not count."""
    environment = {name: value for name, value in os.environ.items() if name not in _ASKED}
    command = [sys.executable, "-c", WORKER, str(steps + 1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**environment, **setting}) as worker:
        assert worker.stdout is not None
        times: list[tuple[float, float]] = []  # at the end of each step, by the clock and of the processor
        timer = threading.Timer(limit, worker.kill)
        for line in worker.stdout:
            kind, *told = line.split()
            if kind == "bits":
                seen.bits.add(told[0])
                continue
            times.append((float(told[0]), float(told[1])))
            if len(times) == 1:
                timer.start()
        timer.cancel()
    if not times or (worker.returncode and worker.returncode > 0):
        raise SystemExit("a training failed; its last words are above")
    seen.clock += [after[0] - before[0] for before, after in pairwise(times)]
    seen.processor += [after[1] - before[1] for before, after in pairwise(times)]
    if worker.returncode:  # cut at the limit
        seen.cut += 1
        seen.clock.append(limit - (times[-1][0] - times[0][0]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loops", type=int, nargs="+", default=[0, 1], help="busy loops, one number after another")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--steps", type=int, default=6, help="of each training that count")
    options.add_argument(
        "--limit", type=float, default=60.0, help="seconds after its first step in which a training is cut"
    )
    options.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    given = options.parse_args()
    print(f"{os.cpu_count()} cores; running beside this: {os.getloadavg()[0]:.1f} programs", flush=True)
    for loops in given.loops:
        found = {name: Seen() for name in given.settings}
        with busy(loops):
            for _ in range(given.rounds):
                for name, seen in found.items():
                    measure(SETTINGS[name], seen, steps=given.steps, limit=given.limit)
        for name, seen in found.items():
            print(_line(name, loops, seen), flush=True)
        bits = set().union(*(seen.bits for name, seen in found.items() if name != "one thread"))
        print(f"with as many threads as there are cores: {len(bits)} outcome(s) that differ in any bit", flush=True)


def _line(name: str, loops: int, seen: Seen) -> str:
    both = (seen.clock, seen.processor)
    clock, processor = (f"{statistics.median(each):7.2f} s" if each else "never" for each in both)
    cut = f", {seen.cut} trainings cut" if seen.cut else ""
    lowest = min(seen.clock, default=float("nan"))
    return (
        f"{name:14} beside {loops} loops: {clock} a step (lowest {lowest:.2f}), {processor} of the processor, "
        f"{len(seen.clock)} steps{cut}"
    )


if __name__ == "__main__":
    main()
