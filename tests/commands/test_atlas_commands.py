"""The atlas on the command line."""

import json
from pathlib import Path

import pytest
from test_schemas import fits

from eclipsed import Direction
from eclipsed.commands import cli


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own working folder and its own library."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def run(capsys, model_set):
    """Run one command on the set of random weights; gives (exit code, stdout, stderr)."""

    def call(*words):
        code = cli.run(["atlas", *map(str, words), "--models", str(model_set)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def built(run):
    code, out, err = run("build", "--faces", "64", "--out", "atlas.safetensors", "--json")
    assert code == 0, err
    assert "looking at faces" in err
    found = json.loads(out)
    fits(found, "atlas-build")
    assert (found["path"], found["faces"], found["parts"]) == ("atlas.safetensors", 64, 19)
    return "atlas.safetensors"


def test_a_sentence_is_sketched(run, built):
    code, out, err = run("sketch", "a person with blond hair", "--atlas", built, "--out", "d.safetensors", "--json")
    assert code == 0, err
    found = json.loads(out)
    fits(found, "atlas-sketch")
    assert Direction.load("d.safetensors").prompt == "a person with blond hair"
    code, out, err = run("sketch", "hair", "--atlas", built, "--out", "d.pt")
    assert (code, out) == (1, "")
    assert err == "error: a direction file ends in .safetensors; got 'd.pt'\n"


def test_what_can_be_reached_is_said_before_training(run, built):
    words = ["can", "a person with glasses", "a person with blond hair", "--atlas", built]
    code, out, err = run(*words, "--json")
    assert code == 0, err
    found = json.loads(out)
    fits(found, "atlas-can")
    reach = [one["reach"] for one in found["prompts"]]
    assert reach == sorted(reach, reverse=True)
    code, out, err = run(*words)
    assert code == 0, err
    assert {line.split("%")[1].split(":")[0].strip() for line in out.splitlines()} == set(words[1:3])


def test_what_there_is_to_find_is_shown(run, built):
    words = ["show", "--part", "hair", "--count", "2", "--atlas", built]
    code, out, err = run(*words, "--out", "found", "--seeds", "1", "--json")
    assert code == 0, err
    found = json.loads(out)
    fits(found, "atlas-show")
    assert [one["part"] for one in found["moves"]] == ["hair", "hair"]
    assert found["moves"][0]["inside"] >= found["moves"][1]["inside"]
    assert sorted(p.name for p in Path("found").iterdir()) == [
        "hair-1.png", "hair-1.safetensors", "hair-2.png", "hair-2.safetensors",
    ]  # fmt: skip
    code, out, err = run(*words)
    assert code == 0, err
    assert out.startswith("hair")
    code, out, err = run("show", "--part", "wing", "--atlas", built)
    assert (code, out) == (1, "")
    assert "unknown part" in err


def test_a_file_that_is_no_atlas_is_refused(run):
    code, out, err = run("can", "hair", "--atlas", "no.safetensors")
    assert (code, out) == (1, "")
    assert err.endswith("error: the atlas no.safetensors does not exist\n")


@pytest.mark.filterwarnings("ignore::eclipsed.errors.VocabularyWarning")
def test_a_sketch_that_hardly_reaches_anything_says_so(run, built):
    code, out, err = run("sketch", "a person with blorb hair", "--atlas", built, "--out", "d.safetensors")
    assert (code, out) == (0, "d.safetensors\n"), err
    assert "nobody can tell what it reaches: CLIP was never shown 'blorb'" in err


@pytest.mark.parametrize("count", ["0", "-1", "65"])
def test_so_many_moves_cannot_be_shown(run, built, count):
    code, out, err = run("show", "--count", count, "--atlas", built)
    assert (code, out) == (1, "")
    assert "count must be" in err


def test_an_atlas_has_the_name_of_one(run):
    code, out, err = run("build", "--out", "atlas.txt")
    assert (code, out, err) == (1, "", "error: an atlas file ends in .safetensors; got 'atlas.txt'\n")
