"""The recipe's truth: what can be seen of a portrait, the exact edit of a face, and the figures held against it."""

import dataclasses
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.classifier import Classifier
from eclipsed.prompts.target import Target
from eclipsed.store.sets import find_set, shipped_directions
from recipes.drawn import judge
from recipes.drawn.facts import UNKNOWN
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, FAMILY, FLAGS, REQUIRES, STEPS, facts
from recipes.mini.latent import LATENT
from recipes.mini.measure import PROMPTS, Figures, judged, measure
from recipes.mini.truth import NEAR, REGION, Truth, exact_values, exact_ws, region_colour

SEEDS = tuple(range(2000, 2012))


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture(scope="module")
def portraits():
    return VALUES.sample(4000, rng=torch.Generator().manual_seed(5))


def every_target():
    return [Target(name, (one,)) for name, classes in ATTRIBUTES.items() for one in classes]


# --- what can be seen


def test_what_is_required_is_what_the_facts_need(portraits):
    """Where something required is plainly missing the facts give no class, and the other way round."""
    known = facts(portraits)
    seen = Classifier(ATTRIBUTES, REQUIRES).seen(known)
    for name, wanted in REQUIRES.items():
        plain = torch.stack([known[other] != UNKNOWN for other in wanted]).all(dim=0)
        told = known[name] != UNKNOWN
        if name != "ears":  # those beside hair of medium length are left out on purpose
            assert not bool((told & plain & ~seen[name]).any()), name
        named = Target(name, ATTRIBUTES[name][-1:])
        sharp = facts(exact_values(portraits, named))[name] != UNKNOWN  # what is unknown now could not be seen
        assert bool(sharp[seen[name] & plain].all()), name


def test_the_judge_that_ships_knows_what_is_required(mini):
    assert mini.classifier.requires == REQUIRES


def test_describing_a_judge_leaves_its_weights(tmp_path):
    file = tmp_path / "classifier.safetensors"
    tensors = load_file(find_set("mini").classifier)
    header = {"kind": "classifier", "version": 1, "attributes": ATTRIBUTES}
    save_file(tensors, file, metadata={"eclipsed": json.dumps(header)})
    assert Classifier.from_file(file, device="cpu").requires == {}
    judge.describe(facts, file)
    assert Classifier.from_file(file, device="cpu").requires == REQUIRES
    after = load_file(file)
    assert list(after) == list(tensors)
    assert all(torch.equal(after[name], tensors[name]) and after[name].dtype == tensors[name].dtype for name in after)
    with safe_open(file, framework="pt") as opened:
        assert json.loads(opened.metadata()["eclipsed"])["version"] == 1
    save_file(tensors, file, metadata={"eclipsed": json.dumps({**header, "attributes": {"hat": ["no", "yes"]}})})
    with pytest.raises(ValueError, match="other attributes"):
        judge.describe(facts, file)


# --- exact edits


def test_every_attribute_has_a_value_and_a_region():
    assert {*FLAGS, *STEPS, *FAMILY, "glasses"} == set(ATTRIBUTES) == set(REGION)


@pytest.mark.parametrize("target", every_target(), ids=lambda t: f"{t.attribute}-{t.classes[0]}")
def test_an_exact_edit_makes_it_true_and_changes_nothing_else(portraits, target):
    after = exact_values(portraits, target)
    before, name = facts(portraits), target.attribute
    now = facts(after)
    seen = Classifier(ATTRIBUTES, REQUIRES).seen(now)[name]
    assert bool((now[name][seen] == ATTRIBUTES[name].index(target.classes[0])).all())
    changed = {VALUES[i].name for i in (after != portraits).any(dim=0).nonzero().flatten().tolist()}
    own = (
        {FLAGS.get(name)} | set(STEPS.get(name, ((),))[0]) | ({"glasses", "sunglasses"} if name == "glasses" else set())
    )
    own |= {VALUES[i].name for i in (VALUES.scores(FAMILY[name]) if name in FAMILY else ())}
    assert changed
    assert changed <= own
    unmoved = (after == portraits).all(dim=1)
    if name not in FAMILY:
        had = before[name] == ATTRIBUTES[name].index(target.classes[0])
        assert bool(unmoved[had].all())


def test_a_measure_becomes_that_of_those_who_have_it():
    many = torch.randn(200_000, len(VALUES), generator=torch.Generator().manual_seed(1))
    for name, k in (("skin", 2), ("skin", 1), ("mouth_open", 1), ("nose", 1)):
        parts, _ = STEPS[name]
        sums = sum(weight * many[:, VALUES.index[value]] for value, weight in parts.items())
        typical = sums[facts(many)[name] == k].mean()
        after = exact_values(many[:100], Target(name, (ATTRIBUTES[name][k],)))
        moved = (after != many[:100]).any(dim=1)
        made = sum(weight * after[:, VALUES.index[value]] for value, weight in parts.items())
        assert torch.allclose(made[moved], typical, atol=0.02)


def test_a_colour_is_plain_and_plain_ones_stay(portraits):
    after = exact_values(portraits, Target("hair_colour", ("blond",)))
    assert float(VALUES.weights(after, "hair")[:, 4].min()) > 0.969
    plain = VALUES.weights(portraits, "hair")[:, 4] > 0.97
    assert bool(plain.any())
    assert torch.equal(after[plain], portraits[plain])


def test_several_classes_take_the_nearest(portraits):
    after = exact_values(portraits, Target("glasses", ("clear", "sunglasses")))
    dark = portraits[:, VALUES.index["sunglasses"]] > 0
    assert bool((facts(after)["glasses"] == torch.where(dark, 2, 1)).all())


@pytest.mark.slow
def test_the_ws_of_an_exact_edit(mini):
    before = mini.sample(seeds=range(2000, 2200))
    target = Target("hat", ("yes",))
    ws = exact_ws(before.ws, target)
    read = lambda ws: LATENT.values_of(torch.where(ws[:, 0] < 0, ws[:, 0] / 0.2, ws[:, 0]))  # noqa: E731
    old, new = read(before.ws), read(ws)
    assert torch.equal(ws[:, 0], ws[:, 11])
    had = facts(old)["hat"] == 1
    assert torch.equal(ws[had], before.ws[had])
    assert bool((facts(new)["hat"] == 1).all())
    rest = [i for i in range(len(VALUES)) if i != VALUES.index["hat"]]
    assert torch.allclose(old[:, rest], new[:, rest], atol=1e-4)
    assert bool((before.ws < 0).any())  # the bend of the mapping's end is met
    mixed = before.ws.clone()
    mixed[:, 3] = 0
    with pytest.raises(ValueError, match="rows of ws are alike"):
        exact_ws(mixed, target)


# --- the figures


@pytest.mark.slow
def test_the_ceiling_is_high_and_local(mini):
    truth = Truth.of(mini, PROMPTS["dark skin"], seeds=SEEDS)
    found = truth.ceiling(mini, prompt="dark skin")
    figures = Figures.of(found, found)
    assert figures.success > 0.9
    assert figures.strict == figures.success
    assert bool((found["colour"][found["colour"].isfinite()] < 1e-6).all())
    assert figures.ratio < 0.1
    assert figures.leakage == figures.floor < 0.1
    assert figures.distance == pytest.approx(1.0, abs=0.1)
    assert figures.worst[1] == 0.0


def test_the_colour_of_a_region(mini):
    faces = mini.sample(seeds=[2000, 2011])
    mask = mini.parser.mask(faces.images, ("hair",))[:, 0].bool()
    by_hand = torch.stack(
        [(i.clamp(-1, 1)[:, m] / 2 + 0.5).mean(dim=1) for i, m in zip(faces.images, mask, strict=True)]
    )
    assert torch.allclose(region_colour(mini, faces, ("hair",)), by_hand, atol=1e-5)
    grey = dataclasses.replace(faces, images=torch.zeros_like(faces.images))
    assert bool(region_colour(mini, grey, ("earrings",)).isnan().all())


@pytest.mark.slow
def test_strict_success_wants_the_colour_too(mini):
    """A judge that is fooled by anything does not help an edit of another colour."""
    target = Target("skin", ("dark",))
    truth = Truth.of(mini, target, seeds=SEEDS)
    tint = torch.tensor([-0.9, 0.9, -0.9]).view(1, 3, 1, 1)
    green = dataclasses.replace(truth.exact, images=truth.exact.images + tint)
    found = truth.judge(mini, green, prompt="dark skin", parts=REGION["skin"])
    assert bool((found["colour"][found["colour"].isfinite()] > NEAR).all())
    assert float(found["strict"].nan_to_num(0).sum()) == 0
    nothing = truth.judge(mini, truth.before, prompt="dark skin", parts=REGION["skin"])
    assert float(nothing["strict"].nan_to_num(0).sum()) == 0
    lacked = nothing["success"].isfinite()
    assert torch.equal(nothing["strict"].isfinite(), lacked)


@pytest.mark.slow
def test_a_direction_held_against_the_truth(mini):
    direction = Direction.load(shipped_directions() / "dark-skin.safetensors")
    found, floor = judged(mini, direction, PROMPTS["dark skin"], seeds=SEEDS)
    figures = measure(mini, direction, PROMPTS["dark skin"], seeds=SEEDS)
    assert figures == Figures.of(found, floor)
    near = found["colour"] <= NEAR
    assert figures.strict == pytest.approx(float((found["success"] * near).nanmean()))
    assert 0 < figures.strict <= figures.success
    assert figures.floor < figures.leakage < 0.3
    name, more = figures.worst
    assert more == pytest.approx(figures.flips[name] - figures.floors[name])
    after = mini.edit(mini.sample(seeds=SEEDS), direction, 1.0)
    rows = list(direction.layers)
    own = Truth.of(mini, PROMPTS["dark skin"], seeds=SEEDS).statistics.distance(after.ws[:, rows]).mean()
    assert figures.distance == pytest.approx(float(own), rel=1e-4)
    with pytest.raises(InputError, match="training never saw"):
        measure(mini, direction, PROMPTS["dark skin"], seeds=(1_000_000_005,))
