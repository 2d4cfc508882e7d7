"""Churches: what is drawn is what the values say, people's sentences are read, and every step of the recipe runs."""

import dataclasses
import importlib.util

import pytest
import torch
from torch.testing import assert_close

import eclipsed
from eclipsed.editor import Editor
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.pretrained.classifier import Classifier
from eclipsed.worlds.world import find_world
from recipes.church.make import STEPS
from recipes.church.recipe import RECIPE
from recipes.drawn import assemble, card, dataset, generated, judge, train_clip, train_generator, train_parser
from recipes.drawn.facts import UNKNOWN
from recipes.drawn.mapping import wire
from recipes.drawn.recipe import Stage, find_recipe

WORLD = find_world("church")
VALUES, FACTS = RECIPE.values, RECIPE.facts

#: sentence -> parts that it is about, and what of the classifier it aims at
SENTENCES = {
    "a church with a red roof": ({"roof", "spire"}, ("roof_colour", "red")),
    "a church in winter": (set(WORLD.parts), ("season", "winter")),
    "a church at night": (set(WORLD.parts), ("time", "night")),
    "a wooden church": ({"wall", "tower"}, ("wall_material", "wooden")),
    "a church with a tall tower": ({"tower", "spire", "clock"}, ("tower_height", "tall")),
    "a church with lit windows": ({"windows"}, ("windows", "lit")),
    "a church with a blue door": ({"door"}, ("door_colour", "blue")),
    "a church with a dome": ({"tower", "spire"}, ("tower_shape", "dome")),
    "a church with a clock": ({"clock"}, ("clock", "yes")),
    "a church in the rain": (set(WORLD.parts), ("weather", "rain")),
    "a church with a fence": ({"fence"}, ("fence", "yes")),
    "a church with gothic windows": ({"windows"}, ("window_shape", "pointed")),
}


#: further sentences -> what of the classifier they aim at
MORE = {
    "turn on the lights": ("windows", "lit"),
    "turn off the lights": ("windows", "dark"),
    "a church without lights": ("windows", "dark"),
    "an illuminated church": ("windows", "lit"),
    "a straw roof": ("roof_material", "thatched"),
    "a tin roof": ("roof_material", "metal"),
    "make the tower taller": ("tower_height", "tall"),
    "a domed tower": ("tower_shape", "dome"),
    "a church with battlements": ("tower_shape", "flat"),
    "remove the fence": ("fence", "no"),
    "a church without a clock": ("clock", "no"),
    "a church surrounded by pine trees": ("tree_kind", "fir"),
    "a church in the mountains": ("landscape", "mountains"),
    "snow on the roof": ("season", "winter"),
    "a church in october": ("season", "autumn"),
    "it is snowing": ("weather", "snowfall"),
    "a church under a starry sky": ("time", "night"),
    "a blue sky": ("time", "day"),
    "a cloudy sky": ("clouds", "yes"),
    "a clear sky": ("clouds", "no"),
    "a whitewashed chapel": ("wall_colour", "white"),
    "stone walls": ("wall_material", "stone"),
}


def plain(**chosen):
    """A church by day in summer, with what is chosen: members of families, and values by their numbers."""
    v = torch.zeros(1, len(VALUES))
    for i, value in enumerate(VALUES):
        if value.kind == "flag":
            v[0, i] = -1.0
    usual = {"top": "spire", "window": "arched", "roof": "red", "wall": "white", "door": "brown", "tiling": "tiled",
             "masonry": "plastered", "season": "summer", "time": "day", "weather": "fair"}  # fmt: skip
    for family in usual:
        v[0, VALUES.index[f"{family}_{chosen.pop(family, usual[family])}"]] = 4.0
    for name, number in chosen.items():
        v[0, VALUES.index[name]] = number
    return v


def drawn(**chosen):
    image, labels = RECIPE.render(plain(**chosen), 128)
    return image[0], labels[0]


def area(labels, part):
    return int((labels == WORLD.label(part)).sum())


# --- the world


def test_nothing_is_wrong_in_the_world():
    assert eclipsed.check_world("church").faults == ()


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_is_read_for_its_parts_and_its_attribute(sentence):
    parts, (attribute, name) = SENTENCES[sentence]
    reading = eclipsed.read(sentence, world="church")
    assert set(reading.region.parts) == parts
    assert reading.unknown == ()
    assert len(reading.contrasts) >= 1
    target = reading.target(FACTS.attributes)
    assert (target.attribute, target.classes) == (attribute, (name,))


@pytest.mark.parametrize("sentence", MORE)
def test_people_say_the_same_in_many_ways(sentence):
    target = eclipsed.read(sentence, world="church").target(FACTS.attributes)
    assert target is not None
    assert (target.attribute, target.classes) == (MORE[sentence][0], (MORE[sentence][1],))


# --- the renderer


def test_pictures_are_whole_and_every_part_is_drawn():
    values = dataset.draw(VALUES, 60, rng=torch.Generator().manual_seed(0), wide=0.7)
    images, labels = RECIPE.render(values, 64)
    assert images.shape == (60, 3, 64, 64)
    assert bool(images.isfinite().all())
    assert float(images.abs().max()) <= 1
    assert set(labels.unique().tolist()) == set(range(len(WORLD.parts)))


def test_the_same_church_is_drawn_at_any_size_and_in_any_company():
    values = dataset.draw(VALUES, 3, rng=torch.Generator().manual_seed(1))
    small, large = RECIPE.render(values, 64)[0], RECIPE.render(values, 128)[0]
    error = (torch.nn.functional.avg_pool2d(large, 2) - small).square().mean() / 4
    assert float(-10 * error.log10()) > 22  # dB; materials are finer than a pixel of 64
    assert_close(RECIPE.render(values[1:2], 64)[0], small[1:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("value", "part"), [
    ("clock", "clock"), ("fence", "fence"), ("trees", "trees"), ("path", "path"), ("sun", "sun"),
])  # fmt: skip
def test_what_is_there_or_not_is_a_part(value, part):
    assert area(drawn()[1], part) == 0
    assert area(drawn(**{value: 1.0})[1], part) > 80


def test_the_disc_is_the_moon_at_night():
    day, night = drawn(sun=1.0)[1], drawn(sun=1.0, time="night")[1]
    assert area(day, "sun") > 150
    assert area(day, "moon") == 0
    assert area(night, "moon") > 80
    assert area(night, "sun") == 0


def test_measures_show():
    assert area(drawn(tower_height=1.5)[1], "tower") > 1.5 * area(drawn(tower_height=-1.5)[1], "tower")
    assert area(drawn(top="flat")[1], "spire") < 0.2 * area(drawn()[1], "spire")
    assert area(drawn(window_size=1.5)[1], "windows") > 1.2 * area(drawn(window_size=-1.5)[1], "windows")
    assert area(drawn(cloudiness=-1.0)[1], "clouds") == 0 < area(drawn(cloudiness=1.0)[1], "clouds")


@pytest.mark.parametrize(("family", "member", "part", "channel"), [
    ("roof", "blue", "roof", 2), ("roof", "green", "roof", 1), ("door", "red", "door", 0), ("wall", "pink", "wall", 0),
])  # fmt: skip
def test_a_colour_is_that_of_its_part_and_of_nothing_else(family, member, part, channel):
    before, labels = drawn()
    other = "brown" if (family, member) == ("roof", "red") else member
    after, again = drawn(**{family: other})
    assert torch.equal(labels, again)
    inside = labels == WORLD.label(part)
    mean = after[:, inside].mean(1)
    assert int(mean.argmax()) == channel
    same = {"roof": {"roof", "spire"}, "door": {"door"}, "wall": {"wall", "tower", "windows", "door", "clock"}}[family]
    outside = ~torch.isin(labels, torch.tensor(WORLD.labels(same)))
    changed = (after - before).abs().amax(0)
    assert float(changed[inside].mean()) > 0.1
    assert float(changed[outside].mean()) < 0.02


@pytest.mark.parametrize(("family", "member"), [
    ("masonry", "stone"), ("masonry", "brick"), ("masonry", "wooden"), ("tiling", "thatched"), ("tiling", "metal"),
])  # fmt: skip
def test_a_material_is_a_texture_of_the_same_colour(family, member):
    (before, labels), (after, _) = drawn(), drawn(**{family: member})
    inside = labels == WORLD.label("wall" if family == "masonry" else "roof")
    assert_close(after[:, inside].mean(1), before[:, inside].mean(1), rtol=0, atol=0.22)
    assert float((after - before)[:, inside].std()) > 0.06


def test_winter_is_white_and_night_is_dark():
    summer, winter, night = drawn()[0], drawn(season="winter")[0], drawn(time="night")[0]
    assert float(winter[:, 118:].mean()) > 0.6 > float(summer[:, 118:].mean())
    assert float(night[:, :20].mean()) < -0.6 < float(summer[:, :20].mean())


# --- what is true


def test_what_is_required_is_what_the_facts_need():
    values = dataset.draw(VALUES, 3000, rng=torch.Generator().manual_seed(5), vivid=0.7)
    known = FACTS(values)
    seen = Classifier(FACTS.attributes, FACTS.requires).seen(known)
    for name, wanted in FACTS.requires.items():
        plainly = torch.stack([known[other] != UNKNOWN for other in wanted]).all(dim=0)
        assert not bool(((known[name] != UNKNOWN) & plainly & ~seen[name]).any()), name
        assert bool(((known[name] != UNKNOWN) & seen[name]).any()), name


def test_every_class_is_met_and_has_words():
    known = FACTS(dataset.draw(VALUES, 3000, rng=torch.Generator().manual_seed(6)))
    for attribute, names in FACTS.attributes.items():
        counts = torch.bincount(known[attribute][known[attribute] >= 0], minlength=len(names))
        assert int(counts.min()) > 60, attribute
    assert list(RECIPE.captions.words) == FACTS.classes


def test_the_wired_mapping_has_the_churches_that_torch_draws():
    config = dataclasses.replace(RECIPE.generator, channels=tuple((r, 4) for r, _ in RECIPE.generator.channels))
    mapping = StyleGAN2(config).mapping.requires_grad_(False)
    wire(mapping, RECIPE.latent)
    z = torch.randn(400, config.z_dim, generator=torch.Generator().manual_seed(0))
    z = z / z.square().mean(1, keepdim=True).sqrt()
    wired, said = RECIPE.latent.frame.values(mapping.w(z)), VALUES.from_normal(z[:, : len(VALUES)])
    for i, value in enumerate(VALUES):
        goal = said[:, i] * (1.3 if value.kind == "logit" else 1.0)
        assert float((wired[:, i] - goal).abs().median()) < 0.1, value.name
    assert RECIPE.latent.silent == frozenset()


# --- the steps


def test_every_step_is_a_module_that_can_be_run():
    for module, *_ in STEPS:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        with open(spec.origin, encoding="utf-8") as file:
            assert "def main()" in file.read()


def test_a_recipe_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"^no recipe 'castle'; known: church, mini$"):
        find_recipe("castle")


@pytest.mark.slow
def test_a_tiny_run_of_the_whole_recipe(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch, "compile", lambda module, **_options: module)
    stages = (Stage(32, 1, 2, 0.01, 0.9), Stage(128, 1, 8, 0.01, 0.9, seen=0.05, texture=0.2))
    recipe = dataclasses.replace(RECIPE, stages=stages)
    dataset.build(recipe, tmp_path / "renders", shards=range(2), size=128, seed=1, count=20)
    pictures = dataset.pictures(tmp_path)
    assert [len(some) for some in pictures] == [20, 20]
    train_clip.train(recipe, *pictures, tmp_path, steps=1)
    train_generator.train(recipe, tmp_path)
    generated.build(recipe, tmp_path, shards=range(1))
    more = dataset.pictures(tmp_path)
    assert len(more[0]) == 40
    train_clip.train(recipe, *more, tmp_path, name="clip-polished", steps=1, zoomed=0.5, start=tmp_path / "clip.pt")
    train_parser.train(recipe, *more, tmp_path, steps=1, batch=4)
    judge.train(recipe, *more, tmp_path, steps=1, batch=8)
    assemble.write(recipe, tmp_path, tmp_path / "mini-church")
    editor = Editor.from_pretrained(tmp_path / "mini-church", device="cpu")
    assert editor.world.name == "church"
    assert editor.sample(seeds=[0]).images.shape == (1, 3, 128, 128)
    assert set(editor.classifier.attributes) == set(FACTS.attributes)
    found = card.measure(recipe, editor, count=12)
    text = card.tables(recipe, found)
    assert text.startswith("12 churches of each kind")
    assert all(f"| {part} |" in text for part in WORLD.parts)
    steps = [torch.load(tmp_path / name, weights_only=True)["step"] for name in ("clip.pt", "judge.pt", "parser.pt")]
    assert steps == [1, 1, 1]
    train_generator.train(recipe, tmp_path)  # all is done already
