"""A training step of this checkout beside that of another revision, in one run, as a ratio.

    python -m benchmarks.against REVISION --rounds 12

Two processes, one for each, train on `mini` in turn, so that a noisy machine is noisy for both. The work tree of the
revision is made in a temporary folder and removed again. Prints seconds a step (median and lowest of all rounds),
their ratio, and the peak memory of each process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

WORKER = """
import resource, sys, time
import eclipsed
editor = eclipsed.Editor.from_pretrained("mini", "cpu")
options = {"steps": int(sys.argv[1]), "calibrate": False}
changes = {"default": {"layers": (4, 5, 6, 7)}, "report": {}}
def train(preset):
    times = []
    make = eclipsed.TrainConfig.report if preset == "report" else eclipsed.TrainConfig
    config = make(**options, **changes[preset])
    def told(step):
        if step.phase == "train":
            times.append(step.seconds)
    editor.train("a person with blond hair", config=config, callback=told)
    return (times[-1] - times[1]) / (len(times) - 2)
train("default")
for line in sys.stdin:
    print(train(line.strip()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("revision")
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--steps", type=int, default=12, help="of each training")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(other), given.revision], check=True, capture_output=True)
        try:
            _compare({"this": _worker(ROOT, given.steps), given.revision: _worker(other, given.steps)}, given.rounds)
        finally:
            subprocess.run([*git, "remove", "--force", str(other)], check=True)


def _worker(tree: Path, steps: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(steps)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )


def _compare(workers: dict[str, subprocess.Popen[str]], rounds: int) -> None:
    memory: dict[str, float] = {}
    for preset in ("default", "report"):
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for number in range(rounds):
            order = list(workers) if number % 2 else list(workers)[::-1]
            for name in order:
                took, memory[name] = _asked(workers[name], preset)
                seconds[name].append(took)
        mine, theirs = seconds.values()
        ratios = (statistics.median(mine) / statistics.median(theirs), min(mine) / min(theirs))
        for name, each in seconds.items():
            print(f"{preset:8} {name:12} median {statistics.median(each):.4f} s  lowest {min(each):.4f} s")
        print(f"{preset:8} ratio        median {ratios[0]:.3f}    lowest {ratios[1]:.3f}")
    for name, worker in workers.items():
        print(f"memory   {name:12} {memory[name]:.0f} MiB at its peak")
        worker.kill()


def _asked(worker: subprocess.Popen[str], preset: str) -> tuple[float, float]:
    question, answer = worker.stdin, worker.stdout
    assert question is not None
    assert answer is not None
    question.write(preset + "\n")
    question.flush()
    took, memory = answer.readline().split()
    return float(took), float(memory)


if __name__ == "__main__":
    main()
