"""What many workers cost and where more of them stop helping: a simulation from measured times.

Run from the checkout: ``python -m benchmarks.scaling``. Nothing is measured but, with ``--dispatch measure``, what it
takes to hand an empty piece of work to a worker of Ray's and to have its answer. A simulated run: every worker starts,
reads its weights from one shared store whose bandwidth all of them share, and is then handed one piece after the other;
hands and answers go through one driver, one at a time; pieces take a while that varies from one to the next. Writes the
tables of docs/many-machines.md with ``--write``.
"""

from __future__ import annotations

import argparse
import heapq
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pages import write_between
from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Turn

__all__ = ["JOBS", "Job", "Run", "main", "planning", "scaling", "simulate"]

PAGE = Path("docs/many-machines.md")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
PIECES = 3000

_GB = 1e9
_START = 2.2  # seconds from nothing to a first edit on `mini`, as `start_up` measures
_STORE = 1.25 * _GB  # bytes a second of a shared store: a link of 10 Gbit/s
_NODE = 1.25 * _GB  # of the link of a machine
_DISPATCH = 0.005  # seconds of the driver for a piece: what --dispatch measure finds
_SPREAD = 0.15  # of the seconds of a piece, as a share of their mean


@dataclass(frozen=True)
class Job:
    """One kind of work on one kind of worker.

    Args:
        name: of it.
        piece: what is counted.
        seconds: that a worker takes for one.
        source: where that figure comes from.
        weights: bytes that a worker reads before the first piece.
        moved: bytes that go to and from the store for each piece.
    """

    name: str
    piece: str
    seconds: float
    source: str
    weights: float
    moved: float


#: seconds: of a training without its judging, and of an inversion; bytes: the files of a set, a direction with its
#: figures and strip, a picture of 1024 px in and out
JOBS = (
    Job("directions of 1024 px", "prompts", 3.1, "H200, batch 8", 1.19 * _GB, 6e4),
    Job("directions of `mini`", "prompts", 1.3, "H200, batch 4", 0.013 * _GB, 6e4),
    Job("directions of `mini`", "prompts", 18.0, "one core, batch 4", 0.013 * _GB, 6e4),
    Job("photographs, `mini`, `good`", "photographs", 11.4, "two cores, 256 px", 0.013 * _GB, 4e5),
)


@dataclass(frozen=True)
class Run:
    """What a simulated run came to.

    Args:
        seconds: from the start to the last answer.
        efficiency: share of all workers' time that pieces were worked on.
        lost: share that went, on average, into starting and reading weights, waiting for the driver, and waiting for
            the last pieces of others.
    """

    seconds: float
    efficiency: float
    lost: dict[str, float]


def simulate(job: Job, workers: int, pieces: int, *, dispatch: float = _DISPATCH, seed: int = 0) -> Run:
    """Go through a run, event by event.

    Args:
        job: of which there are pieces.
        workers: that share them.
        pieces: how many.
        dispatch: seconds of the driver for each.
        seed: of the spread of their seconds.
    """
    rng = random.Random(seed)
    reading = job.weights / min(_NODE, _STORE / workers)  # all of them read at the same time
    asking = [(_START + reading, worker) for worker in range(workers)]
    heapq.heapify(asking)
    free, work, waited, ended = 0.0, 0.0, 0.0, [_START + reading] * workers
    for _ in range(pieces):
        asked, worker = heapq.heappop(asking)
        free = max(free, asked) + dispatch  # the driver does one thing at a time
        seconds = max(job.seconds * rng.gauss(1.0, _SPREAD), 0.1 * job.seconds) + job.moved / min(
            _NODE, _STORE / workers
        )
        waited, work = waited + free - asked, work + seconds
        ended[worker] = free + seconds
        heapq.heappush(asking, (ended[worker], worker))
    last = max(ended)
    total = workers * last
    lost = {
        "starting": workers * (_START + reading) / total,
        "the driver": waited / total,
        "the last pieces": sum(last - end for end in ended) / total,
    }
    return Run(last, work / total, lost)


def planning(jobs: Sequence[Job] = JOBS) -> str:
    """The planning table."""
    rows = [
        "| work | on | seconds each | an hour of a worker | bytes moved for 1,000 |",
        "|---|---|---|---|---|",
    ]
    for job in jobs:
        moved = 1000 * job.moved + job.weights
        rows.append(
            f"| {job.name} | {job.source} | {job.seconds:.1f} | {3600 / job.seconds:,.0f} {job.piece} | "
            f"{moved / _GB:.2f} GB, {job.weights / _GB:.2f} of them weights |"
        )
    return "\n".join(rows)


def scaling(jobs: Sequence[Job], *, pieces: int = PIECES, dispatch: float = _DISPATCH) -> str:
    """The table of the simulation."""
    rows = [
        "| workers | " + " | ".join(f"{job.name} ({job.source.split(',')[0]})" for job in jobs) + " |",
        "|---" * (len(jobs) + 1) + "|",
    ]
    for workers in WORKERS:
        cells = []
        for job in jobs:
            run = simulate(job, workers, pieces, dispatch=dispatch)
            most = max(run.lost, key=lambda name: run.lost[name])
            why = f", {most} {run.lost[most]:.0%}" if run.efficiency < 0.9 else ""
            cells.append(f"{run.seconds:,.0f} s, {run.efficiency:.0%}{why}")
        rows.append(f"| {workers:,} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def nothing() -> Callable[[int, Turn], int]:
    """Work that takes no time."""
    return lambda task, turn: task


def measure_dispatch(pieces: int = 400) -> float:
    """Seconds that the driver needs for a piece of work that takes none, on a Ray of this machine."""
    for _ in run_many(nothing, range(20), crew=Crew(1, ray="local")):
        pass
    began = 0.0
    for answer in run_many(nothing, range(pieces), crew=Crew(1, ray="local")):
        began = began or time.perf_counter()
        last = answer.number
    return (time.perf_counter() - began) / last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=PIECES)
    parser.add_argument("--dispatch", default=str(_DISPATCH), help="seconds, or the word measure")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    asked = parser.parse_args()
    dispatch = measure_dispatch() if asked.dispatch == "measure" else float(asked.dispatch)
    tables = {"planning": planning(), "scaling": scaling(JOBS, pieces=asked.pieces, dispatch=dispatch)}
    print(f"{1000 * dispatch:.2f} ms of the driver for a piece")
    for name, table in tables.items():
        print(table)
        if asked.write:
            write_between(PAGE, name, table)


if __name__ == "__main__":
    main()
