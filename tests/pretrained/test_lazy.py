"""What is loaded late is loaded once, and a load that failed can be tried again."""

import threading
import time

import pytest

from eclipsed.errors import InputError
from eclipsed.pretrained.lazy import Lazy


def test_nothing_is_loaded_before_it_is_asked_for_and_then_once():
    loads = []
    lazy = Lazy(lambda: (loads.append(1), object())[1])
    assert loads == []
    assert lazy.get() is lazy.get()
    assert loads == [1]


def test_nothing_may_be_what_was_loaded():
    loads = []
    lazy = Lazy(lambda: loads.append(1))
    assert lazy.get() is lazy.get() is None
    assert loads == [1]


def test_threads_that_ask_at_once_load_once():
    loads, start = [], threading.Barrier(8)

    def load():
        loads.append(1)
        time.sleep(0.05)  # long enough for the others to ask meanwhile
        return object()

    lazy, found = Lazy(load), []

    def ask():
        start.wait()
        found.append(lazy.get())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_load_that_fails_is_tried_again():
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return "there"

    lazy = Lazy(load)
    with pytest.raises(OSError, match="not yet"):
        lazy.get()
    assert lazy.get() == lazy.get() == "there"
    assert len(tries) == 2


def test_a_thing_is_itself_even_if_it_can_be_called():
    class Network:
        def __call__(self):
            raise AssertionError("it was taken for a function")

    network = Network()
    assert Lazy.of("network", network, Network).get() is network
    assert Lazy.of("network", lambda: network, Network).get() is network
    assert Lazy.of("network", None, Network, type(None)).get() is None


def test_what_is_neither_is_refused_at_once_and_a_wrong_load_when_it_comes():
    with pytest.raises(InputError, match=r"^the network must be one, or a function that loads it; got 'file'$"):
        Lazy.of("network", "file", int)
    with pytest.raises(InputError, match="the network must be a number; got None"):
        Lazy.of("network", None, int, allowed="a number")
    lazy = Lazy.of("network", lambda: "text", int)
    with pytest.raises(InputError, match=r"^the function that loads the network gave str$"):
        lazy.get()
