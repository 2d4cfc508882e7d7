"""``eclipsed parts``: a part learned from a folder of masks, kept, shown, named by a sentence, and removed."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.store.sets import find_set

QUICK = ["--steps", "2", "--batch", "2", "--layers", "all", "--set", "calibrate=false", "--set", "start_faces=64"]


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    numbers = np.zeros((32, 32), np.uint8)
    numbers[4:20, 6:20] = 255
    for seed in (1, 2, 3):
        Image.fromarray(numbers).save(folder / f"seed{seed:04d}.png")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(folder / "seed0004.png")
    return folder


@pytest.fixture
def run(capsys, model_set):
    def call(*words):
        code = cli.run([*(str(word) for word in words), "--models", str(model_set)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def learn(run, masks, *more, seeds="1-3"):
    return run("parts", "learn", "forehead", "--seeds", seeds, "--masks", masks, "--device", "cpu", *more)


def test_a_part_is_learned_kept_and_named(run, masks, model_set, tmp_path):
    place = tmp_path / "home" / "parts" / "stub" / "forehead.safetensors"
    code, out, err = learn(run, masks, "--sheet", "sheet.png", "--shown", "5,6")
    assert code == 0
    assert out.splitlines() == [str(place), "sheet.png"]
    assert 'forehead: painted on 3; say "forehead", or --region forehead' in err
    assert Image.open("sheet.png").width > 64
    assert json.loads(run("parts", "list", "--json")[1]) == {
        "models": "stub",
        "parts": [{"name": "forehead", "words": ["forehead"], "paintings": 3, "path": str(place)}],
    }
    assert run("region", "a person with a red forehead")[1].splitlines()[1] == "  region: forehead"
    assert find_set(model_set).world.parts[-1] == "forehead"
    editor = Editor.from_pretrained(model_set, "cpu")
    assert [part.name for part in editor.parts] == ["forehead"]
    assert Editor.from_pretrained(model_set, "cpu", parts=()).parts == ()
    code, out, err = run(
        "train", "a person with blond hair", "--region", "forehead", "--out", "d.safetensors", *QUICK, "--json"
    )
    assert code == 0
    assert "-> forehead" in err
    assert json.loads(out)["region"]["painted"] == ["forehead"]
    code, out, _ = run("edit", "d.safetensors", "--seeds", "9", "--blend", "pixels", "--out", "faces")
    assert code == 0
    before, after = (np.asarray(Image.open(line)) for line in out.splitlines())
    assert (before == after).all(axis=-1).any()
    assert run("parts", "remove", "forehead")[1] == f"removed {place}\n"
    assert run("parts", "list")[1] == ""
    code, _, err = run("parts", "remove", "forehead")
    assert code == 1
    assert err == "error: no part 'forehead' is kept for 'stub'; see `eclipsed parts list`\n"


def test_a_word_of_another_part_is_told_before_anything_is_learned(run, masks, tmp_path):
    learn(run, masks)
    code, _, err = run("parts", "learn", "brow", "--seeds", "1", "--masks", masks, "--word", "forehead")
    assert code == 1
    assert err == "error: 'forehead' names the painted part 'forehead' already: call 'brow' by another word\n"
    assert not (tmp_path / "home" / "parts" / "stub" / "brow.safetensors").exists()


def test_one_more_face_is_added(run, masks):
    learn(run, masks)
    code, out, _ = learn(run, masks, "--add", "--json", seeds="4")
    assert code == 0
    assert json.loads(out)["paintings"] == 4
    assert "the part that was there before is replaced" in learn(run, masks)[2]
    assert json.loads(run("parts", "list", "--json")[1])["parts"][0]["paintings"] == 3


def test_a_file_of_its_own_is_not_kept(run, masks):
    assert learn(run, masks, "--out", "f.safetensors", "--word", "brow", "--word", "forehead")[0] == 0
    assert json.loads(run("parts", "list", "--json")[1])["parts"] == []
    code, out, _ = run("parts", "show", "f.safetensors", "--sheet", "s.webp", "--shown", "1", "--json")
    assert code == 0
    assert json.loads(out)["words"] == ["brow", "forehead"]
    assert json.loads(out)["sheet"] == "s.webp"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "1-3", "--masks", "nowhere"], "there is no folder of masks 'nowhere'; check the name"),
        (["--seeds", "5", "--masks", "masks"], "masks has no mask seed0005.png: paint white on black over the picture"
         " that `eclipsed sample --seeds 5` draws"),
        (["--seeds", "4", "--masks", "masks"], "the part is painted on none of the faces: paint white where it is, on"
         " one of them at least"),
        (["--seeds", "1", "--masks", "masks", "--shown", "1-17"], "a sheet shows at most 16 faces; got 17"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(run, masks, words, message):
    code, _, err = run("parts", "learn", "forehead", *words, "--device", "cpu")
    assert code == 1
    assert err.splitlines()[-1] == f"error: {message}"


def test_there_is_nothing_to_add_to(run, masks, tmp_path):
    code, _, err = learn(run, masks, "--add")
    place = tmp_path / "home" / "parts" / "stub" / "forehead.safetensors"
    assert code == 1
    assert err == f"error: there is no part 'forehead' to add to: leave --add out the first time ({place})\n"


def test_a_damaged_part_is_left_out(run, masks, tmp_path):
    learn(run, masks)
    place = tmp_path / "home" / "parts" / "stub" / "forehead.safetensors"
    place.write_bytes(b"no")
    with pytest.warns(UserWarning, match="forehead.safetensors is damaged.*this part is left out"):
        assert run("parts", "list")[1] == ""


def test_parts_of_another_generator_are_told(run, masks, model_set):
    learn(run, masks)
    other = Editor.from_pretrained("mini", "cpu", parts=()).generator
    part = Editor.from_pretrained(model_set, "cpu").parts[0]
    with pytest.raises(ValueError, match="the part 'forehead' was painted for the generator 'stub'"):
        part.check(other)
    assert torch.isfinite(torch.tensor(part.bias))
