"""The few threads that answer the page."""

import contextvars
import threading

import pytest

from eclipsed.studio.workers import WORKERS, on_a_worker


def test_many_callers_are_answered_by_few_threads():
    gate = threading.Barrier(WORKERS)
    names = []

    @on_a_worker
    def answer(number):
        gate.wait(timeout=30)  # all workers are busy at once
        names.append(threading.current_thread().name)
        return number * number

    got = {}
    callers = [threading.Thread(target=lambda n=n: got.update({n: answer(n)})) for n in range(3 * WORKERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert got == {n: n * n for n in range(3 * WORKERS)}
    assert len(set(names)) == WORKERS


def test_what_calls_another_does_not_wait_for_itself():
    @on_a_worker
    def depth(left):
        return 0 if left == 0 else 1 + depth(left - 1)

    assert depth(4 * WORKERS) == 4 * WORKERS


def test_the_context_of_the_caller_goes_along_and_errors_come_back():
    visitor = contextvars.ContextVar("visitor", default="nobody")
    visitor.set("ann")

    @on_a_worker
    def who():
        return visitor.get()

    @on_a_worker
    def fail():
        raise ValueError("no")

    assert who() == "ann"
    with pytest.raises(ValueError, match="no"):
        fail()
