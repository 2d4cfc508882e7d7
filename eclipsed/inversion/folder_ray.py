"""Many pictures on Ray Data: workers for each stage, and as much on the way as there is room for."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_ray import check_room, connected
from eclipsed.errors import MissingExtraError
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_stages import Passing, Task, draw_stage, find_stage, read_stage, write_stage
from eclipsed.values.extras import pip_line

__all__ = ["stream"]

_BLOCKS = 10_000  # pieces at most that Ray keeps account of
_AGAIN = 2  # times that a picture is begun anew whose worker, or its machine, ended
_DRAWERS_A_FINDER = 4  # a detector takes a fraction of what an inversion does

_Given = list[Any]  # one reference, which Ray leaves to the stage to look up
_Row = dict[str, Any]  # of Ray Data: what one stage gives the next, as bytes


class _Look:
    """Reads pictures and finds their faces; it holds a detector and no other network."""

    def __init__(self, given: _Given) -> None:
        torch.set_num_threads(1)
        self._job, self._finder = _got(given)

    def __call__(self, row: _Row) -> _Row:
        passing = read_stage(self._job, Passing.of(pickle.loads(row["task"])), pass_on=True)
        return _bytes(find_stage(self._job, lambda: self._finder, passing))


class _Draw:
    """Inverts, edits and pastes; it holds the networks of the editor."""

    def __init__(self, given: _Given, threads: int) -> None:
        torch.set_num_threads(threads)
        self._job, self._editor = _got(given)

    def __call__(self, row: _Row) -> Iterator[_Row]:
        for passing in draw_stage(self._job, self._editor, _passing(row)):
            yield _bytes(passing)


class _Write:
    """Writes results."""

    def __init__(self, given: _Given) -> None:
        (self._job,) = _got(given)

    def __call__(self, row: _Row) -> _Row:
        return {"row": pickle.dumps(write_stage(self._job, _passing(row)).row)}


def _got(given: _Given) -> Any:
    """What was put into the store for a stage; it is held there until all is done, so that a stage can begin anew."""
    import ray

    return ray.get(given[0])


def _bytes(passing: Passing) -> _Row:
    return {"passing": pickle.dumps(passing)}


def _passing(row: _Row) -> Passing:
    passing: Passing = pickle.loads(row["passing"])  # from a stage of this very run
    return passing


def stream(
    editor: PhotoEditor, job: FolderJob, tasks: Sequence[Task], *, crew: Crew
) -> Generator[EditedPhoto, None, None]:
    """Send pictures through the stages of a Ray cluster.

    Stages run side by side, each on another picture; Ray Data holds one back where the next does not follow, so that
    what is on the way fits into its store. Only drawing has CPUs and GPUs set aside for it: the others mostly wait.

    Args:
        editor: goes to each worker that draws, once.
        job: what is done to each.
        tasks: each picture, and what is wanted of it.
        crew: who does it; `ray` is an address.
    Returns:
        What became of each, of every stack, as it is done. One that ended its worker each time is missing.
    Raises:
        MissingExtraError: Ray Data is not there.
        InputError: the cluster has no room.
    """
    assert crew.ray is not None
    with connected(crew.ray):
        try:
            import ray
            from ray import data
        except ImportError as error:
            raise MissingExtraError(f"photographs on many machines need Ray Data: {pip_line(extra='ray')}") from error
        cpus = float(crew.threads) if crew.cpus is None else crew.cpus
        workers = min(check_room(crew.workers, cpus=cpus, gpus=crew.gpus), len(tasks))
        beside = max(1, workers // _DRAWERS_A_FINDER)
        finder = None if job.aligned else editor.finder
        look, draw, write = (ray.put(one) for one in ((job, finder), (job, editor), (job,)))
        shares: dict[str, Any] = {"num_cpus": cpus, **({"num_gpus": crew.gpus} if crew.gpus else {})}
        rows = [{"task": pickle.dumps(task)} for task in tasks]
        with _quiet(data.DataContext.get_current()):
            pictures: Any = data.from_items(rows, override_num_blocks=min(len(rows), _BLOCKS))
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")  # gone in 2.64
                pictures = pictures.map(_Look, **_pool(beside, [look]), num_cpus=0)
                pictures = pictures.flat_map(_Draw, **_pool(workers, [draw], crew.threads), **shares)
                pictures = pictures.map(_Write, **_pool(beside, [write]), num_cpus=0)
            for row in pictures.iter_rows():
                yield pickle.loads(row["row"])  # from a stage of this very run


def _pool(size: int, *given: object) -> dict[str, Any]:
    """How a stage is worked on.

    Args:
        size: workers.
        given: to each, as it begins.
    """
    from ray.data import ActorPoolStrategy

    pool = ActorPoolStrategy(size=size)
    return {"compute": pool, "fn_constructor_args": given, "max_restarts": -1, "max_task_retries": _AGAIN}


@contextmanager
def _quiet(context: Any) -> Iterator[None]:
    """No bars and lines beside our own; a piece that is lost ends itself only."""
    asked = {"enable_progress_bars": False, "print_on_execution_start": False, "max_errored_blocks": -1}
    before = {name: getattr(context, name) for name in asked if hasattr(context, name)}
    log = logging.getLogger("ray.data")
    level = log.level
    try:
        for name in before:
            setattr(context, name, asked[name])
        log.setLevel(logging.CRITICAL)
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        log.setLevel(level)
