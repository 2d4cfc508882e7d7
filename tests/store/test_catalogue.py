"""Model sets are found by name and by folder, and what is missing is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import eclipsed
from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.store import sets as catalogue
from eclipsed.store import shipped
from eclipsed.store.networks import known_sets
from eclipsed.store.sets import ClipSource, find_set, list_sets, shipped_directions, user_directions, user_sets

CONTENT = {
    "format": 1,
    "name": "own",
    "description": "a set of one's own",
    "licence": "MIT",
    "generator": "generator.safetensors",
    "parser": "parser.safetensors",
    "clip": "clip",
    "truncation_psi": 0.6,
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of ours, and nothing shipped but what a test puts there."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "shipped_folder", lambda: tmp_path / "shipped")
    return tmp_path / "home"


def make_set(folder, **changes):
    content = {**CONTENT, **changes}
    (folder / "clip").mkdir(parents=True)
    for name in ("generator.safetensors", "parser.safetensors", "judge.safetensors"):
        (folder / name).touch()
    for name in ("open_clip_config.json", "open_clip_model.safetensors"):
        (folder / "clip" / name).touch()
    (folder / "set.json").write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    return folder


def test_a_set_by_its_folder(tmp_path):
    folder = make_set(tmp_path / "anywhere")
    for name in (folder, str(folder)):
        found = find_set(name)
        assert (found.name, found.folder, found.truncation_psi) == ("own", folder, 0.6)
        assert (found.description, found.licence) == ("a set of one's own", "MIT")
        assert found.generator == folder / "generator.safetensors"
        assert found.parser == folder / "parser.safetensors"
        assert found.clip == ClipSource(str(folder / "clip"), None)
        assert found.classifier is None


def test_a_set_with_a_public_clip_and_a_classifier(tmp_path):
    clip = {"model": "ViT-B-32", "pretrained": "openai"}
    folder = make_set(tmp_path / "set", clip=clip, classifier="judge.safetensors", truncation_psi=None, name=None)
    found = find_set(folder)
    assert found.clip == ClipSource("ViT-B-32", "openai")
    assert found.classifier == folder / "judge.safetensors"
    assert (found.name, found.truncation_psi) == ("set", 0.8)


def test_names_lead_to_shipped_sets_first_then_to_the_users(tmp_path, home):
    own = make_set(home / "sets" / "own")
    assert find_set("own").folder == own
    shipped = make_set(tmp_path / "shipped" / "checkpoints" / "own")
    assert find_set("own").folder == shipped
    assert user_sets() == home / "sets"


def test_a_relative_folder_needs_no_dot(tmp_path, monkeypatch):
    make_set(tmp_path / "beside")
    monkeypatch.chdir(tmp_path)
    assert find_set("beside").name == "own"
    assert find_set("./beside").name == "own"


def test_unknown_names_list_the_known_ones(tmp_path, home):
    make_set(home / "sets" / "own")
    with pytest.raises(MissingModelError, match=r"no model set 'nobody'; known: .*ffhq, .*own; .*sets.nobody"):
        find_set("nobody")
    for name in (tmp_path / "nowhere", "", "../up", "a/b"):
        with pytest.raises(MissingModelError, match=r"has no set\.json; known names: .*ffhq, .*own"):
            find_set(name)


@pytest.mark.parametrize("name", ["generator.safetensors", "parser.safetensors", "clip/open_clip_config.json"])
def test_a_missing_file_is_named_with_its_place(name, tmp_path):
    folder = make_set(tmp_path / "set")
    (folder / name).unlink()
    with pytest.raises(MissingModelError) as caught:
        find_set(folder)
    assert f"needs {name} (into {folder})" in str(caught.value)


def test_ffhq_is_known_though_it_is_not_there(home):
    with pytest.raises(MissingModelError) as caught:
        find_set("ffhq")
    for word in ("lacks ffhq-generator (", " and bisenet (", "; get it: eclipsed models fetch ffhq"):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    (status,) = [s for s in list_sets() if s.name == "ffhq"]
    assert not status.present
    assert len(status.missing) == 2
    assert "non-commercial" in status.licence


def test_ffhq_needs_only_its_two_files(home):
    folder = home / "sets" / "ffhq"
    folder.mkdir(parents=True)
    for name in ("ffhq.pkl", "parsing_bisenet.pth"):
        (folder / name).touch()
    found = find_set("ffhq")
    assert found.generator == folder / "ffhq.pkl"
    assert found.clip == ClipSource("ViT-B-32-256", "datacomp_s34b_b86k")
    assert [s.name for s in list_sets() if s.present] == ["ffhq"]


def test_the_list_of_sets(tmp_path, home):
    make_set(tmp_path / "shipped" / "checkpoints" / "mini", name="mini")
    broken = make_set(home / "sets" / "broken")
    (broken / "set.json").write_text("{")
    lacking = make_set(home / "sets" / "lacking", name="lacking")
    (lacking / "parser.safetensors").unlink()
    (home / "sets" / "no-set").mkdir()
    found = {status.name: status for status in list_sets()}
    assert sorted(set(found) - set(known_sets())) == ["broken", "lacking", "mini"]
    assert {"ffhq", "ffhq-512", "ffhq-256", "metfaces", "afhqcat", "afhqdog", "afhqwild"} <= set(found)
    assert (found["mini"].present, found["mini"].shipped) == (True, True)
    assert (found["lacking"].present, found["lacking"].shipped) == (False, False)
    assert found["lacking"].missing == (f"parser.safetensors (into {lacking})",)
    assert "cannot be read as JSON" in found["broken"].missing[0]
    assert found["mini"].description == "a set of one's own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as JSON"),
        ("\udcff", "cannot be read as JSON"),
        ("[]", "format 1; found 'list'"),
        ("{}", "format 1; found None"),
        (json.dumps({**CONTENT, "format": 2}), "format 1; found 2"),
        (json.dumps({**CONTENT, "generator": 3}), "'generator' must be a text; found 3"),
        (json.dumps({**CONTENT, "parser": ""}), "'parser' must be a text"),
        (json.dumps({**CONTENT, "clip": None}), "'clip' must be a folder or hold 'model' and 'pretrained'"),
        (json.dumps({**CONTENT, "clip": {"model": "ViT-B-32"}}), "'clip' must be a folder or hold"),
        (json.dumps({**CONTENT, "classifier": 1}), "'classifier' must be a text"),
        (json.dumps({**CONTENT, "licence": ["MIT"]}), "'licence' must be a text"),
        (json.dumps({**CONTENT, "truncation_psi": "0.5"}), "'truncation_psi' must be a number"),
        (json.dumps({**CONTENT, "truncation_psi": float("nan")}), "'truncation_psi' must be a number"),
    ],
)
def test_a_set_json_that_is_none(text, message, tmp_path):
    folder = make_set(tmp_path / "set")
    (folder / "set.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=message) as caught:
        find_set(folder)
    assert str(folder / "set.json") in str(caught.value)


def test_folders_of_directions(home, tmp_path):
    assert user_directions() == home / "directions"
    assert shipped_directions() == tmp_path / "shipped" / "models"
    assert not home.exists()  # asking makes nothing


def test_without_a_home_the_users_own_folder_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("ECLIPSED_HOME")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data" / "eclipsed"))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache" / "eclipsed"))
    assert user_sets().parent.name == "eclipsed"
    assert user_sets().is_absolute()


def test_where_the_shipped_files_are(tmp_path, monkeypatch):
    """Inside an installed package; beside the package in a checkout; never beside an installed one."""
    monkeypatch.undo()
    package = tmp_path / "somewhere" / "eclipsed"
    (package / "store").mkdir(parents=True)
    monkeypatch.setattr(shipped, "__file__", str(package / "store" / "shipped.py"))
    assert shipped_directions() == package / "_shipped" / "models"
    (package.parent / "pyproject.toml").touch()
    assert shipped_directions() == package.parent / "models"
    (package / "_shipped").mkdir()
    assert shipped_directions() == package / "_shipped" / "models"


def test_listing_sets_loads_no_torch():
    code = "import sys, eclipsed.store.sets as c; c.list_sets(); sys.exit('torch' in sys.modules)"
    root = Path(eclipsed.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0
