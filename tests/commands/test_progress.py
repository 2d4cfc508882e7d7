"""The one bar: lines where nobody looks, a bar on a terminal, and whatever names its figures have."""

import io
import math

import pytest
from rich.console import Console

from eclipsed.commands import progress
from eclipsed.commands.progress import ProgressBar, listed


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
        shown = [task.description for task in bar._bar.tasks if task.visible]
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
