"""Files that are not what they should be: one error, naming the file, the key, what was expected and what was found."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_files import (
    nvidia_content,
    random_generator,
    rosinality_state,
    tensorflow_content,
    tensorflow_variables,
    write_nvidia,
    write_tensorflow,
)
from safetensors.torch import load_file, save_file

from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.networks.generator_config import GeneratorConfig

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
CONFIG = GeneratorConfig(z_dim=7, w_dim=7, resolution=16, channels=((4, 9), (8, 6), (16, 5)), mapping_layers=3)


def write_layout(layout, folder, change):
    """Write a generator in one layout after ``change`` had its way with the tensors by the layout's names."""
    state, path = random_generator(CONFIG), folder / "generator.file"
    if layout == "nvidia":
        change(state)
        return write_nvidia(path, nvidia_content(CONFIG, state))
    if layout == "tensorflow":
        variables = tensorflow_variables(CONFIG, state)
        change(variables)
        return write_tensorflow(path, tensorflow_content(CONFIG, variables))
    if layout == "rosinality":
        tensors = rosinality_state(CONFIG, state)
        change(tensors)
        torch.save({"g_ema": tensors, "latent_avg": state["mapping.w_avg"]}, path)
        return path
    write_generator(path, CONFIG, state)
    header = {"kind": "generator", "version": 1, "config": json.loads(CONFIG.to_json())}
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"eclipsed": json.dumps(header)})
    return path


def refused(path, *words):
    with pytest.raises(CheckpointError) as caught:
        read_generator(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message, message


KEYS = {
    "nvidia": ["synthesis.b8.conv0.weight", "synthesis.b4.const", "mapping.fc1.bias", "synthesis.b16.torgb.bias"],
    "tensorflow": ["synthesis/8x8/Conv0_up/weight", "synthesis/4x4/Const/const", "mapping/Dense1/bias", "dlatent_avg"],
    "rosinality": ["convs.0.conv.weight", "input.input", "style.2.bias", "to_rgbs.1.conv.modulation.weight"],
    "native": ["synthesis.b8.conv0.noise_strength", "synthesis.b4.const", "mapping.fc1.bias", "mapping.w_avg"],
}
CASES = [(layout, key) for layout, keys in KEYS.items() for key in keys]


@pytest.mark.parametrize(("layout", "key"), CASES)
def test_a_missing_key_is_named(layout, key, tmp_path):
    refused(write_layout(layout, tmp_path, lambda tensors: tensors.pop(key)), repr(key), "missing")


@pytest.mark.parametrize("layout", KEYS)
def test_an_unknown_key_is_named(layout, tmp_path):
    key = {"tensorflow": "synthesis/8x8/Extra/weight"}.get(layout, "synthesis.b8.extra")
    change = lambda tensors: tensors.update({key: tensors[KEYS[layout][2]] + 1})  # noqa: E731
    refused(write_layout(layout, tmp_path, change), repr(key), "unknown")


@pytest.mark.parametrize(("layout", "key"), CASES)
def test_a_wrong_shape_is_named_with_both_shapes(layout, key, tmp_path):
    shapes = []

    def grow(tensors):
        old = torch.as_tensor(tensors[key])
        new = torch.zeros(3, 2) if old.ndim == 0 else torch.cat([old, old[..., :1]], -1)
        shapes.extend([tuple(old.shape), tuple(new.shape)])
        tensors[key] = new.numpy() if layout == "tensorflow" else new

    path = write_layout(layout, tmp_path, grow)
    refused(path, repr(key), f"must have shape {shapes[0]}", f"found {shapes[1]}")


@pytest.mark.parametrize("layout", KEYS)
def test_a_wrong_number_of_dimensions_is_named(layout, tmp_path):
    key = KEYS[layout][2]
    wrong = torch.zeros(2, 2, 2)

    def change(tensors):
        tensors[key] = wrong.numpy() if layout == "tensorflow" else wrong

    refused(write_layout(layout, tmp_path, change), repr(key), "found (2, 2, 2)")


@pytest.mark.parametrize("layout", KEYS)
def test_numbers_that_are_not_finite_are_named(layout, tmp_path):
    key = KEYS[layout][2]

    def change(tensors):
        tensors[key][1] = float("nan")

    refused(write_layout(layout, tmp_path, change), repr(key), "not finite")


@pytest.mark.parametrize("layout", KEYS)
def test_whole_numbers_are_refused(layout, tmp_path):
    key = KEYS[layout][2]

    def change(tensors):
        whole = torch.zeros(7, dtype=torch.int64)
        tensors[key] = whole.numpy() if layout == "tensorflow" else whole

    refused(write_layout(layout, tmp_path, change), repr(key), "floating-point", "int64")


@pytest.mark.parametrize("name", ["nvidia-pytorch.pkl", "nvidia-tf.pkl", "rosinality.pt", "native"])
@pytest.mark.parametrize("part", [0.0001, 0.3, 0.95, "last byte"])
def test_a_file_cut_short(name, part, tmp_path):
    if name == "native":
        whole = write_generator(tmp_path / "whole", CONFIG, random_generator(CONFIG)).read_bytes()
    else:
        whole = (FIXTURES / name).read_bytes()
    path = tmp_path / "cut.file"
    path.write_bytes(whole[: len(whole) - 1 if part == "last byte" else int(len(whole) * part)])
    refused(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"<!DOCTYPE html><html>Quota exceeded</html>", ["a web page"]),
        (b"\n <html>", ["a web page"]),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["Git LFS pointer"]),
        (b"just some text\n", ["none of the known layouts"]),
        (bytes(range(256)) * 8, ["none of the known layouts"]),
        (b"\x00" * 4096, ["none of the known layouts"]),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, ["none of the known layouts"]),
        (b"\x80\x04", ["damaged or cut short pickle"]),
        (b"\x80\x04N.", ["none of the known layouts"]),
        (b"\x80\x04}.", ["none of the known layouts"]),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", ["damaged or cut short pickle"]),  # 2^63 bytes announced
        (b"\x80\x04" + b"(" * 100_000, ["damaged or cut short pickle"]),
        (b"PK\x03\x04" + b"\x00" * 64, ["no torch file"]),
        (b"\xff\xff\xff\x7f\x00\x00\x00\x00{", ["safetensors"]),  # a header of 2 GB announced
    ],
)
def test_what_is_no_checkpoint_at_all(content, words, tmp_path):
    path = tmp_path / "download.pkl"
    path.write_bytes(content)
    refused(path, *words)


def test_paths_where_no_file_is(tmp_path):
    with pytest.raises(MissingModelError, match=r"nothing\.pkl is not there"):
        read_generator(tmp_path / "nothing.pkl")
    with pytest.raises(MissingModelError, match="is a folder"):
        read_generator(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"synthesis.b8": ({"architecture": "resnet"}, {})}, ["architecture 'resnet'", "'skip'"]),
        ({"synthesis.b8.conv0": ({"activation": "relu"}, {})}, ["activation 'relu'"]),
        ({"mapping.fc0": ({"activation": "linear"}, {})}, ["mapping.fc0", "activation 'linear'"]),
        ({"synthesis.b8.conv0": ({"conv_clamp": 3}, {})}, ["conv_clamp"]),
        ({"": ({"img_resolution": 24}, {})}, ["power of two", "24"]),
        ({"": ({"img_resolution": 32}, {})}, ["'synthesis.b32."]),
        ({"": ({"img_resolution": "big"}, {})}, ["img_resolution must be a whole number"]),
        ({"": ({"z_dim": 9}, {})}, ["'mapping.fc0.weight'", "(7, 9)", "(7, 7)"]),
        ({"": ({"c_dim": 2}, {})}, ["mapping.embed"]),
        ({"mapping": ({"num_layers": 4}, {})}, ["'mapping.fc3."]),
        ({"mapping": ({"num_layers": 2}, {})}, ["unknown key 'mapping.fc2."]),
        ({"mapping.fc0": ({"bias_gain": -1.0}, {})}, ["mapping_lr_multiplier must be positive"]),
        ({"mapping.fc0": ({"bias_gain": "0.01"}, {})}, ["lr_multiplier must be a number"]),
    ],
)
def test_nvidia_settings_that_cannot_be_read(settings, words, tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG), settings=settings)
    refused(write_nvidia(tmp_path / "g.pkl", content), *words)


def test_nvidia_architecture_in_the_kwargs(tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG), remember=False, top={"architecture": "orig"})
    refused(write_nvidia(tmp_path / "g.pkl", content), "architecture 'orig'")


def test_nvidia_filters_that_differ(tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    blocks = content["G_ema"].meta["state"]["_modules"]["synthesis"].meta["state"]["_modules"]
    blocks["b8"].meta["state"]["_buffers"]["resample_filter"] = torch.eye(4)
    refused(write_nvidia(tmp_path / "g.pkl", content), "synthesis.b8.resample_filter", "one row of taps")
    blocks["b8"].meta["state"]["_buffers"]["resample_filter"] = torch.ones(4, 4)
    refused(write_nvidia(tmp_path / "g.pkl", content), "filters", "differ")


def test_nvidia_without_a_generator(tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    content["G_ema"] = {"not": "a network"}
    path = write_nvidia(tmp_path / "g.pkl", content)
    refused(path, "none of the known layouts", "keys seen: G, D, G_ema, training_set_kwargs, augment_pipe")


def test_neither_architecture_is_named(tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    synthesis = content["G_ema"].meta["state"]["_modules"]["synthesis"].meta["state"]
    synthesis["_modules"] = {"L0_36_512": synthesis["_modules"]["b4"]}
    said = "its G_ema is a Generator without the blocks of StyleGAN2 and without the input of StyleGAN3"
    refused(write_nvidia(tmp_path / "g.pkl", content), said)


def test_the_first_stylegan_is_named(tmp_path):
    content = tensorflow_content(CONFIG, tensorflow_variables(CONFIG, random_generator(CONFIG)))
    synthesis = content[2].state["components"]["synthesis"]
    synthesis.state["variables"].append(("4x4/Const/StyleMod/weight", np.zeros((7, 18), np.float32)))
    content[2].state["version"] = 2
    said = "a StyleGAN of 2018, whose styles act on normalised features; only StyleGAN2 and StyleGAN3 can be read"
    refused(write_tensorflow(tmp_path / "g.pkl", content), said)


@pytest.mark.parametrize(
    ("static", "words"),
    [
        ({"architecture": "resnet"}, ["architecture is 'resnet'", "'skip'"]),
        ({"mapping_nonlinearity": "relu"}, ["mapping_nonlinearity is 'relu'"]),
        ({"normalize_latents": False}, ["normalize_latents is False"]),
        ({"resolution": 12}, ["power of two", "12"]),
        ({"resolution": 8}, ["unknown key 'synthesis/16x16/"]),
        ({"resolution": 32}, ["'synthesis/32x32/"]),
        ({"resolution": "8"}, ["resolution must be a whole number"]),
        ({"latent_size": 9}, ["'mapping/Dense0/weight'", "(9, 7)", "(7, 7)"]),
        ({"label_size": 2}, ["mapping/LabelEmbed"]),
    ],
)
def test_tensorflow_settings_that_cannot_be_read(static, words, tmp_path):
    variables = tensorflow_variables(CONFIG, random_generator(CONFIG))
    refused(write_tensorflow(tmp_path / "g.pkl", tensorflow_content(CONFIG, variables, **static)), *words)


def test_tensorflow_networks_of_other_kinds(tmp_path):
    variables = tensorflow_variables(CONFIG, random_generator(CONFIG))
    content = tensorflow_content(CONFIG, variables)
    content[2].state["version"] = 3
    refused(write_tensorflow(tmp_path / "g.pkl", content), "version 4 or later; found 3")
    variables["mapping/LabelConcat/weight"] = variables["dlatent_avg"]
    refused(write_tensorflow(tmp_path / "g.pkl", tensorflow_content(CONFIG, variables)), "class-conditional")
    content[2].state = {"version": 4, "static_kwargs": {}, "components": {"mapping": 3}}
    refused(write_tensorflow(tmp_path / "g.pkl", content), "'mapping' must be a network")


def test_rosinality_oddities(tmp_path):
    state, path = random_generator(CONFIG), tmp_path / "g.pt"
    tensors = rosinality_state(CONFIG, state)
    mean = state["mapping.w_avg"]
    for content, words in [
        ({"weights": 3, "epoch": 4}, ["a StyleGAN2 generator by rosinality's names", "keys seen: weights, epoch"]),
        ([1, 2], ["a StyleGAN2 generator by rosinality's names", "keys seen: 0, 1"]),
        ({"g_ema": {"input.input": tensors["input.input"]}}, ["no StyleGAN2 generator's"]),
        ({"g_ema": {**tensors, "convs.0.conv.weight": "text"}}, ["'convs.0.conv.weight' must be a tensor"]),
        ({"g_ema": tensors, "latent_avg": 3.0}, ["'latent_avg' must be a tensor"]),
        ({"g_ema": tensors, "latent_avg": torch.stack([mean, mean + 1])}, ["rows of 'latent_avg' differ"]),
        ({"g_ema": tensors, "latent_avg": mean[:-1]}, ["'latent_avg' must have shape (7,); found (6,)"]),
        ({"g_ema": {**tensors, "convs.0.conv.blur.kernel": torch.ones(4, 4)}}, ["blur kernels differ"]),
        ({"g_ema": {**tensors, "convs.0.conv.blur.kernel": torch.eye(4)}}, ["'convs.0.conv.blur.kernel'", "taps"]),
    ]:
        torch.save(content, path)
        refused(path, *words)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("{", ["cannot be read"]),
        ("[]", ["cannot be read"]),
        ('{"kind": "parser", "version": 1}', ["expected a generator", "'parser'"]),
        ('{"kind": "generator", "version": 2}', ["version 2"]),
        ('{"kind": "generator", "version": 1}', ["config"]),
        ('{"kind": "generator", "version": 1, "config": {"z_dim": 3}}', ["config"]),
        ('{"kind": "generator", "version": 1, "config": {"size": 3}}', ["has the fields"]),
    ],
)
def test_our_layout_with_another_header(header, words, tmp_path):
    save_file(random_generator(CONFIG), tmp_path / "g.safetensors", {"eclipsed": header})
    refused(tmp_path / "g.safetensors", *words)


def test_our_layout_damaged_inside(tmp_path):
    path = write_generator(tmp_path / "g.safetensors", CONFIG, random_generator(CONFIG))
    content = path.read_bytes()
    path.write_bytes(re.sub(rb"F32", rb"Q32", content))
    refused(path, "damaged or cut short safetensors file")
