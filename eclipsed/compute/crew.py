"""Many pieces of work: one after the other, side by side in processes, or on Ray; the results are the same bits."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from eclipsed.compute.crew_processes import Here, LocalProcess, one_place
from eclipsed.compute.crew_work import Death, Make, Turn
from eclipsed.compute.memory import is_out_of_memory
from eclipsed.errors import InputError
from eclipsed.values.checks import real, whole

__all__ = ["Answer", "Crew", "run_many"]

T = TypeVar("T")
R = TypeVar("R")

_HERE, _ON_RAY = 256, 100_000  # workers at most

_STARTS = 3  # workers that may end one after the other before they have begun
_MOVED = 3  # times that a piece is begun anew whose worker may have ended with its machine, or by somebody's hand


@dataclass(frozen=True)
class Crew:
    """Who does many pieces of work.

    Args:
        workers: that work side by side; None is one, and on Ray as many as there is room for.
        threads: of each; the results depend on them, not on the workers.
        ray: address of a Ray cluster: ``"local"`` starts one on this machine, ``"auto"`` takes the one that it belongs
            to, ``"HOST:PORT"`` or ``"ray://HOST:PORT"`` another one. None does without Ray.
        cpus: that Ray sets aside for each; None is as many as threads.
        gpus: that Ray sets aside for each, also a fraction.
    Raises:
        InputError: a number is out of range.
    """

    workers: int | None = None
    threads: int = 1
    ray: str | None = None
    cpus: float | None = None
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.workers is not None:
            whole("workers", self.workers, 1, _HERE if self.ray is None else _ON_RAY)
        whole("threads", self.threads, 1, 1024)
        real("gpus", self.gpus, 0.0, 64.0)
        if self.cpus is not None:
            real("cpus", self.cpus, 0.0, 1024.0)
        if self.ray is not None and not self.ray.strip():
            raise InputError("ray must be an address, local or auto; got nothing")


@dataclass(frozen=True)
class Answer(Generic[R]):
    """What became of one piece of work.

    Args:
        number: of the piece.
        value: what was made; None where it ended its worker twice (on Ray four times, since machines go for reasons
            of their own), or did not fit into memory twice.
        lost: how the worker ended, such as "exit code 7"; "" where there is a value.
        memory: whether it was memory that ran out.
    """

    number: int
    value: R | None
    lost: str = ""
    memory: bool = False


class _Hand(Protocol):
    """One worker."""

    ready: Future[Any]

    def take(self, task: object, turn: Turn) -> Future[Any]:
        """Begin with a piece of work."""

    def death(self, error: BaseException) -> Death | None:
        """How the worker ended, if that is what an error says."""

    def end(self) -> None:
        """Let the worker go, at once."""


_Hire = Callable[[], _Hand]


def run_many(
    make: Make[T, R], tasks: Sequence[T], *, crew: Crew | None = None, began: Callable[[int], object] = lambda _: None
) -> Generator[Answer[R], None, None]:
    """Do many pieces of work.

    A piece whose worker ends, or that finds no memory, is done once more, by another worker or with less memory; where
    a worker of Ray ends, up to three times more, for its machine may be what has gone.
    Workers of Ray are not restarted by Ray itself, since it would hold their work until there is room for them again,
    which there need not be where a machine has gone: here whoever is free takes it.

    Args:
        make: called once in each worker; gives the function that does a piece. Both go to other processes.
        tasks: the pieces.
        crew: who does them; None is this process.
        began: told the number of each piece as it is begun.
    Returns:
        What became of each, as it is done. Close it (`contextlib.closing`): else workers go on with what they are at
        where the one that asks is interrupted between two answers.
    Raises:
        InputError: workers cannot be started.
        MissingExtraError: Ray is asked for and not there.
        KeyboardInterrupt: Ctrl-C; what was being done then is not finished.
    """
    if not tasks:
        return
    with _hiring(crew or Crew(), make, len(tasks)) as (hire, count):
        yield from _Run[T, R](hire, tasks, began).answers(count)


def _hiring(crew: Crew, make: Make[T, R], most: int) -> AbstractContextManager[tuple[_Hire, int]]:
    if crew.ray is not None:
        from eclipsed.compute.crew_ray import ray_place  # Ray is an extra

        return ray_place(
            make,
            address=crew.ray,
            most=most,
            workers=crew.workers,
            threads=crew.threads,
            cpus=float(crew.threads) if crew.cpus is None else crew.cpus,
            gpus=crew.gpus,
        )
    workers = min(crew.workers or 1, most)
    if workers > 1:
        return one_place(lambda: LocalProcess(make, crew.threads), workers)
    return one_place(lambda: Here(make, crew.threads), 1)


@dataclass
class _Held:
    """What a worker is at: a piece, or getting ready."""

    hand: _Hand
    number: int | None = None


class _Run(Generic[T, R]):
    """Pieces that wait, and workers that are at them."""

    def __init__(self, hire: _Hire, tasks: Sequence[T], began: Callable[[int], object]) -> None:
        self._hire, self._tasks, self._began = hire, tasks, began
        self._waiting: deque[tuple[int, bool]] = deque((number, False) for number in range(len(tasks)))
        self._held: dict[Future[Any], _Held] = {}
        self._hands: list[_Hand] = []
        self._ends: Counter[int] = Counter()
        self._unstarted = 0

    def answers(self, count: int) -> Iterator[Answer[R]]:
        """Everything, with so many workers."""
        try:
            for _ in range(count):
                self._hired()
            while self._waiting or any(held.number is not None for held in self._held.values()):
                for future in wait(self._held, return_when=FIRST_COMPLETED).done:
                    held = self._held.pop(future)
                    error = future.exception()
                    death = None if error is None else held.hand.death(error)
                    answer = self._after(held.number, future, death)
                    if answer is not None:
                        yield answer
                    self._next(held.hand, dead=death is not None)
        finally:
            for hand in self._hands:
                hand.end()

    def _hired(self) -> None:
        hand = self._hire()
        self._hands.append(hand)
        self._held[hand.ready] = _Held(hand)

    def _next(self, hand: _Hand, *, dead: bool) -> None:
        """Give a worker the next piece, or another worker a place; without work it goes."""
        if self._waiting and not dead:
            number, less = self._waiting.popleft()
            self._began(number)
            self._held[hand.take(self._tasks[number], Turn(less_memory=less))] = _Held(hand, number)
            return
        self._hands.remove(hand)
        hand.end()
        if self._waiting:
            self._hired()

    def _after(self, number: int | None, future: Future[Any], death: Death | None) -> Answer[R] | None:
        """What became of a piece; None where it is done again, and after a worker got ready."""
        error = future.exception()
        if number is None:
            self._started(death)
        if error is not None and death is None and (number is None or not is_out_of_memory(error)):
            raise error
        if number is None:
            return None
        if error is None:
            return Answer(number, future.result())
        return self._once_more(number, death or Death(str(error), memory=True))

    def _started(self, death: Death | None) -> None:
        """Count workers that do not even begin.

        Raises:
            InputError: too many.
        """
        self._unstarted = 0 if death is None else self._unstarted + 1
        if death is not None and (not death.elsewhere or self._unstarted >= _STARTS):
            raise InputError(
                f"a worker could not be started ({death.how}); give workers=1, or call this below "
                'if __name__ == "__main__":'
            )

    def _once_more(self, number: int, death: Death) -> Answer[R] | None:
        self._ends[number] += 1
        if self._ends[number] > (_MOVED if death.elsewhere and not death.memory else 1):
            return Answer(number, None, lost=death.how, memory=death.memory)
        self._waiting.appendleft((number, death.memory))
        return None
