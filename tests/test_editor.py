"""The one object that people use."""

import shutil
from dataclasses import fields

import pytest
import torch
from directions_kit import make
from PIL import Image
from torch.testing import assert_close

from eclipsed import Editor, Region
from eclipsed.errors import InputError, MissingModelError
from eclipsed.training.config import TrainConfig


@pytest.fixture(scope="module")
def faces(editor):
    return editor.sample(seeds=[3, 1])


@pytest.fixture(scope="module")
def blond(editor):
    return make(editor.generator)


def test_it_loads_a_folder(editor, model_set):
    assert editor.name == "stub"
    assert editor.generator.name == "stub"
    assert editor.truncation_psi == 0.8
    again = Editor.from_pretrained(str(model_set), "cpu")
    assert again.generator.fingerprint == editor.generator.fingerprint


def test_parser_and_clip_are_loaded_when_they_are_first_needed(model_set, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(model_set, folder)
    editor = Editor.from_pretrained(folder, device="cpu")
    (folder / "parser.safetensors").unlink()
    shutil.rmtree(folder / "clip")
    assert len(editor.sample(seeds=1)) == 1
    with pytest.raises(MissingModelError):
        editor.parser  # noqa: B018
    with pytest.raises(MissingModelError):
        editor.clip  # noqa: B018


def test_they_are_loaded_once(editor):
    assert editor.parser is editor.parser
    assert editor.clip is editor.clip


@pytest.mark.parametrize("name", ["", "nothing-of-that-name", "./no/such/folder"])
def test_a_set_that_is_not_there(name):
    with pytest.raises(MissingModelError):
        Editor.from_pretrained(name)


def test_a_device_that_is_not_there(model_set):
    with pytest.raises(InputError, match="unknown device 'gpu9'"):
        Editor.from_pretrained(model_set, device="gpu9")


def test_sampling_is_mapping_and_synthesis(editor, faces):
    generator = editor.generator
    ws = generator.mapping(generator.z([3, 1]), truncation_psi=0.8)
    assert_close(faces.ws, ws)
    assert_close(faces.images, generator.synthesis(ws).image, rtol=1e-4, atol=1e-4)
    assert faces.seeds == (3, 1)
    assert not faces.images.requires_grad


def test_the_same_seed_is_the_same_face(editor, faces):
    assert_close(editor.sample(seeds=1).images, faces.images[1:], rtol=1e-4, atol=1e-4)
    assert not torch.equal(editor.sample(seeds=1, truncation_psi=0.3).ws, faces.ws[1:])


def test_sampling_ws(editor, faces):
    again = editor.sample(ws=faces.ws)
    assert torch.equal(again.images, faces.images)
    assert again.seeds == ()
    assert again.names == ("face 1", "face 2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either seeds or ws"),
        ({"seeds": [1], "ws": torch.zeros(1, 8, 16)}, "give either seeds or ws"),
        ({"seeds": []}, "at least one face"),
        ({"seeds": [-1]}, "whole number from 0 to 4294967295; got -1"),
        ({"seeds": [2**32]}, "whole number from 0 to 4294967295"),
        ({"seeds": [1.5]}, "whole number"),
        ({"seeds": "1,2"}, "not the text '1,2'"),
        ({"seeds": [1], "truncation_psi": float("nan")}, "truncation_psi must be a finite number"),
        ({"ws": torch.zeros(1, 8, 15)}, r"shape \(N, 8, 16\); got \(1, 8, 15\)"),
        ({"ws": torch.zeros(0, 8, 16)}, r"shape \(N, 8, 16\)"),
        ({"ws": torch.full((1, 8, 16), float("nan"))}, "ws must be finite floats"),
        ({"ws": torch.zeros(1, 8, 16, dtype=torch.int64)}, "ws must be finite floats"),
    ],
)
def test_bad_samples(editor, options, message):
    with pytest.raises(InputError, match=message):
        editor.sample(**options)


def test_training_takes_the_options_of_the_config_and_nothing_else(editor):
    with pytest.raises(TypeError, match="steps"):
        editor.train("a person with blond hair", steps=3)
    assert {"steps", "seed", "layers"} <= {field.name for field in fields(TrainConfig)}


def test_the_strip_has_a_row_per_face_and_a_column_per_strength(editor, faces, blond):
    three = editor.strip(faces, blond, alphas=(-1, 0, 1))
    five = editor.strip(faces, blond, alphas=(-1, -0.5, 0, 0.5, 1))
    one_row = editor.strip(faces[0], blond, alphas=(-1, 0, 1))
    assert five.width > three.width > one_row.width - 1
    assert three.height > one_row.height
    assert isinstance(three, Image.Image)


def test_the_palette(editor, faces, blond):
    other = make(editor.generator, "S", name="style", scale=0.2)
    wide = editor.palette(faces[0], blond, other, (0, 1), (-1, 0, 1))
    tall = editor.palette(faces[0], blond, other, (-1, 0, 1), (0, 1))
    assert wide.width > tall.width
    assert wide.height < tall.height
    with pytest.raises(InputError, match="a palette shows one face; got 2"):
        editor.palette(faces, blond, other)


@pytest.mark.parametrize("alphas", [(), 1.0, "1,2"])
def test_strengths_must_be_a_sequence(editor, faces, blond, alphas):
    with pytest.raises(InputError, match="alphas must be a sequence of at least one strength"):
        editor.strip(faces, blond, alphas)


def test_a_strength_that_is_no_number(editor, faces, blond):
    with pytest.raises(InputError, match="alphas must be a finite number"):
        editor.strip(faces, blond, (0.0, float("nan")))


def test_the_overlay(editor, faces):
    plain = editor.overlay(faces, ["hair"])
    assert isinstance(plain, Image.Image)
    by_region = editor.overlay(faces, Region.from_parts(["hair"]))
    assert by_region.tobytes() == plain.tobytes()
    with pytest.raises(InputError, match="unknown part 'tail'"):
        editor.overlay(faces, ["tail"])


def test_the_sweep(editor, faces, blond, tmp_path):
    path = editor.sweep(faces, blond, tmp_path / "sweep.gif", frames=3)
    with Image.open(path) as film:
        assert film.n_frames == 4  # there and back
    with pytest.raises(InputError, match="frames must be a whole number from 2"):
        editor.sweep(faces, blond, tmp_path / "x.gif", frames=1)
    with pytest.raises(InputError, match=r"end it in .gif or .mp4"):
        editor.sweep(faces, blond, tmp_path / "x.png", frames=2)
    with pytest.raises(InputError, match="alphas must be a finite number"):
        editor.sweep(faces, blond, tmp_path / "x.gif", alphas=(0.0, float("inf")))
