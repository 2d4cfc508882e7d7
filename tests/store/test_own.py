"""What is the user's own lies in the data folder, and comes there from the cache of an earlier version once."""

import os
import warnings

import pytest

from eclipsed.errors import EclipsedWarning
from eclipsed.store import library, trainings
from eclipsed.store.own import own_folder
from eclipsed.store.sets import user_directions, user_sets


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache and an empty data folder; gives the cache."""
    monkeypatch.delenv("ECLIPSED_HOME", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    return tmp_path / "cache"


def test_own_things_are_not_in_the_cache(cache, tmp_path):
    data = tmp_path / "data"
    assert (user_directions(), user_sets()) == (data / "directions", data / "sets")
    assert library.kept_path("mine") == data / "directions" / "mine.safetensors"
    assert trainings.state_path("0" * 16).parent == data / "unfinished"
    assert list(tmp_path.iterdir()) == []  # asking makes nothing


def test_with_a_home_all_is_there(cache, tmp_path, monkeypatch):
    (cache / "directions").mkdir(parents=True)
    (cache / "directions" / "a.safetensors").touch()
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    assert user_directions() == tmp_path / "home" / "directions"
    assert (cache / "directions" / "a.safetensors").exists()


def test_what_was_in_the_cache_is_moved_once(cache, tmp_path):
    (cache / "directions" / "mini").mkdir(parents=True)
    (cache / "directions" / "mini" / "b.safetensors").write_text("b")
    (cache / "directions" / "a.safetensors").write_text("a")
    (cache / "networks").mkdir()
    new = tmp_path / "data" / "directions"
    with pytest.warns(EclipsedWarning) as said:
        assert [entry.name for entry in library.entries() if not entry.shipped] == ["a", "mini/b"]
    assert [str(one.message) for one in said] == [
        f"2 files of yours moved from the cache, {cache / 'directions'}, to {new}"
    ]
    assert (new / "mini" / "b.safetensors").read_text() == "b"
    assert [each.name for each in cache.iterdir()] == ["networks"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert user_directions() == new


def test_nothing_of_the_data_folder_is_replaced(cache, tmp_path):
    for place, text in ((cache, "old"), (tmp_path / "data", "new")):
        (place / "directions").mkdir(parents=True)
        (place / "directions" / "a.safetensors").write_text(text)
    assert (user_directions() / "a.safetensors").read_text() == "new"
    assert (cache / "directions" / "a.safetensors").read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="a file in the way is another error there")
def test_what_cannot_be_moved_is_used_where_it_is(cache, tmp_path):
    (cache / "directions").mkdir(parents=True)
    (cache / "directions" / "a.safetensors").touch()
    (tmp_path / "data").touch()
    with pytest.warns(EclipsedWarning, match=r"cannot be moved to .* \(Not a directory\); it is used there$"):
        assert own_folder("directions") == cache / "directions"
