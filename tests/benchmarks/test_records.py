"""The records of the long benchmarks: kept, found again, and summed up with honest intervals."""

import json

import numpy as np
import pytest

from benchmarks.records import MEASURES, Records, crossed, digest
from benchmarks.table1 import CLAIMS, COLUMNS, SETTINGS, section, spearman, verdicts
from eclipsed.images.metrics import Interval


def record(**values):
    count = len(next(iter(values.values())))
    return {"values": {**{name: [0.0] * count for name in MEASURES}, **values}}


def test_records_are_found_again_and_replaced(tmp_path):
    records = Records(tmp_path / "deep" / "records.json")
    assert records.all() == []
    records.add({"key": {"prompt": "a", "seeds": (1, 2)}, "x": 1})
    records.add({"key": {"prompt": "b", "seeds": (1, 2)}, "x": 2})
    records.add({"key": {"prompt": "a", "seeds": (1, 2)}, "x": 3})
    again = Records(records.path)
    assert again.find({"prompt": "a", "seeds": [1, 2]})["x"] == 3
    assert again.find({"prompt": "a", "seeds": [1]}) is None
    assert len(again.all()) == 2
    assert json.loads(records.path.read_text()) == again.all()


def test_a_digest_changes_with_what_it_is_of():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    assert len(digest("x")) == 12


def test_an_interval_over_trainings_and_faces():
    rng = np.random.default_rng(1)
    trainings, faces = rng.normal(size=(40, 1)), rng.normal(size=(1, 50))
    values = trainings + faces + rng.normal(size=(40, 50))
    cells = [[record(inside=list(row)) for row in values]]
    found = crossed(cells, "inside")
    assert found.mean == pytest.approx(values.mean())
    assert found.count == 2000
    half = 1.96 * np.sqrt(1 / 40 + 1 / 50 + 1 / 2000)  # of the three variances
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.25)
    # as if all 2,000 were on their own, the interval would be five times too narrow
    assert (found.high - found.low) / 2 > 3 * 1.96 * values.std() / np.sqrt(2000)


def test_ratios_missing_faces_and_several_prompts():
    one = [record(inside=[2.0, 4.0], outside=[1.0, 2.0], success=[1.0, None])]
    two = [record(inside=[1.0, 1.0], outside=[1.0, 1.0], success=[None, 0.0])]
    found = crossed([one, two], lambda mean: mean("outside") / mean("inside"))
    assert (found.mean, found.low, found.high) == (0.75, 0.75, 0.75)
    assert crossed([one, two], "success").mean == 0.5
    assert np.isnan(crossed([[record(success=[None, None])]], "success").mean)


def test_rank_correlation():
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert spearman(x, x**3) == pytest.approx(1.0)
    assert spearman(x, -x) == pytest.approx(-1.0)
    assert spearman(x, np.array([5.0, 6.0, 7.0, 8.0, 7.0])) == pytest.approx(0.8207827, abs=1e-6)  # with ties
    assert np.isnan(spearman(x, np.ones(5)))


def test_a_verdict_needs_intervals_that_do_not_overlap():
    claim, first, second = CLAIMS[0]
    low, high = Interval(0.1, 0.0, 0.2, 9), Interval(0.5, 0.4, 0.6, 9)
    flat = {first: [low] * len(COLUMNS), second: [low] * len(COLUMNS)}
    assert verdicts(flat) == [f"- *{claim}*: cannot be told from these figures; all intervals overlap."]
    above = {first: [high if column.more else low for column in COLUMNS], second: [low] * len(COLUMNS)}
    assert "holds; better in CLIP gain, success, strict, locality; elsewhere" in verdicts(above)[0]
    leaking = {first: [low] * 5 + [high], second: [low] * 6}
    assert "does not hold; worse in leakage" in verdicts(leaking)[0]


def test_the_report_s_own_figures_stand_beside_ours():
    gains = {"base": 0.2, "W": 0.21}
    rows = {name: [[record(clip_gain=[gains["W" if name == "W" else "base"]] * 2)]] for name in ("base", "W")}
    lines = section("report", rows, ["curly hair"], 1, 2).splitlines()
    assert lines[0].startswith("**The report's setting as the base.**")
    assert lines[4].endswith("| – | – |")  # its base has another figure in each of its comparisons
    assert lines[5].endswith("| 0.213 → 0.201 (-0.012) | +0.010 |")
    assert {setting.report for setting in SETTINGS[1:]} == {
        (0.192, 0.177), (0.188, 0.205), (0.207, 0.193), (0.213, 0.201), (0.201, 0.204), (0.201, 0.174),
    }  # fmt: skip
