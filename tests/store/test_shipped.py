"""A network that ships: found, checked, neither fetched nor removed."""

import json
import shutil

import pytest

from eclipsed.commands import cli
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.pretrained.fetch import fetch
from eclipsed.pretrained.fetch_network import fetch_network
from eclipsed.store import files
from eclipsed.store.files import find_network, forget_network, local_file, remove_network, stored_path, verify_network
from eclipsed.store.networks import known_networks, network


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, and a copy of what ships that may be damaged."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    shipped = tmp_path / "shipped"
    shutil.copytree(stored_path(network("mtcnn")).parent, shipped / "checkpoints" / "mtcnn")
    monkeypatch.setattr(files, "shipped_folder", lambda: shipped)
    return tmp_path / "home"


def test_it_is_there_without_fetching(home):
    path = find_network("mtcnn")
    assert path == stored_path(network("mtcnn")) == local_file(network("mtcnn"))
    assert path.parts[-3:] == ("checkpoints", "mtcnn", "mtcnn.safetensors")
    assert fetch_network("mtcnn") == path
    assert fetch("mtcnn", offline=True) == (path,)
    assert verify_network("mtcnn").sha256 == network("mtcnn").sha256
    assert not home.exists()  # nothing is recorded
    assert sorted(one.name for one in path.parent.iterdir()) == ["LICENSE", "mtcnn.safetensors"]


def test_it_is_the_only_one():
    assert [name for name, each in known_networks().items() if each.ships] == ["mtcnn"]


def test_it_is_not_removed():
    with pytest.raises(InputError) as error:
        remove_network("mtcnn")
    assert str(error.value) == "mtcnn ships with eclipsed and is part of it; it is not removed"
    assert not forget_network("mtcnn")
    assert find_network("mtcnn").is_file()


def test_a_damaged_or_missing_file_is_found_out():
    path = find_network("mtcnn")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    for call in (find_network, verify_network, fetch_network):
        with pytest.raises(CheckpointError) as damaged:
            call("mtcnn")
        assert str(damaged.value).startswith(
            f"{path} is not mtcnn: expected the sha256 {network('mtcnn').sha256}, found "
        )
        assert str(damaged.value).endswith("; install eclipsed again")
    path.unlink()
    for call in (find_network, verify_network, fetch_network):
        with pytest.raises(MissingModelError) as missing:
            call("mtcnn")
        assert str(missing.value) == f"{path} is missing, which ships with eclipsed; install eclipsed again"


def test_the_terminal_tells_its_licence(capsys):
    assert cli.run(["models", "info", "mtcnn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["present"]
    assert found["licence"] == "MIT, copyright 2019-2024 Iván de Paz Centeno; trained on WIDER FACE and CelebA"
    assert found["licence_address"] == "https://github.com/ipazc/mtcnn"
    assert cli.run(["models", "verify"]) == 0
    assert capsys.readouterr().out == "mtcnn: right, as it ships with eclipsed\n"
