"""The vocabulary: every class is there, and the sums are those of its sentences."""

import math

import pytest

from benchmarks.vocabulary import mean, sentences, summary
from recipes.mini.facts import ATTRIBUTES


def record(success, says, *, weak=False):
    faces = 20
    had = round(success * faces)
    values = {"success": [1.0] * had + [0.0] * (faces - had) + [None], "strict": [1.0], "kept": [0.95]}
    values |= {"inside": [0.5], "outside": [0.01]}
    return {"values": values, "said": {"success": says, "weak": weak, "note": ""}, "coloured": False}


def test_every_class_is_said_in_two_wordings():
    found = sentences()
    single = [one for one in found if len(one.targets) == 1]
    for wording in ("plain", "other"):
        said = {
            (one.targets[0].attribute, name)
            for one in single
            if one.wording == wording
            for name in one.targets[0].classes
        }
        assert said == {(name, one) for name, classes in ATTRIBUTES.items() for one in classes}
    assert sum(len(one.targets) == 2 for one in found) == 40
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert len({target.attribute for target in one.targets}) == len(one.targets)


def test_sums():
    records = [
        record(0.9, 0.95),
        record(0.85, 0.6, weak=True),
        record(0.7, 0.7),
        record(0.2, 0.3, weak=True),
        record(0.3, None),
    ]
    found = summary(records)
    assert found["sentences"] == "5"
    assert found["success, mean"] == "59%"
    assert found["success of 70 % or more"] == "60% of 5"
    assert found["below 50 %, told weak"] == "50% of 2"
    assert found["above 80 %, told weak"] == "50% of 2"
    assert found["said within 15 points of the judge"] == "60% of 5"
    assert found["outside / inside, median"] == "0.020"
    assert found["leakage, mean"] == "5.0%"


def test_a_face_that_does_not_count_is_left_out():
    assert mean(record(0.5, 0.5), "success") == pytest.approx(0.5)
    assert math.isnan(mean({"values": {"success": [None]}}, "success"))
