"""The share of a GPU that each of many trainings needs, measured once in a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from eclipsed.compute import gpu_share
from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Turn
from eclipsed.compute.gpu_share import DeviceMemory, Taken, share_of
from eclipsed.evaluation.many_job import ManyJob, work_at
from eclipsed.evaluation.many_rows import FAILED
from eclipsed.evaluation.many_wanted import Wanted

__all__ = ["AUTO", "measured_share"]

#: in place of a share: it is measured
AUTO = "auto"

_TRIED = 3  # trainings of a set, where those before could not be done


def measured_share(
    job: ManyJob,
    wanted: Sequence[Wanted],
    *,
    crew: Crew,
    memory: Callable[[], DeviceMemory] | None = None,
) -> float:
    """Train two steps and judge, once for each model set, and reckon the share from the most memory that it took.

    Args:
        job: what the trainings have in common; nothing is written to its folder.
        wanted: the trainings, of which those with the largest batch are tried.
        crew: where; one worker, which has a whole GPU.
        memory: makes what tells of it in the worker; None is torch's word of CUDA.
    Returns:
        In (0, 1]; 1 where none of the trainings that were tried could be done.
    """
    each: dict[int, list[Wanted]] = {}
    for one in sorted(wanted, key=lambda one: -one.config.batch):
        each.setdefault(one.models, []).append(one)
    tasks = [some[:_TRIED] for some in each.values()]
    make = partial(_measuring, replace(job, callback=None), memory or gpu_share.CudaMemory)
    with closing(run_many(make, tasks, crew=replace(crew, workers=1))) as answers:
        found = [answer.value for answer in answers]
    return max(1.0 if taken is None else share_of(taken) for taken in found)


def _measuring(job: ManyJob, memory: Callable[[], DeviceMemory]) -> Callable[[Sequence[Wanted], Turn], Taken | None]:
    """What a worker does with some trainings: the memory that the first takes which can be done."""

    def measure(candidates: Sequence[Wanted], turn: Turn) -> Taken | None:
        device = memory()
        device.begin()
        for wanted in candidates:
            short = replace(wanted, config=wanted.config.replace(steps=2))
            with tempfile.TemporaryDirectory() as place:
                row = work_at(replace(job, out=Path(place)))(short, turn)
            if row.outcome != FAILED:
                return device.taken()
        return None

    return measure
