"""Many trainings: the same files whoever makes them, every fault a row, what is done skipped, whatever was killed."""

import csv
import html
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import crew_kit
import pytest

import eclipsed
from eclipsed.commands import cli
from eclipsed.commands.tune import parse_search
from eclipsed.errors import InputError, OutputError
from eclipsed.evaluation.many_report import trainings_page
from eclipsed.evaluation.many_rows import TrainedPrompt, ranked, worth_of
from eclipsed.evaluation.many_wanted import Wanted, configs_of, read_wishes, wanted_of
from eclipsed.training.config import TrainConfig

FACES = range(3000, 3004)


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def config(quick):
    return quick.replace(steps=2, start="small", start_faces=None)


@pytest.fixture
def many(editor, config, tmp_path):
    """Train many with few steps; gives the rows."""

    def call(prompts, out="out", **options):
        given = {"configs": config, "faces": FACES, **options}
        return eclipsed.train_many(given.pop("models", editor), prompts, tmp_path / out, **given)

    return call


def held(folder):
    """The directions of a folder: name -> bytes."""
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_every_sentence_seed_and_setting_once_and_the_best_is_marked(many, editor, config, tmp_path):
    told, begun = [], []
    rows = many(
        ["blond hair", {"prompt": "a person with glasses", "seed": 4, "region": "hair"}, "blond hair"],
        seeds=[0, 1],
        grid={"locality_weight": [0.05, 0.5]},
        began=begun.append,
        tell=lambda *step: told.append(step),
    )
    found = {(row.prompt, row.seed, row.options.get("locality_weight", 0.05)) for row in rows}
    assert found == {("blond hair", s, w) for s in (0, 1) for w in (0.05, 0.5)} | {
        ("a person with glasses", 4, w) for w in (0.05, 0.5)
    }
    assert [(done, total) for done, total, _ in told] == [(k, 6) for k in range(1, 7)]
    assert [(one.prompt, one.config.seed) for one in begun] == [(row.prompt, row.seed) for *_, row in told]
    assert [row.prompt for row in rows] == 4 * ["blond hair"] + 2 * ["a person with glasses"]
    assert [row.rank for row in rows] == [1, 2, 3, 4, 1, 2]
    assert [row.best for row in rows] == [True, False, False, False, True, False]
    gains = [row.clip_gain for row in rows[:4]]  # nobody knows better here: no classifier, and nothing is calibrated
    assert gains == sorted(gains, reverse=True)
    best = rows[0]
    again = eclipsed.Direction.load(tmp_path / "out" / best.file)
    weighed = config.replace(locality_weight=best.options.get("locality_weight", 0.05))
    alone = editor.train("blond hair", config=weighed.replace(seed=best.seed))
    assert again.digest == alone.digest == best.digest
    judged = eclipsed.evaluate(editor, again, seeds=FACES, alphas=(1.0,), extras=()).strengths[0]
    assert best.locality == pytest.approx(judged.localization.mean, abs=1e-6)
    assert best.clip_gain == pytest.approx(judged.clip_gain.mean, abs=1e-6)
    assert best.file.startswith("blond-hair-")


def test_what_is_wrong_is_a_row_and_the_rest_goes_on(many, tmp_path, monkeypatch):
    from eclipsed.evaluation import many_job

    evaluate = many_job.evaluate

    def judged(editor, direction, **options):
        if direction.prompt == "black hair":
            raise ZeroDivisionError("of\nnought")
        return evaluate(editor, direction, **options)

    monkeypatch.setattr(many_job, "evaluate", judged)
    rows = many(["", "blond hair", "a zyzzyva", {"prompt": "red hair", "region": ["horns"]}, "black hair"])
    said = {row.prompt: row.reason for row in rows}
    assert said[""].startswith("the prompt is empty")
    assert said["blond hair"] == ""
    assert said["a zyzzyva"] == (
        "the CLIP model 'clip' was never shown 'zyzzyva'; the edit may have nothing to do with it"
    )
    assert "horns" in said["red hair"]
    assert said["black hair"] == "ZeroDivisionError: of nought (unexpected; please report it)"
    assert [row.outcome for row in rows] == ["failed", "trained", "failed", "failed", "failed"]
    assert [row.rank for row in rows] == [0, 1, 0, 0, 0]
    table = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text("utf-8").splitlines()))
    assert [(one["prompt"], one["reason"]) for one in table] == [(row.prompt, row.reason) for row in rows]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "5 trainings: 1 trained, 0 done before, 4 failed." in page
    assert all(html.escape(row.reason) in page for row in rows)
    assert page.count("<img") == 1
    assert not re.search(r'(?:src|href)="(?!data:|\./)', page)


def test_out_of_memory_is_tried_once_with_less_then_a_row(many, monkeypatch):
    from eclipsed.training import train

    begin, asked = train.Loss, []

    def short(task):
        asked.append(task.config.low_memory)
        if task.prompt == "black hair" or not task.config.low_memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return begin(task)

    monkeypatch.setattr(train, "Loss", short)
    rows = many(["blond hair", "black hair"])
    assert asked == [False, True, False, True]
    assert [(row.outcome, row.reason) for row in rows] == [
        ("trained", ""),
        ("failed", "memory ran out with batch 2; lower resolution, or train on another device"),
    ]


def test_what_is_done_is_skipped_until_something_changes(many, tmp_path, config):
    out = tmp_path / "out"
    first = many(["blond hair", "black hair"])
    times = {path: path.stat().st_mtime_ns for path in out.glob("*-*")}
    again = many(["blond hair", "black hair", "red hair"])
    assert [row.outcome for row in again] == ["done before", "done before", "trained"]
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert [(row.worth, row.strip, row.seconds) for row in again[:2]] == [
        (row.worth, row.strip, row.seconds) for row in first
    ]
    (out / first[0].file).write_bytes(b"spoilt")  # is learned again
    (out / first[1].file).with_suffix(".json").write_text("[" * 100_000)  # is judged again
    assert [row.outcome for row in many(["blond hair", "black hair"])] == ["trained", "done before"]
    assert (out / first[1].file).stat().st_mtime_ns == times[out / first[1].file]
    assert many(["black hair"], faces=range(3004, 3008))[0].outcome == "done before"
    assert many(["black hair"], configs=config.replace(seed=1))[0].outcome == "trained"
    assert not (out / ".unfinished").exists()


def test_ctrl_c_keeps_no_half_direction_and_the_next_run_goes_on_in_it(many, tmp_path, monkeypatch, config):
    from eclipsed.training import train

    whole = many(["blond hair"], "whole")
    advance, steps = train.advance, []

    def press(*args, **options):
        found = advance(*args, **options)
        steps.append(options["step"].number)
        if len(steps) == 2:
            signal.raise_signal(signal.SIGINT)
        return found

    four = config.replace(steps=4)
    monkeypatch.setattr(train, "advance", press)
    with pytest.raises(KeyboardInterrupt):
        many(["blond hair"], configs=four)
    assert not held(tmp_path / "out")
    rows = many(["blond hair"], configs=four)
    assert steps == [0, 1, 1, 2, 3]  # the step in which it was pressed is done again
    assert whole[0].digest != rows[0].digest
    assert rows[0].digest == many(["blond hair"], "straight", configs=four)[0].digest


def test_two_processes_give_the_same_bits_and_open_networks_once(many, model_set, tmp_path):
    prompts = ["blond hair", "black hair", "a person with glasses"]
    one = many(prompts, "one", seeds=[0, 1])
    models = partial(crew_kit.open_noted, model_set, tmp_path)
    two = many(prompts, "two", seeds=[0, 1], models=models, workers=2)
    assert held(tmp_path / "one") == held(tmp_path / "two")
    assert len(held(tmp_path / "two")) == 6
    assert [same(row) for row in one] == [same(row) for row in two]
    opened = (tmp_path / "log").read_text().splitlines()
    assert 1 <= len(opened) == len(set(opened)) <= 2


def same(row):
    return {name: value for name, value in row.to_json().items() if name != "seconds"} | {"strip": row.strip}


def test_several_model_sets(many, editor, model_set):
    other = eclipsed.Editor(editor.generator, None, editor.clip, name="bare")
    rows = many(["blond hair"], models=[editor, other])
    assert {row.models for row in rows} == {"stub", "bare"}
    assert [row.rank for row in rows] == [1, 2]
    assert "has no parser" in next(row.note for row in rows if row.models == "bare")
    with pytest.raises(InputError, match=r"^give at least one model set$"):
        many(["blond hair"], models=[])
    with pytest.raises(eclipsed.MissingModelError):
        many(["blond hair"], models="nowhere")


#: what a process of its own runs: it is killed when so many are done, while the next ones are being learned
KILLED = """
import os, signal, sys
from functools import partial
import crew_kit, eclipsed
if __name__ == "__main__":
    models, log, out, prompts, options, workers, ray = eval(sys.argv[1])
    def tell(done, total, row):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    opened, config = partial(crew_kit.open_noted, models, log), eclipsed.TrainConfig.from_json(options)
    faces = range(3000, 3004)
    eclipsed.train_many(opened, prompts, out, configs=config, faces=faces, workers=workers, ray=ray, tell=tell)
"""


def killed(tmp_path, *words):
    script = tmp_path / "driver.py"
    script.write_text(KILLED)
    paths = [os.path.dirname(crew_kit.__file__), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, script, repr(words)], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_driver_is_killed_and_started_again(many, config, model_set, tmp_path):
    prompts = ["blond hair", "black hair", "red hair", "a man with a hat"]
    out = tmp_path / "out"
    killed(tmp_path, str(model_set), str(tmp_path), str(out), prompts, config.to_json(), 1, None)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    assert len(before) == 2
    rows = many(prompts, workers=2)
    assert sorted(row.outcome for row in rows) == ["done before", "done before", "trained", "trained"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    many(prompts, "whole")
    assert held(out) == held(tmp_path / "whole")
    assert names(out) == names(tmp_path / "whole")  # nothing half-written is left


def test_lists_of_prompts(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    assert read_wishes(written("a.txt", "\ufeffblond hair\n\n  red lipstick \n")) == ["blond hair", "red lipstick"]
    table = 'prompt,region,seed,steps,space\nblond hair,,,,\n"smiling, young","mouth,skin",0-2,30,W\n,,,,\n'
    assert read_wishes(written("a.csv", table)) == [
        {"prompt": "blond hair"},
        {"prompt": "smiling, young", "region": "mouth,skin", "seed": "0-2", "steps": 30, "space": "W"},
        {"prompt": ""},
    ]
    assert read_wishes(written("q.csv", '\nprompt,seed\n"blond\nhair",1\n')) == [{"prompt": "blond hair", "seed": "1"}]
    rows = '{"prompt": "blond hair", "seed": [1, 2]}\n\n{"prompt": "hat", "layers": [4, 5]}\n'
    wishes = read_wishes(written("a.jsonl", rows))
    assert wanted_of(wishes, [TrainConfig()], None, 1) == [
        Wanted("blond hair", None, TrainConfig(seed=1)),
        Wanted("blond hair", None, TrainConfig(seed=2)),
        Wanted("hat", None, TrainConfig(layers=(4, 5))),
    ]
    for name, text, sentence in (
        ("a.md", "hat", f"a list of prompts ends in .txt, .csv, .jsonl; got '{tmp_path}/a.md'"),
        ("b.txt", " \n", f"{tmp_path}/b.txt holds no prompts; write one a line"),
        ("b.csv", "text,seed\nhat,1\n", f"{tmp_path}/b.csv needs a column prompt in its first line; got text, seed"),
        ("c.csv", "prompt\nhat, red\n", f"{tmp_path}/c.csv, line 2: more cells than the first line has columns"),
        (
            "d.csv",
            '\nprompt,seed\n\n"blond hair,0\nhat,1\n',
            f"{tmp_path}/d.csv, line 5 is no row of a table (unexpected end of data); close what is quoted",
        ),
        ("b.jsonl", "[1]\n", f'{tmp_path}/b.jsonl, line 1 is no JSON object such as {{"prompt": "blond hair"}}'),
    ):
        with pytest.raises(InputError) as caught:
            read_wishes(written(name, text))
        assert str(caught.value) == sentence
    known = "a prompt is a sentence, or a mapping with prompt, region and options of training ("
    for name, text, start in (
        ("e.csv", "\nprompt,steps\nhat,3\nhat,0\n", "line 4: steps must be a whole number from 1 to 1000000; got 0"),
        ("f.csv", "prompt,step\nhat,3\n", f"line 2: {known}"),
        ("g.csv", "prompt,seed\n\nhat,x\n", "line 3: seeds "),
        ("h.jsonl", '{"prompt": "hat"}\n\n{"prompt": "hat", "region": [3]}\n', "line 3: a region is a list of parts, "),
    ):
        with pytest.raises(InputError) as caught:
            wanted_of(read_wishes(written(name, text)), [TrainConfig()], None, 1)
        assert str(caught.value).startswith(f"{tmp_path}/{name}, {start}"), str(caught.value)
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_wishes(tmp_path / "d.txt")


def test_what_nobody_can_train_is_said_at_once(many, tmp_path):
    for prompts, options, start in (
        ([], {}, "give at least one prompt"),
        ([3], {}, "a prompt is a sentence, or a mapping with prompt, region and options of training ("),
        ([{"prompt": "hat", "colour": 1}], {}, "a prompt is a sentence, or a mapping with prompt, region and options"),
        ([{"prompt": "hat", "steps": 0}], {}, "steps must be a whole number from 1 to 1000000; got 0"),
        ([{"prompt": "hat", "region": [3]}], {}, "a region is a list of parts, such as hair,hat; got '[3]'"),
        (["hat"], {"grid": {"steps": 3}}, "the grid must hold several values of steps; got 3"),
        (["hat"], {"grid": {"step": [3]}}, "unknown training option 'step'; known: "),
        (["hat"], {"configs": []}, "give at least one config"),
        (["hat"], {"workers": 0}, "workers must be a whole number from 1 to 256; got 0"),
    ):
        with pytest.raises(InputError) as caught:
            many(prompts, **options)
        assert str(caught.value).startswith(start)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        many(["hat"], "file")
    assert [one.steps for one in configs_of(None, {"steps": [3, 4]})] == [3, 4]


def row_of(prompt, outcome="trained", **figures):
    return TrainedPrompt(prompt=prompt, models="m", seed=0, options={}, outcome=outcome, **figures)


def test_ranks():
    assert worth_of(0.8, 0.5, 0.25) == pytest.approx(0.8 * 0.5 * 0.75)
    assert worth_of(0.8, 0.5, None) == pytest.approx(0.4)
    assert worth_of(None, 0.5, 0.25) is None
    rows = [
        row_of("b", worth=0.1, file="1"),
        row_of("a", "failed"),
        row_of("a", worth=None, clip_gain=0.1, file="2"),
        row_of("b", worth=0.3, file="3"),
        row_of("a", worth=0.0, file="4"),
        row_of("a", worth=None, clip_gain=0.2, file="5"),
    ]
    assert [(row.prompt, row.file, row.rank) for row in ranked(rows)] == [
        ("b", "3", 1), ("b", "1", 2), ("a", "4", 1), ("a", "5", 2), ("a", "2", 3), ("a", "", 0)
    ]  # fmt: skip


def test_a_page_of_many_trainings_is_bounded_and_holds_no_text_of_others():
    row = row_of("<script>alert(1)</script>", file='"x".safetensors', strip="data:image/webp;base64,AAAA")
    page = trainings_page([row] * 1003)
    assert "<script" not in page
    assert 'href="./%22x%22.safetensors"' in page
    assert page.count("<img") == 1000
    assert page.count("<tr>") == 1004
    assert "<img" not in trainings_page([row_of("hat", strip='x" onerror="alert(1)')])


def test_the_command_line(model_set, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("blond hair\na zyzzyva\n")
    quick = ["--steps", "2", "--batch", "2", "--layers", "all", "--set", "calibrate=false", "--set", "start=small"]
    words = ["train", "--file", "list.txt", "--out", "new", "--models", str(model_set), "--device", "cpu", *quick]
    assert cli.run([*words, "--grid", "resolution=16,32"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(r"new/blond-hair-[0-9a-f]{12}\.safetensors", lines[0])
    assert lines[1:] == ["4 trainings: 2 trained, 0 done before, 2 failed", "new/report.csv", "new/report.html"]
    said = [line for line in err.splitlines() if "/4 " in line]
    assert [line.partition(" ")[0] for line in said] == ["1/4", "2/4", "3/4", "4/4"]
    assert said[2] == (
        "3/4 'a zyzzyva', seed 0: failed: the CLIP model 'clip' was never shown 'zyzzyva'; the edit may have"
        " nothing to do with it"
    )
    assert err.splitlines()[-1] == "error: 2 of 4 trainings failed; new/report.html says why"
    assert cli.run([*words, "--grid", "resolution=16,32", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [row["outcome"] for row in found["trainings"]] == 2 * ["done before"] + 2 * ["failed"]
    assert [row["best"] for row in found["trainings"]] == [True, False, False, False]
    for line, sentence in (
        (["train", "hat", "--file", "list.txt"], "give one prompt, or --file with a list of them"),
        (["train", "--file", "list.txt"], "with --file, --out names the folder of the results"),
        (
            ["train", "--file", "list.txt", "--out", "o", "--strip", "s.png"],
            "--strip has no meaning with --file",
        ),
        (["train", "hat", "--workers", "2"], "--workers has no meaning without --file; leave it out"),
        (["train", "hat", "--ray"], "--ray has no meaning without --file; leave it out"),
        (["train", "hat", "--threads", "2"], "--threads has no meaning without --file; leave it out"),
        (
            [*words[:5], "--grid", "steps=2", "--grid", "steps=3"],
            "--grid steps comes twice; give all its values in one",
        ),
        ([*words[:5], "--grid", "step=2"], "expected NAME=VALUE with a training option ("),
        ([*words[:5], "--models", "nowhere"], "there is no model set 'nowhere'"),
    ):
        assert cli.run(line) == 1
        assert capsys.readouterr().err.startswith(f"error: {sentence}"), line


def test_a_search_that_cannot_be(editor, tmp_path, capsys):
    for search, options, start in (
        ({}, {}, "name at least one option to search"),
        ({"step": [1]}, {}, "unknown training option 'step'; known: "),
        ({"steps": [0, 3]}, {}, "steps must be a whole number from 1 to 1000000; got 0"),
        ({"row_freedom": eclipsed.Span(0.5, 1.5)}, {}, "row_freedom must be a number from 0 to 1; got 1.5"),
        ({"steps": [3]}, {"trials": 0}, "trials must be a whole number from 1 to 100000; got 0"),
    ):
        with pytest.raises(InputError) as caught:
            eclipsed.tune(editor, "hat", tmp_path / "out", search, **options)
        assert str(caught.value).startswith(start)
    search = {"steps": [3]}
    for models in (editor, "mini"):  # and no cluster is started
        with pytest.raises(InputError, match=r"^unknown part 'nonsense'; known parts and groups: "):
            eclipsed.tune(models, "hat", tmp_path / "out", search, region=["nonsense"], ray="127.0.0.1:1")
    words = ["tune", "hat", "--out", str(tmp_path / "out"), "--search", "steps=3", "--region", "nonsense"]
    assert cli.run([*words, "--ray", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith("error: unknown part 'nonsense'; known parts and groups: ")
    for low, high, log in ((2, 1, False), (0, 1, True)):
        with pytest.raises(InputError, match=r"^a span goes from a number to a larger one, above"):
            eclipsed.Span(low, high, log=log)


def test_a_search_on_the_command_line():
    spans = ["locality_weight=log:0.01..0.5", "row_freedom=0.0..1", "batch=2..8"]
    found = parse_search(["steps=30,60", "space=W", "reuse=[1,2]", *spans])
    assert found == {
        "steps": [30, 60],
        "space": ["W"],
        "reuse": [1, 2],
        "locality_weight": eclipsed.Span(0.01, 0.5, log=True),
        "row_freedom": eclipsed.Span(0.0, 1),
        "batch": eclipsed.Span(2, 8),
    }
    assert [type(found[name].low) for name in ("row_freedom", "batch")] == [float, int]
    for text in ("steps=1..", "steps=3..1", "steps=log:0..1"):
        with pytest.raises(InputError, match=r"^a span is two numbers, such as 0.01..0.2, the lower first; got"):
            parse_search([text])
    with pytest.raises(InputError, match=r"^expected NAME=VALUE with a training option"):
        parse_search(["step=1"])
