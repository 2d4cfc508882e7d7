"""CUDA graphs: work on tensors that is recorded once for some shapes and then replayed, without Python in between.

A step of training or an edit launches thousands of small kernels, and Python is slower at that than a GPU at running
them. Set ``ECLIPSED_GRAPHS=0`` to do without graphs.

What is recorded must not ask a tensor for its value, and must make its constants before it is recorded: the first
calls, which run as ever, are there for that.
"""

from __future__ import annotations

import copy
import gc
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from eclipsed.compute.devices import pinned
from eclipsed.errors import EclipsedWarning

__all__ = ["CudaTape", "Recorder", "Tape", "hold", "is_recording", "leaves", "rebuilt"]

T = TypeVar("T")

_LOCK = threading.RLock()  # in a process one recording, replay, or call before a recording at a time
_here = threading.local()


def is_recording() -> bool:
    """Whether this thread runs something that is or may be recorded, in which no tensor may be asked for its value."""
    return getattr(_here, "held", None) is not None


def hold(tensor: Tensor) -> Tensor:
    """Keep a tensor from a cache as long as the graph that is being recorded may read it."""
    if (held := getattr(_here, "held", None)) is not None:
        held.append(tensor)
    return tensor


@contextmanager
def _recording(held: list[Tensor]) -> Iterator[None]:
    _here.held = held
    try:
        yield
    finally:
        _here.held = None


def leaves(tree: object) -> list[Tensor]:
    """The tensors in nested dataclasses, mappings, lists and tuples, in their order."""
    if isinstance(tree, Tensor):
        return [tree]
    return [leaf for _, part in _parts(tree) for leaf in leaves(part)]


def rebuilt(tree: T, tensors: Iterator[Tensor]) -> T:
    """The same nesting with other tensors in it."""
    new: Any = tree
    if isinstance(tree, Tensor):
        new = next(tensors)
    elif isinstance(tree, Mapping):
        new = {name: rebuilt(part, tensors) for name, part in tree.items()}
    elif isinstance(tree, (list, tuple)):
        new = type(tree)(rebuilt(part, tensors) for part in tree)
    elif is_dataclass(tree):
        new = copy.copy(tree)
        for name, part in _parts(tree):
            object.__setattr__(new, name, rebuilt(part, tensors))
    result: T = new
    return result


def _parts(tree: object) -> list[tuple[Any, object]]:
    if isinstance(tree, Mapping):
        return list(tree.items())
    if isinstance(tree, (list, tuple)):
        return list(enumerate(tree))
    if is_dataclass(tree):
        return [(one.name, getattr(tree, one.name)) for one in fields(tree)]
    return []


def _shapes(tree: object) -> Hashable:
    """What two trees have in common that may go through the same graph: shapes, formats, and all but the tensors."""
    if isinstance(tree, Tensor):
        return tuple(tree.shape), tree.dtype
    parts = _parts(tree)
    if parts or isinstance(tree, (Mapping, list, tuple)):
        return type(tree), tuple((name, _shapes(part)) for name, part in parts)
    return tree


class Tape(Protocol):
    """What records a call and plays it again."""

    def warm_up(self, call: Callable[[], T]) -> T:
        """Run a call that is going to be recorded, where it is going to be recorded."""

    def record(self, call: Callable[[], T]) -> tuple[T, Callable[[], object]]:
        """Record a call: where its results are going to lie, and what computes them anew."""


class CudaTape:
    """CUDA graphs of one device, which share their memory: what one of them leaves is gone when another is replayed.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = _stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def warm_up(self, call: Callable[[], T]) -> T:
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with self._alone():
            found = call()
        current.wait_stream(self.stream)
        for tensor in leaves(found):
            tensor.record_stream(current)
        return found

    def record(self, call: Callable[[], T]) -> tuple[T, Callable[[], object]]:
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self.stream.device)
        torch.cuda.synchronize(self.stream.device)
        torch.cuda.empty_cache()  # the graph has memory of its own
        collecting = gc.isenabled()
        gc.disable()  # what is freed while a graph is recorded spoils it
        try:
            with self._alone():
                graph.capture_begin(pool=self.pool, capture_error_mode="thread_local")
                try:
                    found = call()
                except BaseException:
                    with suppress(Exception):
                        graph.capture_end()
                    raise
                graph.capture_end()
        finally:
            if collecting:
                gc.enable()
        current.wait_stream(self.stream)
        return found, graph.replay

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """On the stream of the recordings, and the backward pass in this thread too, to which cuDNN's plans belong."""
        with torch.cuda.stream(self.stream), torch.autograd.set_multithreading_enabled(False):
            yield


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Where everything is recorded. PyTorch hands out a few streams in turn, so many of one's own would be shared."""
    return torch.cuda.Stream(device)


@dataclass(eq=False)
class _Entry:
    """One function for inputs of some shapes: calls so far, by thread, and the recording once there is one."""

    function: Callable[..., Any]
    calls: dict[int, int] = field(default_factory=dict)
    inputs: Any = None
    outputs: Any = None
    replay: Callable[[], object] | None = None
    held: list[Tensor] = field(default_factory=list)


class Recorder:
    """Functions of tensors on one device, each recorded once it was called with inputs of the same shapes.

    Args:
        device: where the functions run; on other devices than a GPU every call is an ordinary one.
        after: ordinary calls with the same shapes before one is recorded, so that what is rare costs no recording.
        most: how many recordings are kept; the one that was not used for the longest time makes room.
        tape: what records; None is CUDA graphs where there is a GPU and the environment does not forbid them.
    """

    def __init__(self, device: torch.device, *, after: int = 2, most: int = 12, tape: Tape | None = None) -> None:
        self.device, self.after, self.most = device, after, most
        self._given = tape
        self._tape: Tape | None = None
        self._failed = False
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._done: torch.cuda.Event | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Recordings stay in the process that made them."""
        return {**self.__dict__, "_tape": None, "_entries": OrderedDict(), "_done": None}

    @property
    def active(self) -> bool:
        """Whether calls are recorded at all."""
        if self._failed:
            return False
        return self._given is not None or (self.device.type == "cuda" and _allowed())

    def __len__(self) -> int:
        return sum(entry.replay is not None for entry in self._entries.values())

    def __call__(self, key: Hashable, function: Callable[..., T], *inputs: Any) -> T:
        """What a function gives for some inputs.

        Args:
            key: tells the function, and everything but the inputs that it depends on. Of two functions with the same
                key the first may serve for both.
            function: of tensors on this device. Like every function that is recorded it must give new tensors.
            inputs: nested dataclasses, mappings, lists and tuples of tensors.
        Warns:
            EclipsedWarning: once, when it cannot be recorded; from then on every call is an ordinary one.
        """
        if not self.active or is_recording() or self._is_captured():
            return function(*inputs)
        where = (key, torch.is_grad_enabled(), _shapes(inputs))
        with _LOCK:
            entry = self._entries.setdefault(where, _Entry(function))
            self._entries.move_to_end(where)
            while len(self._entries) > self.most:
                self._drop(next(iter(self._entries)))
            warm = entry.calls.get(threading.get_ident(), 0) >= self.after
            if entry.replay is not None or (warm and self._record(entry, inputs)):
                replayed: T = self._replayed(entry, inputs)
                return replayed
            if self.active:
                own = self._copied(inputs)
                with _recording([]):
                    found: T = self._running().warm_up(lambda: entry.function(*own))
                entry.calls[threading.get_ident()] = entry.calls.get(threading.get_ident(), 0) + 1
                return found
        return function(*inputs)

    def clear(self) -> None:
        """Forget all recordings, and give their memory back."""
        with _LOCK:
            for where in list(self._entries):
                self._drop(where)
            self._tape = None

    def _running(self) -> Tape:
        if self._tape is None:
            self._tape = CudaTape(self.device) if self._given is None else self._given
        return self._tape

    def _is_captured(self) -> bool:
        return self.device.type == "cuda" and torch.cuda.is_current_stream_capturing()

    def _drop(self, where: Hashable) -> None:
        if self._entries.pop(where).replay is not None and self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # it may still run

    def _copied(self, inputs: T) -> T:
        """Inputs of one's own: on the device, outside of inference mode, without gradient."""
        with torch.inference_mode(False), torch.no_grad():
            return rebuilt(inputs, iter([leaf.detach().to(self.device, copy=True) for leaf in leaves(inputs)]))

    def _record(self, entry: _Entry, inputs: Any) -> bool:
        """Record a call; False when that cannot be done."""
        entry.inputs = self._copied(inputs)
        grad = torch.is_grad_enabled()
        try:
            with torch.inference_mode(False), torch.set_grad_enabled(grad), _recording(entry.held):
                entry.outputs, entry.replay = self._running().record(lambda: entry.function(*entry.inputs))
        except Exception as error:
            self._failed = True
            self.clear()
            lines = str(error).strip().splitlines() or [""]
            reason = f"{type(error).__name__}: {lines[0]}"
            message = f"this work cannot be recorded as a CUDA graph ({reason}); it runs on without, only slower"
            warnings.warn(EclipsedWarning(message), stacklevel=4)
            return False
        return True

    def _replayed(self, entry: _Entry, inputs: Any) -> Any:
        assert entry.replay is not None
        with torch.inference_mode(False), torch.no_grad():
            if self._done is not None:  # another thread's stream may still read what the last replay gave
                torch.cuda.current_stream(self.device).wait_event(self._done)
            for own, given in zip(leaves(entry.inputs), leaves(inputs), strict=True):
                own.copy_(pinned(given, self.device), non_blocking=True)
            entry.replay()
            found = rebuilt(entry.outputs, iter([leaf.detach().clone() for leaf in leaves(entry.outputs)]))
            if self.device.type == "cuda":
                self._done = self._done or torch.cuda.Event()
                self._done.record(torch.cuda.current_stream(self.device))
        return found


def _allowed() -> bool:
    return os.environ.get("ECLIPSED_GRAPHS", "").strip().lower() not in ("0", "off", "false", "no")
