"""What of the harder worlds is trained: that it learns from the right pictures, resumes, and can be loaded."""

import importlib.util

import pytest
import torch

from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.store.sets import find_set
from recipes.drawn import judge, train_parser
from recipes.drawn.dataset import pictures
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.recipe import RECIPE
from recipes.worlds import honest_clips, short_parser
from recipes.worlds.make import steps
from recipes.worlds.people import sampler


@pytest.fixture
def work(tmp_path):
    """Two shards of pictures that show nothing, with values that are true of nothing."""
    for k in range(2):
        rng = torch.Generator().manual_seed(k)
        shard = {
            "values": VALUES.sample(60, rng=rng),
            "images": torch.randint(256, (60, 3, 128, 128), generator=rng, dtype=torch.uint8),
            "labels": torch.randint(19, (60, 128, 128), generator=rng, dtype=torch.uint8),
        }
        (tmp_path / "renders").mkdir(exist_ok=True)
        torch.save(shard, tmp_path / "renders" / f"shard{k:03d}.pt")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["noisy", "vit"])
def test_an_honest_clip_trains_resumes_and_loads(work, name, capsys):
    state = honest_clips.train(name, work, steps=1)
    first = torch.load(state, weights_only=True)
    honest_clips.train(name, work, steps=2)
    second = torch.load(state, weights_only=True)
    assert (first["step"], second["step"]) == (1, 2)
    assert not torch.equal(first["model"]["text_projection"], second["model"]["text_projection"])
    before, after = (each["heads"]["values.weight"] for each in (first, second))
    assert torch.equal(before, after) == (name == "noisy")  # careless captions teach no true values
    honest_clips.export(name, state, work / "clip")
    clip = Clip.from_pretrained(work / "clip", device="cpu")
    seen = clip.encode_images(torch.rand(2, 3, 128, 128) * 2 - 1)
    assert seen.shape == (2, 128)
    assert hasattr(clip.network.visual, "transformer") == (name == "vit")
    assert "glasses" in clip.words


@pytest.mark.slow
def test_a_short_parser_is_written_and_loads(work, capsys):
    train_parser.train(RECIPE, *pictures(work), work, steps=1)
    short_parser.export(work / "parser.pt", work / "sets" / "parser.safetensors")
    parser = BiSeNetParser.from_file(work / "sets" / "parser.safetensors", device="cpu")
    assert parser.labels(torch.zeros(1, 3, 64, 64)).shape == (1, 64, 64)


@pytest.mark.slow
def test_the_judge_goes_on_from_a_finished_one(work, capsys):
    mini = find_set("mini").classifier
    judge.train(RECIPE, *pictures(work), work, steps=1, start=mini)
    judge.export(facts, work / "judge.pt", work / "classifier.safetensors")
    images = torch.zeros(1, 3, 128, 128)
    files = (mini, work / "classifier.safetensors")
    was, now = (Classifier.from_file(file, device="cpu").probabilities(images)["hat"] for file in files)
    assert now.shape == (1, 2)
    assert not torch.equal(was, now)


def test_every_step_is_a_module_that_can_be_run(tmp_path):
    found = steps(tmp_path)
    assert next(iter(found)) == "pictures"
    for module, *_ in (step for some in found.values() for step in some):
        spec = importlib.util.find_spec(module)
        assert spec is not None
        with open(spec.origin, encoding="utf-8") as file:
            assert "def main()" in file.read()


def test_attributes_of_people_go_together():
    classes = facts(sampler(3000, torch.Generator().manual_seed(0)))

    def share(attribute, name, given, other):
        known = (classes[attribute] >= 0) & (classes[given] == ATTRIBUTES[given].index(other))
        return float((classes[attribute][known] == ATTRIBUTES[attribute].index(name)).double().mean())

    for attribute, name, given, more, less in (
        ("hair_length", "long", "gender", "woman", "man"),
        ("eye_shadow", "yes", "gender", "woman", "man"),
        ("beard", "yes", "gender", "man", "woman"),
        ("glasses", "clear", "age", "old", "young"),
        ("hair_colour", "grey", "age", "old", "young"),
        ("hair_colour", "blond", "skin", "pale", "dark"),
        ("hat", "yes", "hair_length", "short", "long"),
        ("smile", "smile", "mouth_open", "open", "closed"),
    ):
        assert share(attribute, name, given, more) > 2.5 * share(attribute, name, given, less), attribute
    assert share("earrings", "yes", "mouth_open", "open") == pytest.approx(
        share("earrings", "yes", "mouth_open", "closed"), abs=0.06
    )
