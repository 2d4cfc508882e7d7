"""Workers on Ray: actors, each with networks of its own, on one machine or many."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import torch

from eclipsed.compute.crew_work import Death, Make, Turn
from eclipsed.errors import InputError, MissingExtraError
from eclipsed.values.extras import pip_line

__all__ = ["Actor", "check_room", "connected", "gpus_there", "ray_place", "room"]

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what a later Ray does with workers without GPUs, or it warns
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a search stays in the folder where it was begun, so that paths mean the same
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # what a search finds is in our own report
}
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's word, on every system, for staying on 127.0.0.1
_STORE = 512 << 20  # bytes of shared memory: an editor of objects and small rows are all that goes through it
_LOOPBACK = ("local", "localhost", "127.0.0.1")


class _Worker:
    """What runs in an actor's process."""

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self._work: Any = None

    def begin(self, make: Make[Any, Any]) -> None:
        """Get ready."""
        self._work = make()

    def do(self, task: object, less_memory: bool) -> object:
        """Do a piece of work."""
        return self._work(task, Turn(less_memory=less_memory))


class Actor:
    """A worker on Ray.

    Args:
        handle: of the actor.
        make: reference to what each worker begins with, see `eclipsed.compute.crew.run_many`.
    """

    def __init__(self, handle: Any, make: Any) -> None:
        self._handle = handle
        self.ready = _plain(handle.begin.remote(make).future())

    def take(self, task: object, turn: Turn) -> Future[Any]:
        """Hand a piece of work over."""
        return _plain(self._handle.do.remote(task, turn.less_memory).future())

    def death(self, error: BaseException) -> Death | None:
        """How the actor, or its machine, ended, if it did."""
        import ray

        if isinstance(error, ray.exceptions.OutOfMemoryError):
            return Death("memory ran out on its machine", memory=True, elsewhere=True)
        if isinstance(error, (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError)):
            return Death("its process or machine ended", elsewhere=True)
        if isinstance(error, (ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError)):
            return Death("its machine ended", elsewhere=True)
        return None

    def end(self) -> None:
        """End the actor, whatever it does."""
        import ray

        ray.kill(self._handle, no_restart=True)


def _plain(future: Future[Any]) -> Future[Any]:
    """The same, with errors as the work raised them, rather than in Ray's wrapping."""
    found: Future[Any] = Future()

    def pass_on(done: Future[Any]) -> None:
        error = done.exception()
        if error is None:
            found.set_result(done.result())
        else:
            found.set_exception(_cause(error))

    future.add_done_callback(pass_on)
    return found


def _cause(error: BaseException) -> BaseException:
    """What was wrong, without Ray's wrapping."""
    import ray

    if isinstance(error, ray.exceptions.RayTaskError):
        return error.cause  # type: ignore[no-any-return]
    if isinstance(error, ray.exceptions.RaySystemError):
        last = [line for line in str(error).splitlines() if line.strip()][-1]
        return InputError(f"a worker of Ray cannot load what it is to do ({last}); install that on its machine, too")
    return error


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be on a Ray cluster; one that was started here ends with it.

    Args:
        address: see `eclipsed.compute.crew.Crew`.
    Raises:
        MissingExtraError: Ray is not installed.
        InputError: there is no cluster.
    """
    alone = address.partition(":")[0] in _LOOPBACK
    for name, value in {**_QUIET, **(_ALONE if alone else {})}.items():
        os.environ.setdefault(name, value)  # before Ray is imported, which looks at them then
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(f"many machines need Ray: {pip_line(extra='ray')}") from error
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {}
    if address == "local":
        options = {"include_dashboard": False, "object_store_memory": _STORE}
    if alone:  # its workers find what this process finds, as processes of multiprocessing do
        paths = os.pathsep.join(os.path.abspath(one) for one in sys.path)
        options["runtime_env"] = {"env_vars": {"PYTHONPATH": paths}}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # Ray raises what it likes, even plain Exceptions
        reason = " ".join(str(error).split())[:200]
        if address == "local":
            raise InputError(f"Ray did not start on this machine ({reason}); try again when it is less busy") from error
        raise InputError(f"there is no Ray cluster at {address!r} ({reason}); start one, or give local") from error
    try:
        yield
    finally:
        ray.shutdown()


def room(resources: Mapping[str, float], *, cpus: float, gpus: float) -> int:
    """How many workers a cluster has room for.

    Args:
        resources: of the whole cluster, as Ray names them.
        cpus: of each worker.
        gpus: of each worker.
    """
    fits = [resources.get(name, 0.0) / each for name, each in (("CPU", cpus), ("GPU", gpus)) if each > 0]
    return math.floor(min(fits, default=1.0) + 1e-9)


def gpus_there() -> float:
    """How many GPUs the cluster that we are on has."""
    import ray

    return float(ray.cluster_resources().get("GPU", 0.0))


def check_room(workers: int | None, *, cpus: float, gpus: float) -> int:
    """How many workers the cluster that we are on is to have.

    Args:
        workers: asked for; None is as many as there is room for.
        cpus: of each worker.
        gpus: of each worker.
    Raises:
        InputError: it has no room for one.
    """
    import ray

    count = workers or room(dict(ray.cluster_resources()), cpus=cpus, gpus=gpus)
    if count < 1:
        raise InputError(
            f"the Ray cluster has no room for a worker of {cpus:g} CPUs and {gpus:g} GPUs; give it smaller shares"
        )
    return count


@contextmanager
def ray_place(
    make: Make[Any, Any],
    *,
    address: str,
    most: int,
    workers: int | None,
    threads: int,
    cpus: float,
    gpus: float,
) -> Iterator[tuple[Callable[[], Actor], int]]:
    """A Ray cluster: how to have a worker there, and how many there are to be.

    Args:
        make: see `eclipsed.compute.crew.run_many`; it goes to the object store once.
        address: see `eclipsed.compute.crew.Crew`.
        most: as many as there is work for.
        workers: asked for; None is as many as there is room for.
        threads: of torch's, in each.
        cpus: set aside for each.
        gpus: set aside for each.
    Raises:
        InputError: the cluster has no room for one.
    """
    with connected(address):
        import ray

        count = check_room(workers, cpus=cpus, gpus=gpus)
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_Worker)
        made = ray.put(make)
        yield lambda: Actor(remote.remote(threads), made), min(count, most)
