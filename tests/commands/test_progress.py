"""The one bar: lines where nobody looks, a bar on a terminal, and whatever names its figures have."""

import io
import math
import re
import threading

import pytest
from rich.console import Console

from eclipsed.commands import bars, progress
from eclipsed.commands.bars import duration
from eclipsed.commands.progress import ProgressBar, listed, waiting
from eclipsed.inversion.inversion_step import InversionStep
from eclipsed.training.events import TrainStep


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second whenever it is asked."""
    ticks = iter(range(1, 10_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))


def test_a_new_term_appears_by_its_name():
    assert listed({"loss": 0.5, "my term": -1.25, "off": math.nan, "broken": math.inf}) == "loss 0.500  my term -1.250"
    assert listed({}) == ""


def test_a_line_every_tenth_and_anew_when_it_begins_again(capsys):
    with ProgressBar() as bar:
        for name, steps in (("inverting", 20), ("inverting", 20), ("tuning", 10)):
            for done in range(steps + 1):
                bar.show(name, done, steps, seconds_left=math.inf)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if " 0/" in line] == ["inverting 0/20", "inverting 0/20", "tuning 0/10"]
    assert len(lines) == 33
    assert lines[-1] == "tuning 10/10"


def test_the_time_that_is_left_is_reckoned_where_nobody_says(capsys, clock):
    with ProgressBar() as bar:
        for done in (0, 10, 20):  # after one second, two, and three
            bar.show("faces", done, 100, figures="loss 1.000")
        bar.show("faces", 30, 100, seconds_left=125.2)
    assert capsys.readouterr().err.splitlines() == [
        "faces 0/100  loss 1.000",
        "faces 10/100  loss 1.000  18 s left",
        "faces 20/100  loss 1.000  12 s left",
        "faces 30/100  2 min 05 s left",
    ]


def test_names_in_square_brackets_are_no_markup():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with ProgressBar(console=console) as bar:
        bar.say("[red]/a [/b].png is empty")
    assert "[red]/a [/b].png is empty" in console.file.getvalue()


def test_bytes_with_and_without_a_known_end(capsys, clock):
    with ProgressBar(in_bytes=True) as bar:
        for done in (0, 5_000_000, 5_100_000, 10_000_000):
            bar.show("arcface", done, 10_000_000)
        for done in (0, 50_000_000, 120_000_000):
            bar.show("clip", done, None)
        bar.say("a word")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "arcface 0.0/10.0 MB"
    assert lines[1].startswith("arcface 5.0/10.0 MB  2.5 MB/s")
    assert lines[2].startswith("arcface 10.0/10.0 MB")
    assert lines[3] == "clip 0.0 MB"
    assert lines[4].startswith("clip 120.0 MB  ")
    assert lines[4].endswith("MB/s")
    assert lines[5:] == ["a word"]


def test_on_a_terminal_one_bar_at_a_time():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with ProgressBar(console=console) as bar:
        bar.show("training", 3, 4, figures=listed({"[my] term": 0.125}), seconds_left=7.0)
        bar.show("calibrating", 1, 2)
        shown = [task.description for task in bar._view._bar.tasks if task.visible]
    text = console.file.getvalue()
    assert shown == ["calibrating"]
    for word in ("training", "3/4", "[my] term 0.125", "7 s left", "1/2"):
        assert word in text


def test_many_figures_are_cut_and_never_break_the_line():
    console = Console(file=io.StringIO(), force_terminal=True, width=70, color_system=None)
    with ProgressBar(console=console) as bar:
        bar.show("training", 3, 4, figures=listed({f"term {k}": 0.5 for k in range(9)}), seconds_left=7.0)
    frames = [line for line in console.file.getvalue().split("\r") if "training" in line]
    assert frames
    for frame in frames:
        assert frame.strip("\n\x1b[?25h").count("\n") == 0
        assert all(word in frame for word in ("3/4", "7 s left", "term 0 0.500", "…"))


def frames_of(console, word):
    """What was drawn of the bar, one text for each time, without colours and the signs that move the cursor."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]", text) if line.startswith(word)]


@pytest.mark.parametrize(
    ("name", "in_bytes", "done", "total", "left"),
    [
        ("choosing layers", False, 40, 40, 5999.0),
        ("calibrating", False, 1, 10, 8.0),
        ("training", False, 1200, 1200, 125.0),
        ("ffhq-tf-generator", True, 123_456_789, 381_624_121, 7100.0),
    ],
)
def test_the_bar_is_whole_at_eighty_columns(name, in_bytes, done, total, left):
    terms = {"loss": 0.5, "clip": 0.25, "preservation": 0.0, "locality": 0.94, "fence": 0.01}
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with ProgressBar(console=console, in_bytes=in_bytes) as bar:
        bar.show(name, done, total, figures=listed(terms), seconds_left=left)
    frames = frames_of(console, name)
    assert frames
    for frame in frames:
        assert len(frame) <= 80
        assert f"{duration(left)} left" in frame
        amount = f"{done}/{total}" if not in_bytes else "123.5/381.6 MB"
        assert frame.index(amount) >= max(15, len(name)) + 1 + 5 + 1  # the bar has five signs at least
        shown = re.findall(r"[a-z]+ -?\d\.\d{3}", frame)
        assert shown == [f"{key} {value:.3f}" for key, value in terms.items()][: len(shown)]  # whole figures only
        assert re.search(r"left\s+(…|loss 0\.500)", frame)


def test_a_time_is_told_in_what_suits_it():
    assert [duration(one) for one in (-1, 0.4, 99, 125.2, 5999, 6000, 36_000)] == [
        "0 s", "0 s", "99 s", "2 min 05 s", "99 min 59 s", "1 h 40 min", "10 h 00 min",
    ]  # fmt: skip


def test_work_that_nobody_can_count_is_named(capsys):
    with ProgressBar() as bar:
        bar.show("making ready", 0, None)
        bar.show("training", 1, 2)
    assert capsys.readouterr().err.splitlines() == ["making ready …", "training 1/2"]


def test_what_is_quick_goes_without_a_word_and_what_is_not_is_named(monkeypatch, capsys):
    monkeypatch.setattr(bars, "_PATIENCE", 60.0)
    with waiting("loading mini"):
        pass
    assert capsys.readouterr().err == ""
    with waiting("loading mini", at_once=True):
        pass
    assert capsys.readouterr().err == "loading mini …\n"
    said = threading.Event()
    lines = []

    def note(text):
        lines.append(text)
        if len(lines) == 2:
            said.set()

    monkeypatch.setattr(bars, "_PATIENCE", 0.02)
    monkeypatch.setattr(bars, "_SILENCE", 0.02)
    monkeypatch.setattr(bars, "note", note)
    with waiting("loading mini"):
        assert said.wait(20)
    assert lines[:2] == ["loading mini …", "loading mini …  (0 s so far)"]


def test_on_a_terminal_waiting_leaves_nothing():
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)
    with waiting("loading mini", console=console):
        assert frames_of(console, "loading mini") is not None
    assert "loading mini" in console.file.getvalue()
    assert console.file.getvalue().endswith("\x1b[2K")  # its line is wiped


def test_no_silence_where_nobody_looks(monkeypatch, capsys):
    """Work goes on in a step that takes long: a line says so, again and again."""
    monkeypatch.setattr(bars, "_SILENCE", 0.02)
    said = threading.Event()
    lines = []

    def note(text):
        lines.append(text)
        if len(lines) >= 4:
            said.set()

    monkeypatch.setattr(bars, "note", note)
    with ProgressBar() as bar:
        bar.show("training", 3, 120, figures="loss 1.000")
        assert said.wait(20)
    ended = len(lines)
    assert lines[0] == "training 3/120  loss 1.000"
    assert set(lines[1:]) == {"training 3/120  loss 1.000  (0 s so far)"}
    said.wait(0.1)
    assert len(lines) == ended  # nobody watches any more


def step(phase, number, steps, **changes):
    return TrainStep(phase=phase, step=number, steps=steps, loss=0.5, seconds=1.0, seconds_left=7.0, **changes)


def test_it_is_a_callback_of_trainings_and_inversions(capsys):
    with ProgressBar() as bar:
        bar(step("probe", 4, 40, terms={"clip": 0.25}))
        bar(step("train", 120, 120, terms={"clip": 0.25}))
        bar(step("calibrate", 1, 10))
        bar(InversionStep(phase="latents", step=0, steps=20, loss=1.0, psnr=9.25, seconds_left=9.0))
        bar(InversionStep(phase="generator", step=20, steps=20, loss=1.0, psnr=30.0, seconds_left=0.0))
    assert capsys.readouterr().err.splitlines() == [
        "choosing layers 4/40  loss 0.500  clip 0.250  7 s left",
        "training 120/120  loss 0.500  clip 0.250  7 s left",
        "calibrating 1/10  7 s left",
        "inverting 0/20  9.2 dB",
        "tuning 20/20  30.0 dB  0 s left",
    ]


class Output:
    """One output of a notebook's cell, and all that it ever showed."""

    def __init__(self, data):
        self.shown = [data]

    def update(self, data, raw):
        assert raw
        self.shown.append(data)


@pytest.fixture
def outputs(monkeypatch):
    """The outputs of a cell; rich believes that it runs in a notebook."""
    pytest.importorskip("IPython", reason="notebooks need IPython: pip install -e '.[test]'")
    import IPython.display
    from rich import console

    made = []

    def display(data, raw, display_id):
        assert (raw, display_id) == (True, True)
        made.append(Output(data))
        return made[-1]

    monkeypatch.setattr(console, "_is_jupyter", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return made


def test_in_a_notebook_one_output_changes(outputs, capsys, monkeypatch):
    bar = ProgressBar()
    for number in range(1, 121):
        bar(step("train", number, 120, terms={"<my> term": 0.25}))
    bar(step("calibrate", 10, 10))
    bar.close()
    (output,) = outputs
    assert len(output.shown) < 60  # a few times a second, and not for every step
    assert output.shown[0]["text/plain"] == "training 1/120  loss 0.500  <my> term 0.250  7 s left"
    assert output.shown[-1] == {
        "text/html": '<span>calibrating <progress value="10" max="10"></progress> 10/10  7 s left</span>',
        "text/plain": "calibrating 10/10  7 s left",
    }
    assert any("&lt;my&gt; term" in one["text/html"] for one in output.shown)
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_waiting_leaves_nothing(outputs):
    with waiting("loading mini"):
        assert outputs[0].shown[-1]["text/plain"] == "loading mini …"
    assert outputs[0].shown[-1] == {"text/html": "", "text/plain": ""}
