"""Seconds from a cold start: importing, the help page, a region, the first edit on ``mini``, and ``eclipsed try``.

Run from the checkout: ``python -m benchmarks.start_up``. Each is a process of its own, run several times; the median
counts. Files are in the system's cache after the first run, which does not count.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

__all__ = ["main"]


def seconds(command: list[str], repeat: int) -> float:
    """Median seconds of a command."""
    times = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    command = [sys.executable, "-m", "eclipsed"]
    with tempfile.TemporaryDirectory() as folder:
        rows: list[tuple[str, list[str], float]] = [
            ("eclipsed --help", [*command, "--help"], 0.3),
            ("eclipsed region", [*command, "region", "a person with blond hair"], 2.0),
            ("first edit on mini", [*command, "edit", "blond-hair", "--seeds", "1", "--out", folder], 6.0),
            ("eclipsed try", [*command, "try", "a person with blond hair", "--out", folder], 25.0),
        ]
        nothing = seconds([sys.executable, "-c", "pass"], repeat)
        own = seconds([sys.executable, "-c", "import eclipsed"], repeat) - nothing
        print(f"{'import eclipsed':20s} {own:6.3f} s, beyond Python's own {nothing:.3f} s; wanted: 0.05 s")
        for name, call, wanted in rows:
            print(f"{name:20s} {seconds(call, repeat):6.3f} s; wanted: {wanted} s", flush=True)


if __name__ == "__main__":
    main()
