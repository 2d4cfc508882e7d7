"""Every option validates itself and survives JSON."""

import json
import math
from dataclasses import FrozenInstanceError, fields

import pytest

from eclipsed.errors import InputError
from eclipsed.training.config import TrainConfig


def test_the_report_is_the_reports_setting():
    report = TrainConfig.report()
    assert (report.space, report.layers, report.steps, report.batch) == ("W+", None, 200, 2)
    assert (report.learning_rate, report.schedule, report.start) == (1e-3, "halved", "unit")
    assert report.optimiser == "adam"
    assert (report.alpha, report.difference, report.score_layers, report.mask) == ((0.1, 1.0), "l2", "all", "average")
    assert (report.clip_weight, report.clip_loss, report.locality_weight) == (1.0, "similarity", 0.05)
    assert (report.locality_loss, report.locality_scale, report.fence_weight) == ("score", 1.0, 0.0)
    assert report.keep_weight == 0.0
    assert (report.components, report.row_cap, report.augment, report.seeds) == (None, None, False, None)
    assert (report.mask_grow, report.protect) == (0.0, ())


def test_the_default_keeps_the_form_it_is_named_for():
    config = TrainConfig()
    assert (config.space, config.clip_weight, config.locality_weight) == ("W+", 1.0, 0.05)


def test_it_survives_json():
    config = TrainConfig(
        space="S", styles=("b4.conv1",), layers=(3, 1), seeds=(1, 2), score_layers=("image", "b8.conv0"), resolution=64
    )
    again = TrainConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config
    assert again.layers == (1, 3)
    assert TrainConfig.from_json(TrainConfig().to_json()) == TrainConfig()


def test_it_is_frozen_and_keyword_only():
    with pytest.raises(FrozenInstanceError):
        TrainConfig().steps = 3
    with pytest.raises(TypeError):
        TrainConfig(3)


def test_replace():
    assert TrainConfig.report(steps=7).steps == 7
    with pytest.raises(InputError, match="unknown training option 'stepps'"):
        TrainConfig().replace(stepps=1)


BAD = {
    "steps": [0, 1.5, True, "10", -1],
    "batch": [0, None],
    "seed": [-1, 2**32, 1.5, "x"],
    "loss": [(), "clap", ("clip", "clip"), ("clip", 3), None],
    "space": ["w+", "X", None],
    "layers": ["all", (), (-1,), (1.5,), 3],
    "styles": ["some", (), 3],
    "directions": [0, 300],
    "correlation_weight": [-1, math.nan, "1"],
    "seeds": [(), "12", (1, -1), (1.5,)],
    "class_index": [-1, 1.5, True, "1"],
    "truncation_psi": [-0.1, math.nan, "1"],
    "learning_rate": [0, -1, math.inf, math.nan],
    "optimiser": ["sgd", None],
    "reuse": [0, 1.5],
    "row_freedom": [-0.1, 1.5, math.nan, "1"],
    "schedule": ["linear", 3, None],
    "warmup": [-1, 0.5],
    "start": ["random"],
    "start_scale": [-1],
    "start_faces": [63, 64.5],
    "alpha": [1.0, (1.0,), (1.0, 0.5), (0.0, 0.0), (math.nan, 1.0), (0, "1")],
    "clip_weight": [-1],
    "clip_loss": ["cosine"],
    "neutral_prompt": ["", "  ", 3],
    "clip_temperature": [0],
    "keep_weight": [-1],
    "keep_temperature": [0],
    "augment": [1, "yes"],
    "locality_weight": [-0.1],
    "locality_scale": [-1],
    "locality_loss": ["l1"],
    "score_layers": ["none", (), 4],
    "difference": ["l3"],
    "mask": ["before"],
    "mask_grow": [-0.1, 0.6],
    "protect": ["hat", 3, (3,)],
    "where": ["inside"],
    "fidelity_weight": [-1],
    "fence_weight": [-1],
    "components": [0, 1.1, -0.5],
    "row_cap": [0, -1],
    "resolution": [100, 2, 0, 64.0],
    "precision": ["float64", None],
    "low_memory": [1, "yes"],
    "probe_groups": [(), ("fine", "top"), "fine"],
    "probe_steps": [0],
    "probe_share": [-0.1, 2],
    "calibrate": ["no", None],
    "calibration_faces": [1],
}


def test_every_field_has_bad_values():
    assert set(BAD) == {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(InputError, match="seed" if name == "seeds" else name):
        TrainConfig(**{name: value})


def test_options_that_need_each_other():
    with pytest.raises(InputError, match='styles can only be chosen in the space "S"'):
        TrainConfig(styles="conv")
    with pytest.raises(InputError, match='several directions that start at "zero" would stay alike'):
        TrainConfig(start="zero", directions=2)


@pytest.mark.parametrize("data", [[], "text", {"stepps": 1}, {"steps": None}])
def test_bad_json(data):
    with pytest.raises(InputError):
        TrainConfig.from_json(data)


def test_the_halved_schedule_is_the_reports():
    config = TrainConfig.report(steps=8)
    assert [rate / 1e-3 for rate in config.learning_rates()] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_the_cosine_schedule_by_hand():
    config = TrainConfig(steps=4, learning_rate=2.0, schedule="cosine", warmup=0)
    wanted = [2.0, 1 + math.cos(math.pi / 4), 1.0, 1 + math.cos(3 * math.pi / 4)]
    assert list(config.learning_rates()) == pytest.approx(wanted)


def test_the_warm_up_rises_evenly():
    config = TrainConfig(steps=10, learning_rate=6.0, schedule="constant", warmup=5)
    assert list(config.learning_rates()) == pytest.approx([1, 2, 3, 4, 5, 6, 6, 6, 6, 6])
