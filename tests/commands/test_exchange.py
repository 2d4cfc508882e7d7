"""Other people's files, and style channels, on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_schemas import fits

from eclipsed.commands import cli
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics


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
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def age(editor):
    np.save("age.npy", WStatistics.of_generator(editor.generator).basis[:, 0][None].numpy())
    return "age.npy"


def test_in_and_out_again(run, age, model_set):
    words = ["directions", "import", age, "--out", "age.safetensors", "--models", model_set, "--region", "hair"]
    code, out, err = run(*words)
    assert (code, out) == (0, "age.safetensors\n"), err
    assert "note: its sign is the file's, and alpha = 1 half of what takes faces out of the data" in " ".join(
        err.split()
    )
    code, out, _ = run(*words, "--json")
    found = json.loads(out)
    fits(found, "directions-import")
    assert (found["name"], found["method"], found["space"]) == ("age", "foreign file", "W")
    code, out, err = run("directions", "export", "age.safetensors", "--out", "again.pt", "--json")
    assert code == 0, err
    fits(json.loads(out), "directions-export")
    tensor = torch.load("again.pt", weights_only=True)
    torch.testing.assert_close(tensor, torch.from_numpy(np.load(age)) * found["scale"])
    assert run("directions", "export", "age.safetensors", "--out", "again.npy")[1] == "again.npy\n"


def test_a_judge_on_the_command_line(run, age, model_set):
    words = ["directions", "import", age, "--out", "age.safetensors", "--models", model_set]
    code, out, err = run(*words, "--prompt", "a person with blond hair", "--json")
    assert code == 0, err
    assert "clip_gain" in json.loads(out)["scores"]


def test_what_cannot_be_read_is_one_line(run, age, model_set):
    Path("x.npy").write_bytes(b"nothing")
    same = ["--out", "x.safetensors", "--models", model_set]
    for words, said in (
        (["import", "x.npy", *same], "error: x.npy: no torch file, damaged or cut short"),
        (["import", "absent.npy", *same], "error: there is no file absent.npy; check the name"),
        (["import", age, "--out", "x.npy"], "error: a direction file ends in .safetensors; got 'x.npy'"),
        (["import", age, "--index", "4", *same], "error: age.npy holds 1 directions, from 0 to 0; got index 4"),
    ):
        code, out, err = run("directions", *words)
        assert (code, out) == (1, "")
        assert said in " ".join(err.split())
    assert not Path("x.safetensors").exists()


def test_faces_of_a_file(run, editor, age, model_set):
    np.save("faces.npy", Latent.of_seeds(editor.generator, [1, 2]).ws.numpy())
    run("directions", "import", age, "--out", "age.safetensors", "--models", model_set, "--region", "hair")
    same = ["--latents", "faces.npy", "--models", model_set]
    code, out, err = run("sample", *same, "--out", "o", "--json")
    assert code == 0, err
    fits(json.loads(out), "sample")
    assert sorted(path.name for path in Path("o").iterdir()) == ["face0001.png", "face0002.png"]
    code, _, err = run("edit", "age.safetensors", *same, "--out", "p", "--grid", "g.png")
    assert code == 0, err
    assert len(list(Path("p").iterdir())) == 4
    assert run("strip", "age.safetensors", *same, "--out", "s.png")[0] == 0
    code, _, err = run("sample", *same, "--seeds", "1", "--out", "q")
    assert (code, err) == (1, "error: give either --seeds or --latents\n")
    code, _, err = run("sample", "--latents", "no.npy", "--out", "q")
    assert (code, err) == (1, "error: there is no file no.npy; check the name\n")
    code, _, err = run("sample", "--out", "q")
    assert (code, err) == (1, "error: expected --seeds with the seeds of the faces, such as 1,2,5-10\n")


def test_style_channels(run, model_set):
    same = ["--out", "c.safetensors", "--models", model_set]
    words = [
        "directions",
        "channels",
        "s:2.3,4.1=-0.5",
        "--prompt",
        "a person with blond hair",
        "--region",
        "hair",
        *same,
    ]
    code, out, err = run(*words, "--json")
    assert code == 0, err
    found = json.loads(out)
    fits(found, "directions-channels")
    assert (found["method"], found["config"]["channels"]) == ("style channels", "s:2.3,4.1=-0.5")
    words = ["--examples", "1-6", "--count", "2", "--prompt", "a person with blond hair", "--region", "hair"]
    code, out, err = run("directions", "channels", *words, *same)
    assert (code, out) == (0, "c.safetensors\n"), err
    assert "note: style channels s:" in err
    for words, said in (
        (["--prompt", "hair"], "error: give either channels such as s:12.479, or --examples with seeds"),
        (["s:1.1"], "error: say what the full edit is to reach: --margin TARGET or --prompt SENTENCE"),
        (["one", "--prompt", "hair"], "error: style channels are named by layer and channel, such as s:12.479 or"),
    ):
        code, out, err = run("directions", "channels", *words, *same)
        assert (code, out) == (1, "")
        assert said in " ".join(err.split())


def test_global_styles(run, model_set):
    same = ["--out", "s.safetensors", "--models", model_set]
    words = ["directions", "styles", "a person with blond hair", "--count", "5", "--faces", "4"]
    code, out, err = run(*words, *same, "--json")
    assert code == 0, err
    assert "measuring channels" in err
    found = json.loads(out)
    fits(found, "directions-styles")
    assert (found["method"], found["config"]["channels"]) == ("global style direction", 5)
    (matrix,) = (Path("..") / "home" / "styles").iterdir()
    code, out, err = run(*words, "--matrix", matrix, *same)
    assert (code, out) == (0, "s.safetensors\n"), err
    assert "5 style channels of a relevance of 0." in err
    for more, said in (
        (["--matrix", "no.safetensors"], "error: the matrix of style channels no.safetensors does not exist"),
        (["--beta", "0.2"], "error: channels are chosen by beta or by their count; give one of them"),
        (["--neutral", "a person with blond hair"], "error: to the CLIP model 'clip' 'a person with blond hair' says"),
    ):
        code, out, err = run(*words, *more, *same)
        assert (code, out) == (1, "")
        assert said in " ".join(err.split())
