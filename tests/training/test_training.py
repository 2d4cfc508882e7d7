"""Training: what it learns, that it repeats, stops, saves, goes on and fails well."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.editor import Editor
from eclipsed.errors import (
    InputError,
    LocalityWarning,
    MissingModelError,
    OutputError,
    TrainingError,
    VocabularyWarning,
)
from eclipsed.images.change import localization_score
from eclipsed.images.masks import edit_mask
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import row_groups
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training import probe
from eclipsed.training.batches import Step, step_rng
from eclipsed.training.config import TrainConfig
from eclipsed.training.descent import AdamState, adam
from eclipsed.training.events import BrokenTraining, StopTraining
from eclipsed.training.losses import preservation_loss
from eclipsed.training.state import TrainingState
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss
from eclipsed.values.seeds import TRAINING_SEEDS
from eclipsed.worlds.world import find_world

PROMPT = "a person with blond hair"


def loss_of(editor, config, region=("hair",)):
    task = Task.of(
        read(PROMPT), generator=editor.generator, parser=editor.parser, clip=editor.clip,
        region=Region.from_parts(region), config=config,
    )  # fmt: skip
    return Loss(task)


def at(number, steps=100, **where):
    return Step(number, steps, **where)


def stop_after(step):
    return lambda event: event.step < step if event.phase == "train" else None


# --- what is learned


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clip_loss": "similarity", "locality_loss": "score", "score_layers": "all", "difference": "l2"},
        {"clip_loss": "directional", "locality_loss": "bounded", "score_layers": ("image", "b8.conv1")},
        {"space": "S", "styles": "conv", "difference": "cosine", "score_layers": "all"},
        {"space": "W", "mask": "intersection", "where": "background", "directions": 2},
        {"space": "Z", "mask": "average", "start": "unit", "seeds": (1, 2, 3)},
        {"start": "zero", "augment": False, "fence_weight": 0.0, "components": None, "row_cap": None},
        {"locality_weight": 0.0, "schedule": "constant", "alpha": (-1.0, 1.0)},
    ],
)
def test_every_way_of_training_gives_a_direction(editor, quick, changes):
    events = []
    direction = editor.train(PROMPT, config=quick.replace(**changes), callback=events.append)
    assert [event.step for event in events] == list(range(1, quick.steps + 1))
    assert all(math.isfinite(event.loss) and math.isfinite(event.terms["clip"]) for event in events)
    held = [event.terms["locality"] for event in events if "locality" in event.terms]
    assert all(0 <= score <= 1 for score in held)
    assert len(held) == (0 if changes.get("locality_weight") == 0 else len(events))
    assert direction.region.parts == ("hair",)
    assert len(direction) == changes.get("directions", 1)
    assert float(direction.deltas.abs().max()) > 0
    assert direction.generator == editor.generator.fingerprint
    assert direction.config["steps"] == quick.steps
    assert direction.space_of(editor.generator).name == changes.get("space", "W+")


def test_training_lowers_the_loss(editor):
    config = TrainConfig(
        steps=40, batch=2, layers=None, seeds=(1, 2), alpha=(1.0, 1.0), augment=False, calibrate=False,
        locality_weight=0.0, fence_weight=0.0, clip_temperature=20.0,
    )  # fmt: skip
    events = []
    editor.train(PROMPT, config=config, callback=events.append)
    losses = [event.loss for event in events if event.phase == "train"]
    assert np.mean(losses[-5:]) < 0.95 * losses[0]


def test_locality_holds_the_edit_to_the_region(editor):
    """The same training with and without the locality loss, beside a CLIP loss that knows nothing of the hair."""
    scores = {}
    faces = editor.sample(seeds=[1, 2])
    for weight in (0.0, 1.0):
        config = TrainConfig(
            steps=40, batch=2, layers=None, augment=False, calibrate=False, clip_weight=0.1, clip_loss="similarity",
            locality_loss="score", locality_weight=weight, start_scale=0.03,
        )  # fmt: skip
        direction = editor.train(PROMPT, region=["hair"], config=config, latents=faces)
        edited = editor.edit(faces, direction)
        mask = editor.parser.mask(faces.images, ["hair"])
        scores[weight] = float(localization_score(faces.images, edited.images, mask).mean())
    assert scores[1.0] > 1.5 * scores[0.0]


@pytest.mark.parametrize(
    ("region", "changes", "wanted"),
    [
        ("hair", {}, [0, 1, 0, 1, 0]),
        ("hair", {"protect": ()}, [1, 1, 1, 1, 0]),
        ("hair", {"protect": (), "mask": "average"}, [0.5, 1, 0.5, 0.5, 0]),
        ("hair", {"mask": "average"}, [0, 1, 0, 0.5, 0]),
        ("hair", {"where": "background"}, [0, 0, 0, 0, 1]),
        ("hat", {}, [1, 0, 1, 0, 0]),
        ("hat", {"protect": ("hair", "hat")}, [0, 0, 0, 0, 0]),
    ],
)
def test_what_is_protected_is_never_inside(editor, monkeypatch, region, changes, wanted):
    """Hair that becomes a hat, hair that stays, a hat that becomes hair, skin that becomes hair, and bare skin."""
    config = TrainConfig(mask_grow=0.0).replace(**changes)
    tables = loss_of(editor, config, region=(region,)).task.tables
    before, after = (
        torch.tensor([find_world().label(name) for name in names.split()]).expand(1, 5, 5)
        for names in ("hair hair hat skin skin", "hat hair hair hair skin")
    )
    images = torch.zeros(1, 3, 5, 5)
    monkeypatch.setattr(editor.parser, "labels", lambda images, **_: before)
    old = editor.parser.looked_up(images, tables)
    monkeypatch.setattr(editor.parser, "labels", lambda images, **_: after)
    background = config.where == "background"
    mask = edit_mask(old, editor.parser.looked_up(images, tables), how=config.mask, grown=0.0, background=background)
    assert mask.shape[-2:] == (5, 5)
    assert mask[0, 0, 0].tolist() == wanted


def test_the_networks_are_left_alone(editor, quick):
    before = editor.generator.fingerprint
    weights = [p.clone() for p in (*editor.clip.parameters(), *editor.parser.parameters())]
    editor.train(PROMPT, config=quick)
    editor.generator._fingerprint = None
    assert editor.generator.fingerprint == before
    for parameter, saved in zip((*editor.clip.parameters(), *editor.parser.parameters()), weights, strict=True):
        assert torch.equal(parameter, saved)
        assert parameter.grad is None


def test_rows_that_are_not_chosen_stay_zero(editor, quick):
    direction = editor.train(PROMPT, config=quick.replace(layers=(2, 4), start="unit"))
    rows = direction.deltas[0].abs().sum(dim=1)
    assert direction.layers == (2, 4)
    assert (rows > 0).nonzero().flatten().tolist() == [2, 4]


def test_several_directions_differ_and_the_penalty_parts_them(editor, quick):
    cosines = {}
    for weight in (0.0, 100.0):
        config = quick.replace(directions=2, correlation_weight=weight, steps=15, start_scale=0.1)
        a, b = editor.train(PROMPT, config=config).deltas.flatten(1)
        cosines[weight] = abs(float(torch.nn.functional.cosine_similarity(a, b, dim=0)))
    assert cosines[100.0] < cosines[0.0]


# --- repeating


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")  # a weak edit is one, too
def test_the_same_seed_gives_the_same_file_byte_for_byte(editor, quick, tmp_path):
    config = quick.replace(steps=3, calibrate=True, layers="auto", probe_steps=2)
    files = [
        editor.train("a person with blond hair", config=config).save(tmp_path / name)
        for name in ("a.safetensors", "b.safetensors")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"seconds" not in files[0].read_bytes()


def test_the_seed_decides_everything(editor, quick, direction):
    torch.manual_seed(5)
    again = editor.train(PROMPT, config=quick)
    assert torch.equal(again.deltas, direction.deltas)
    assert not torch.equal(editor.train(PROMPT, config=quick.replace(seed=1)).deltas, direction.deltas)


def test_training_does_not_touch_the_global_random_numbers(editor, quick):
    state, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    editor.train(PROMPT, config=quick.replace(steps=2))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numbers)


def test_random_numbers_of_steps_and_streams_differ():
    draws = {
        (s, t, u): float(torch.rand(1, generator=step_rng(s, t, u))) for s in (0, 1) for t in (0, 1) for u in (0, 1)
    }
    assert len(set(draws.values())) == 8
    assert draws[1, 1, 1] == float(torch.rand(1, generator=step_rng(1, 1, 1)))


def test_a_batch_depends_on_its_step_alone(editor, quick):
    first, second = (loss_of(editor, quick).batches for _ in range(2))
    second.whole(at(0))
    a, b = first.whole(at(3)), second.whole(at(3))
    assert torch.equal(a.latent.ws, b.latent.ws)
    assert torch.equal(a.alpha, b.alpha)
    assert not torch.equal(a.latent.ws, first.whole(at(4)).latent.ws)
    assert (a.alpha >= 0.1).all()
    assert (a.alpha <= 1).all()


def test_faces_are_used_again_with_new_strengths(editor, quick):
    config = quick.replace(reuse=2, low_memory=True)
    task, plain = loss_of(editor, config).batches, loss_of(editor, config.replace(reuse=1)).batches
    steps = [list(task.of(at(step))) for step in range(4)]
    for parts, same in zip(steps, (0, 0, 2, 2), strict=True):
        for part, wanted in zip(parts, plain.of(at(same)), strict=True):
            assert torch.equal(part.image, wanted.image)
            assert all(map(torch.equal, part.regions, wanted.regions))
    strengths = [torch.cat([part.alpha for part in parts]) for parts in steps]
    assert torch.equal(strengths[2], torch.cat([part.alpha for part in plain.of(at(2))]))
    assert len({tuple(s.tolist()) for s in strengths}) == 4
    resumed = list(loss_of(editor, config).batches.of(at(3)))  # a training that goes on in the middle of a pair
    assert all(
        torch.equal(a.alpha, b.alpha) and torch.equal(a.image, b.image) for a, b in zip(resumed, steps[3], strict=True)
    )


def test_the_preservation_loss_may_set_in_while_faces_are_used_again(editor):
    loss = loss_of(editor, TrainConfig(steps=100, batch=1, keep_weight=8.0, reuse=2))
    before, after = list(loss.batches.of(at(20))), list(loss.batches.of(at(21)))
    assert [weight_of(loss, at(number)) > 0 for number in (20, 21)] == [False, True]
    assert before[0].embedding is after[0].embedding is not None
    assert next(loss.batches.of(at(18))).embedding is None


def weight_of(loss, step, name="preservation"):
    return dict(zip((term.name for term in loss.terms), loss.weights(step).tolist(), strict=True))[name]


def test_random_faces_come_from_the_reserved_seeds(editor, quick, monkeypatch):
    asked = []
    monkeypatch.setattr(editor.generator, "z", lambda seeds: asked.extend(seeds) or torch.zeros(len(seeds), 12))
    batches = loss_of(editor, quick).batches
    for step in range(5):
        batches.whole(at(step))
    assert len(asked) == 10
    assert all(seed in TRAINING_SEEDS for seed in asked)


def test_given_seeds_and_latents_are_the_faces(editor, quick):
    fixed = loss_of(editor, quick.replace(seeds=(7,))).batches
    wanted = Latent.of_seeds(editor.generator, [7], truncation_psi=1.0).ws
    assert_close(fixed.whole(at(2)).latent.ws, wanted.repeat(2, 1, 1))
    faces = editor.sample(seeds=[7])
    by_faces = editor.train(PROMPT, config=quick, latents=faces)
    by_ws = editor.train(PROMPT, config=quick, latents=faces.ws)
    by_seed = editor.train(PROMPT, config=quick.replace(seeds=(7,)))
    assert torch.equal(by_faces.deltas, by_ws.deltas)
    assert_close(by_faces.deltas, by_seed.deltas, rtol=1e-3, atol=1e-3)


def test_adam_is_torchs():
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    parameter = values.clone().requires_grad_()
    optimizer = torch.optim.Adam([parameter], lr=0.04)
    state = AdamState.start(values)
    for step in range(6):
        gradient = torch.randn(3, 4, generator=torch.Generator().manual_seed(step + 1))
        parameter.grad = gradient.clone()
        optimizer.step()
        state = adam(state, gradient, rate=0.04)
    assert state.step == 6
    assert_close(state.deltas, parameter.detach())


def test_the_shared_step_does_not_depend_on_the_axes():
    rng = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(5, 5, generator=rng))[0]
    taking_part = torch.tensor([1.0, 1.0, 0.0]).view(1, 3, 1).expand(2, 3, 5)

    def run(axes, shared):
        state = AdamState.start(torch.zeros(2, 3, 5))
        for step in range(4):
            gradient = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(step)) * taking_part
            state = adam(state, gradient @ axes, rate=0.04, shared=shared)
        return state.deltas @ axes.T

    assert_close(run(turn, taking_part), run(torch.eye(5), taking_part))
    assert not torch.allclose(run(turn, None), run(torch.eye(5), None), atol=1e-3)
    assert bool((run(torch.eye(5), taking_part)[:, 2] == 0).all())
    first = adam(AdamState.start(torch.zeros(1, 2)), torch.tensor([[3.0, 4.0]]), rate=1.0, shared=torch.ones(1, 2))
    assert_close(first.deltas, torch.tensor([[-3.0, -4.0]]) / 12.5**0.5)  # root mean square of 3 and 4


# --- choosing rows

GROUPS = {"coarse": (0, 1, 2, 3), "middle": (2, 3, 4, 5), "fine": (4, 5, 6, 7), "all": tuple(range(8))}


def test_the_probe_takes_the_group_that_did_the_most(editor, quick):
    events = []
    direction = editor.train(
        PROMPT, config=quick.replace(layers="auto", probe_steps=4, start="small"), callback=events.append
    )
    assert [e.step for e in events if e.phase == "probe"] == [1, 2, 3, 4]
    found = direction.scores["probe"]
    assert set(found) == {"coarse", "middle", "fine", "all"}
    assert direction.layers == GROUPS[probe._best(found, GROUPS, quick.probe_share)]
    assert found["all"] == pytest.approx(1.0) or set(found.values()) == {0.0}


def test_all_rows_are_taken_when_no_part_does_enough_alone():
    assert probe._best({"coarse": 0.1, "fine": 0.9, "all": 1.0}, GROUPS, 0.6) == "fine"
    assert probe._best({"coarse": 0.5, "fine": 0.4, "all": 1.0}, GROUPS, 0.6) == "all"
    assert probe._best({"coarse": 0.5, "fine": 0.4}, GROUPS, 0.6) == "coarse"


def test_of_parts_that_do_as_much_as_each_other_the_finest_is_taken():
    assert probe._best({"coarse": 0.986, "middle": 0.93, "all": 1.0}, GROUPS, 0.5) == "middle"
    assert probe._best({"coarse": 0.986, "middle": 0.9, "all": 1.0}, GROUPS, 0.5) == "coarse"
    assert probe._best({"coarse": 1.3, "middle": 0.96, "all": 1.0}, GROUPS, 0.5) == "middle"  # neither lacks anything
    assert probe._best({"middle": 1.07, "fine": 0.99, "all": 1.0}, GROUPS, 0.5) == "fine"


def test_the_probe_finds_the_rows_that_a_delta_needs(editor, quick, monkeypatch):
    """Of a delta that lives in the fine rows, these alone save all that it saves, unless that is next to nothing."""
    monkeypatch.setattr(probe, "_SAVED", 0.0)
    config = quick.replace(locality_weight=0.0, fence_weight=0.0, augment=False, clip_loss="similarity")
    aim = loss_of(editor, config)
    space = make_space("W+", editor.generator, layers=None)
    steps = [at(k, trial=True) for k in range(2)]
    groups = probe.group_rows(editor.generator, config, editor.generator.resolution)
    rng = torch.Generator().manual_seed(0)
    deltas = make_space("W+", editor.generator, layers=groups["fine"]).start(1, kind="unit", scale=1.0, rng=rng)
    if probe._shares(aim, space, groups, deltas, steps)["all"] == 0:
        deltas = -deltas
    shares = probe._shares(aim, space, groups, deltas, steps)
    assert shares["fine"] == pytest.approx(1.0, abs=1e-3)
    assert abs(shares["coarse"]) < 0.5
    monkeypatch.setattr(probe, "_SAVED", 0.9)
    assert set(probe._shares(aim, space, groups, deltas, steps).values()) == {0.0}


def test_the_probe_leaves_out_rows_that_the_training_pictures_do_not_read(editor, quick):
    config = quick.replace(layers="auto", resolution=16, probe_groups=("fine", "all"))
    whole = probe.group_rows(editor.generator, config, 32)
    assert whole == {"fine": (4, 5, 6, 7), "all": (0, 1, 2, 3, 4, 5, 6, 7)}
    assert probe.group_rows(editor.generator, config, 16) == {"fine": (4, 5), "all": (0, 1, 2, 3, 4, 5)}
    direction = editor.train(PROMPT, config=config)
    assert set(direction.layers) <= {0, 1, 2, 3, 4, 5}
    assert not direction.deltas[:, 6:].any()


def test_pictures_are_drawn_as_large_as_clip_looks_at(editor, quick):
    assert loss_of(editor, quick.replace(resolution=None)).task.resolution == min(editor.clip.size, 32)


def test_the_probe_leaves_out_groups_that_the_styles_do_not_read(editor, quick):
    config = quick.replace(space="S", styles=("b32.conv1",), layers="auto")
    direction = editor.train(PROMPT, config=config)
    assert direction.styles == (("b32.conv1", 6),)
    with pytest.raises(InputError, match="read no row of the groups coarse"):
        editor.train(PROMPT, config=config.replace(probe_groups=("coarse",)))


# --- stopping, saving, going on


def test_a_callback_stops_it_and_what_was_learned_is_kept(editor, quick):
    def stop(event):
        if event.phase == "train" and event.step == 3:
            raise StopTraining

    by_false = editor.train(PROMPT, config=quick, callback=stop_after(3))
    by_raising = editor.train(PROMPT, config=quick, callback=stop)
    assert torch.equal(by_false.deltas, by_raising.deltas)
    assert by_false.scores["stopped_at"] == 3
    assert by_false.note == "stopped at step 3 of 6"


def test_a_callback_that_returns_nothing_does_not_stop_it(editor, quick, direction):
    assert torch.equal(editor.train(PROMPT, config=quick, callback=lambda event: None).deltas, direction.deltas)


def test_ctrl_c_keeps_what_was_learned_and_skips_the_calibration(editor, quick):
    def interrupt(event):
        if event.phase == "train" and event.step == 4:
            raise KeyboardInterrupt

    direction = editor.train(PROMPT, config=quick.replace(calibrate=True), callback=interrupt)
    assert direction.scores["stopped_at"] == 4
    assert direction.scale == 1.0
    assert torch.equal(direction.deltas, editor.train(PROMPT, config=quick, callback=stop_after(4)).deltas)


def test_stopping_before_anything_was_learned(editor, quick):
    def at_once(event):
        raise StopTraining

    with pytest.raises(TrainingError, match="stopped before its first step; nothing was learned"):
        editor.train(PROMPT, config=quick.replace(layers="auto", start="small"), callback=at_once)

    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        editor.train(PROMPT, config=quick.replace(layers="auto", start="small"), callback=interrupt)


@pytest.mark.parametrize("changes", [{}, {"layers": "auto"}, {"space": "S"}, {"directions": 2, "space": "W"}])
def test_a_resumed_training_is_the_one_that_never_stopped(editor, quick, tmp_path, changes):
    config = quick.replace(**changes)
    whole = editor.train(PROMPT, config=config)
    state = tmp_path / "run" / "state.safetensors"
    stopped = editor.train(PROMPT, config=config, state=state, callback=stop_after(3))
    assert not torch.equal(stopped.deltas, whole.deltas)
    events = []
    resumed = editor.train(PROMPT, resume=state, callback=events.append)
    assert [event.step for event in events] == [4, 5, 6]
    assert torch.equal(resumed.deltas, whole.deltas)
    assert resumed.metadata() | {"scores": 0} == whole.metadata() | {"scores": 0}


def test_the_state_is_saved_on_the_way_and_at_the_end(editor, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    seen = []

    def look(event):
        seen.append(TrainingState.load(state).adam.step if state.exists() else None)

    editor.train(PROMPT, config=quick, state=state, save_every=2, callback=look)
    assert seen == [None, 2, 2, 4, 4, 6]
    again = editor.train(PROMPT, resume=state)
    assert torch.equal(again.deltas, editor.train(PROMPT, config=quick).deltas)


def test_resuming_something_else_is_refused(editor, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    editor.train(PROMPT, config=quick, state=state, callback=stop_after(2))
    cases = [
        (
            "a person with black hair",
            {},
            "has the prompt 'a person with blond hair'; asked for is 'a person with black",
        ),
        (PROMPT, {"config": quick.replace(steps=9)}, "option steps 6; asked for is 9"),
        (PROMPT, {"config": quick.replace(seed=9)}, "option seed 0; asked for is 9"),
        (PROMPT, {"region": ["nose"]}, r"has the region \('hair',\); asked for is \('nose',\)"),
        (PROMPT, {"latents": editor.sample(seeds=1)}, "has the faces 'random'"),
    ]
    for prompt, options, message in cases:
        with pytest.raises(InputError, match=message):
            editor.train(prompt, resume=state, **options)
    saved = TrainingState.load(state)
    replace(saved, generator="0" * 64).save(state)
    with pytest.raises(InputError, match="has the generator '000000000000'"):
        editor.train(PROMPT, resume=state)
    replace(saved, clip="another").save(state)
    with pytest.raises(InputError, match="has the CLIP model 'another'"):
        editor.train(PROMPT, resume=state)


def test_a_damaged_state(editor, direction, tmp_path):
    state = tmp_path / "state.safetensors"
    with pytest.raises(MissingModelError, match="there is no saved training"):
        editor.train(PROMPT, resume=state)
    for data in (b"", b"nothing", bytes(100)):
        state.write_bytes(data)
        with pytest.raises(InputError, match="is not a saved training, or is damaged"):
            editor.train(PROMPT, resume=state)
    direction.save(state)
    with pytest.raises(InputError, match="kind 'direction'"):
        editor.train(PROMPT, resume=state)


def test_a_state_that_makes_no_sense(editor, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    editor.train(PROMPT, config=quick, state=state)
    saved = TrainingState.load(state)
    for adam_state in (
        replace(saved.adam, step=99),
        replace(saved.adam, first=torch.full_like(saved.adam.first, math.nan)),
        replace(saved.adam, second=torch.zeros(1)),
    ):
        replace(saved, adam=adam_state).save(state)
        with pytest.raises(InputError, match="make no sense"):
            TrainingState.load(state)


def test_a_state_that_cannot_be_written_is_said_before_training(editor, quick, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        editor.train(
            PROMPT, config=quick, state=tmp_path / "file" / "state", callback=lambda event: pytest.fail("it trained")
        )


# --- what the prompt does not speak of


def test_the_preservation_loss_sets_in_after_a_while_and_at_once_in_a_trial(editor):
    loss = loss_of(editor, TrainConfig(steps=100, batch=1, reuse=1, keep_weight=8.0))
    assert [weight_of(loss, at(step)) for step in (0, 20, 35, 50, 99)] == pytest.approx([0, 0, 4, 8, 8])
    assert loss.batches.whole(at(99)).embedding is not None
    assert loss.batches.whole(at(20)).embedding is None
    assert weight_of(loss, at(0, trial=True)) == 8
    fine = row_groups(editor.generator.num_ws)["fine"][0]
    assert [weight_of(loss, at(0, row=row)) for row in (fine - 1, fine)] == [0, 8]
    without = loss_of(editor, TrainConfig(batch=1, keep_weight=0.0))
    assert [term.name for term in without.terms] == ["clip", "locality", "fidelity", "fence"]


def test_the_preservation_loss_is_part_of_the_loss(editor):
    config = TrainConfig(steps=10, batch=2, keep_weight=8.0, augment=False)
    with_it, without = loss_of(editor, config), loss_of(editor, config.replace(keep_weight=0.0))
    space = make_space("W+", editor.generator)
    deltas = 0.5 * torch.randn(1, *space.shape, generator=step_rng(0, 0))
    last = at(9, 10)
    seen = [float(one(one.batches.whole(last), space, deltas, one.weights(last))[0]) for one in (with_it, without)]
    batch = with_it.batches.whole(last)
    moved = space.move(batch.latent, deltas[0], batch.alpha)
    after = editor.clip.encode_images(moved.render(editor.generator).image)
    captions = with_it.task.bystanders
    kept = preservation_loss(batch.embedding, after, captions, temperature=0.543 * editor.clip.logit_scale).mean()
    assert seen[0] - seen[1] == pytest.approx(8 * float(kept), rel=0.05)
    assert float(kept) > 1e-6


# --- failing


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(editor, quick, tmp_path, monkeypatch):
    calls = []
    encode = editor.clip.encode_images

    def broken(images, **how):
        if images.requires_grad:  # an edited picture; faces before the edit are looked at, too
            calls.append(1)
        return encode(images, **how) * (math.nan if len(calls) > 4 else 1)

    monkeypatch.setattr(editor.clip, "encode_images", broken)
    state = tmp_path / "state.safetensors"
    with pytest.raises(TrainingError, match=r"the loss became nan at step 5; .* lower learning_rate") as caught:
        editor.train(PROMPT, config=quick, state=state)
    monkeypatch.undo()
    kept = editor.train(PROMPT, config=quick, callback=stop_after(4))
    assert torch.equal(caught.value.direction.deltas, kept.deltas)
    assert caught.value.direction.scores["stopped_at"] == 4
    assert TrainingState.load(state).adam.step == 4
    assert torch.equal(editor.train(PROMPT, resume=state).deltas, editor.train(PROMPT, config=quick).deltas)


def test_a_gradient_that_is_not_finite_is_found(editor, quick, monkeypatch):
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * math.nan

    encode = editor.clip.encode_images
    monkeypatch.setattr(editor.clip, "encode_images", lambda images, **how: Bad.apply(encode(images, **how)))
    with pytest.raises(BrokenTraining, match="the gradient was not finite at step 1") as caught:
        editor.train(PROMPT, config=quick)
    assert caught.value.direction is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: not enough memory"),
    ],
)
def test_running_out_of_memory_names_the_batch(editor, quick, monkeypatch, error):
    def full(images, **_):
        raise error

    monkeypatch.setattr(editor.clip, "encode_images", full)
    with pytest.raises(
        TrainingError, match=r"memory ran out with batch 2; set low_memory=True \(--low-memory\), lower batch"
    ):
        editor.train(PROMPT, config=quick)


def test_other_errors_are_not_taken_for_memory(editor, quick, monkeypatch):
    def wrong(images, **_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(editor.clip, "encode_images", wrong)
    with pytest.raises(RuntimeError, match=r"^a bug$"):
        editor.train(PROMPT, config=quick)


# --- prompts, regions, options


def test_words_that_clip_never_saw_are_named(editor, quick):
    with pytest.warns(VocabularyWarning, match="'stub|clip' was never shown 'curly'"):
        editor.train("a person with curly hair", config=quick.replace(steps=1))


def test_a_prompt_about_nothing_in_a_face_turns_locality_off(editor, quick):
    events = []
    with pytest.warns(LocalityWarning, match="locality is off"):
        direction = editor.train("a person", config=quick.replace(steps=1), callback=events.append)
    assert direction.region.whole_face
    assert "locality" not in events[0].terms


@pytest.mark.parametrize("prompt", ["", "   ", None, 3, "..."])
def test_a_prompt_without_words(editor, quick, prompt):
    with pytest.raises(InputError, match="prompt"):
        editor.train(prompt, config=quick)
    with pytest.raises(InputError, match="prompt"):
        editor.train(prompt, config=quick, region=["hair"])


def test_a_region_can_be_named(editor, quick):
    config = quick.replace(steps=1)
    assert editor.train(PROMPT, region=["nose", "lips"], config=config).region.parts == (
        "nose",
        "upper_lip",
        "lower_lip",
    )
    assert editor.train(PROMPT, region=Region.from_parts(["nose"]), config=config).region.parts == ("nose",)
    with pytest.raises(InputError, match="unknown part 'tail'"):
        editor.train(PROMPT, region=["tail"], config=config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": (9,)}, "rows 0 to 7; got layer 9"),
        ({"resolution": 64}, "the generator has 32 pixels a side; got resolution 64"),
        ({"score_layers": ("b64.conv1",)}, "unknown score layer 'b64.conv1' at 32 px"),
        ({"score_layers": ("b32.conv1",), "resolution": 16}, "unknown score layer 'b32.conv1' at 16 px"),
        ({"space": "S", "styles": ("b3.conv",)}, "unknown layer 'b3.conv'"),
    ],
)
def test_options_that_do_not_fit_the_generator(editor, quick, changes, message):
    with pytest.raises(InputError, match=message):
        editor.train(PROMPT, config=quick.replace(**changes))


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_save_every_is_a_count(editor, quick, every):
    with pytest.raises(InputError, match="save_every must be a whole number from 1"):
        editor.train(PROMPT, config=quick, save_every=every)


def test_z_cannot_be_trained_on_ws_alone(editor, quick):
    with pytest.raises(InputError, match='space "Z" needs faces made from seeds'):
        editor.train(PROMPT, config=quick.replace(space="Z"), latents=editor.sample(seeds=1).ws)


def test_events_tell_the_time(editor, quick):
    events = []
    editor.train(PROMPT, config=quick, callback=events.append)
    assert all(event.seconds_left >= 0 for event in events)
    assert events[-1].seconds_left == pytest.approx(0, abs=1e-6)
    assert [e.seconds for e in events] == sorted(e.seconds for e in events)


def test_the_default_resolution_is_what_clip_and_the_parser_look_at(editor, quick):
    assert loss_of(editor, quick.replace(resolution=None)).task.resolution == 32
    assert loss_of(editor, quick.replace(resolution=8)).batches.whole(at(0)).image.shape[-1] == 8


def test_a_direction_of_a_training_can_be_saved(direction, tmp_path):
    assert torch.equal(Direction.load(direction.save(tmp_path / "d.safetensors")).deltas, direction.deltas)


def test_the_fence_keeps_faces_near_the_data(editor):
    """Weighted heavily, it holds the mean distance of edited faces below that of a training without it."""
    distances = {}
    for weight in (0.0, 20.0):
        config = TrainConfig(
            steps=25, batch=2, layers=None, seeds=(1, 2), augment=False, calibrate=False, fence_weight=weight,
            components=None, row_cap=None, locality_weight=0.0, learning_rate=0.2,
        )  # fmt: skip
        direction = editor.train(PROMPT, config=config)
        space = make_space("W+", editor.generator)
        latent, statistics = (
            Latent.of_seeds(editor.generator, list(range(60, 70))),
            loss_of(editor, config).task.statistics,
        )
        distances[weight] = float(space.distance(space.move(latent, direction.deltas[0], 1.0), statistics).mean())
    assert distances[20.0] < distances[0.0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("space", ["Z", "W", "W+", "S"])
def test_training_and_editing_on_a_gpu(model_set, quick, space):
    editor = Editor.from_pretrained(model_set, device="cuda")
    config = quick.replace(space=space, layers="auto")
    direction = editor.train(PROMPT, config=config)
    assert direction.deltas.device.type == "cpu"
    assert bool(torch.isfinite(direction.deltas).all())
    faces = editor.sample(seeds=[1, 2])
    edited = editor.edit(faces, direction, 0.5)
    assert edited.images.device.type == "cuda"
    assert float((edited.images - faces.images).abs().mean()) > 0
    assert torch.equal(editor.edit(edited, direction, 0.0).images, edited.images)
