"""What programs read: the error in place of the result, and results that say what they are."""

import json

import pytest

from eclipsed.commands import cli
from eclipsed.errors import EclipsedError


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own working folder and its own library."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def run(capsys):
    """Run one command; gives (exit code, stdout, stderr)."""

    def call(*words):
        code = cli.run([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("words", "code", "kind", "error"),
    [
        (
            ["strip", "no-such.safetensors", "--seeds", "1", "--out", "s.png"],
            1,
            "MissingModelError",
            "there is no direction file 'no-such.safetensors'; check the name",
        ),
        (
            ["sample", "--seeds", "5-1", "--out", "o"],
            1,
            "InputError",
            "the range of seeds 5-1 runs backwards; write 1-5",
        ),
        (["region"], 1, "InputError", "give one prompt, or --file with a list of them"),
        (["train"], 2, "UsageError", "Missing argument 'prompt'; `eclipsed train --help` shows the options"),
        (["doctor", "--jsn"], 2, "UsageError", "No such option: --jsn"),
    ],
)
def test_an_error_is_json_in_place_of_the_result(run, words, code, kind, error):
    got, out, err = run(*words, "--json")
    found = json.loads(out)
    assert (got, set(found), found["kind"]) == (code, {"error", "kind"}, kind)
    assert found["error"].startswith(error)
    assert err == f"error: {found['error']}\n"


def test_unexpected_and_interrupted_work_is_json_too(run, monkeypatch):
    def fail(kind):
        def parse(_):
            raise kind

        monkeypatch.setattr("eclipsed.commands.faces.parse_seeds", parse)
        return json.loads(run("sample", "--seeds", "1", "--out", "o", "--json")[1])

    assert fail(KeyboardInterrupt) == {"error": "interrupted", "kind": "Interrupted"}
    assert fail(OSError("disk")) == {"error": "cannot read or write: disk", "kind": "OSError"}
    assert fail(ZeroDivisionError("by 0"))["kind"] == "ZeroDivisionError"
    assert fail(EclipsedError("one\ntwo")) == {"error": "one two", "kind": "EclipsedError"}


def test_a_word_after_two_dashes_is_no_option(run):
    code, out, _ = run("directions", "show", "--", "--json")
    assert (code, out) == (1, "")


def test_an_answer_that_holds_the_error_is_the_only_one(run, tmp_path):
    (tmp_path / "home" / "networks").mkdir(parents=True)
    (tmp_path / "home" / "networks" / "79999_iter.pth").write_bytes(b"no")
    code, out, err = run("models", "verify", "bisenet", "--json")
    (row,) = json.loads(out)
    assert (code, row["ok"]) == (1, False)
    assert err.splitlines()[-1] == "error: 1 of 1 networks are not right"


def test_sampled_faces_are_paths_and_seeds(run, model_set):
    code, out, _ = run("sample", "--seeds", "3,1", "--out", "o", "--models", model_set, "--json")
    assert (code, json.loads(out)) == (0, {"paths": ["o/seed0003.png", "o/seed0001.png"], "seeds": [3, 1]})
