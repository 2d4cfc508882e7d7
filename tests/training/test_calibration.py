"""Which strength becomes alpha = 1."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import EclipsedWarning
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.region import Region
from eclipsed.training import calibration
from eclipsed.training.calibration import LADDER, calibrate, full_strength
from eclipsed.training.objective import Objective
from eclipsed.values.seeds import CALIBRATION_SEEDS, TRAINING_SEEDS

PROMPT = "a person with blond hair"


@pytest.fixture(scope="module")
def config(quick):
    return quick.replace(calibration_faces=6)


@pytest.fixture(scope="module")
def objective(editor, config):
    region = Region.from_parts(["hair"])
    return Objective(editor.generator, editor.parser, editor.clip, prompt=PROMPT, region=region, config=config)


@pytest.fixture(scope="module")
def space(editor):
    return make_space("W+", editor.generator)


def measured(monkeypatch, gain, *, before=-1.0):
    """Let the margin of CLIP be a known function of the mean raw strength, which ws tells."""

    def margins(objective, latent):
        ws = (
            latent.ws
            - calibration.Latent.of_seeds(
                objective.generator, calibration._seeds(objective), truncation_psi=objective.truncation_psi
            ).ws
        )
        strength = float(ws[:, 0, 0].mean()) / 1e-3
        return torch.full((len(latent),), before + gain(strength))

    monkeypatch.setattr(calibration, "_margins", margins)


def tiny(direction):
    """The direction with a delta that reads as strength: a thousandth in one number."""
    deltas = torch.zeros_like(direction.deltas)
    deltas[:, 0, 0] = 1e-3
    return replace(direction, deltas=deltas)


@pytest.mark.parametrize(
    ("gains", "wanted"),
    [
        ([0.25, 0.5, 0.75, 1.0], 0.9),  # 90 % of 1.0, between the third and fourth rung
        ([4.0], 0.225),
        ([1.0, 10.0, 10.0], 0.25 + 0.25 * (9 - 1) / 9),
        ([1.0, 2.0, 1.0, 0.0], 0.25 + 0.25 * 0.8),  # past its peak
        ([-1.0, -2.0], 1.0),  # nothing gained: the strength it was trained with
        ([0.0], 1.0),
    ],
)
def test_the_full_strength_by_hand(gains, wanted):
    assert full_strength(gains) == pytest.approx(wanted)


def test_alpha_one_is_ninety_percent_of_the_gain(objective, space, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 5 * min(strength, 1.0))
    found = calibrate(objective, space, tiny(direction))
    assert found.scale == pytest.approx(0.9, rel=1e-3)
    assert found.alpha_range == pytest.approx((-LADDER[-1] / found.scale, LADDER[-1] / found.scale))
    assert found.scores["ladder"] == pytest.approx([5 * min(rung, 1.0) for rung in LADDER], rel=1e-2)


def test_nine_in_ten_of_the_faces_that_gain_have_their_full_edit(objective, space, direction, monkeypatch):
    """Faces that lack the attribute and saturate at different strengths; the last one never gains."""
    base = calibration.Latent.of_seeds(
        objective.generator, calibration._seeds(objective), truncation_psi=objective.truncation_psi
    ).ws
    ends = torch.linspace(0.3, 1.0, len(base) - 1)

    def margins(_objective, latent):
        strength = float((latent.ws - base)[:, 0, 0].mean()) / 1e-3
        return torch.cat([-4 + 8 * (strength / ends).clamp(max=1), torch.tensor([-4.0])])

    monkeypatch.setattr(calibration, "_margins", margins)
    found = calibrate(objective, space, tiny(direction))
    assert found.scale == pytest.approx(0.9 * float(ends.quantile(0.9)), abs=0.1)  # rungs lie 0.25 apart


def test_alpha_one_is_not_beyond_what_training_saw(objective, space, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 2 * strength)
    assert calibrate(objective, space, tiny(direction)).scale == pytest.approx(1.0)
    assert objective.config.alpha == (0.1, 1.0)


def test_gain_beyond_certainty_does_not_count(objective, space, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 40 * strength)
    found = calibrate(objective, space, tiny(direction))
    assert found.scale < 0.5
    assert max(found.scores["ladder"]) < 16


def test_the_ladder_ends_at_the_fence(objective, space, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 10 * strength)
    far = tiny(direction)
    far.deltas[:, 1:] = 10.0  # leaves the data at the second rung or the first
    told = []
    found = calibrate(objective, space, far, tell=told.append)
    rungs = len(found.scores["ladder"])
    assert rungs == 1
    assert found.scale <= LADDER[0]
    assert told == [1, len(LADDER)]


def test_the_figures_are_those_of_the_edit(objective, space, direction, editor):
    found = calibrate(objective, space, direction)
    scores = found.scores
    assert scores["distance"] <= calibration.FENCE + 0.2
    assert 0 <= scores["localization"] <= 1
    assert scores["change_inside"] >= 0
    assert scores["change_outside"] > 0
    assert scores["seconds"] == direction.scores["seconds"]
    faces = editor.sample(seeds=scores["calibration_seeds"], truncation_psi=1.0)
    edited = editor.edit(faces, found, 1.0)
    mask = torch.maximum(*(editor.parser.mask(f.images, ["hair"]) for f in (faces, edited)))
    grown = torch.nn.functional.max_pool2d(mask, 5, 1, 2)  # 5 % of 32 px is 2 px to each side
    change = (edited.images - faces.images).abs().mean(dim=1, keepdim=True)
    outside = (change * (1 - grown)).sum(dim=(1, 2, 3)) / (1 - grown).sum(dim=(1, 2, 3))
    assert float(outside.mean()) == pytest.approx(scores["change_outside"], rel=1e-3)


def test_its_faces_are_held_out(objective, space, direction, editor, config):
    seeds = calibrate(objective, space, direction).scores["calibration_seeds"]
    assert len(seeds) == 6
    assert all(seed in CALIBRATION_SEEDS and seed not in TRAINING_SEEDS for seed in seeds)
    fixed = Objective(
        editor.generator,
        editor.parser,
        editor.clip,
        prompt=PROMPT,
        region=Region.from_parts(["hair"]),
        config=config.replace(seeds=tuple(seeds[:2])),
    )
    assert not set(calibration._seeds(fixed)) & set(seeds[:2])


def test_several_directions_each_get_their_strength(objective, space, direction, monkeypatch):
    found = iter([(0.5, 2.0, {"weak": False}), (1.5, 1.2, {"weak": True})])
    monkeypatch.setattr(calibration, "_one", lambda *args: next(found))
    monkeypatch.setattr(calibration, "_advice", lambda scores: "weak: advice")
    both = calibrate(objective, space, replace(direction, deltas=direction.deltas.repeat(2, 1, 1)))
    assert both.scale == 0.5
    assert both.alpha_range == (-1.2, 1.2)
    assert_close(both.deltas[0], direction.deltas[0])
    assert_close(both.deltas[1], 3 * direction.deltas[0])
    assert both.scores["weak"]
    assert both.note == "weak: advice"


def test_a_direction_that_does_nothing_is_called_weak(objective, space, direction):
    nothing = calibrate(objective, space, replace(direction, deltas=torch.full_like(direction.deltas, 1e-9)))
    assert nothing.weak
    assert "weak: at full strength CLIP prefers the prompt by +0.00 more than before" in nothing.note


def test_a_strong_direction_is_not(objective, space, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 10 * strength)
    monkeypatch.setattr(calibration, "contrast_margin", lambda seen, texts, temperature: torch.full((len(seen),), 5.0))
    found = calibrate(objective, space, tiny(direction))
    assert not found.weak
    assert found.scores["clip_success"] == 1
    assert found.scores["clip_gain"] == pytest.approx(6)
    assert found.note == direction.note


def test_where_every_face_has_the_attribute_the_lower_half_is_measured(objective, monkeypatch):
    margins = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    monkeypatch.setattr(calibration, "_margins", lambda objective, latent: margins)
    faces = calibration._faces(objective)
    assert faces.lacking.tolist() == [True, True, True, False, False, False]
    monkeypatch.setattr(calibration, "_margins", lambda objective, latent: margins - 3.5)
    assert calibration._faces(objective).lacking.tolist() == [True, True, True, False, False, False]


def test_training_ends_with_it_and_says_when_the_direction_is_weak(editor, quick):
    config = quick.replace(steps=1, start_scale=0.0, learning_rate=1e-9, calibrate=True, calibration_faces=2)
    events = []
    with pytest.warns(EclipsedWarning, match="blond hair': weak: "):
        direction = editor.train(PROMPT, config=config, callback=events.append)
    assert direction.weak
    assert [e.step for e in events if e.phase == "calibrate"] == list(range(1, len(LADDER) + 1))
    assert all(math.isfinite(event.seconds_left) for event in events)


def test_stopping_during_calibration_keeps_the_direction(editor, quick):
    def stop(event):
        return event.phase != "calibrate"

    direction = editor.train(PROMPT, config=quick.replace(calibrate=True, calibration_faces=2), callback=stop)
    assert direction.scale == 1.0
    assert direction.note == "not calibrated"
    assert "stopped_at" not in direction.scores
