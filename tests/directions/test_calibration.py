"""Which strength becomes alpha = 1."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from eclipsed.directions import calibration
from eclipsed.directions.calibration import LADDER, full_strength
from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.margins import clip_margin
from eclipsed.errors import DirectionError, EclipsedWarning
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import FENCE
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.values.seeds import CALIBRATION_SEEDS, TRAINING_SEEDS

PROMPT = "a person with blond hair"
HAIR = Region.from_parts(["hair"])


@pytest.fixture(scope="module")
def held_out(editor):
    return HeldOut(generator=editor.generator, parser=editor.parser, count=6, resolution=32)


@pytest.fixture(scope="module")
def margin(editor):
    return clip_margin(editor.clip, editor.clip.encode_text((PROMPT, *read(PROMPT).contrasts)))


@pytest.fixture
def calibrate(held_out, margin):
    """As training does it: the ladder in units of the delta, no further than training saw."""

    def run(direction, *, margin=margin, **options):
        options = {"held_out": held_out, "unit": 1.0, "strongest": 1.0, **options}
        return calibration.calibrate(direction, margin, **options)

    return run


def measured(monkeypatch, gain, *, before=-1.0):
    """Let the margin be a known function of the mean raw strength, which ws tells."""

    def margins(held_out, latent, margin):
        ws = latent.ws - held_out.latent().ws
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


def test_alpha_one_is_ninety_percent_of_the_gain(calibrate, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 5 * min(strength, 1.0))
    found = calibrate(tiny(direction))
    assert found.scale == pytest.approx(0.9, rel=1e-3)
    assert found.alpha_range == pytest.approx((-LADDER[-1] / found.scale, LADDER[-1] / found.scale))
    assert found.scores["ladder"] == pytest.approx([5 * min(rung, 1.0) for rung in LADDER], rel=1e-2)


def test_nine_in_ten_of_the_faces_that_gain_have_their_full_edit(calibrate, held_out, direction, monkeypatch):
    """Faces that lack the attribute and saturate at different strengths; the last one never gains."""
    base = held_out.latent().ws
    ends = torch.linspace(0.3, 1.0, len(base) - 1)

    def margins(_held_out, latent, _margin):
        strength = float((latent.ws - base)[:, 0, 0].mean()) / 1e-3
        return torch.cat([-4 + 8 * (strength / ends).clamp(max=1), torch.tensor([-4.0])])

    monkeypatch.setattr(calibration, "_margins", margins)
    found = calibrate(tiny(direction))
    assert found.scale == pytest.approx(0.9 * float(ends.quantile(0.9)), abs=0.1)  # rungs lie 0.25 apart


def test_alpha_one_is_not_beyond_what_training_saw(calibrate, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 4 * strength)
    assert calibrate(tiny(direction), strongest=math.inf).scale == pytest.approx(
        1.125, abs=1e-3
    )  # nine tenths of what counts
    assert calibrate(tiny(direction), strongest=0.75).scale == pytest.approx(0.75)


def test_alpha_one_is_beyond_what_training_saw_where_the_faces_are_not_there_by_then(calibrate, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 0.9 * strength)
    assert calibrate(tiny(direction), strongest=0.5).scale == pytest.approx(1.25)  # the first rung that is above zero


def test_gain_beyond_certainty_does_not_count(calibrate, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 40 * strength)
    found = calibrate(tiny(direction))
    assert found.scale < 0.5
    assert max(found.scores["ladder"]) < 16


def test_the_ladder_ends_at_the_fence(calibrate, direction, monkeypatch):
    measured(monkeypatch, lambda strength: 10 * strength)
    far = tiny(direction)
    far.deltas[:, 1:] = 10.0  # leaves the data at the second rung or the first
    told = []
    found = calibrate(far, tell=told.append)
    rungs = len(found.scores["ladder"])
    assert rungs == 1
    assert found.scale <= LADDER[0]
    assert told == [1, len(LADDER)]


def climbed(monkeypatch, held_out, margins_at, lacking=4):
    """Of the held-out faces the first few lack it; the margins of all at a strength are known, and who was drawn."""
    base, drawn = held_out.latent().ws, []

    def margins(_held_out, latent, _margin):
        strength = float((latent.ws - base[: len(latent)])[:, 0, 0].mean()) / 1e-3
        drawn.append(len(latent))
        all_lacking = torch.full((lacking,), margins_at(strength))
        return torch.cat([all_lacking, torch.full((len(latent) - lacking,), 1.0)])

    monkeypatch.setattr(calibration, "_margins", margins)
    before = torch.cat([torch.full((lacking,), margins_at(0.0)), torch.ones(len(base) - lacking)])
    return drawn, lambda images: before[: len(images)]


def test_who_climbs_no_further_than_needed_finds_the_same(calibrate, held_out, direction, monkeypatch):
    """The judge is certain of every face at the strongest, and counts nothing beyond."""
    drawn, before = climbed(monkeypatch, held_out, lambda strength: -2 + 7 * strength)
    whole = calibrate(tiny(direction))
    assert drawn[: 1 + len(LADDER)] == [6] * (1 + len(LADDER))
    drawn.clear()
    told = []
    soon = calibrate(tiny(direction), margin=before, soon=True, tell=told.append)
    assert drawn[:4] == [4, 4, 4, 6]  # 1, 1.25 and 0.75, of those who lacked it; then others
    assert told == [1, 2, 3, len(LADDER)]
    assert soon.scale == pytest.approx(whole.scale, rel=1e-4)
    assert soon.alpha_range == pytest.approx(whole.alpha_range, rel=1e-4)
    assert soon.scores["ladder"] == pytest.approx(whole.scores["ladder"][2:5], abs=1e-3)


def test_what_is_gained_on_the_next_rung_has_its_say(calibrate, held_out, direction, monkeypatch):
    _, before = climbed(monkeypatch, held_out, lambda strength: -2 + 4.5 * min(strength, 1.25))
    found = calibrate(tiny(direction), margin=before, soon=True)
    assert found.scale == pytest.approx(1.0)  # not 0.9, as if all were gained by then


def test_who_is_not_there_at_the_strongest_climbs_on(calibrate, held_out, direction, monkeypatch):
    drawn, before = climbed(monkeypatch, held_out, lambda strength: -2 + 1.5 * strength)
    found = calibrate(tiny(direction), margin=before, soon=True)
    assert drawn[:5] == [*[4] * 4, 6]  # from 1 on; at 1.5 they have it
    assert found.scale == pytest.approx(1.5, rel=1e-3)
    _, before = climbed(monkeypatch, held_out, lambda strength: -2 + 0.5 * strength)
    found = calibrate(tiny(direction), margin=before, soon=True)
    assert len(found.scores["ladder"]) == sum(rung >= 1 for rung in LADDER)  # nobody ever, and they gain to the end


def test_who_gains_nothing_any_more_climbs_no_further(calibrate, held_out, direction, monkeypatch):
    drawn, before = climbed(monkeypatch, held_out, lambda strength: -3 + 2 * min(strength, 0.95))
    found = calibrate(tiny(direction), margin=before, soon=True)
    assert drawn[:4] == [4, 4, 4, 6]  # 1 and 1.25 are alike though nobody has it
    assert found.scale == pytest.approx(0.75 + 0.25 * 0.21 / 0.4, rel=1e-3)


def test_the_rungs_below_are_climbed_as_far_down_as_the_strength_lies(calibrate, held_out, direction, monkeypatch):
    drawn, before = climbed(monkeypatch, held_out, lambda strength: -2 + 40 * strength)
    found = calibrate(tiny(direction), margin=before, soon=True)
    assert drawn[:5] == [4, 4, 4, 4, 6]  # 1, 1.25, 0.75, 0.5
    assert found.scale == pytest.approx(0.45, rel=1e-3)  # nine tenths of the gain, which all is made by 0.5


def test_the_figures_are_those_of_the_edit_for_who_climbs_no_further_than_needed_too(calibrate, direction):
    """With the pictures before the edit that were kept."""
    soon = calibrate(direction, soon=True)
    names = ("localization", "change_inside", "change_outside", "distance", "clip_success", "lacking")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "full_strength", lambda *_: soon.scale)
        patch.setattr(calibration._Climb, "_needed", lambda *_: soon.scale)
        again = calibrate(direction, strongest=math.inf).scores
    assert {name: soon.scores[name] for name in names} == pytest.approx({name: again[name] for name in names}, abs=1e-5)


def test_the_figures_are_those_of_the_edit(calibrate, direction, editor):
    found = calibrate(direction)
    scores = found.scores
    assert scores["distance"] <= FENCE + 0.2
    assert 0 <= scores["localization"] <= 1
    assert scores["change_inside"] >= 0
    assert scores["change_outside"] > 0
    assert scores["loss"] == direction.scores["loss"]
    faces = editor.sample(seeds=scores["calibration_seeds"], truncation_psi=1.0)
    edited = editor.edit(faces, found, 1.0)
    mask = torch.maximum(*(editor.parser.mask(f.images, ["hair"]) for f in (faces, edited)))
    grown = torch.nn.functional.max_pool2d(mask, 5, 1, 2)  # 5 % of 32 px is 2 px to each side
    change = (edited.images.clamp(-1, 1) - faces.images.clamp(-1, 1)).abs().mean(dim=1, keepdim=True)
    outside = (change * (1 - grown)).sum(dim=(1, 2, 3)) / (1 - grown).sum(dim=(1, 2, 3))
    assert float(outside.mean()) == pytest.approx(scores["change_outside"], rel=1e-3)


def test_its_faces_are_held_out(calibrate, direction, held_out):
    seeds = calibrate(direction).scores["calibration_seeds"]
    assert len(seeds) == 6
    assert all(seed in CALIBRATION_SEEDS and seed not in TRAINING_SEEDS for seed in seeds)
    fixed = replace(held_out, avoid=tuple(seeds[:2]))
    assert not set(fixed.seeds) & set(seeds[:2])
    assert replace(held_out, seed=1).seeds[0] == CALIBRATION_SEEDS.start + 10_000


def test_several_directions_each_get_their_strength(calibrate, direction, monkeypatch):
    found = iter(
        [calibration._Calibrated(0.5, 2.0, {"weak": False}), calibration._Calibrated(1.5, 1.2, {"weak": True})]
    )
    monkeypatch.setattr(calibration._Climb, "of", lambda *args: next(found))
    monkeypatch.setattr(calibration, "_advice", lambda *args: "weak: advice")
    both = calibrate(replace(direction, deltas=direction.deltas.repeat(2, 1, 1)))
    assert both.scale == 0.5
    assert both.alpha_range == (-1.2, 1.2)
    assert_close(both.deltas[0], direction.deltas[0])
    assert_close(both.deltas[1], 3 * direction.deltas[0])
    assert both.scores["weak"]
    assert both.note == "weak: advice"


def test_a_direction_that_does_nothing_is_called_weak(calibrate, direction):
    nothing = calibrate(replace(direction, deltas=torch.full_like(direction.deltas, 1e-9)))
    assert nothing.weak
    assert "weak: reaches 0% of the faces that lacked it: poor" in nothing.note


def test_a_strong_direction_is_not(calibrate, direction, monkeypatch):
    monkeypatch.setattr(calibration, "_TOLD", 0)
    measured(monkeypatch, lambda strength: 10 * strength)
    found = calibrate(tiny(direction), margin=lambda images: torch.full((len(images),), 5.0))
    assert not found.weak
    assert found.scores["clip_success"] == 1
    assert found.scores["clip_gain"] == pytest.approx(6)
    assert found.note == direction.note


def test_where_every_face_has_the_attribute_the_lower_half_is_measured(held_out):
    margins = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    for found in (margins, margins - 3.5):
        faces = calibration._Unedited.of(held_out, lambda images, found=found: found)
        assert faces.lacking.tolist() == [True, True, True, False, False, False]


def test_training_ends_with_it_and_says_when_the_direction_is_weak(editor, quick):
    config = quick.replace(steps=1, start="zero", learning_rate=1e-9, calibrate=True, calibration_faces=2)
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


# --- directions that no sentence trained


def brightness(images):
    return 40 * (images.mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3)).median())


def test_a_direction_of_any_length_gets_the_same_edit(editor, held_out):
    """Ten thousand times the delta is a ten-thousandth of the scale: the ladder begins where the fence lets it."""
    delta = torch.zeros(editor.generator.num_ws, editor.generator.w_dim)
    delta[:, 0] = 1.0
    faces, edited = editor.sample(seeds=[1]), []
    for length in (1e-3, 1.0, 10.0):
        one = Direction.of(editor.generator, length * delta, method="by hand", region=HAIR)
        found = calibration.calibrate(one, brightness, held_out=held_out, judge="brightness")
        moved = found.space_of(editor.generator).move(
            held_out.latent(), found.deltas[0], found.scale * found.alpha_range[1]
        )
        reached = float(found.space_of(editor.generator).distance(moved, held_out.statistics).mean())
        assert reached == pytest.approx(FENCE, abs=0.03)
        edited.append(editor.edit(faces, found).images)
        assert {"brightness_gain", "brightness_success"} < set(found.scores)
        assert (found.method, found.prompt, found.clip) == ("by hand", None, "")
    assert_close(edited[0], edited[1], rtol=0, atol=0.05)
    assert_close(edited[2], edited[1], rtol=0, atol=0.05)


def test_a_weak_one_says_what_judged_it(editor, held_out):
    nothing = Direction.of(editor.generator, torch.zeros(8, 16), method="none", region=HAIR)
    found = calibration.calibrate(
        nothing, lambda images: torch.full((len(images),), -1.0), held_out=held_out, judge="judge", advice="try harder"
    )
    assert found.note == "weak: reaches 0% of the faces that lacked it: poor; try harder"


def test_a_weak_one_that_no_face_lacks_says_what_it_gains(editor, held_out):
    nothing = Direction.of(editor.generator, torch.zeros(8, 16), method="none", region=HAIR)
    found = calibration.calibrate(
        nothing, lambda images: torch.full((len(images),), 1.0), held_out=held_out, judge="judge", advice="try harder"
    )
    assert found.note == "weak: at full strength the judge prefers it by +0.00 more than before; try harder"


def test_the_witness_says_what_is_reached_and_has_no_say_in_the_strength(calibrate, direction, monkeypatch):
    monkeypatch.setattr(calibration, "_TOLD", 0)
    measured(monkeypatch, lambda strength: 10 * strength)
    plain = calibrate(tiny(direction), margin=lambda images: torch.full((len(images),), 5.0))
    seen = iter([-1.0, 1.0, -1.0, -1.0] * 8)  # before and after, in turns: every other chunk of faces has it
    found = calibrate(
        tiny(direction),
        margin=lambda images: torch.full((len(images),), 5.0),
        judges={"judge": lambda images: torch.full((len(images),), next(seen))},
    )
    assert (found.scale, found.scores["clip_success"]) == (plain.scale, 1.0)
    assert found.scores["judge_success"] in (0.5, 1.0)  # of one chunk or of two
    assert "judge_success" not in plain.scores
    never = calibrate(
        tiny(direction),
        margin=lambda images: torch.full((len(images),), 5.0),
        judges={"judge": lambda images: torch.full((len(images),), -1.0)},
    )
    assert never.weak
    assert "weak: reaches 0% of the faces that lacked it: poor" in never.note


@pytest.mark.parametrize(("before", "after", "share"), [
    ([-1.0, -1.0], [1.0, 1.0], 1.0),
    ([-1.0, -1.0], [math.nan, 1.0], 0.0),  # a hat hides the fringe that was asked for
    ([1.0, -1.0], [-1.0, 1.0], 1.0),  # all that it lacked
    ([math.nan, -1.0], [math.nan, 1.0], 1.0),
    ([math.nan, -1.0], [math.nan, -1.0], 0.0),
    ([1.0, math.nan], [1.0, 1.0], None),  # nothing was lacking
])  # fmt: skip
def test_a_face_must_have_all_that_it_lacked_and_show_it(calibrate, direction, monkeypatch, before, after, share):
    monkeypatch.setattr(calibration, "_TOLD", 0)
    seen = iter([before, after] * 8)
    found = calibrate(
        tiny(direction),
        margin=lambda images: torch.full((len(images),), 5.0),
        judges={"judge": lambda images: torch.tensor(next(seen)).expand(len(images), -1)},
    )
    assert found.scores["judge_success"] == share


def test_where_few_faces_lack_it_more_are_looked_for(calibrate, direction, held_out, editor):
    """A share of one face says nothing: of the 48 that may be looked at all are counted who lack it."""
    faces = [held_out.latent(block) for block in range(8)]
    assert len({seed for block in range(8) for seed in held_out._seeds(block)}) == 48
    views = torch.cat([images for one in faces for _, images in held_out.render(one)])
    limit = views.mean(dim=(1, 2, 3)).sort().values[6]

    def margin(images):
        return 40 * (images.mean(dim=(1, 2, 3)) - limit)  # six of 48 lack it

    found = calibrate(tiny(direction), margin=margin)
    assert found.scores["lacking"] == 6
    assert found.scores["clip_success"] == pytest.approx(0, abs=0.2)  # a thousandth in one number brings it to nobody
    seen = calibrate(tiny(direction), judges={"judge": margin})
    assert (seen.scores["judge_success"], seen.weak) == (found.scores["clip_success"], True)


def test_a_direction_of_another_generator_is_not_calibrated(held_out, direction):
    with pytest.raises(DirectionError, match="was trained on the generator"):
        calibration.calibrate(replace(direction, generator="0" * 64), brightness, held_out=held_out)
