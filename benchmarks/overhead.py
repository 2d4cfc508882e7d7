"""What workers cost beside their work: ``python -m benchmarks.overhead``.

Trainings of `mini`, each timed by its worker, with its judging and the loading of networks. Overhead is the
time from the first piece that was handed over to the last answer, times the workers, over the sum of these; what it
takes until the first piece is handed over is told beside it. Times of one run share whatever else the machine does.
``--crews 1x1,2x1,1x2`` measures one worker of one thread, two of one, and one of two, one after the other: the second
says what workers side by side cost, the last two which way cores do more trainings in an hour. Several workers here are
processes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Turn
from eclipsed.evaluation.many_job import ManyJob, work_at
from eclipsed.evaluation.many_wanted import Wanted
from eclipsed.training.config import TrainConfig

__all__ = ["crews_of", "main", "measured", "timed"]

PROMPTS = ("blond hair", "red lipstick", "a smile", "glasses", "a beard", "dark skin", "blue eyes", "black hair")
FACES = tuple(range(9000, 9016))


def timed(job: ManyJob) -> Callable[[Wanted, Turn], float]:
    """What one worker does with each training: the seconds that it took."""
    work = work_at(job)

    def train(wanted: Wanted, turn: Turn) -> float:
        began = time.perf_counter()
        work(wanted, turn)
        return time.perf_counter() - began

    return train


def measured(count: int, crew: Crew) -> dict[str, float]:
    """Train, and say what was spent on what.

    Args:
        count: of the trainings.
        crew: who trains.
    """
    tasks = [Wanted(PROMPTS[k % len(PROMPTS)], None, TrainConfig(seed=k // len(PROMPTS))) for k in range(count)]
    handed: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        job, began, spent = ManyJob(Path(place), ("mini",), FACES), time.perf_counter(), 0.0
        note = partial(_note, handed)
        with closing(run_many(partial(timed, job), tasks, crew=crew, began=note)) as answers:
            for answer in answers:
                assert answer.value is not None, answer.lost
                spent, ended = spent + answer.value, time.perf_counter()
    workers = crew.workers or 1
    wall = ended - handed[0]
    return {
        "until_the_first": round(handed[0] - began, 1),
        "wall": round(wall, 1),
        "sum_of_pieces": round(spent, 1),
        "overhead": round(wall * workers / spent, 4),
        "with_the_start": round((ended - began) * workers / spent, 4),
        "trainings_an_hour": round(3600 * count / wall, 1),
    }


def crews_of(text: str, places: str) -> list[tuple[str, Crew]]:
    """Read ``"1x1,2x1"`` (workers x threads) and ``"here,ray"``: each crew at each place, and what it is called.

    Raises:
        InputError: a number is out of range.
    """
    found = []
    for place in places.split(","):
        for shape in text.split(","):
            workers, _, threads = shape.partition("x")
            ray = {"here": None, "ray": "local"}[place]
            found.append((f"{place} {shape}", Crew(int(workers), int(threads or 1), ray)))
    return found


def _note(handed: list[float], _: int) -> None:
    handed.append(time.perf_counter())


def main() -> None:
    """Measure one place, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=8, help="trainings")
    parser.add_argument("--crews", default="1x1", metavar="WxT,…", help="workers x threads of each")
    parser.add_argument("--places", default="here,ray", help="of here, ray")
    asked = parser.parse_args()
    os.environ.setdefault("RAY_worker_niceness", "0")  # as the other places have it
    for name, crew in crews_of(asked.crews, asked.places):
        print(json.dumps({"crew": name, **measured(asked.count, crew)}), flush=True)


if __name__ == "__main__":
    main()
