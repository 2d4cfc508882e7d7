"""The library of directions: names that are free, also for two who ask at once."""

import threading

import pytest

from eclipsed.errors import InputError
from eclipsed.store import library


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


def test_two_who_ask_for_one_name_at_once_get_two():
    gate, gate_of_others, names = threading.Barrier(4), threading.Event(), []

    def save(path):
        gate_of_others.wait(0.02)  # time enough for others to find the name free
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(threading.current_thread().name.encode())

    def ask():
        gate.wait()
        names.append((threading.current_thread().name, library.keep_as_new("smile-of-mine", save)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(name for _, name in names) == ["smile-of-mine", *(f"smile-of-mine-{k}" for k in (2, 3, 4))]
    for thread, name in names:
        assert library.kept_path(name).read_bytes() == thread.encode()


def test_the_name_of_what_ships_is_taken():
    assert library.keep_as_new("smile", lambda path: path.parent.mkdir(parents=True)) == "smile-2"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(InputError, match="holds no slashes and is not empty"):
        library.keep_as_new(name, lambda path: pytest.fail("nothing is written"))
