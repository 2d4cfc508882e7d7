"""The ways to a direction on the command line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from directions_kit import make

import eclipsed
from eclipsed.commands import cli
from eclipsed.images.conversion import to_pil
from eclipsed.latents.direction import Direction


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own working folder and its own library."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def run(capsys):
    """Run one command; gives its exit code, stdout and stderr."""

    def call(*words):
        code = cli.run([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def files(editor):
    """Two directions as files."""
    first = make(editor.generator, name="first").save("first.safetensors")
    second = make(editor.generator, name="second", scale=0.25, layers=[1, 2])
    second = replace(second, deltas=second.deltas.flip(2)).save("second.safetensors")
    return str(first), str(second)


def test_arithmetic_adds_and_subtracts_by_weight(run, files):
    code, out, _ = run("directions", "arithmetic", files[0], f"{files[1]}=-2", "--out", "sum.safetensors")
    assert (code, out) == (0, "sum.safetensors\n")
    found = Direction.load("sum.safetensors")
    first, second = map(Direction.load, files)
    assert found.digest == (first - 2 * second).digest or found.digest == (first + -2 * second).digest
    assert found.method == "arithmetic"


def test_eased_goes_with_what_is_taken_out(run, files):
    code, out, err = run("directions", "arithmetic", files[0], "--eased", "--out", "sum.safetensors")
    assert (code, out) == (1, "")
    assert "--eased says how directions are taken out; name them with --without" in " ".join(err.split())


def test_arithmetic_takes_one_out_names_the_rest_and_answers_in_json(run, files, editor, model_set):
    options = ("--without", files[1], "--name", "rest", "--out", "rest.safetensors", "--json")
    code, out, _ = run("directions", "arithmetic", files[0], *options)
    told = json.loads(out)
    first, second = map(Direction.load, files)
    assert code == 0, out
    assert (told["path"], told["name"], told["method"]) == ("rest.safetensors", "rest", "arithmetic")
    assert Direction.load("rest.safetensors").digest == first.without(second).digest
    code, out, _ = run("directions", "arithmetic", files[0], *options, "--eased", "--models", model_set)
    assert code == 0, out
    assert Direction.load("rest.safetensors").digest == first.without(second, generator=editor.generator).digest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("first.safetensors=x",), "a term is a direction, or one with a weight such as smile=-0.5; got 'first.safete"),
        (("=2",), "a term is a direction, or one with a weight such as smile=-0.5; got '=2'"),
        (("first.safetensors=0",), "a direction is multiplied by a finite number other than 0; got 0.0"),
        (("nowhere",), "nowhere"),
    ],
)
def test_terms_that_are_none_are_one_sentence(run, files, words, message):
    code, _, err = run("directions", "arithmetic", *words, "--out", "sum.safetensors")
    assert code == 1
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_direction_file_has_its_ending(run, files):
    code, _, err = run("directions", "arithmetic", files[0], "--out", "sum.npy")
    assert (code, err) == (1, "error: a direction file ends in .safetensors; got 'sum.npy'\n")


def test_examples_are_seeds_folders_and_saved_faces(run, editor, model_set):
    Path("with").mkdir()
    editor.save_faces(editor.sample(seeds=[1, 2, 3]), "with/three.face.safetensors")
    words = ("--with", "with", "--without", "4-6", "--region", "hair", "--prompt", "blond hair")
    code, out, err = run(
        "directions", "from-examples", *words, "--out", "d.safetensors", "--models", model_set, "--json"
    )
    told = json.loads(out)
    assert code == 0, err
    assert (told["method"], told["prompt"], told["region"]["parts"]) == ("difference of means", "blond hair", ["hair"])
    assert (told["scores"]["with"], told["scores"]["without"]) == (3, 3)
    found = Direction.load("d.safetensors")
    delta = editor.sample(seeds=[1, 2, 3]).ws.mean(dim=0) - editor.sample(seeds=[4, 5, 6]).ws.mean(dim=0)
    assert torch.allclose(found.deltas[0], delta, atol=1e-5)


@pytest.mark.slow
def test_two_folders_of_photographs_are_inverted_in_the_order_of_their_names(run):
    mini = eclipsed.Editor.from_pretrained("mini", "cpu")
    groups = {"hats": [3, 4, 5], "bare": [6, 7]}
    for name, seeds in groups.items():
        Path(name).mkdir()
        for seed, suffix in zip(seeds, (".png", ".JPG", ".webp"), strict=False):
            (picture,) = to_pil(mini.sample(seeds=[seed]).images)
            picture.save(f"{name}/{seed}{suffix}", quality=95)
    Path("bare/notes.txt").write_text("no face")
    mini.save_faces(mini.sample(seeds=[8]), "bare/8.face.safetensors")
    words = ("--with", "hats", "--without", "bare", "--aligned", "--region", "hat", "--margin", "hat=yes")
    code, out, err = run("directions", "from-examples", *words, "--out", "d.safetensors", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["scores"]["with"], told["scores"]["without"], told["region"]["parts"]) == (3, 3, ["hat"])
    assert "seeds" not in told["config"]  # photographs have none
    found = Direction.load("d.safetensors")

    def inverted(*files):
        return [mini.invert(file, level="fast", aligned=True).ws for file in files]

    having = torch.cat(inverted("hats/3.png", "hats/4.JPG", "hats/5.webp")).mean(dim=0)
    lacking = torch.cat([*inverted("bare/6.png", "bare/7.JPG"), mini.sample(seeds=[8]).ws]).mean(dim=0)
    assert torch.allclose(found.deltas[0], having - lacking, atol=1e-4)
    assert float((having - lacking).norm()) > 1

    Path("hats/9.png").write_text("no picture")
    code, _, err = run("directions", "from-examples", *words, "--out", "e.safetensors")
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    assert "hats/9.png" in err.splitlines()[-1]
    assert not Path("e.safetensors").exists()


def test_groups_that_are_no_faces_are_one_sentence(run):
    Path("empty").mkdir()
    code, _, err = run("directions", "from-examples", "--with", "empty", "--without", "1", "--out", "d.safetensors")
    assert (code, err) == (1, "error: there is no photograph and no saved face in empty\n")
    code, _, err = run("directions", "from-examples", "--with", "1,x", "--without", "1", "--out", "d.safetensors")
    assert (code, err) == (1, "error: seeds are whole numbers and ranges such as 1,2,5-10; got '1,x'\n")


def test_a_table_of_labels_gives_a_boundary(run, editor, model_set):
    seeds = list(range(200))
    scores = editor.sample(seeds=seeds, truncation_psi=1.0).ws[:, 0, 0].tolist()
    Path("labels.csv").write_text("".join(f"{seed},{score}\n" for seed, score in zip(seeds, scores, strict=True)))
    words = ["--labels", "labels.csv", "--region", "hair", "--name", "first", "--models", model_set, "--json"]
    code, out, err = run("directions", "boundary", *words, "--out", "b.safetensors")
    told = json.loads(out)
    assert code == 0, err
    assert (told["method"], told["space"], told["scores"]["samples"]) == ("linear boundary", "W", 200)
    assert "200 faces, 20 of each kind; " in err
    assert Direction.load("b.safetensors").deltas[0, 0] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected just one of --margin, two --caption, and --labels, which say what faces have"),
        (("--caption", "a"), "CLIP labels faces by two captions, what has it and what lacks it; got 1"),
    ],
)
def test_a_boundary_without_labels_is_one_sentence(run, words, message):
    code, _, err = run("directions", "boundary", *words, "--out", "b.safetensors")
    assert (code, err) == (1, f"error: {message}\n")


def test_components_are_drawn_and_kept(run, model_set):
    words = ("--count", "2", "--sheet", "sheet.png", "--component", "3", "--layers", "2-4", "--models", model_set)
    code, out, err = run("directions", "components", *words, "--method", "sefa", "--out", "c.safetensors")
    assert (code, out) == (0, "c.safetensors\nsheet.png\n"), err
    assert Path("sheet.png").stat().st_size > 1000
    found = Direction.load("c.safetensors")
    assert (found.method, found.layers, found.name) == ("SeFa", (2, 3, 4), "component-3")
    told = json.loads(run("directions", "components", "--sheet", "s.png", "--models", model_set, "--json")[1])
    assert (told["sheet"], told["method"], len(told["deviations"])) == ("s.png", "components of w", 8)


def test_components_are_a_page_with_a_slider(run, model_set):
    words = ("directions", "components", "--count", "2", "--models", model_set, "--sheet", "sheet.html")
    code, out, err = run(*words)
    assert (code, out) == (0, "sheet.html\n"), err
    page = Path("sheet.html").read_text(encoding="utf-8")
    kept = (
        f"eclipsed directions components --models {model_set} --component 1 --layers 0-3 --out component-1.safetensors"
    )
    assert f'data-note="{kept}"' in page
    assert page.count("<button") == 8
    code, _, err = run(*words, "--method", "sefa", "--layers", "0-3")
    assert code == 0
    assert "note: sheet.html is there already and will be replaced" in err
    page = Path("sheet.html").read_text(encoding="utf-8")
    assert "components --method sefa --models" in page
    assert "in Python: sefa(generator, rows=[0, 1, 2, 3]).direction(1, generator=generator, layers=range(" in page


def test_components_of_features_are_kept(run, model_set):
    words = ("--method", "features", "--feature-layer", "b8.conv0", "--component", "0", "--models", model_set)
    code, out, err = run("directions", "components", *words, "--count", "1", "--out", "f.safetensors")
    assert (code, out) == (0, "f.safetensors\n"), err
    found = Direction.load("f.safetensors")
    assert (found.method, found.config["layer"]) == ("components of features", "b8.conv0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--method", "ica"), "the method must be pca, features or sefa; got 'ica'"),
        (("--feature-layer", "b4.conv1"), "--feature-layer goes with --method features; got 'pca'"),
        ((), "give --sheet with a picture to draw, or --component with a number and --out with a file"),
    ],
)
def test_components_of_nothing_are_one_sentence(run, words, message):
    code, _, err = run("directions", "components", *words)
    assert (code, err) == (1, f"error: {message}\n")
