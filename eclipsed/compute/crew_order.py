"""Many pieces of work whose results are taken in order, as a sum in floating point needs them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TypeVar

from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Make, Turn
from eclipsed.errors import InputError

__all__ = ["run_in_order"]

T = TypeVar("T")
R = TypeVar("R")


def run_in_order(make: Make[T, R], tasks: Sequence[T], *, crew: Crew | None) -> Generator[R, None, None]:
    """Do many pieces of work, and give the results in the order of the pieces.

    Args:
        make: see `eclipsed.compute.crew.run_many`.
        tasks: the pieces.
        crew: who does them; None is this process, with as many threads as it has.
    Returns:
        The result of each; those that are done before an earlier one wait. Close it, see `run_many`.
    Raises:
        InputError: a piece ended its worker each time, or workers cannot be started.
        MissingExtraError: Ray is asked for and not there.
    """
    if crew is None:
        work = make() if tasks else None
        for task in tasks:
            assert work is not None
            yield work(task, Turn())
        return
    early: dict[int, R] = {}
    following = 0
    with closing(run_many(make, tasks, crew=crew)) as answers:
        for answer in answers:
            if answer.value is None:
                raise InputError(
                    f"a worker ended at piece {answer.number + 1} of {len(tasks)} ({answer.lost}): it may need more "
                    "memory than there is; take fewer workers"
                )
            early[answer.number] = answer.value
            while following in early:
                yield early.pop(following)
                following += 1
