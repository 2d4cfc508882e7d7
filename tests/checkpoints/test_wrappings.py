"""Generators in whatever people save them in: the same state, and a word where there was a choice."""

import argparse
import contextlib
import datetime
import pathlib
import pickle
import types
from collections import OrderedDict, defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from checkpoint_files import (
    nvidia_content,
    random_generator,
    rosinality_state,
    saving_nvidia,
    tensorflow_content,
    tensorflow_variables,
    write_nvidia,
    write_tensorflow,
)
from safetensors.torch import save_file

from eclipsed.checkpoints.generators import read_generator
from eclipsed.errors import CheckpointError, EclipsedWarning
from eclipsed.networks.generator_config import GeneratorConfig

CONFIG = GeneratorConfig(
    z_dim=7, w_dim=7, resolution=16, channels=((4, 9), (8, 6), (16, 5)), mapping_layers=3, mapping_features=11
)
STATE = random_generator(CONFIG)
OTHER = random_generator(CONFIG, seed=1)
MEAN = STATE["mapping.w_avg"]
ROSINALITY, NVIDIA = rosinality_state(CONFIG, STATE), dict(STATE)
OTHER_ROSINALITY = rosinality_state(CONFIG, OTHER)
UNSAID = (
    "{}: a state dict does not say whether features are clamped; taken as not (NVIDIA's trainings in half precision "
    "clamp at 256; the pickle they write says so)"
)
pytestmark = pytest.mark.filterwarnings("ignore:.* does not say whether features are clamped")
CRITIC = {"convs.0.0.weight": torch.zeros(3), "final_linear.0.weight": torch.zeros(3)}


def behind(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


WITH_MEAN = {**ROSINALITY, "latent_avg": MEAN}
WRAPPINGS = {
    **{f"rosinality in {key}": {key: ROSINALITY, "latent_avg": MEAN} for key in (
        "g_ema", "G_ema", "generator", "params_ema", "params", "model", "state_dict", "network", "net", "whatever"
    )},
    **{f"rosinality behind {prefix}": {**behind(prefix, ROSINALITY), "latent_avg": MEAN} for prefix in (
        "module.", "generator.", "g_ema.", "decoder.", "net.", "module.decoder.", "netG.", "a.b.c."
    )},
    **{f"NVIDIA in {key}": {key: NVIDIA} for key in ("G_ema", "g_ema", "generator", "state_dict", "model")},
    **{f"NVIDIA behind {prefix}": behind(prefix, NVIDIA) for prefix in (
        "", "module.", "G_ema.", "decoder.", "generator.module.", "any.",
    )},
    "a training of rosinality": {
        "g": OTHER_ROSINALITY, "d": CRITIC, "g_ema": ROSINALITY, "g_optim": {"state": {}, "param_groups": []},
        "latent_avg": MEAN, "args": argparse.Namespace(size=16), "ada_aug_p": 0.0,
    },
    "BasicSR": {"params": OTHER_ROSINALITY, "params_ema": ROSINALITY, "latent_avg": MEAN},
    "e4e": {
        "state_dict": {"encoder.input_layer.0.weight": torch.zeros(3), **behind("decoder.", ROSINALITY)},
        "latent_avg": MEAN.repeat(6, 1), "opts": {"output_size": 16},
    },
    "lightning": {
        "state_dict": {**behind("G.", OTHER_ROSINALITY), **behind("G_ema.", WITH_MEAN), **behind("D.", CRITIC)},
        "epoch": 3, "hyper_parameters": {"lr": 0.1}, "callbacks": {},
    },
    "the mean inside": {"g_ema": WITH_MEAN},
    "the mean by another name": {"g_ema": ROSINALITY, "mean_latent": MEAN[None]},
    "lists": [1, {"nets": (None, {"g_ema": ROSINALITY, "latent_avg": MEAN})}],
    "deep": {"a": {"b": {"c": {"d": NVIDIA}}}},
    "ordered": OrderedDict(g_ema=OrderedDict(ROSINALITY), latent_avg=MEAN),
    "plain data beside": {
        "g_ema": ROSINALITY, "latent_avg": MEAN, "when": datetime.datetime(2024, 1, 2), "where": pathlib.Path("a"),
        "fid": np.float64(3.5), "curve": np.arange(4.0), "log": defaultdict(list, a=[1]),
        "options": types.SimpleNamespace(a=1),
    },
    "plain data between": {**ROSINALITY, "latent_avg": MEAN, "args": argparse.Namespace(a=1), "epoch": 3},
    "parameters": {"g_ema": {k: torch.nn.Parameter(v) for k, v in ROSINALITY.items()}, "latent_avg": MEAN},
    "on another device": {"G_ema": {k: v.double() for k, v in NVIDIA.items()}},
}  # fmt: skip


def assert_same(path, config=CONFIG, state=STATE):
    got, tensors = read_generator(path)
    assert got == replace(config, w_avg_beta=got.w_avg_beta)
    assert tensors.keys() == state.keys()
    for key, value in state.items():
        assert torch.equal(tensors[key], value), key


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old torch"])
@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_generator_is_found_in(name, old, tmp_path):
    torch.save(WRAPPINGS[name], tmp_path / "g.pt", _use_new_zipfile_serialization=not old)
    assert_same(tmp_path / "g.pt")


@pytest.mark.parametrize("name", ["rosinality in g_ema", "NVIDIA in G_ema", "plain data beside", "e4e"])
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_plain_pickle_is_no_other(name, tmp_path):
    (tmp_path / "g.pkl").write_bytes(pickle.dumps(WRAPPINGS[name]))
    assert_same(tmp_path / "g.pkl")


def test_arrays_of_numpy_are_weights_too(tmp_path):
    content = {"G_ema": {key: value.numpy() for key, value in NVIDIA.items()}}
    (tmp_path / "g.pkl").write_bytes(pickle.dumps(content))
    assert_same(tmp_path / "g.pkl")
    torch.save(content, tmp_path / "g.pt")
    assert_same(tmp_path / "g.pt")


@pytest.mark.parametrize(
    "state", [NVIDIA, WITH_MEAN, behind("module.", NVIDIA)], ids=["nvidia", "rosinality", "module"]
)
def test_bare_safetensors(state, tmp_path):
    save_file(state, tmp_path / "g.safetensors")
    assert_same(tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"g": ROSINALITY, "g_optim": {}, "latent_avg": MEAN}, "no g_ema; took g"),
        ({"G": NVIDIA, "D": CRITIC}, "no G_ema; took G"),
        ({"one": NVIDIA, "two": OTHER}, "took 'one', not 'two'"),
        ({"state_dict": NVIDIA, "old": OTHER, "x": dict(OTHER)}, "took 'state_dict', not 'old' or 'x'"),
    ],
)
def test_a_choice_is_said(content, said, tmp_path):
    torch.save(content, tmp_path / "g.pt")
    with pytest.warns(EclipsedWarning) as caught:
        assert_same(tmp_path / "g.pt")
    of_rosinality = ROSINALITY in content.values()
    unsaid = [] if of_rosinality else [UNSAID.format(tmp_path / "g.pt")]
    assert [str(one.message) for one in caught] == [f"{tmp_path / 'g.pt'}: {said}", *unsaid]


def test_a_state_dict_of_nvidia_says_nothing_of_clamps(tmp_path):
    torch.save(NVIDIA, tmp_path / "g.pt")
    with pytest.warns(EclipsedWarning) as caught:
        config, _ = read_generator(tmp_path / "g.pt")
    assert [str(one.message) for one in caught] == [UNSAID.format(tmp_path / "g.pt")]
    assert config.conv_clamp is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"g_ema": ROSINALITY, "nvidia": {"G_ema": OTHER}, "latent_avg": MEAN},
            "took 'g_ema' by rosinality's names, not 'nvidia, G_ema' by NVIDIA's",
        ),
        (
            {"g": ROSINALITY, "G_ema": OTHER, "latent_avg": MEAN},
            "took 'G_ema' by NVIDIA's names, not 'g' by rosinality's",
        ),
        ({**ROSINALITY, **OTHER}, "took 'the file itself' by NVIDIA's names, not 'the file itself' by rosinality's"),
    ],
)
def test_two_layouts_in_one_file(content, said, tmp_path):
    torch.save(content, tmp_path / "g.pt")
    with pytest.warns(EclipsedWarning) as caught:
        read_generator(tmp_path / "g.pt")
    assert f"{tmp_path / 'g.pt'}: it holds generators of two layouts; {said}" in [str(one.message) for one in caught]


STORED = {
    "PTI": lambda c: c["G_ema"],
    "G_ema": lambda c: c,
    "deeper": lambda c: {"run": {"networks": c}},
    "a list": lambda c: [None, c["G_ema"]],
    "another name": lambda c: {"tuned": c["G_ema"], "pivot": torch.zeros(3)},
    "only G": lambda c: {"G": c["G_ema"], "D": None},
}


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("how", ["pickle", "zip", "old torch"])
def test_nvidia_objects(name, how, tmp_path):
    content, path = STORED[name](nvidia_content(CONFIG, STATE)), tmp_path / "model_a.pt"
    if how == "pickle":
        write_nvidia(path, content)
    else:
        with saving_nvidia():
            torch.save(content, path, _use_new_zipfile_serialization=how == "zip")
    expected = pytest.warns(EclipsedWarning, match=r"model_a\.pt: no G_ema; took G$")
    with expected if name == "only G" else contextlib.nullcontext():
        assert_same(path)


@pytest.mark.parametrize("wrap", [lambda c: c[2], lambda c: {"Gs": c[2]}, lambda c: {"x": c}, lambda c: [c[2]]])
def test_tensorflow_networks(wrap, tmp_path):
    content = tensorflow_content(CONFIG, tensorflow_variables(CONFIG, STATE))
    _, tensors = read_generator(write_tensorflow(tmp_path / "g.pkl", wrap(content)))
    assert torch.equal(tensors["synthesis.b4.const"], STATE["synthesis.b4.const"])


def test_a_conditional_state_dict(tmp_path):
    config = replace(CONFIG, z_dim=5, c_dim=4, embed_features=6)
    state = random_generator(config)
    torch.save({"G_ema": state}, tmp_path / "g.pt")
    assert_same(tmp_path / "g.pt", config, state)


def test_a_state_dict_of_nvidia_brings_its_filters(tmp_path):
    taps = torch.tensor([1.0, 2, 3, 4])
    kernel = torch.outer(taps, taps) / 100
    torch.save({**NVIDIA, **{f"synthesis.b{n}.resample_filter": kernel for n in (4, 8, 16)}}, tmp_path / "g.pt")
    assert_same(tmp_path / "g.pt", replace(CONFIG, resample_filter=(1.0, 2.0, 3.0, 4.0)))


def test_a_state_dict_of_nvidia_without_buffers(tmp_path):
    kept = {k: v for k, v in NVIDIA.items() if not k.endswith(("noise_const", "w_avg"))}
    torch.save(kept, tmp_path / "g.pt")
    first, again = read_generator(tmp_path / "g.pt")[1], read_generator(tmp_path / "g.pt")[1]
    for key, value in first.items():
        assert torch.equal(value, again[key])
        assert torch.equal(value, NVIDIA[key]) or key not in kept
    torch.save({k: v for k, v in kept.items() if not k.endswith("noise_strength")}, tmp_path / "g.pt")
    assert not read_generator(tmp_path / "g.pt")[1]["synthesis.b8.conv0.noise_const"].any()


def grey(config=replace(CONFIG, img_channels=1)):  # noqa: B008
    return config, random_generator(config)


def oblong(state, key):
    return {**state, key: state[key][..., :3]}


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        read_generator(path)
    return str(caught.value).removeprefix(f"{path}: ")


NOT_SQUARE = "(its pictures are not square; only generators of square pictures can be read)"


@pytest.mark.parametrize("layout", ["nvidia", "state", "tensorflow", "rosinality"])
def test_grey_generators(layout, tmp_path):
    config, state = grey()
    said = "expected a generator of RGB images; this one is grey, its images have 1 channels"
    assert refusal(written(tmp_path / "g.file", layout, config, state)) == said


def written(path, layout, config, state):
    if layout == "nvidia":
        return write_nvidia(path, nvidia_content(config, state))
    if layout == "tensorflow":
        return write_tensorflow(path, tensorflow_content(config, tensorflow_variables(config, state)))
    torch.save(state if layout == "state" else {"g_ema": rosinality_state(config, state)}, path)
    return path


@pytest.mark.parametrize(
    ("layout", "key", "shape"),
    [
        ("nvidia", "synthesis.b4.const", "(9, 4, 4); found (9, 4, 3)"),
        ("state", "synthesis.b4.const", "(9, 4, 4); found (9, 4, 3)"),
        ("tensorflow", "synthesis/4x4/Const/const", "(1, 9, 4, 4); found (1, 9, 4, 3)"),
        ("rosinality", "input.input", "(1, 9, 4, 4); found (1, 9, 4, 3)"),
    ],
)
def test_generators_of_pictures_that_are_not_square(layout, key, shape, tmp_path):
    path = written(tmp_path / "g.file", layout, CONFIG, oblong(STATE, "synthesis.b4.const"))
    assert refusal(path) == f"{key!r} must have shape {shape} {NOT_SQUARE}"


def test_sizes_that_are_not_square(tmp_path):
    content = nvidia_content(CONFIG, STATE, settings={"": ({"img_resolution": [16, 8]}, {})})
    said = f"the setting img_resolution must be a whole number; found [16, 8] {NOT_SQUARE}"
    assert refusal(write_nvidia(tmp_path / "g.pkl", content)) == said
    variables = tensorflow_variables(CONFIG, STATE)
    content = tensorflow_content(CONFIG, variables, resolution_h=16, resolution_w=8)
    assert refusal(write_tensorflow(tmp_path / "g.pkl", content)) == f"the resolution is 16 x 8 {NOT_SQUARE}"


def test_other_architectures_in_a_state_dict(tmp_path):
    resnet = {**STATE, "synthesis.b8.skip.weight": torch.zeros(6, 9, 1, 1)}
    orig = {k: v for k, v in STATE.items() if "torgb" not in k or ".b16." in k}
    for name, state, block in (("resnet", resnet, "b8"), ("orig", orig, "b4")):
        torch.save({"G_ema": state}, tmp_path / "g.pt")
        said = f"synthesis.{block} has the architecture {name!r}; only 'skip' can be read"
        assert refusal(tmp_path / "g.pt") == said
    torch.save({"synthesis.input.weight": torch.zeros(3), "mapping.fc0.weight": torch.zeros(3)}, tmp_path / "g.pt")
    said = "it has an input of StyleGAN3, but no layers such as synthesis.L0_36_512"
    assert refusal(tmp_path / "g.pt") == said


def test_where_nothing_fits_the_keys_are_listed(tmp_path):
    torch.save({"encoder.x": torch.zeros(3), "opts": {"a": 1}}, tmp_path / "g.pt")
    assert refusal(tmp_path / "g.pt") == (
        f"{tmp_path / 'g.pt'} is none of the known layouts: NVIDIA PyTorch pickle (with G_ema), legacy TensorFlow "
        "pickle (G, D, Gs), a StyleGAN2 generator by rosinality's names (g_ema) or NVIDIA's, eclipsed safetensors; "
        "keys seen: encoder.x, opts"
    )
