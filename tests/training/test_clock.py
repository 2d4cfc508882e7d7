"""The time that is left is honest: what it foretells is what comes, whatever a first step has to do."""

from itertools import pairwise

import pytest

from eclipsed.directions.calibration import LADDER
from eclipsed.training import clock as clocks
from eclipsed.training.clock import Clock
from eclipsed.training.config import TrainConfig
from eclipsed.training.probe import JUDGED


class Time:
    """A clock that goes on when it is told to."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def world_clock(monkeypatch):
    time = Time()
    monkeypatch.setattr(clocks, "time", time)
    return time


def trained(
    time, config, *, step=0.2, first=0.2, seen=0.23, verdict=1.75, look=0.35, rung=0.32, figures=1.45, rungs=7, begin=0
):
    """The events of a training in which everything takes the given seconds, as they were measured on ``mini``."""
    events = []
    clock = Clock(config, events.append, faces=(config.start_faces or 2048) if config.start == "faces" else 0)
    if not begin and clock.steps["survey"]:
        clock.begin("survey", 0)
        for number in range(clock.steps["survey"]):
            time.now += first if number == 0 else seen
            clock.tell(number + 1)
        time.now += verdict
    if not begin and clock.steps["probe"]:
        clock.begin("probe", 0)
        for number in range(config.probe_steps):
            time.now += first if number == 0 else step * config.directions
            clock.tell(number + 1)
        time.now += verdict
    clock.begin("train", begin)
    for number in range(begin, config.steps):
        time.now += step * config.directions
        clock.tell(number + 1)
    if config.calibrate:
        clock.begin("calibrate", 0)
        time.now += look
        for one in range(config.directions):
            for number in range(rungs):
                time.now += rung
                clock.tell(one * len(LADDER) + number + 1)
            time.now += figures
            clock.tell((one + 1) * len(LADDER))
    return events


TRIED = {"start": "small", "steps": 120}  # where nothing is known of the faces, the rows are found by a trial


@pytest.mark.parametrize(
    "changes",
    [{}, {"calibrate": False}, TRIED, {**TRIED, "directions": 2}, {"layers": None}, {**TRIED, "calibrate": False}],
)
@pytest.mark.parametrize("first", [0.2, 6.0])
def test_what_is_foretold_is_what_comes(world_clock, changes, first):
    events = trained(world_clock, TrainConfig(**changes), first=first)
    total = world_clock.now - 100.0
    foretold = [event.seconds + event.seconds_left for event in events]
    assert [one for one in foretold[2:] if not 0.8 * total < one < 1.2 * total] == []
    jumps = [abs(b - a) for a, b in pairwise(foretold[2:])]
    assert max(jumps) < 0.1 * total
    assert events[-1].seconds_left == pytest.approx(0, abs=1e-9)


def test_the_verdict_and_the_calibration_are_counted_in(world_clock):
    events = trained(world_clock, TrainConfig(**TRIED))
    last_step = next(event for event in events if event.phase == "train" and event.step == event.steps)
    assert 0.5 * 4.04 < last_step.seconds_left < 2 * 4.04  # what calibration took
    last_trial = next(event for event in events if event.phase == "probe" and event.step == event.steps)
    assert last_trial.seconds_left == pytest.approx(1.75 + 120 * 0.2 + 4.04, rel=0.15)
    assert JUDGED == 3


def test_a_resumed_training_reckons_with_its_own_steps(world_clock):
    events = trained(world_clock, TrainConfig(**TRIED, calibrate=False), begin=100)
    assert events[0].step == 101
    for event in events[1:]:
        assert event.seconds_left == pytest.approx(0.2 * (120 - event.step))


def test_a_machine_that_grows_slow_is_noticed(world_clock):
    config = TrainConfig(**TRIED, layers=None, calibrate=False)
    events = []
    clock = Clock(config, events.append)
    clock.begin("train", 0)
    for number in range(60):
        world_clock.now += 0.2 if number < 30 else 1.0
        clock.tell(number + 1)
    assert events[-1].seconds_left == pytest.approx(60.0)
