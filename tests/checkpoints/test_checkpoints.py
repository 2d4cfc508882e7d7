"""Every layout gives the reference's images, and the same generator in any layout is the same generator."""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

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
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from eclipsed.checkpoints.convert import convert_generator
from eclipsed.checkpoints.generators import detect_layout, read_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.errors import InputError, OutputError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
FILES = ["nvidia-pytorch.pkl", "nvidia-tf.pkl", "rosinality.pt"]
ODD = GeneratorConfig(
    z_dim=7,
    w_dim=7,
    resolution=16,
    channels=((4, 9), (8, 6), (16, 5)),
    mapping_layers=3,
    mapping_features=11,
    resample_filter=(1.0, 2.0, 3.0, 4.0),
)
CLAMPED = replace(ODD, z_dim=5, conv_clamp=1.5, num_fp16_res=2, mapping_lr_multiplier=0.1, mapping_layers=1)
CLAMPED = replace(CLAMPED, mapping_features=None)
CONDITIONAL = replace(ODD, z_dim=5, c_dim=4, embed_features=6)


def build(config, state):
    network = StyleGAN2(config)
    network.load_state_dict(state)
    return network.requires_grad_(False)


def load(path):
    return build(*read_generator(path))


def reference():
    return load_file(FIXTURES / "reference.safetensors")


def assert_same_state(got, wanted):
    assert got.keys() == wanted.keys()
    for key in wanted:
        assert torch.equal(got[key], wanted[key]), key


@pytest.mark.parametrize("name", FILES)
def test_images_equal_the_reference_implementations(name):
    network, wanted = load(FIXTURES / name), reference()
    assert_close(network.mapping(wanted["z"], truncation_psi=0.7), wanted["ws_psi07"], rtol=0, atol=1e-4)
    assert_close(network.synthesis(wanted["ws"]).image, wanted["image_const"], rtol=0, atol=1e-4)
    silent = network.synthesis(wanted["ws"], SynthesisOptions(noise_mode="none")).image
    assert_close(silent, wanted["image_no_noise"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_architecture_comes_from_the_file(name):
    config, state = read_generator(FIXTURES / name)
    assert (config.z_dim, config.c_dim, config.w_dim, config.resolution) == (32, 0, 32, 32)
    assert config.channels == ((4, 32), (8, 32), (16, 32), (32, 16))
    assert (config.mapping_layers, config.conv_clamp, config.resample_filter) == (4, None, (1, 3, 3, 1))
    assert all(value.dtype == torch.float32 and value.device.type == "cpu" for value in state.values())


@pytest.mark.parametrize("name", FILES)
def test_the_content_tells_the_layout_not_the_name(name, tmp_path):
    disguised = tmp_path / "generator.bin"
    disguised.write_bytes((FIXTURES / name).read_bytes())
    assert_same_state(read_generator(disguised)[1], read_generator(FIXTURES / name)[1])
    assert detect_layout(disguised) == ("torch" if name.endswith(".pt") else "pickle")


@pytest.mark.parametrize("name", FILES)
def test_saved_as_safetensors_the_images_are_equal_to_the_last_bit(name, tmp_path):
    path = convert_generator(FIXTURES / name, tmp_path / "made" / "copy.safetensors")
    assert detect_layout(path) == "safetensors"
    assert read_generator(path)[0] == read_generator(FIXTURES / name)[0]
    before, after, ws = load(FIXTURES / name), load(path), reference()["ws"]
    for mode in ("const", "none"):
        options = SynthesisOptions(noise_mode=mode)
        assert torch.equal(before.synthesis(ws, options).image, after.synthesis(ws, options).image)
    z = reference()["z"]
    assert torch.equal(before.mapping(z, truncation_psi=0.7), after.mapping(z, truncation_psi=0.7))


def test_metadata_of_our_layout(tmp_path):
    write_generator(tmp_path / "g.safetensors", ODD, random_generator(ODD))
    with safe_open(tmp_path / "g.safetensors", "pt") as file:
        header = json.loads(file.metadata()["eclipsed"])
    assert (header["kind"], header["version"]) == ("generator", 1)
    assert header["config"]["channels"] == [[4, 9], [8, 6], [16, 5]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_float32_again_when_read(dtype, tmp_path):
    state = random_generator(ODD)
    write_generator(tmp_path / "g.safetensors", ODD, state, dtype=dtype)
    assert {value.dtype for value in load_file(tmp_path / "g.safetensors").values()} == {dtype}
    assert_same_state(read_generator(tmp_path / "g.safetensors")[1], {k: v.to(dtype).float() for k, v in state.items()})


@pytest.mark.parametrize("config", [ODD, CLAMPED, CONDITIONAL], ids=["odd", "clamped", "conditional"])
@pytest.mark.parametrize("nested", [True, False], ids=["ada", "stylegan3"])
@pytest.mark.parametrize("remember", [True, False], ids=["attributes", "kwargs"])
def test_nvidia_settings_of_both_generations(config, nested, remember, tmp_path):
    state = random_generator(config)
    content = nvidia_content(config, state, nested=nested, remember=remember)
    got, tensors = read_generator(write_nvidia(tmp_path / "g.pkl", content))
    assert replace(got, w_avg_beta=config.w_avg_beta) == config
    assert_same_state(tensors, state)


@pytest.mark.parametrize(("nested", "clamp", "fp16"), [(True, None, 0), (False, 256.0, 4)])
def test_nvidia_defaults_differ_between_the_generations(nested, clamp, fp16, tmp_path):
    content = nvidia_content(ODD, random_generator(ODD), nested=nested, remember=False)
    made_with = content["G_ema"].meta["state"]["_init_kwargs"]
    settings = made_with["synthesis_kwargs"] if nested else made_with
    del settings["conv_clamp"], settings["num_fp16_res"]
    config, _ = read_generator(write_nvidia(tmp_path / "g.pkl", content))
    assert (config.conv_clamp, config.num_fp16_res) == (clamp, fp16)


def test_nvidia_old_spelling_of_numpy(tmp_path):
    path = write_nvidia(tmp_path / "g.pkl", nvidia_content(CLAMPED, random_generator(CLAMPED)), protocol=2)
    assert read_generator(path)[0].mapping_lr_multiplier == 0.1
    new = path.read_bytes()
    other = b"numpy.core" if b"numpy._core" in new else b"numpy._core"
    path.write_bytes(new.replace(b"numpy._core" if other == b"numpy.core" else b"numpy.core", other))
    assert path.read_bytes() != new
    assert read_generator(path)[0].mapping_lr_multiplier == 0.1


def test_nvidia_layers_without_noise(tmp_path):
    state = random_generator(ODD)
    kept = {k: v for k, v in state.items() if ".noise_" not in k}
    layers = [k.removesuffix(".noise_const") for k in state if k.endswith("noise_const")]
    content = nvidia_content(ODD, kept, settings={layer: ({"use_noise": False}, {}) for layer in layers})
    network = load(write_nvidia(tmp_path / "g.pkl", content))
    ws = torch.randn(2, 6, 7, generator=torch.Generator().manual_seed(0))
    image, silent = network.synthesis(ws).image, SynthesisOptions(noise_mode="none")
    assert torch.equal(image, network.synthesis(ws, silent).image)
    assert torch.equal(image, build(ODD, state).synthesis(ws, silent).image)


def test_nvidia_without_a_running_mean_measures_it(tmp_path):
    state = random_generator(CONDITIONAL)
    kept = {k: v for k, v in state.items() if k != "mapping.w_avg"}
    content = nvidia_content(CONDITIONAL, kept, settings={"mapping": ({"w_avg_beta": None}, {})})
    path = write_nvidia(tmp_path / "g.pkl", content)
    network = load(path)
    assert_close(network.mapping.w_avg, typical_w(network), rtol=0.2, atol=0.05)
    assert torch.equal(load(path).mapping.w_avg, network.mapping.w_avg)


def typical_w(network):
    config, rng = network.config, torch.Generator().manual_seed(99)
    z = torch.randn(20000, config.z_dim, generator=rng)
    c = torch.eye(config.c_dim)[torch.arange(20000) % config.c_dim] if config.c_dim else None
    return network.mapping.w(z, c).mean(0)


@pytest.mark.parametrize("config", [ODD, CLAMPED, CONDITIONAL], ids=["odd", "clamped", "conditional"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_tensorflow_of_any_size(config, protocol, tmp_path):
    state = random_generator(config)
    content = tensorflow_content(config, tensorflow_variables(config, state), num_fp16_res=config.num_fp16_res)
    got, tensors = read_generator(write_tensorflow(tmp_path / "g.pkl", content, protocol=protocol))
    assert replace(got, w_avg_beta=config.w_avg_beta) == config
    for key, value in state.items():
        assert_close(tensors[key], value, rtol=0, atol=1e-6)  # the bias of one was taken off and added again


def test_rosinality_of_any_size(tmp_path):
    state = random_generator(ODD)
    content = {"g": {}, "g_ema": rosinality_state(ODD, state), "latent_avg": state["mapping.w_avg"]}
    content["args"] = argparse.Namespace(size=16)  # lies beside the weights in real training files
    torch.save(content, tmp_path / "g.pt")
    config, tensors = read_generator(tmp_path / "g.pt")
    assert config == ODD
    assert_same_state(tensors, state)


@pytest.mark.parametrize("average", ["(w_dim,)", "(1, w_dim)", "(num_ws, w_dim)"])
@pytest.mark.parametrize("shape", ["bare", "old file", "decoder"])
def test_rosinality_derived_files(average, shape, tmp_path):
    state = random_generator(ODD)
    tensors = rosinality_state(ODD, state)
    mean = state["mapping.w_avg"]
    mean = {"(w_dim,)": mean, "(1, w_dim)": mean[None], "(num_ws, w_dim)": mean.repeat(6, 1)}[average]
    if shape == "decoder":
        encoder = {"encoder.body.0.weight": torch.zeros(3)}
        tensors = {**encoder, **{f"decoder.{key}": value for key, value in tensors.items()}}
        content = {"state_dict": tensors, "opts": {"output_size": 16}, "latent_avg": mean}
    else:
        content = {**tensors, "latent_avg": mean}
    torch.save(content, tmp_path / "g.pt", _use_new_zipfile_serialization=shape != "old file")
    config, got = read_generator(tmp_path / "g.pt")
    assert config == ODD
    assert_same_state(got, state)


def test_rosinality_without_buffers(tmp_path):
    """Noise is drawn, always the same; the blur is the usual one; the mean of w is measured."""
    config = replace(ODD, resample_filter=(1.0, 3.0, 3.0, 1.0))
    state = random_generator(config)
    tensors = rosinality_state(config, state)
    torch.save(
        {"g_ema": {k: v for k, v in tensors.items() if "noises." not in k and "kernel" not in k}}, tmp_path / "g"
    )
    got, first = read_generator(tmp_path / "g")
    assert got == config
    assert_same_state(read_generator(tmp_path / "g")[1], first)
    for key, value in state.items():
        assert torch.equal(first[key], value) or key.endswith(("noise_const", "w_avg"))
    assert first["synthesis.b16.conv1.noise_const"].std().item() == pytest.approx(1, abs=0.2)
    network = build(got, first)
    assert_close(network.mapping.w_avg, typical_w(network), rtol=0.2, atol=0.05)


def test_writing_refuses_what_it_could_not_read_back(tmp_path):
    state, path = random_generator(ODD), tmp_path / "g.safetensors"
    with pytest.raises(InputError, match=r"dtype must be one of .*; got torch.int8"):
        write_generator(path, ODD, state, dtype=torch.int8)
    with pytest.raises(InputError, match=r"'mapping\.w_avg' is missing"):
        write_generator(path, ODD, {k: v for k, v in state.items() if k != "mapping.w_avg"})
    state["mapping.w_avg"] = state["mapping.w_avg"] + 1e6
    with pytest.raises(InputError, match=r"mapping.w_avg holds numbers that do not fit into torch.float16"):
        write_generator(path, ODD, state, dtype=torch.float16)
    with pytest.raises(InputError, match=r"must end in \.safetensors"):
        convert_generator(FIXTURES / "rosinality.pt", tmp_path / "g.pt")
    assert not list(tmp_path.iterdir())


def test_writing_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        write_generator(tmp_path / "file" / "g.safetensors", ODD, random_generator(ODD))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_reading_draws_no_random_numbers_and_leaves_no_grad():
    before = torch.get_rng_state()
    _, state = read_generator(FIXTURES / "nvidia-pytorch.pkl")
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(value.requires_grad for value in state.values())


def test_the_catalogue_loads_no_torch():
    code = "import sys, eclipsed.checkpoints, eclipsed.store.sets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_foreign_safetensors_are_named(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"x.safetensors: a safetensors file, but without eclipsed's metadata"):
        read_generator(tmp_path / "x.safetensors")
