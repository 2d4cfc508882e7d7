"""The direction file: what goes in comes out, and nothing damaged gets in."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import make_generator
from directions_kit import make
from safetensors.torch import save_file
from torch.testing import assert_close

from eclipsed.errors import DirectionError, InputError, MissingModelError, OutputError
from eclipsed.latents.direction import Direction, short_name
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("space", ["Z", "W", "W+", "S"])
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_saved_is_what_is_loaded(editor, tmp_path, space, count):
    direction = make(editor.generator, space, count=count)
    path = direction.save(tmp_path / "new" / "blond.safetensors")
    again = Direction.load(path)
    assert torch.equal(again.deltas, direction.deltas)
    assert again.metadata() == direction.metadata()
    assert again.region.parts == ("hair",)
    assert again.name == "blond-hair"
    assert len(again) == count


def test_it_is_a_plain_safetensors_file_with_json_metadata(editor, tmp_path):
    """Read by hand: 8 bytes of length, a JSON header, float32 numbers."""
    direction = make(editor.generator)
    data = direction.save(tmp_path / "d.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header["__metadata__"]["eclipsed"])
    assert about["kind"] == "direction"
    assert about["version"] == 1
    assert about["prompt"] == "a person with blond hair"
    assert about["generator"] == {
        "fingerprint": editor.generator.fingerprint,
        "name": "stub",
        "sketch": editor.generator.sketch,
    }
    assert header["deltas"]["dtype"] == "F32"
    assert header["deltas"]["shape"] == list(direction.deltas.shape)
    numbers = struct.unpack(f"<{direction.deltas.numel()}f", data[8 + length :])
    assert_close(torch.tensor(numbers), direction.deltas.flatten())


def test_one_of_several(editor):
    three = make(editor.generator, count=3)
    assert torch.equal(three[1].deltas, three.deltas[1:2])
    assert three[-1].name == "blond-hair-3"
    assert [len(one) for one in three] == [1, 1, 1]
    with pytest.raises(IndexError, match="there are 3 directions; got index 3"):
        three[3]


def test_it_belongs_to_one_generator(editor, tmp_path):
    other = Generator.from_file(make_generator(tmp_path / "g.safetensors", seed=1), device="cpu", name="other")
    direction = make(editor.generator)
    direction.check_generator(editor.generator)
    with pytest.raises(
        DirectionError, match=r"'blond-hair' was trained on the generator 'stub' \(.{12}\); got 'other'"
    ):
        direction.check_generator(other)
    with pytest.raises(DirectionError, match="got 'other'"):
        direction.space_of(other)


def test_shapes_that_are_not_the_generators(editor):
    direction = replace(make(editor.generator), deltas=torch.zeros(1, 3, 4))
    with pytest.raises(DirectionError, match=r"deltas of shape \(3, 4\); the generator 'stub' needs \(8, 16\)"):
        direction.space_of(editor.generator)
    rows = replace(make(editor.generator), layers=(0, 99))
    with pytest.raises(DirectionError, match=r"does not fit its generator: .* got layer 99"):
        rows.space_of(editor.generator)


def test_layers_restrict_its_space(editor):
    direction = make(editor.generator, layers=[1, 2])
    assert direction.space_of(editor.generator).rows == (1, 2)
    assert direction.space_of(editor.generator, layers=[2, 3]).rows == (2,)
    with pytest.raises(InputError, match="edits the rows 1, 2"):
        direction.space_of(editor.generator, layers=[5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "Q"}, "space must be one of Z, W, W\\+, S; got 'Q'"),
        ({"deltas": torch.zeros(1, 8)}, "have 3 dimensions of floats"),
        ({"deltas": torch.zeros(1, 8, 16, dtype=torch.int64)}, "have 3 dimensions of floats"),
        ({"deltas": torch.zeros(0, 8, 16)}, "have 3 dimensions of floats"),
        ({"deltas": torch.full((1, 8, 16), float("nan"))}, "not finite"),
        ({"deltas": torch.full((1, 8, 16), float("inf"))}, "not finite"),
        ({"styles": (("b4.conv1", 3),)}, "3 columns in all; the deltas have 16"),
        ({"scale": float("nan")}, "scale must be a positive number"),
        ({"scale": 0.0}, "scale must be a positive number"),
        ({"alpha_range": (1.0, -1.0)}, "alpha_range must be a pair"),
        ({"alpha_range": (float("nan"), 1.0)}, "alpha_range must be a pair"),
    ],
)
def test_numbers_that_disagree(editor, changes, message):
    with pytest.raises(DirectionError, match=message):
        replace(make(editor.generator), **changes)


def forge(path, *, tensors=None, text=None, **changes):
    """A direction file with some of its metadata changed; a value of ... leaves it out."""
    tensors = {"deltas": torch.zeros(1, 8, 16)} if tensors is None else tensors
    about = {
        "kind": "direction",
        "version": 1,
        "name": "n",
        "prompt": "p",
        "region": Region.from_parts(["hair"]).to_json(),
        "space": "W+",
        "layers": [0],
        "styles": [],
        "shape": [1, 8, 16],
        "generator": {"fingerprint": "f", "name": "g"},
        "config": {},
        "seed": 0,
        "scale": 1.0,
        "alpha_range": [-1, 1],
        "scores": {},
        "note": "",
        **changes,
    }
    text = json.dumps({k: v for k, v in about.items() if v is not ...}) if text is None else text
    save_file(tensors, path, metadata={"eclipsed": text})
    return path


def test_a_forged_file_without_changes_loads(tmp_path):
    assert Direction.load(forge(tmp_path / "d.safetensors")).prompt == "p"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "not json"}, "its metadata is not JSON"),
        ({"text": "[" * 100_000}, "its metadata is not JSON"),
        ({"text": "[]"}, "expected the metadata of a direction; got the kind None"),
        ({"kind": "generator"}, "got the kind 'generator'"),
        ({"version": 2}, "its format has version 2; this eclipsed reads version 1"),
        ({"version": ...}, "its format has version None"),
        ({"tensors": {"delta": torch.zeros(1)}}, 'expected one tensor "deltas"; got delta'),
        ({"tensors": {"deltas": torch.zeros(1, 8, 17)}}, r"says shape \[1, 8, 16\]; the deltas have \[1, 8, 17\]"),
        ({"tensors": {"deltas": torch.full((1, 8, 16), float("nan"))}}, "not finite"),
        ({"prompt": ...}, "its metadata is damaged"),
        ({"prompt": 3}, "prompt must be text, not int"),
        ({"region": ["hair"]}, "its metadata is damaged"),
        ({"region": {"parts": ["tail"], "matches": {}}}, "its metadata is damaged"),
        ({"layers": ["a"]}, "expected a whole number, not 'a'"),
        ({"layers": 3}, "its metadata is damaged"),
        ({"space": "X"}, "space must be one of"),
        ({"styles": [["a"]]}, "its metadata is damaged"),
        ({"generator": "f"}, "its metadata is damaged"),
        ({"seed": -1}, "expected a whole number"),
        ({"scale": "much"}, "its metadata is damaged"),
        ({"scale": float("inf")}, "scale must be a positive number"),
        ({"alpha_range": [1]}, "its metadata is damaged"),
        ({"scores": [1]}, "its metadata is damaged"),
        ({"config": None}, "its metadata is damaged"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, changes, message):
    path = forge(tmp_path / "d.safetensors", **changes)
    with pytest.raises(DirectionError, match=message) as caught:
        Direction.load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_direction(editor, tmp_path):
    whole = make(editor.generator).save(tmp_path / "whole.safetensors").read_bytes()
    for name, data in {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "short": whole[:5],
        "text": b"hello" * 10,
    }.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(DirectionError, match="not a direction file, or cut short"):
            Direction.load(path)
    save_file({"deltas": torch.zeros(1, 8, 16)}, tmp_path / "plain.safetensors")
    with pytest.raises(DirectionError, match="without the metadata of a direction"):
        Direction.load(tmp_path / "plain.safetensors")
    with pytest.raises(DirectionError, match="not a direction file"):
        Direction.load(tmp_path)
    with pytest.raises(MissingModelError, match="there is no direction file"):
        Direction.load(tmp_path / "absent.safetensors")


def test_a_place_that_cannot_be_written(editor, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        make(editor.generator).save(tmp_path / "file" / "d.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a person with blond hair", "blond-hair"),
        ("A person wearing a hat!", "hat"),
        ("red lipstick", "red-lipstick"),
        ("A photo of a person with the mouth open.", "mouth-open"),
        ("???", "direction"),
        ("Ein Mensch mit Hüten", "ein-mensch-mit-hüten"),
    ],
)
def test_short_names(prompt, name):
    assert short_name(prompt) == name


def test_which_seeds_it_was_trained_on(editor):
    random = make(editor.generator)
    assert random.trained_on(1_000_000_000)
    assert not random.trained_on(999_999_999)
    fixed = make(editor.generator, config={"seeds": [3, 4]})
    assert fixed.trained_on(3)
    assert not fixed.trained_on(1_000_000_000)


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_directions_hold_no_times_and_are_as_they_would_be_saved(path, tmp_path):
    direction = Direction.load(path)
    assert not [name for name in direction.scores if "seconds" in name]
    assert direction.save(tmp_path / path.name).read_bytes() == path.read_bytes()
