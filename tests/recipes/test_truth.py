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
from recipes.church.recipe import RECIPE as CHURCH
from recipes.drawn import judge
from recipes.drawn.facts import UNKNOWN
from recipes.drawn.measure import Figures, judged, measure
from recipes.drawn.truth import NEAR, Truth, exact_values, exact_ws, region_colour
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, REQUIRES, STEPS, facts
from recipes.mini.latent import LATENT
from recipes.mini.recipe import RECIPE
from recipes.mini.targets import PROMPTS, SHOWN_BY

SEEDS = tuple(range(2000, 2012))


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture(scope="module")
def wide():
    """Values of 4,000 pictures of each recipe."""
    return {name: made.values.sample(4000, rng=torch.Generator().manual_seed(5)) for name, made in RECIPES.items()}


@pytest.fixture(scope="module")
def portraits(wide):
    return wide["mini"]


RECIPES = {"mini": RECIPE, "church": CHURCH}


def every_target():
    return [
        (recipe, Target(name, (one,)))
        for recipe, made in RECIPES.items()
        for name, classes in made.facts.attributes.items()
        for one in classes
    ]


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
        sharp = facts(exact_values(portraits, named, facts))[name] != UNKNOWN  # what is unknown now could not be seen
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


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_attribute_has_a_value_and_a_region(recipe):
    facts = recipe.facts
    assert {*facts.flags, *facts.steps, *facts.families, *facts.pairs} == set(facts.attributes) == set(recipe.shown_by)
    assert all(set(parts) <= set(recipe.world.parts) for parts in recipe.shown_by.values())
    for target in recipe.prompts.values():
        assert set(target.classes) <= set(facts.attributes[target.attribute])


@pytest.mark.parametrize(("recipe", "target"), every_target(), ids=lambda x: getattr(x, "classes", [x])[0])
def test_an_exact_edit_makes_it_true_and_changes_nothing_else(recipe, target, wide):
    made, pictures = RECIPES[recipe], wide[recipe]
    facts, values = made.facts, made.values
    after = exact_values(pictures, target, facts)
    before, name = facts(pictures), target.attribute
    now = facts(after)
    seen = Classifier(facts.attributes, facts.requires).seen(now)[name]
    wanted = facts.attributes[name].index(target.classes[0])
    assert bool(seen.any())
    assert bool((now[name][seen] == wanted).all())
    changed = {values[i].name for i in (after != pictures).any(dim=0).nonzero().flatten().tolist()}
    own = {facts.flags.get(name), *facts.steps.get(name, ((),))[0], *facts.pairs.get(name, ())}
    own |= {values[i].name for i in (values.scores(facts.families[name]) if name in facts.families else ())}
    assert changed
    assert changed <= own
    unmoved = (after == pictures).all(dim=1)
    if name not in facts.families:
        assert bool(unmoved[before[name] == wanted].all())


def test_a_measure_becomes_that_of_those_who_have_it():
    many = torch.randn(200_000, len(VALUES), generator=torch.Generator().manual_seed(1))
    for name, k in (("skin", 2), ("skin", 1), ("mouth_open", 1), ("nose", 1)):
        parts, _ = STEPS[name]
        sums = sum(weight * many[:, VALUES.index[value]] for value, weight in parts.items())
        typical = sums[facts(many)[name] == k].mean()
        after = exact_values(many[:100], Target(name, (ATTRIBUTES[name][k],)), facts)
        moved = (after != many[:100]).any(dim=1)
        made = sum(weight * after[:, VALUES.index[value]] for value, weight in parts.items())
        assert torch.allclose(made[moved], typical, atol=0.02)


def test_a_colour_is_plain_and_plain_ones_stay(portraits):
    after = exact_values(portraits, Target("hair_colour", ("blond",)), facts)
    assert float(VALUES.weights(after, "hair")[:, 4].min()) > 0.969
    plain = VALUES.weights(portraits, "hair")[:, 4] > 0.97
    assert bool(plain.any())
    assert torch.equal(after[plain], portraits[plain])


def test_several_classes_take_the_nearest(portraits):
    after = exact_values(portraits, Target("glasses", ("clear", "sunglasses")), facts)
    dark = portraits[:, VALUES.index["sunglasses"]] > 0
    assert bool((facts(after)["glasses"] == torch.where(dark, 2, 1)).all())


@pytest.mark.slow
def test_the_ws_of_an_exact_edit(mini):
    before = mini.sample(seeds=range(2000, 2200))
    target = Target("hat", ("yes",))
    ws = exact_ws(before.ws, target, recipe=RECIPE)
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
        exact_ws(mixed, target, recipe=RECIPE)


# --- the figures


@pytest.mark.slow
def test_the_ceiling_is_high_and_local(mini):
    truth = Truth.of(mini, PROMPTS["dark skin"], recipe=RECIPE, seeds=SEEDS)
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
    truth = Truth.of(mini, target, recipe=RECIPE, seeds=SEEDS)
    tint = torch.tensor([-0.9, 0.9, -0.9]).view(1, 3, 1, 1)
    green = dataclasses.replace(truth.exact, images=truth.exact.images + tint)
    found = truth.judge(mini, green, prompt="dark skin", parts=SHOWN_BY["skin"])
    assert bool((found["colour"][found["colour"].isfinite()] > NEAR).all())
    assert float(found["strict"].nan_to_num(0).sum()) == 0
    nothing = truth.judge(mini, truth.before, prompt="dark skin", parts=SHOWN_BY["skin"])
    assert float(nothing["strict"].nan_to_num(0).sum()) == 0
    lacked = nothing["success"].isfinite()
    assert torch.equal(nothing["strict"].isfinite(), lacked)


@pytest.mark.slow
def test_a_direction_held_against_the_truth(mini):
    direction = Direction.load(shipped_directions() / "dark-skin.safetensors")
    found, floor = judged(mini, direction, PROMPTS["dark skin"], recipe=RECIPE, seeds=SEEDS)
    figures = measure(mini, direction, PROMPTS["dark skin"], recipe=RECIPE, seeds=SEEDS)
    assert figures == Figures.of(found, floor)
    near = found["colour"] <= NEAR
    assert figures.strict == pytest.approx(float((found["success"] * near).nanmean()))
    assert 0 < figures.strict <= figures.success
    assert figures.floor < figures.leakage < 0.3
    name, more = figures.worst
    assert more == pytest.approx(figures.flips[name] - figures.floors[name])
    after = mini.edit(mini.sample(seeds=SEEDS), direction, 1.0)
    rows = list(direction.layers)
    own = Truth.of(mini, PROMPTS["dark skin"], recipe=RECIPE, seeds=SEEDS).statistics.distance(after.ws[:, rows]).mean()
    assert figures.distance == pytest.approx(float(own), rel=1e-4)
    with pytest.raises(InputError, match="training never saw"):
        measure(mini, direction, PROMPTS["dark skin"], recipe=RECIPE, seeds=(1_000_000_005,))
