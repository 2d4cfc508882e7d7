"""A world of four parts, in a folder of one's own, through everything: parsers, sets, training, files and edits."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import eclipsed
from eclipsed.checkpoints.parsing import ParserConfig, read_parser, write_parser
from eclipsed.errors import CheckpointError, DirectionError, EclipsedWarning, InputError
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.store.sets import find_set, list_sets
from eclipsed.training.config import TrainConfig
from eclipsed.worlds.world import find_world

FLOWER = find_world(Path(__file__).parents[1] / "fixtures" / "worlds" / "flower")
QUICK = TrainConfig(steps=4, batch=2, layers=None, resolution=32, calibrate=False, warmup=1)


def bands(images):
    """A flower above, a stem in the middle and a pot below, by their places in the list of classes."""
    rows = torch.arange(images.shape[2]) * 3 // images.shape[2]
    return rows[None, :, None].expand(images[:, 0].shape)


def bisenet():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BiSeNet(4, 8)


@pytest.fixture
def garden(editor):
    """An editor of random networks whose pictures are said to be of flowers."""
    parser = eclipsed.CallableParser(bands, ["flower", "stem", "pot"], world=FLOWER, device="cpu")
    return eclipsed.Editor(editor.generator, parser, editor.clip, name="garden")


@pytest.fixture
def folder(model_set, tmp_path):
    """A set that brings its own world, and a BiSeNet of four classes."""
    place = Path(shutil.copytree(model_set, tmp_path / "garden"))
    shutil.copytree(FLOWER.folder, place / "flowers")
    config = ParserConfig(width=8, size=64, mean=(0.5,) * 3, std=(0.5,) * 3)
    write_parser(place / "parser.safetensors", config, bisenet().state_dict(), world=FLOWER)
    describe(place, world="flowers")
    return place


def describe(place, **changes):
    path = place / "set.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def trained(editor, prompt="a red flower", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)  # the CLIP model was never shown a flower
        return editor.train(prompt, config=QUICK, **options)


# --- parsers


def test_a_parser_of_another_world(garden):
    parser = garden.parser
    assert parser.world is garden.world is FLOWER
    assert parser.parts == ("background", "pot", "stem", "flower")
    images = torch.zeros(1, 3, 6, 2)
    assert parser.labels(images)[0, :, 0].tolist() == [3, 3, 2, 2, 1, 1]
    assert parser.mask(images, "plant")[0, 0, :, 0].tolist() == [1, 1, 1, 1, 0, 0]
    assert parser.probabilities(images).shape == (1, 4, 6, 2)
    for name in ("hair", "face"):
        with pytest.raises(InputError, match=f"unknown part '{name}'; known parts and groups: background, pot, stem"):
            parser.mask(images, [name])
    with pytest.raises(InputError, match="unknown part 'hair'"):
        eclipsed.CallableParser(bands, ["hair"], world=FLOWER, device="cpu")
    with pytest.raises(InputError, match="there is no world 'nowhere'"):
        eclipsed.CallableParser(bands, ["pot"], world="nowhere", device="cpu")


def test_a_class_of_ones_own_needs_its_size_and_its_logits():
    class Bands(eclipsed.Parser):
        size = 32

        def logits(self, images, *, dtype=None):
            return torch.nn.functional.one_hot(3 - bands(images), 4).movedim(3, 1).float()

    parser = Bands(FLOWER)
    images = torch.zeros(2, 3, 6, 5)
    assert parser.labels(images)[0, :, 0].tolist() == [3, 3, 2, 2, 1, 1]
    assert parser.mask(images, "flower").sum() == 2 * 2 * 5
    assert_close(parser.mask(images, FLOWER.parts, soft=True), torch.ones(2, 1, 6, 5))
    assert parser.probabilities(images.double()).dtype == torch.float64
    assert parser.device == torch.device("cpu")
    assert not parser.recordable
    assert not parser.train().training
    with pytest.raises(TypeError, match="abstract"):
        eclipsed.Parser(FLOWER)


def test_a_bisenet_has_as_many_classes_as_its_world_has_parts(tmp_path):
    config = ParserConfig(width=8, size=64)
    path = write_parser(tmp_path / "p.safetensors", config, bisenet().state_dict(), world=FLOWER)
    parser = eclipsed.BiSeNetParser.from_file(path, world=FLOWER.folder, device="cpu")
    images = torch.rand(1, 3, 40, 30) * 2 - 1
    assert parser.parts == FLOWER.parts
    assert parser.probabilities(images).shape == (1, 4, 40, 30)
    assert read_parser(path, world=FLOWER)[0] == config
    for call in (
        lambda: eclipsed.BiSeNetParser.from_file(path, device="cpu"),
        lambda: read_parser(path),
        lambda: write_parser(path, config, bisenet().state_dict()),
    ):
        with pytest.raises(CheckpointError, match="tells 4 classes apart; expected the 19 parts of the world 'face'"):
            call()
    with pytest.raises(InputError, match="the network tells 4 classes apart, the world 'face' has 19 parts"):
        eclipsed.BiSeNetParser(bisenet(), config)


def test_an_editor_and_its_parser_are_of_one_world(editor, garden, model_set):
    with pytest.raises(InputError, match="the parser is of the world 'flower'; the editor's is 'face'"):
        eclipsed.Editor(editor.generator, garden.parser, editor.clip, world="face")
    late = eclipsed.Editor(editor.generator, lambda: garden.parser, editor.clip, world="face")
    assert late.world is find_world("face")
    with pytest.raises(InputError, match="the parser is of the world 'flower'"):
        _ = late.parser
    own = eclipsed.Editor(editor.generator, lambda: garden.parser, editor.clip)
    assert own.world is FLOWER
    bare = eclipsed.Editor(editor.generator, None, editor.clip, world=FLOWER)
    assert bare.world is bare.parser.world is FLOWER
    direction = trained(bare)
    assert direction.region.parts == FLOWER.whole
    assert direction.region.world == "flower"
    with pytest.raises(CheckpointError, match="tells 19 classes apart; expected the 4 parts of the world 'flower'"):
        eclipsed.Editor(editor.generator, model_set / "parser.safetensors", editor.clip, world=FLOWER)


# --- training, files, edits


def test_a_sentence_about_flowers_becomes_a_direction_that_loads_and_edits(garden, tmp_path):
    direction = trained(garden)
    assert direction.region.parts == ("flower",)
    assert direction.region.world == "flower"
    direction.save(tmp_path / "red.safetensors")
    loaded = eclipsed.Direction.load(tmp_path / "red.safetensors")
    assert loaded.region == direction.region
    face = garden.sample(seeds=1)
    whole = garden.edit(face, loaded, 1.0)
    assert not torch.equal(whole.images, face.images)
    blended = garden.edit(face, loaded, 1.0, blend="pixels").images
    assert torch.equal(blended[:, :, 24:], face.images[:, :, 24:])  # the pot stays as it is
    assert not torch.equal(blended[:, :, :8], face.images[:, :, :8])
    picture = garden.overlay(face, loaded.region)
    assert picture.size == garden.overlay(face, ["flower"]).size


def test_the_parts_that_are_protected_are_those_of_the_world(garden):
    held = trained(garden, region=["plant"])
    assert held.region.parts == ("stem", "flower")
    with pytest.raises(InputError, match="unknown part 'hair'; known parts and groups: background, pot"):
        trained(garden, region=["hair"])
    with pytest.raises(InputError, match="the region is of the world 'face'; the parser's is 'flower'"):
        trained(garden, region=eclipsed.Region.from_parts(["hair"]))


def test_a_training_of_flowers_goes_on_where_it_was(garden, tmp_path):
    whole = trained(garden, state=tmp_path / "state")
    again = trained(garden, resume=tmp_path / "state")
    assert again.region == whole.region
    assert torch.equal(again.deltas, whole.deltas)


# --- sets


def test_a_set_brings_its_own_world(folder, tmp_path):
    found = find_set(folder)
    assert found.world.name == "flower"
    editor = eclipsed.Editor.from_pretrained(folder, device="cpu")
    assert editor.world is found.world is editor.parser.world
    assert editor.parser.parts == FLOWER.parts
    direction = trained(editor)
    direction.save(tmp_path / "red.safetensors")
    edited = editor.edit(editor.sample(seeds=1), eclipsed.Direction.load(tmp_path / "red.safetensors"), blend="pixels")
    assert bool(edited.images.isfinite().all())


def test_a_set_names_a_world_or_none(model_set, tmp_path):
    place = Path(shutil.copytree(model_set, tmp_path / "named"))
    assert find_set(place).world is find_world("face")
    describe(place, world="face")
    assert find_set(place).world is find_world("face")
    assert eclipsed.Editor.from_pretrained(place, device="cpu").parser.world is find_world("face")


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("nowhere", "there is no world 'nowhere'; known: church, face, or a folder beside the file"),
        (3, "'world' must be the name of a world or a folder; found 3"),
        ("", "'world' must be the name of a world or a folder; found ''"),
        ("clip", r"its world cannot be read: .*world\.json does not exist"),
        ("flowers", r"its world cannot be read: .*flowers/world\.json: parts must be a list"),
    ],
)
def test_a_set_whose_world_is_none(folder, world, message, monkeypatch, tmp_path):
    file = folder / "flowers" / "world.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "parts": 3}))
    describe(folder, world=world)
    with pytest.raises(CheckpointError, match=message) as raised:
        find_set(folder)
    assert str(folder / "set.json") in str(raised.value)
    (tmp_path / "home" / "sets").mkdir(parents=True)
    shutil.move(folder, tmp_path / "home" / "sets" / "garden")
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    (status,) = (one for one in list_sets() if one.name == "garden")
    assert not status.present
    assert "world" in status.missing[0]


def test_a_folder_of_the_working_directory_is_no_world_of_a_set(folder, monkeypatch):
    monkeypatch.chdir(FLOWER.folder.parent)
    describe(folder, world="flower")
    with pytest.raises(CheckpointError, match="there is no world 'flower'"):
        find_set(folder)


def test_a_direction_of_flowers_belongs_to_its_generator(garden, tmp_path):
    path = trained(garden).save(tmp_path / "red.safetensors")
    mini = eclipsed.Editor.from_pretrained("mini", device="cpu")
    with pytest.raises(DirectionError):
        mini.edit(mini.sample(seeds=1), eclipsed.Direction.load(path))
