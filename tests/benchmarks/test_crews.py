"""Pieces of a benchmark that workers share: all are done, and those that end their worker are named."""

import argparse
import os
from functools import partial

import pytest

from benchmarks.crews import crew_of, crew_options, share
from benchmarks.overhead import crews_of
from benchmarks.records import Records
from eclipsed.compute.crew import Crew


def worker(path):
    records = Records(path)

    def piece(number, _turn):
        if number == 13:
            os._exit(3)
        records.add({"key": {"number": number}, "square": number * number})

    return piece


@pytest.mark.parametrize("crew", [Crew(), Crew(workers=2)], ids=["here", "processes"])
def test_every_piece_is_written(tmp_path, crew):
    share(partial(worker, tmp_path / "records.json"), range(6), crew)
    found = Records(tmp_path / "records.json").all()
    assert sorted(one["square"] for one in found) == [0, 1, 4, 9, 16, 25]


def test_what_ends_its_worker_is_named_and_the_rest_is_done(tmp_path):
    with pytest.raises(SystemExit, match=r"1 of 3 pieces ended their worker: 13 \(exit code 3\)"):
        share(partial(worker, tmp_path / "records.json"), [12, 13, 14], Crew(workers=2))
    assert {one["key"]["number"] for one in Records(tmp_path / "records.json").all()} == {12, 14}


def test_crews_whose_overhead_is_measured():
    assert crews_of("1x1,2x1,1x2", "here") == [("here 1x1", Crew(1)), ("here 2x1", Crew(2)), ("here 1x2", Crew(1, 2))]
    assert crews_of("3", "ray") == [("ray 3", Crew(3, 1, "local"))]


def test_options_name_the_crew():
    parser = argparse.ArgumentParser()
    crew_options(parser)
    assert crew_of(parser.parse_args([])) is None
    assert crew_of(parser.parse_args(["--workers", "2", "--threads", "3"])) == Crew(workers=2, threads=3)
    assert crew_of(parser.parse_args(["--ray"])) == Crew(ray="local")
    assert crew_of(parser.parse_args(["--ray", "auto", "--gpus", "0.5"])) == Crew(ray="auto", gpus=0.5)
