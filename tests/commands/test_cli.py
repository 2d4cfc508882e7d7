"""The command line: what it prints, what it writes, and one sentence for everything that is wrong."""

import functools
import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from conftest import make_clip, make_generator
from PIL import Image

import eclipsed
from eclipsed.commands import cli, train
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.terminal import result_json, show_warnings
from eclipsed.editor import Editor
from eclipsed.errors import InputError, LocalityWarning
from eclipsed.training.config import TrainConfig
from eclipsed.training.events import BrokenTraining, TrainStep

QUICK = ["--steps", "3", "--batch", "2", "--layers", "all", "--set", "calibrate=false", "--set", "resolution=32"]


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own working folder and its own library."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(autouse=True, scope="module")
def loaded_once():
    """A model set is loaded from disk by the first test that needs it, and shared by the rest."""
    load = functools.cache(Editor.from_pretrained.__func__)

    def opened(cls, name, device=None, **otherwise):
        asked = {option: value for option, value in otherwise.items() if value is not None}
        return load.__wrapped__(cls, name, device, **asked) if asked else load(cls, name, device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Editor, "from_pretrained", classmethod(opened))
        yield


@pytest.fixture(scope="session")
def file(direction, tmp_path_factory):
    """A trained direction as a file."""
    return str(direction.save(tmp_path_factory.mktemp("directions") / "blond-hair.safetensors"))


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
def fails(run):
    """Run a command that must fail with exit code 1 and one line; gives that line without its beginning."""

    def call(*words):
        code, out, err = run(*words)
        lines = err.splitlines()
        assert (code, out) == (1, ""), err
        assert [line.startswith("error: ") for line in lines] == [False] * (len(lines) - 1) + [True]
        return lines[-1].removeprefix("error: ")

    return call


HERE = {**os.environ, "PYTHONPATH": str(Path(eclipsed.__file__).parents[1])}


def python(*words):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, env=HERE)


# ---- a light start


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["directions", "list"], ["models", "list"], ["edit"]])
def test_what_needs_no_torch_does_not_load_it(words):
    code = f"import sys; from eclipsed.commands.cli import run; run({words!r}); sys.exit('torch' in sys.modules)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_help_page_loads_next_to_nothing():
    heavy = "{'torch', 'numpy', 'PIL', 'spacy', 'rich', 'requests', 'huggingface_hub', 'gradio'}"
    done = python(
        "-c", f"import sys; from eclipsed.commands.cli import run; run(['-h']); print({heavy} & {{*sys.modules}})"
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


@pytest.mark.slow
def test_a_command_leaves_pythons_ways_to_modules_as_they_are():
    told = "atexit.register(lambda: print(sys.meta_path == before, __import__('thinc.compat').compat.has_torch))"
    code = f"import atexit, sys; before = list(sys.meta_path); {told}; from eclipsed.commands import cli"
    done = python("-c", f"{code}; cli.main(['region', 'blond hair'])")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "True True"), done.stderr


def test_python_m_eclipsed_is_the_command():
    done = python("-m", "eclipsed", "--version")
    assert (done.returncode, done.stdout) == (0, f"eclipsed {eclipsed.__version__}\n")


def test_help_names_every_command_of_the_contract(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("train", "edit", "sample", "strip", "palette", "region", "directions", "models", "doctor"):
        assert f" {name} " in out
    for family, names in (
        ("directions", ("list", "show", "remove", "arithmetic", "from-examples", "boundary", "components")),
        ("models", ("list", "info", "convert")),
    ):
        code, out, _ = run(family, "--help")
        assert code == 0
        assert all(f" {name} " in out for name in names)


def test_every_command_and_every_option_says_what_it_is_for(run):
    def check(command, path):
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, (path, parameter.name)
        for name, each in getattr(command, "commands", {}).items():
            check(each, f"{path} {name}")

    check(typer.main.get_command(cli.app), "eclipsed")
    for words in ([], ["models"], ["directions"]):  # the lists of commands show each sentence whole
        assert "..." not in run(*words, "--help")[1].replace("[ARGS]...", "")


def test_the_help_of_set_lists_every_option_without_one_of_its_own():
    options = {one.name: one for one in typer.main.get_command(cli.app).commands["train"].params}
    listed = options["settings"].help.partition("They are ")[2].rstrip(".").split(", ")
    own = options.keys() - {"mask"}  # --mask FILE is a painted region; --set mask=union how two masks are joined
    assert listed == [field.name for field in fields(TrainConfig) if field.name not in own]
    assert {"keep_weight", "loss", "calibrate"} <= set(listed)


def test_no_help_page_shows_a_flag_with_a_value(run):
    def check(command, words):
        assert "bool" not in run(*words, "--help")[1].lower()
        for name, each in getattr(command, "commands", {}).items():
            check(each, [*words, name])

    check(typer.main.get_command(cli.app), [])


def test_the_help_of_train_shows_the_defaults_of_the_config(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run("train", "--help")
    for name in ("steps", "batch", "space", "layers"):
        assert f"(default {getattr(TrainConfig(), name)})" in out
    assert f"(default {TrainConfig().locality_weight:g})" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian", "x"], "No such command 'trian'"),
        (["train"], "Missing argument"),
        (["strip", "x", "--seeds", "1"], "Missing option '--out'"),
        (["train", "x", "--steps", "many"], "Invalid value for '--steps'"),
        (["edit", "x", "--sedes", "1"], "No such option: --sedes"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(run, words, message):
    code, out, err = run(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("error: ")
    assert message.lower() in err.lower()
    assert "--help` shows the options" in err


# ---- region


def test_region_as_json_has_the_fields_of_the_contract(run):
    code, out, err = run("region", "a person with blond hair", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(found) == {
        *("prompt", "parts", "whole_face", "matches", "warning"),
        *("caption", "removes", "statements", "unknown", "note"),
    }
    assert (found["prompt"], found["parts"], found["whole_face"]) == ("a person with blond hair", ["hair"], False)
    assert all(parts == ["hair"] for parts in found["matches"].values())
    assert found["warning"] is None


def test_region_says_how_a_command_and_a_sentence_of_several_attributes_are_read(run):
    found = json.loads(run("region", "remove the glasses", "--json")[1])
    assert (found["caption"], found["removes"]) == ("a person without glasses", "a person with glasses")
    assert found["note"] == 'learned as "a person with glasses" and turned round'
    found = json.loads(run("region", "zxcv beard and no glasses", "--json")[1])
    assert found["statements"] == [
        {"caption": "a person with a zxcv beard", "removes": None, "parts": ["skin"]},
        {"caption": "a person without glasses", "removes": "a person with glasses", "parts": ["glasses"]},
    ]
    assert found["unknown"] == ["zxcv"]
    out = run("region", "make the hair long and red")[1]
    assert "  speaks of: a person with long hair; a person with red hair\n" in out
    assert '  read as "a person with long red hair"\n' in out


def test_region_of_a_file_is_one_object_a_line(run):
    Path("prompts.txt").write_text("red lipstick\n\nein schöner Tag\nthe eyes", encoding="utf-8")
    code, out, _ = run("region", "--file", "prompts.txt", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["prompt"] for row in rows] == ["red lipstick", "", "ein schöner Tag", "the eyes"]
    assert set(rows[1]) == {"prompt", "error", "kind"}
    assert rows[2]["whole_face"] is True
    assert rows[2]["warning"]
    assert rows[3]["parts"] == ["left_eye", "right_eye"]


def test_region_for_people_names_words_and_parts(run):
    code, out, err = run("region", "a person with glasses")
    assert (code, err) == (0, "")
    assert "region: glasses" in out
    code, out, err = run("region", "tax returns")
    assert code == 0
    assert "the whole face" in out
    assert err.startswith("warning: ")
    assert len(err.splitlines()) == 1


def garden(model_set, folder, **changes):
    """A copy of a set that brings a world of flowers."""
    place = Path(shutil.copytree(model_set, folder))
    shutil.copytree(Path(__file__).parents[1] / "fixtures" / "worlds" / "flower", place / "flowers")
    content = {**json.loads((place / "set.json").read_text()), "world": "flowers", **changes}
    (place / "set.json").write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return place


def test_region_reads_with_the_words_of_the_sets_world(run, fails, model_set, tmp_path):
    place = garden(model_set, tmp_path / "garden")
    code, out, err = run("region", "a flower with red petals", "--models", place)
    assert (code, out.splitlines()[1], err) == (0, "  region: flower", "")
    code, out, err = run("region", "tax returns", "--models", place)
    assert out.splitlines()[1] == "  region: the whole flower"
    assert err.startswith("warning: the prompt 'tax returns' names no part of a flower")
    assert "there is no model set 'nothing'" in fails("region", "hair", "--models", "nothing")


def test_training_says_what_it_may_change_in_the_words_of_the_world(model_set, tmp_path):
    whole = ("Make it nicer", None)
    assert train._region(*whole, str(model_set)) == (None, "the whole face")
    assert train._region(*whole, str(garden(model_set, tmp_path / "garden"))) == (None, "the whole flower")
    asked, said = train._region("Make it nicer", "stem,pot", str(tmp_path / "garden"))
    assert (asked.parts, said) == (("pot", "stem"), "pot, stem")
    bare = garden(model_set, tmp_path / "bare", parser=None)
    assert train._region("red petals", None, str(bare)) == (None, "the whole picture")


def test_a_set_without_a_parser_can_be_trained_from_the_terminal(run, model_set, tmp_path):
    bare = garden(model_set, tmp_path / "bare", parser=None)
    options = [*QUICK, "--models", bare, "--device", "cpu", "--out", "x.safetensors"]
    with pytest.warns(LocalityWarning, match="has no parser"):
        code, out, err = run("train", "blond hair", *options)
    assert (code, out) == (0, "x.safetensors\n"), err
    assert "'blond hair' -> the whole picture, on cpu" in err.splitlines()


def test_words_of_a_set_for_people_and_for_programs(run):
    code, out, err = run("words")
    assert (code, err) == (0, "")
    assert out.startswith("hair colour:\n  a person with black hair; a person with brown hair; ")
    assert "\nthe 362 words that the CLIP of mini was shown:\n  a add afro aged " in out
    assert max(map(len, out.splitlines())) <= 100
    code, out, err = run("words", "--json")
    found = json.loads(out)
    assert (code, found["models"], len(found["words"])) == (0, "mini", 362)
    assert found["sentences"]["gender"] == ["a woman", "a man"]


def test_a_bad_prompt_is_an_error_in_both_forms(run, fails):
    assert "the prompt is empty" in fails("region", "")
    code, out, err = run("region", "  ", "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["prompt"], found["kind"], err) == ("  ", "InputError", f"error: {found['error']}\n")


def test_region_without_or_with_two_inputs_and_bad_files(fails):
    Path("latin.txt").write_bytes(b"caf\xe9")
    assert "give one prompt, or --file" in fails("region")
    assert "give one prompt, or --file" in fails("region", "hair", "--file", "latin.txt")
    assert "cannot read nowhere.txt: no such file" in fails("region", "--file", "nowhere.txt")
    assert "not a text file in UTF-8" in fails("region", "--file", "latin.txt")


# ---- train


def test_train_writes_a_direction_and_prints_json_alone(run, model_set):
    words = ["--models", model_set, "--out", "new/d.safetensors", "--strip", "s.png", "--json", "--seed", "7"]
    code, out, err = run("train", "a person with blond hair", *QUICK, *words)
    assert code == 0
    found = json.loads(out)
    assert (found["path"], found["strip"], found["seed"]) == ("new/d.safetensors", "s.png", 7)
    assert found["region"]["parts"] == ["hair"]
    learned = eclipsed.Direction.load("new/d.safetensors")
    assert (learned.config["steps"], learned.seed, learned.layers) == (3, 7, tuple(range(8)))
    assert "training 3/3" in err
    assert "loss" in err
    assert Image.open("s.png").width > 5 * 192


def test_train_without_out_names_the_file_by_the_prompt(run, model_set):
    code, out, _ = run("train", "a person with blond hair", *QUICK, "--models", model_set, "--region", "hair,hat")
    assert (code, out) == (0, "blond-hair.safetensors\n")
    assert eclipsed.Direction.load("blond-hair.safetensors").region.parts == ("hair", "hat")


def test_train_and_evaluate_take_several_clips_and_a_witness(run, fails, model_set, tmp_path):
    second, third = (make_clip(tmp_path / name, seed=seed) for name, seed in (("second", 5), ("third", 6)))
    words = ["--models", model_set, "--clip", model_set / "clip", "--clip", second, "--witness", third]
    code, _, err = run("train", "blond hair", *QUICK, *words, "--out", "d.safetensors")
    assert code == 0, err
    names = eclipsed.Direction.load("d.safetensors").clip.split(" + ")
    assert [name.endswith(end) for name, end in zip(names, ("clip", "second"), strict=True)] == [True, True]
    code, _, err = run("evaluate", "d.safetensors", "--seeds", "2000-2003", "--alphas", "1", *words)
    assert code == 0, err
    assert "success is what the witness" in err
    said = fails("train", "blond hair", *QUICK, "--models", model_set, "--witness", model_set / "clip")
    assert said.startswith("the witness must be a CLIP that takes no part in training")


def test_train_takes_the_preset_and_any_option(run, model_set):
    words = ["--preset", "report", "--steps", "2", "--set", "mask=union", "--set", "alpha=[0.5,1]", "--layers", "0-3,6"]
    code, _, err = run("train", "glasses", *words, "--models", model_set, "--out", "d.safetensors")
    assert code == 0, err
    config = eclipsed.Direction.load("d.safetensors").config
    assert (config["start"], config["mask"], config["alpha"], config["layers"]) == (
        "unit",
        "union",
        [0.5, 1.0],
        [0, 1, 2, 3, 6],
    )


def test_a_training_begins_with_a_sketch_by_its_preset(run, model_set):
    words = ["--preset", "atlas", "--steps", "2", "--set", "start_faces=64", "--set", "calibrate=false"]
    code, _, err = run("train", "blond hair", *words, "--models", model_set, "--out", "d.safetensors")
    assert code == 0, err
    config = eclipsed.Direction.load("d.safetensors").config
    assert (config["start"], config["steps"], config["layers"]) == ("atlas", 2, "auto")


def test_a_stopped_training_goes_on(run, fails, model_set):
    same = ["train", "a person with blond hair", "--models", model_set]
    assert run(*same, *QUICK, "--state", "t.safetensors", "--out", "a.safetensors")[0] == 0
    code, _, err = run(*same, "--resume", "t.safetensors", "--out", "b.safetensors")
    assert code == 0, err
    a, b = (eclipsed.Direction.load(f"{name}.safetensors") for name in "ab")
    assert np.array_equal(a.deltas.numpy(), b.deltas.numpy())
    words = ["--models", model_set, "--resume", "t.safetensors", "--out", "c.safetensors"]
    assert "the saved training has the prompt 'a person with blond hair'" in fails("train", "glasses", *words)


def test_an_output_that_cannot_be_written_is_noticed_before_any_model_is_loaded(fails):
    Path("file").touch()
    for out in ("file/d.safetensors", ".", "/proc/nowhere/d.safetensors"):
        assert f"cannot write {out}" in fails("train", "hair", "--out", out, "--models", "no-such-set")
    assert "end it in .png" in fails("train", "hair", "--strip", "s.txt", "--models", "no-such-set")
    assert "cannot write" in fails("edit", "x", "--seeds", "1", "--out", "file/folder", "--models", "no-such-set")


def test_train_refuses_bad_values(fails):
    for words, message in (
        ([""], "the prompt is empty"),
        (["   "], "the prompt is empty"),
        (["hair", "--region", "beak"], "unknown part 'beak'"),
        (["hair", "--region", ","], "expected names separated by commas"),
        (["hair", "--steps", "0"], "steps must be a whole number from 1"),
        (["hair", "--seed", "-1"], "seed must be a whole number from 0"),
        (["hair", "--space", "X"], "space must be one of Z, W, W+, S"),
        (["hair", "--clip-weight", "nan"], "clip_weight must be a number"),
        (["hair", "--layers", "3-1"], "runs backwards"),
        (["hair", "--preset", "best"], "the preset must be default, atlas or report"),
        (["hair", "--set", "stpes=3"], "expected NAME=VALUE with a training option"),
        (["hair", "--out", "x.txt"], "a direction file ends in .safetensors; got 'x.txt'"),
        (["hair", "--out", "x"], "a direction file ends in .safetensors; got 'x'"),
        (["hair", "--state", "t.csv"], "the file of a running training ends in .safetensors; got 't.csv'"),
        (["hair", "--models", "no-such-set"], "there is no model set 'no-such-set'"),
        (["hair", "--device", "abacus", "--models", "no-such-set"], "no-such-set"),
    ):
        assert message in fails("train", *words)
    assert os.listdir() == []


def test_warnings_are_one_line_each(run, model_set):
    with warnings.catch_warnings():
        show_warnings()
        code, out, err = run("train", "xyzzy", *QUICK, "--models", model_set, "--out", "d.safetensors")
    assert (code, out) == (0, "d.safetensors\n")
    warned = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert any("locality is off" in line for line in warned)
    assert any("'xyzzy'" in line for line in warned)
    assert "Warning" not in err  # no category, no source line


def test_ctrl_c_keeps_what_was_learned(run, model_set, monkeypatch):
    def stop(self, name, done, total, **_):
        if name == "training" and done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "show", stop)
    code, out, err = run("train", "blond hair", *QUICK, "--models", model_set, "--out", "d.safetensors")
    assert (code, out) == (0, "d.safetensors\n")
    assert "note: stopped at step 2 of 3" in err
    assert eclipsed.Direction.load("d.safetensors").scores["stopped_at"] == 2


def test_ctrl_c_elsewhere_is_one_line(fails, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("eclipsed.commands.faces.parse_seeds", stop)
    assert fails("sample", "--seeds", "1", "--out", "o") == "interrupted"


def test_a_training_that_broke_leaves_its_last_good_state(fails, model_set, direction, monkeypatch):
    def broken(*_, **__):
        error = BrokenTraining("the loss is not finite at step 9")
        error.direction = direction
        raise error

    monkeypatch.setattr("eclipsed.editor.Editor.train", broken)
    message = fails("train", "blond hair", "--models", model_set, "--out", "d.safetensors")
    assert "not finite at step 9" in message
    assert eclipsed.Direction.load("d.safetensors").prompt == direction.prompt


def test_try_ends_with_the_path_of_a_strip(run, model_set, monkeypatch):
    config = TrainConfig(steps=2, batch=2, layers=None, calibrate=False, resolution=32)
    monkeypatch.setattr("eclipsed.commands.train.TrainConfig", lambda: config)
    code, out, _ = run("try", "a person with blond hair", "--models", model_set, "--seeds", "1,2")
    assert code == 0
    last = Path(out.splitlines()[-1])
    assert last == Path("out/blond-hair.png")
    assert Image.open(last).height > 2 * 192
    assert eclipsed.Direction.load("out/blond-hair.safetensors").prompt == "a person with blond hair"


def test_progress_prints_every_tenth_and_the_figures(capsys):
    figures = {"phase": "train", "steps": 200, "loss": 0.5, "seconds": 1.0, "seconds_left": 125.2}
    with ProgressBar() as bar:
        for step in range(1, 201):
            bar(TrainStep(step=step, terms={"clip": 0.25, "locality": float("nan")}, **figures))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[1] == "training 20/200  loss 0.500  clip 0.250  2 min 05 s left"


# ---- faces


def test_edit_writes_before_and_after(run, file, model_set):
    words = ["--seeds", "1,12345", "--alpha", "1.0", "--out", "o", "--models", model_set]
    code, out, _ = run("edit", file, *words)
    names = [f"{seed}{edit}.png" for seed in ("seed0001", "seed12345") for edit in ("", "_blond-hair_a+1.00")]
    assert (code, out.split()) == (0, [f"o/{name}" for name in names])
    assert sorted(os.listdir("o")) == sorted(names)
    before, after = (np.asarray(Image.open(f"o/{name}")) for name in names[:2])
    assert before.shape == (32, 32, 3)
    assert not np.array_equal(before, after)


def test_edit_takes_several_directions_layers_and_negative_strengths(run, file, model_set):
    same = ["--seeds", "3", "--models", model_set, "--json"]
    code, out, _ = run("edit", file, file, "--alpha", "-1,0.5", "--layers", "2-4,b32.conv1", "--out", "o", *same)
    assert code == 0
    found = json.loads(out)
    place = "_l2-4,b32.conv1"
    after = [f"o/seed0003_blond-hair_a-1.00{place}_blond-hair_a+0.50{place}.png"]
    assert found == {"before": ["o/seed0003.png"], "after": after, "alpha": [-1.0, 0.5]}
    code, out, _ = run("edit", file, "--alpha", "0", "--out", "p", "--grid", "g.png", *same)
    assert json.loads(out)["grid"] == "g.png"
    assert Image.open("g.png").width > 2 * 192
    assert code == 0
    assert Path("p/seed0003.png").read_bytes() == Path("p/seed0003_blond-hair_a+0.00.png").read_bytes()


def test_sample_writes_one_picture_a_seed_whatever_the_batch(run, model_set):
    assert run("sample", "--seeds", "1-17", "--out", "o", "--models", model_set)[0] == 0
    assert len(os.listdir("o")) == 17
    assert run("sample", "--seeds", "17", "--out", "p", "--models", model_set)[0] == 0
    many, one = (np.asarray(Image.open(f"{folder}/seed0017.png")).astype(int) for folder in "op")
    assert abs(many - one).max() <= 1


def test_strip_palette_and_sweep_write_pictures(run, file, model_set):
    same = ["--models", model_set]
    code, out, _ = run("strip", file, "--seeds", "1,2", "--alphas=-1,0,1", "--out", "s.png", *same)
    assert (code, out) == (0, "s.png\n")
    strip = Image.open("s.png")
    assert strip.width > 3 * 192
    assert strip.height > 2 * 192
    code, out, _ = run("palette", file, file, "--seed", "1", "--alphas1", "0,1", "--out", "p.png", *same)
    assert (code, out) == (0, "p.png\n")
    assert Image.open("p.png").width > Image.open("p.png").height
    code, out, _ = run("sweep", file, "--seeds", "1", "--out", "s.gif", *same)
    assert (code, out) == (0, "s.gif\n")
    assert Image.open("s.gif").n_frames > 20


def test_faces_commands_refuse_bad_values(fails, file, model_set):
    Path("cut.safetensors").write_bytes(Path(file).read_bytes()[:200])
    Path("text.safetensors").write_text("hello")
    same = ["--out", "o", "--models", str(model_set)]
    for words, message in (
        (["edit", file, "--seeds", "a-b"], "whole numbers and ranges such as 1,2,5-10; got 'a-b'"),
        (["edit", file, "--seeds", ""], "whole numbers and ranges"),
        (["edit", file, "--seeds", "1", "--alpha", "nan"], "alpha must be finite numbers"),
        (["edit", file, "--seeds", "1", "--alpha", "inf"], "alpha must be finite numbers"),
        (["edit", file, "--seeds", "1", "--alpha", "full"], "alpha must be finite numbers"),
        (
            ["edit", file, "--seeds", "1", "--alpha", "1,2"],
            "or one for each of the 1 directions",
        ),
        (["edit", file, "--seeds", "1", "--layers", "99"], "99"),
        (["edit", file, "--seeds", "1", "--layers", "b9.conv9"], "b9.conv9"),
        (["edit", "no-such", "--seeds", "1"], "there is no direction file 'no-such'"),
        (["edit", "cut.safetensors", "--seeds", "1"], "not a direction file, or cut short"),
        (["edit", "text.safetensors", "--seeds", "1"], "not a direction file"),
        (["edit", str(model_set / "generator.safetensors"), "--seeds", "1"], "expected the metadata of a direction"),
        (["sample", "--seeds", "5-1"], "runs backwards"),
        (["sample", "--seeds", "1", "--psi", "nan"], "truncation_psi must be a finite number"),
        (["sample", "--seeds", "1", "--device", "abacus"], "unknown device 'abacus'"),
    ):
        assert message in fails(*words, *same)
    assert not os.path.exists("o")
    for words, message in (
        (["strip", file, "--seeds", "1", "--out", "s.bmp2"], "end it in .png"),
        (["edit", file, "--seeds", "1-1000", "--out", "o", "--grid", "g.png"], "a grid shows at most"),
        (["strip", file, "--seeds", "1-1000", "--out", "s.png"], "a strip shows at most"),
        (["strip", file, "--seeds", "1", "--alphas", "0,,1", "--out", "s.png"], "alphas must be finite numbers"),
        (["palette", file, file, "--seed", "1,2", "--out", "s.png"], "a palette shows one face"),
        (["sweep", file, "--seeds", "1", "--out", "s.avi"], "end it in .gif or .mp4"),
        (["sweep", file, "--seeds", "1", "--alphas", "1", "--out", "s.gif"], "from one strength to another"),
    ):
        assert message in fails(*words, "--models", model_set)


def test_a_direction_of_another_generator_is_refused(fails, file, model_set, tmp_path):
    import shutil

    from conftest import make_generator

    other = shutil.copytree(model_set, tmp_path / "other")
    make_generator(other / "generator.safetensors", seed=1)
    message = fails("edit", file, "--seeds", "1", "--out", "o", "--models", other)
    assert "was trained on the generator 'stub'" in message


# ---- library and models


def test_directions_are_kept_listed_shown_and_removed(run, fails, file):
    assert run("directions", "add", file, "--name", "mine")[0] == 0
    assert "you have a direction 'mine' already" in fails("directions", "add", file, "--name", "mine")
    assert run("directions", "add", file, "--name", "mine", "--force")[0] == 0
    rows = json.loads(run("directions", "list", "--json")[1])
    (row,) = [row for row in rows if row["name"] == "mine"]
    assert (row["prompt"], row["parts"], row["models"], row["shipped"]) == (
        "a person with blond hair",
        ["hair"],
        "stub",
        False,
    )
    code, out, _ = run("directions", "list")
    assert code == 0
    assert "mine" in out
    shown = json.loads(run("directions", "show", "mine", "--json")[1])
    assert shown["prompt"] == "a person with blond hair"
    assert "space: W+" in run("directions", "show", file)[1]
    assert run("directions", "remove", "mine")[0] == 0
    assert "is none of yours" in fails("directions", "remove", "mine")


def test_a_direction_that_no_sentence_made(run, fails, editor, model_set):
    generator = editor.generator
    delta = 0.1 * torch.ones(generator.num_ws, generator.w_dim)
    made = eclipsed.Direction.of(
        generator, delta, method="difference of means", region=eclipsed.Region.from_parts(["hair"]), name="brighter"
    )
    made.save("brighter.safetensors")
    assert run("directions", "add", "brighter.safetensors")[0] == 0
    (row,) = [one for one in json.loads(run("directions", "list", "--json")[1]) if one["name"] == "brighter"]
    assert (row["prompt"], row["method"]) == (None, "difference of means")
    assert "difference of means" in run("directions", "list")[1]
    assert "prompt: none" in run("directions", "show", "brighter")[1]
    same = ["--models", model_set]
    assert run("edit", "brighter", "--seeds", "1", "--out", "o", "--grid", "g.png", *same)[0] == 0
    assert run("strip", "brighter", "--seeds", "1", "--out", "s.png", *same)[0] == 0
    assert "has no prompt" in fails("evaluate", "brighter", "--seeds", "1,2", *same)
    words = ["--seeds", "1,2", "--alphas", "1", "--prompt", "a person with blond hair", "--json"]
    code, out, err = run("evaluate", "brighter", *words, *same)
    assert code == 0, err
    assert json.loads(out)["prompt"] == "a person with blond hair"


def test_a_file_that_is_missing_is_no_direction_of_the_library(run, fails, file):
    run("directions", "add", file, "--name", "gold")
    for name in ("gold.safetensors", "GOLD.safetensors", "gold.SafeTensors"):
        assert fails("directions", "show", name) == (
            f"there is no direction file '{name}'; the library has a direction of that name: gold"
        )
    assert fails("directions", "show", "here/gold.safetensors") == (
        "there is no direction file 'here/gold.safetensors'; check the name"
    )
    assert run("directions", "show", "gold")[0] == 0


def test_a_kept_direction_goes_by_its_name(run, fails, file, model_set):
    run("directions", "add", file, "--name", "gold")
    assert run("strip", "gold", "--seeds", "1", "--out", "s.png", "--models", model_set)[0] == 0
    assert "did you mean gold" in fails("strip", "golden", "--seeds", "1", "--out", "s.png", "--models", model_set)


def test_the_library_refuses_what_is_no_direction_and_stays_in_its_folder(fails, model_set, file):
    assert "not a direction file" in fails("directions", "add", model_set / "generator.safetensors")
    assert "there is no direction file nowhere" in fails("directions", "add", "nowhere")
    for name in ("../x", "", "a/b"):
        assert "holds no slashes" in fails("directions", "add", file, "--name", name or ".")
        assert "holds no slashes" in fails("directions", "remove", name or ".")


def test_a_damaged_kept_file_is_a_warning_not_the_end(run, file, tmp_path):
    run("directions", "add", file, "--name", "good")
    (tmp_path / "home" / "directions" / "bad.safetensors").write_bytes(b"\xff" * 40)
    code, out, err = run("directions", "list", "--json")
    assert code == 0
    assert "good" in {row["name"] for row in json.loads(out)}
    assert err.startswith("warning: ")


def test_models_list_info_and_convert(run, model_set):
    rows = json.loads(run("models", "list", "--json")[1])
    (ffhq,) = [row for row in rows if row["name"] == "ffhq"]
    assert not ffhq["present"]
    assert any("ffhq-generator" in missing for missing in ffhq["missing"])
    found = json.loads(run("models", "info", model_set, "--json")[1])
    assert (found["name"], found["resolution"], found["num_ws"], found["w_dim"]) == ("stub", 32, 8, 16)
    source = model_set / "generator.safetensors"
    code, out, _ = run("models", "convert", source, "new.safetensors")
    assert (code, out) == (0, "new.safetensors\n")
    a, b = (eclipsed.Generator.from_file(path, device="cpu") for path in (source, "new.safetensors"))
    assert a.fingerprint == b.fingerprint
    assert run("models", "convert", source, "half.safetensors", "--half")[0] == 0
    assert os.path.getsize("half.safetensors") < 0.8 * os.path.getsize("new.safetensors")


def test_models_refuses_bad_files(fails, model_set):
    Path("cut.safetensors").write_bytes((model_set / "generator.safetensors").read_bytes()[:300])
    Path("empty.pkl").touch()
    Path("code.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    assert "must end in .safetensors" in fails("models", "convert", "a.pkl", "b.pt")
    assert "a.pkl is not there" in fails("models", "convert", "a.pkl", "b.safetensors")
    for name in ("cut.safetensors", "empty.pkl", "code.pkl"):
        assert name in fails("models", "convert", name, "b.safetensors")
        assert name in fails("models", "info", name)
    assert "no-such" in fails("models", "info", "no-such")
    assert sorted(os.listdir()) == ["code.pkl", "cut.safetensors", "empty.pkl"]


def test_doctor_reports_as_json_and_as_text(run):
    code, out, _ = run("doctor", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["packages"]["torch"]
    assert found["devices"][0] == "cpu"
    assert {row["name"] for row in found["models"]} >= {"ffhq"}
    code, out, _ = run("doctor")
    assert code == 0
    assert f"eclipsed {eclipsed.__version__}, Python 3." in out


# ---- the edge of the process


def test_what_nobody_expected_is_still_one_line(fails, monkeypatch):
    monkeypatch.setattr("eclipsed.commands.faces.parse_seeds", lambda _: 1 // 0)
    message = fails("sample", "--seeds", "1", "--out", "o")
    assert message.startswith("ZeroDivisionError: ")
    assert "ECLIPSED_DEBUG=1" in message
    monkeypatch.setenv("ECLIPSED_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run(["sample", "--seeds", "1", "--out", "o"])


def test_many_lines_become_one(fails, monkeypatch):
    def fail(_):
        raise InputError("first\n  second")

    monkeypatch.setattr("eclipsed.commands.faces.parse_seeds", fail)
    assert fails("sample", "--seeds", "1", "--out", "o") == "first second"


def test_a_reader_that_has_gone_is_no_traceback():
    words = [sys.executable, "-m", "eclipsed", "models", "list", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HERE) as process:
        process.stdout.close()
        err = process.stderr.read().decode()
    assert err == ""
    assert process.returncode in (0, 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_result_that_cannot_be_printed_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eclipsed", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, env=HERE
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("error: cannot read or write: ")


def test_json_has_no_nan(capsys):
    result_json({"a": float("nan"), "b": (1, float("inf")), "c": Path("x"), "d": {"e": None}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1, None], "c": "x", "d": {"e": None}}


def test_a_strangers_direction_is_asked_for(run, fails, direction, model_set, tmp_path):
    other = shutil.copytree(model_set, tmp_path / "other")
    make_generator(other / "generator.safetensors", seed=5)
    strange = direction.save(tmp_path / "strange.safetensors")
    words = ("edit", strange, "--models", other, "--device", "cpu", "--seeds", "1", "--out", tmp_path / "faces")
    assert "--any-generator takes it as it is" in fails(*words)
    code, out, _ = run(*words, "--any-generator", "--json")
    assert code == 0
    assert len(json.loads(out)["after"]) == 1
