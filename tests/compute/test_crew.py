"""Many pieces of work in this process and in others: the same answers, whoever dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import crew_kit
import pytest
import torch

from eclipsed.compute.crew import Answer, Crew, run_many
from eclipsed.compute.crew_processes import without_ctrl_c
from eclipsed.compute.crew_ray import room
from eclipsed.errors import InputError, MissingExtraError

TWO = Crew(2)


@pytest.fixture
def squares(tmp_path):
    return partial(crew_kit.squares, tmp_path)


def test_one_after_the_other(squares, tmp_path):
    told = []
    answers = list(run_many(squares, [3, 1, 2], began=told.append))
    assert answers == [Answer(0, 9), Answer(1, 1), Answer(2, 4)]
    assert told == [0, 1, 2]
    assert crew_kit.seen(tmp_path, "begun") == 1


def test_nothing_to_do_starts_nothing(tmp_path, squares):
    assert list(run_many(squares, [], crew=TWO)) == []
    assert not (tmp_path / "log").exists()


def test_threads_are_pinned_and_given_back(squares):
    before = torch.get_num_threads()
    assert [one.value for one in run_many(squares, ["threads"], crew=Crew(threads=3))] == [3]
    assert torch.get_num_threads() == before


def test_out_of_memory_is_tried_once_with_less(squares, tmp_path):
    answers = list(run_many(squares, ["large once", "large", 2]))
    assert answers == [Answer(0, "small"), Answer(1, None, lost="no room", memory=True), Answer(2, 4)]
    assert crew_kit.seen(tmp_path, "did large") == 2


def test_what_is_wrong_with_the_work_itself_ends_all(squares):
    with pytest.raises(InputError, match="this cannot be squared"):
        list(run_many(squares, [1, "wrong", 2]))


@pytest.mark.slow
def test_processes_give_the_same_answers(squares, tmp_path):
    told = []
    answers = list(run_many(squares, [*range(6), "threads", "large once"], crew=TWO, began=told.append))
    assert sorted(answers, key=lambda one: one.number) == [
        *(Answer(n, n * n) for n in range(6)),
        Answer(6, 1),
        Answer(7, "small"),
    ]
    assert set(told) == set(range(8))
    assert crew_kit.seen(tmp_path, "begun") in (1, 2)  # networks would be loaded once in each


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_its_work_done_once_more(squares, tmp_path):
    answers = list(run_many(squares, ["die once", "die", "killed", 5], crew=TWO))
    assert sorted((one.number, one.value, one.lost, one.memory) for one in answers) == [
        (0, "alive", "", False),
        (1, None, "exit code -15", False),
        (2, None, "exit code -9", True),
        (3, 25, "", False),
    ]
    assert crew_kit.seen(tmp_path, "did die once") == 2
    assert crew_kit.seen(tmp_path, "did die") == 2
    assert (crew_kit.seen(tmp_path, "less False"), crew_kit.seen(tmp_path, "less True")) == (1, 1)


@pytest.mark.slow
def test_workers_that_cannot_begin_are_one_sentence():
    with pytest.raises(InputError) as caught:
        list(run_many(crew_kit.unbegun, [1, 2], crew=TWO))
    assert str(caught.value) == (
        'a worker could not be started (exit code 3); give workers=1, or call this below if __name__ == "__main__":'
    )
    with pytest.raises(InputError, match="this cannot be squared"):
        list(run_many(partial(refused), [1, 2], crew=TWO))


def refused():
    raise InputError("this cannot be squared")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_end_with_the_one_that_asked(tmp_path):
    """A pool of concurrent.futures would wait for ever where its owner was killed."""
    code = (
        "import crew_kit, functools\n"
        "from eclipsed.compute.crew import Crew, run_many\n"
        "if __name__ == '__main__':\n"
        f"    make = functools.partial(crew_kit.squares, {str(tmp_path)!r})\n"
        "    for answer in run_many(make, [('', 0.1), ('', 0.1), ('', 60), ('', 60)], crew=Crew(2)):\n"
        "        print(answer.value, flush=True)\n"
    )
    script = tmp_path / "owner.py"
    script.write_text(code)
    here = os.path.dirname(crew_kit.__file__)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=env) as owner:
        workers = {int(owner.stdout.readline()) for _ in range(2)}
        owner.send_signal(signal.SIGKILL)
    ended = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < ended:
        time.sleep(0.05)
    assert not any(map(alive, workers))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("telling", [False, True])
def test_ctrl_c_ends_what_is_running_at_once(tmp_path, telling):
    """As a terminal sends it: to all of the group, wherever the one that asks is."""
    after = "time.sleep(60)" if telling else ""
    code = (
        "import crew_kit, functools, signal, time\n"
        "from contextlib import closing\n"
        "from eclipsed.compute.crew import Crew, run_many\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is off
        f"    make = functools.partial(crew_kit.squares, {str(tmp_path)!r})\n"
        "    with closing(run_many(make, [('', 0.1), ('', 90), ('', 90)], crew=Crew(2))) as answers:\n"
        "        for answer in answers:\n"
        "            print(answer.value, flush=True)\n"
        f"            {after or 'pass'}\n"
    )
    script = tmp_path / "owner.py"
    script.write_text(code)
    here = os.path.dirname(crew_kit.__file__)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, script], text=True, env=env, start_new_session=True, **piped) as owner:
        owner.stdout.readline()
        waited = time.monotonic() + 60
        while crew_kit.seen(tmp_path, "did ('', 90)") < 1 and time.monotonic() < waited:
            time.sleep(0.05)
        pressed = time.monotonic()
        os.killpg(owner.pid, signal.SIGINT)
        said = owner.communicate(timeout=60)[1]
    assert time.monotonic() - pressed < 45  # and not the 90 seconds of what was running
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1  # none of a worker's


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
def test_ctrl_c_while_a_worker_is_started_is_not_lost():
    begun, before = [], signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            press(begun)
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun


def press(begun):
    with without_ctrl_c():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        begun.append(True)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "workers must be a whole number from 1 to 256; got 0"),
        ({"workers": 0, "ray": "auto"}, "workers must be a whole number from 1 to 100000; got 0"),
        ({"threads": 0}, "threads must be a whole number from 1 to 1024; got 0"),
        ({"gpus": -1}, "gpus must be a number from 0 to 64; got -1"),
        ({"cpus": -1.0}, "cpus must be a number from 0 to 1024; got -1.0"),
        ({"ray": " "}, "ray must be an address, local or auto; got nothing"),
    ],
)
def test_a_crew_that_cannot_be(options, sentence):
    with pytest.raises(InputError) as caught:
        Crew(**options)
    assert str(caught.value) == sentence


def test_without_ray_the_pip_line_is_shown(monkeypatch, squares):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'^many machines need Ray: .*pip install .*\[ray\]"'):
        list(run_many(squares, [1], crew=Crew(ray="local")))


def test_room_on_a_cluster():
    have = {"CPU": 8.0, "GPU": 2.0, "memory": 1e9}
    assert room(have, cpus=1, gpus=0) == 8
    assert room(have, cpus=0.5, gpus=0.25) == 8
    assert room(have, cpus=1, gpus=1) == 2
    assert room({"CPU": 0.9}, cpus=0.3, gpus=0) == 3  # as floats divide
    assert room({"CPU": 4.0}, cpus=1, gpus=1) == 0


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("local", "Ray did not start on this machine (the node timed out); try again when it is less busy"),
        (
            "127.0.0.1:1",
            "there is no Ray cluster at '127.0.0.1:1' (the node timed out); start one, or give local",
        ),
    ],
)
def test_where_there_is_no_ray_is_said_in_a_sentence(monkeypatch, squares, address, sentence):
    ray = pytest.importorskip("ray")

    def init(*_, **__):
        raise Exception("the node\ntimed out")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(InputError) as caught:
        list(run_many(squares, [1], crew=Crew(ray=address)))
    assert str(caught.value) == sentence
