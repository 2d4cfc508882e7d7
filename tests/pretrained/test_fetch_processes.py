"""Fetching in several processes, and in some that are killed: what the store holds is right."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import store_kit
from filelock import FileLock

from eclipsed.errors import MissingModelError
from eclipsed.pretrained.fetch_network import FetchStep, fetch_network
from eclipsed.store import files as store
from eclipsed.store.files import find_network, networks_folder, remove_network, verify_network

QUICK = {"pause": 0.0, "timeout": 5.0}
TESTS = Path(__file__).parents[1]

ZYGOTE = """
import os, pathlib, signal, sys, traceback
sys.path.insert(0, {tests!r})
import requests, store_kit
import eclipsed.checkpoints.convert, eclipsed.store.download, eclipsed.checkpoints.torch_file
from eclipsed.pretrained.fetch_network import fetch_network
import torch
torch.set_num_threads(1)

def child(name, fatal):
    count = 0
    def hook(event, _):
        nonlocal count
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "fcntl.flock"):
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
    def progress(step):
        hook("open", ())  # blocks of the transfer are places to die as well
    sys.addaudithook(hook)
    store_kit.use_catalogue(pathlib.Path({catalogue!r}))
    try:
        fetch_network(name, pause=0.0, timeout=5.0, callback=progress)
    except BaseException:
        traceback.print_exc()
        count = -1
    os.write(1, (str(count) + "\\n").encode())

for line in sys.stdin:
    pids = []
    for order in line.split():
        name, fatal = order.split(":")
        pid = os.fork()
        if not pid:
            child(name, int(fatal))
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    os.write(1, b"done\\n")
"""


@pytest.fixture
def processes(server, tmp_path):
    """Run fetches in processes of their own: names with the number of the file event at which each is killed."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    code = ZYGOTE.format(tests=str(TESTS), catalogue=str(tmp_path / "networks.json"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def run(*orders):
        process.stdin.write(" ".join(orders) + "\n")
        process.stdin.flush()
        lines = []
        while (line := process.stdout.readline().strip()) not in ("done", ""):
            lines.append(int(line))
        return lines

    yield run
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_killed_at_random_points(server, right, processes):
    """Twenty times at a random file operation or block: what the store holds is right, and the next call succeeds."""
    rng = random.Random(3)
    server.how = "drop"
    lengths = {}
    for name in ("pinned-generator", "open-weights"):
        server.drops = 3
        (lengths[name],) = processes(f"{name}:0")
        remove_network(name)
        assert lengths[name] > 20
    killed = tries = 0
    while killed < 20:  # a call that goes on from what was left may be done before its turn to die comes
        tries += 1
        assert tries <= 80
        name, server.drops = rng.choice(sorted(lengths)), 3
        finished = processes(f"{name}:{rng.randrange(1, lengths[name])}")
        killed += not finished
        store_kit.check_store(right)
        store._verified.clear()
        try:
            find_network(name)
        except MissingModelError:
            if rng.random() < 0.5:  # else the next one goes on from what this one left
                server.how = "good"
                assert processes(f"{name}:0") != [-1]
                server.how = "drop"
                find_network(name)
                remove_network(name)
        else:
            remove_network(name)
    server.how = "good"
    for name in lengths:
        fetch_network(name, **QUICK)
        verify_network(name)
    store_kit.check_store(right)
    partial = [path.name for path in (networks_folder() / ".partial").iterdir()]
    assert all(name.endswith(".lock") for name in partial), partial


@pytest.mark.slow
def test_two_processes_fetch_the_same_file(server, right, processes):
    server.how = "trickle"
    for name in ("pinned-generator", "open-weights"):
        server.seen.clear()
        counts = processes(f"{name}:0", f"{name}:0", f"{name}:0")
        assert len(counts) == 3
        assert min(counts) > 0
        assert len(server.seen) == 1  # the others waited, and found it there
        store_kit.check_store(right)
        find_network(name)


def test_waiting_is_said(server):
    partial = networks_folder() / ".partial"
    partial.mkdir(parents=True)
    lock = FileLock(partial / "open-weights.lock")
    lock.acquire()
    phases = []

    def told(step):
        phases.append(step.phase)
        if step.phase == "waiting":
            lock.release()

    fetch_network("open-weights", callback=told, **QUICK)
    assert phases[0] == "waiting"
    assert phases[-1] == "verify"
    assert FetchStep("a", "waiting").total is None
