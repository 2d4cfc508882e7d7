"""The few threads that answer the page.

Each thread that runs a network gets a pool of helpers and work space from the libraries below PyTorch, and keeps
them. Gradio answers on threads that come and go; here the same few do all the work, so that memory stays level.
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["WORKERS", "on_a_worker"]

#: threads: one for looks and one for what takes long, as many as Gradio's queues let through at a time
WORKERS = 2

P = ParamSpec("P")
R = TypeVar("R")

_NAME = "eclipsed-page"
_pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=_NAME)


def on_a_worker(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` run on one of the threads, with the context of its caller, who waits for the answer."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if threading.current_thread().name.startswith(_NAME):  # it is on one already
            return function(*args, **kwargs)
        context = contextvars.copy_context()
        return _pool.submit(context.run, functools.partial(function, *args, **kwargs)).result()

    return wrapped
