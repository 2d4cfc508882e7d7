"""The benchmark of the harder worlds: labels of settings, and tables of records."""

import pytest

from benchmarks.records import MEASURES
from benchmarks.worlds import EXACT, SKETCH, configs, table
from eclipsed import TrainConfig


def record(world, prompt, setting, *, success, reached=None, weak=False, outside=0.1):
    values = {name: [0.0] * len(success) for name in MEASURES}
    values |= {"success": success, "strict": success, "inside": [1.0] * len(success), "kept": [0.9] * len(success)}
    values["outside"] = [outside] * len(success)
    out = {"key": {"world": world, "prompt": prompt, "setting": setting, "seed": 0}, "values": values}
    if reached is not None:
        out |= {"seconds": 30.0, "says": {"reached": reached, "gain": 1.0, "weak": weak, "note": "", "layers": [0]}}
    return out


def test_settings_are_labelled_by_what_was_changed():
    found = configs(["default", SKETCH, "report", EXACT], ["batch=12", "layers=[4, 5]"])
    assert list(found) == [EXACT, SKETCH, "default, batch=12, layers=[4, 5]", "report, batch=12, layers=[4, 5]"]
    default = found["default, batch=12, layers=[4, 5]"]
    assert default == TrainConfig(batch=12, layers=(4, 5))
    assert found["report, batch=12, layers=[4, 5]"].locality_weight == TrainConfig.report().locality_weight
    assert list(configs(["default"], [])) == ["default"]


def test_the_table_has_means_the_worst_sentence_and_what_the_program_says():
    records = [
        record("witness", "a hat", EXACT, success=[1.0, 1.0, None]),
        record("witness", "a hat", "default", success=[1.0, 1.0, None], reached=0.9, outside=0.2),
        record("witness", "a beard", "default", success=[1.0, 0.0, 0.0], reached=0.8, weak=True),
    ]
    lines = table(records).splitlines()
    assert lines[2].startswith("| witness | exact edit | 1 × 1 | **100%** 100%…100% | 100% | **0.100**")
    assert "| – | – | – |" in lines[2]
    row = [cell.strip() for cell in lines[3].strip("|").split("|")]
    assert row[:3] == ["witness", "default", "2 × 1"]
    assert row[3].startswith("**67%**")
    assert row[5].startswith("**0.150**")
    assert row[6:10] == ["10.0%", "85%", "1 of 2", "30"]
    assert row[10:] == ["a beard 33%", "a hat 0.200", "1 of 2"]
    assert lines[-1] == "| witness | default | a beard | 33% | 33% | 0.100 | 10.0% | 80% | 1 of 1 | 30 |"
    assert len(table(records, details=False).splitlines()) == 4


def test_equal_success_is_told_in_the_label():
    assert list(configs(["default"], ["batch=12"], label="old code", equal=0.8)) == [
        "default, batch=12, old code, at 80%"
    ]


def test_what_was_measured_again_counts_once():
    old = record("big", "a hat", "default", success=[0.0, 0.0], reached=0.5)
    new = record("big", "a hat", "default", success=[1.0, 1.0], reached=0.5)
    other = record("big", "a hat", "default, smaller pictures", success=[1.0, 0.0], reached=0.5)
    rows = table([old, other, new], details=False).splitlines()[2:]
    assert [row.split(" | ")[:4] for row in rows] == [
        ["| big", "default", "1 × 1", "**100%** 100%…100%"],
        ["| big", "default, smaller pictures", "1 × 1", "**50%** 0%…100%"],
    ]


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="expected NAME=VALUE with a training option"):
        configs(["default"], ["colour=red"])
