"""Every ``--json`` output against its JSON Schema, and the log of a training against its own."""

import csv
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer.main
from jsonschema import Draft202012Validator
from PIL import Image

import eclipsed
from eclipsed.commands import cli
from eclipsed.commands.step_log import StepLog
from eclipsed.errors import InputError
from eclipsed.training.events import TrainStep

FOLDER = Path(cli.__file__).parent / "schemas"
SCHEMAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
SEEDS = ["--seeds", "1,2"]
PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.png"


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own working folder and its own library."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def answer(capsys):
    """Run one command with --json; gives what it printed."""

    def call(*words):
        cli.run([*(str(word) for word in words), "--json"])
        return json.loads(capsys.readouterr().out)

    return call


def fits(found, name):
    """Check an answer, and that all fields at its top are described."""
    schema = SCHEMAS[name]
    Draft202012Validator(schema).validate(found)
    if "properties" in schema:
        assert set(found) <= set(schema["properties"])


def commands(command, words=()):
    """Words and options of every command that takes --json."""
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*words, name))
    if any("--json" in one.opts for one in command.params):
        yield "-".join(words)


def test_every_json_output_has_a_schema():
    assert set(SCHEMAS) - {"error", "log"} == set(commands(typer.main.get_command(cli.app)))
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_what_only_reads(answer, tmp_path):
    fits(answer("doctor"), "doctor")
    fits(answer("directions", "list"), "directions-list")
    fits(answer("directions", "show", "blond-hair"), "directions-show")
    fits(answer("models", "list"), "models-list")
    fits(answer("models", "list", "--networks"), "models-list")
    for name in ("mini", "ffhq", "church", "bisenet"):
        fits(answer("models", "info", name), "models-info")
    fits(answer("models", "verify"), "models-verify")
    (tmp_path / "home" / "networks").mkdir(parents=True)
    (tmp_path / "home" / "networks" / "parsing_bisenet.pth").write_bytes(b"no")
    fits(answer("models", "verify", "bisenet"), "models-verify")
    fits(answer("models", "fetch", "mini"), "models-fetch")
    fits(answer("region", "blond hair"), "region")
    fits(answer("region", "tax returns"), "region")
    fits(answer("region", ""), "region")
    fits(answer("region"), "error")
    fits(answer("words"), "words")
    fits(answer("region", "--no"), "error")


def test_region_of_a_file_is_json_lines(capsys):
    Path("prompts.txt").write_text("red lipstick\n\nthe eyes")
    cli.run(["region", "--file", "prompts.txt", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    for row in rows:
        fits(row, "region")


def test_what_draws(answer, direction, model_set):
    file = direction.save("d.safetensors")
    models = ["--models", model_set]
    fits(answer("sample", *SEEDS, "--out", "o", *models), "sample")
    fits(answer("edit", file, *SEEDS, "--out", "p", "--grid", "g.png", *models), "edit")
    fits(answer("strip", file, *SEEDS, "--out", "s.png", *models), "strip")
    fits(answer("palette", file, file, "--seed", "1", "--out", "q.png", *models), "palette")
    fits(answer("sweep", file, "--seeds", "1", "--out", "s.gif", *models), "sweep")
    fits(answer("evaluate", file, *SEEDS, "--alphas", "1", *models), "evaluate")


def test_a_photo(answer):
    words = ["--aligned", "--level", "fast", "--save-face", "f.face.safetensors", "--models", "mini"]
    eclipsed.Editor.from_pretrained("mini").sample(seeds=3).pil()[0].save("face.png")
    fits(answer("photo", "face.png", "blond-hair", "--out", "new.png", *words), "photo")
    words = ["--edit", "1:blond-hair", "--edit", "2:smile=0.7", "--level", "fast", "--models", "mini"]
    fits(answer("photo", PORTRAIT, *words, "--out", "both.png"), "photo")


def test_a_folder_of_photos(answer):
    Path("in").mkdir()
    eclipsed.Editor.from_pretrained("mini").sample(seeds=3).pil()[0].save("in/face.png")
    Path("in/words.txt").write_text("no picture")
    words = ["--aligned", "--level", "fast", "--models", "mini", "--out", "new"]
    fits(answer("photos", "in", "blond-hair", *words), "photos")


def test_a_film(answer):
    Path("frames").mkdir()
    for number, picture in enumerate(eclipsed.Editor.from_pretrained("mini").sample(seeds=[3, 3, 3]).pil()):
        picture.save(f"frames/{number}.png")
    words = ["--aligned", "--level", "fast", "--models", "mini", "--out", "new"]
    fits(answer("video", "frames", "blond-hair", *words), "video")


def test_a_judge(answer, direction, model_set):
    rng = np.random.default_rng(0)
    for name in ("dark", "light"):
        Path("pictures", name).mkdir(parents=True)
        for number in range(5):
            pixels = rng.integers(0, 99, (9, 9, 3)) + 150 * (name == "light")
            Image.fromarray(pixels.astype(np.uint8)).save(f"pictures/{name}/{number}.png")
    words = ["--frozen-epochs", "1", "--epochs", "1", "--device", "cpu"]
    fits(answer("judge", "train", "pictures", "--out", "j.safetensors", "--matrix", "m.png", *words), "judge-train")
    fits(answer("judge", "score", "j.safetensors", "pictures"), "judge-score")
    fits(answer("judge", "run", "j.safetensors", "pictures"), "judge-run")
    fits(answer("judge", "train", "nowhere", "--out", "k.safetensors"), "error")
    file = direction.save("d.safetensors")
    words = ["--judge", "j.safetensors", "--attribute", "pictures=light", "--models", model_set]
    found = answer("evaluate", file, *SEEDS, "--alphas", "1", *words)
    fits(found, "evaluate")
    assert (found["judge"], found["target"]["attribute"]) == ("j.safetensors", "pictures")
    assert found["strengths"][0]["kept"] is None  # it knows no other attribute
    assert found["strengths"][0]["success"]["count"] <= 2


QUICK = ["--steps", "3", "--batch", "2", "--set", "calibrate=false", "--set", "resolution=32", "--layers", "all"]


def test_a_training_and_its_logs(answer, model_set):
    words = ["train", "blond hair", *QUICK, "--models", model_set]
    fits(answer(*words, "--out", "a.safetensors", "--log", "new/steps.jsonl", "--strip", "s.png"), "train")
    rows = [json.loads(line) for line in Path("new/steps.jsonl").read_text().splitlines()]
    for row in rows:
        fits(row, "log")
    assert [(row["phase"], row["step"], row["steps"]) for row in rows] == [("train", step, 3) for step in (1, 2, 3)]
    assert {"clip", "locality"} <= set(rows[0]["terms"])
    answer(*words, "--out", "b.safetensors", "--log", "steps.csv")
    lines = Path("steps.csv").read_text().splitlines()
    assert lines[0].startswith("phase,step,steps,loss,seconds,seconds_left,")
    assert set(lines[0].split(",")[6:]) == {name for row in rows for name in row["terms"]}
    assert [line.split(",")[:3] for line in lines[1:]] == [["train", str(step), "3"] for step in (1, 2, 3)]
    assert [line.split(",")[3] for line in lines[1:]] == [str(row["loss"]) for row in rows]
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()


def test_many_trainings(answer, model_set):
    Path("list.txt").write_text("blond hair\na zyzzyva\n")
    words = [*QUICK, "--models", model_set, "--set", "start=small"]
    fits(answer("train", "--file", "list.txt", "--out", "many", *words), "train")


def test_the_example_for_tensorboard_writes_every_figure():
    place = Path(__file__).parents[2] / "examples" / "tensorboard_log.py"
    spec = importlib.util.spec_from_file_location("tensorboard_log", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    written = []
    writer = SimpleNamespace(add_scalar=lambda *figure: written.append(figure))
    module.TensorBoardLog(writer)(step(2, 0.5, clip=0.25, fence=float("nan")))
    assert written == [("train/loss", 0.5, 2), ("train/clip", 0.25, 2)]


def step(number, loss, **terms):
    return TrainStep(phase="train", step=number, steps=2, loss=loss, terms=terms, seconds=1.0, seconds_left=0.5)


def test_a_term_that_joins_late_has_a_column_then():
    log = StepLog(Path("steps.csv"))
    log(step(1, float("nan"), clip=0.5))
    assert Path("steps.csv").read_text() == (
        "phase,step,steps,loss,seconds,seconds_left,clip\ntrain,1,2,,1.0,0.5,0.5\n"
    )
    log(step(2, 2.0, clip=0.25, fence=1.0))
    log.close()
    assert Path("steps.csv").read_text() == (
        "phase,step,steps,loss,seconds,seconds_left,clip,fence\ntrain,1,2,,1.0,0.5,0.5,\ntrain,2,2,2.0,1.0,0.5,0.25,1.0\n"
    )


@pytest.mark.parametrize("name", ["steps.csv", "steps.jsonl"])
def test_the_log_of_a_resumed_training_goes_on(name):
    """Steps that are done again, since they were not saved, stand there once; and half a line is left out."""
    first = StepLog(Path(name))
    for number in (1, 2, 3):
        first(step(number, float(number), clip=0.5))
    first.close()
    with open(name, "a") as file:
        file.write('{"phase": "train", "st' if name.endswith("l") else "train,4")
    second = StepLog(Path(name), resumed=True)
    second(step(3, 33.0, clip=0.25, fence=1.0))
    second(step(4, 4.0, clip=0.25, fence=1.0))
    second.close()
    if name.endswith("l"):
        rows = [json.loads(line) for line in Path(name).read_text().splitlines()]
        told = [(row["step"], row["loss"], row["terms"].get("fence")) for row in rows]
    else:
        rows = list(csv.DictReader(Path(name).read_text().splitlines()))
        told = [(int(row["step"]), float(row["loss"]), float(row["fence"]) if row["fence"] else None) for row in rows]
    assert told == [(1, 1.0, None), (2, 2.0, None), (3, 33.0, 1.0), (4, 4.0, 1.0)]


def test_a_log_is_begun_anew_by_a_new_training_and_where_there_is_none():
    for resumed in (True, False):
        log = StepLog(Path("steps.csv"), resumed=resumed)
        log(step(2, 2.0))
        log.close()
        assert len(Path("steps.csv").read_text().splitlines()) == 2


def test_resuming_from_the_terminal_goes_on_with_the_log(answer, model_set):
    config = eclipsed.TrainConfig(steps=3, batch=2, layers=None, calibrate=False, resolution=32)
    log = StepLog(Path("s.jsonl"))
    eclipsed.Editor.from_pretrained(model_set, device="cpu").train(
        "blond hair",
        config=config,
        state="s.safetensors",
        callback=lambda told: (log(told), told.phase != "train" or told.step < 2)[1],
    )
    log.close()
    words = ["--models", model_set, "--out", "a.safetensors", "--log", "s.jsonl", "--resume", "s.safetensors"]
    found = answer("train", "blond hair", *words, "--device", "cpu")
    assert "error" not in found, found
    rows = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]


def test_a_number_that_there_is_none_of_is_null():
    log = StepLog(Path("steps.jsonl"))
    log(step(1, float("inf"), clip=float("nan")))
    log.close()
    (line,) = Path("steps.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "phase": "train",
        "step": 1,
        "steps": 2,
        "loss": None,
        "seconds": 1.0,
        "seconds_left": 0.5,
        "terms": {"clip": None},
    }


def test_a_log_of_another_kind_is_refused_before_any_model_is_loaded(answer):
    assert answer("train", "hair", "--log", "steps.txt", "--models", "no-such-set") == {
        "error": "cannot tell the format of the log 'steps.txt': end it in .csv or .jsonl",
        "kind": InputError.__name__,
    }
