"""The parser: reading its checkpoints, its preprocessing and its answers."""

from __future__ import annotations

import json
import pickle

import facexlib.parsing.bisenet as facexlib
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch.testing import assert_close

from eclipsed.checkpoints.parsing import ParserConfig, read_parser, write_parser
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.pretrained.bisenet_parser import BiSeNetParser

SMALL = ParserConfig(width=8, size=64, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def random_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights and batch statistics that make every part of the network matter."""
    rng = torch.Generator().manual_seed(3)
    state = {}
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(5)
        elif key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            state[key] = 0.5 + torch.rand(value.shape, generator=rng)
        else:
            state[key] = torch.randn(value.shape, generator=rng) / max(value[0].numel(), 1) ** 0.5
    return state


@pytest.fixture(scope="module")
def small_state():
    return random_state(BiSeNet(width=SMALL.width))


@pytest.fixture
def small_file(tmp_path, small_state):
    return write_parser(tmp_path / "parser.safetensors", SMALL, small_state)


@pytest.fixture
def small(small_file):
    return BiSeNetParser.from_file(small_file, device="cpu")


@pytest.fixture(scope="module")
def facexlib_network():
    network = facexlib.BiSeNet(num_class=19)
    network.load_state_dict(random_state(network))
    return network.eval()


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    """Smooth random images in [-1, 1]."""
    noise = torch.rand(shape[0], 3, 6, 6, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.interpolate(noise, shape[1:], mode="bilinear")


# --- facexlib's layout


@pytest.mark.parametrize("layout", ["plain", "state_dict", "module", "half", "old"])
def test_every_layout_of_facexlibs_weights_is_read(tmp_path, facexlib_network, layout):
    state = facexlib_network.state_dict()
    content = {
        "state_dict": {"state_dict": state, "epoch": 3},
        "module": {f"module.{key}": value for key, value in state.items()},
        "half": {key: value.half() if value.is_floating_point() else value for key, value in state.items()},
    }.get(layout, dict(state))
    path = tmp_path / "parsing_bisenet.pth"
    torch.save(content, path, _use_new_zipfile_serialization=layout != "old")
    config, read = read_parser(path)
    assert config == ParserConfig(width=64, size=512, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    assert set(read) == set(state)
    for key, value in state.items():
        assert_close(read[key], value, rtol=2e-3 if layout == "half" else 0, atol=2e-3 if layout == "half" else 0)


def test_facexlibs_checkpoint_gives_facexlibs_labels(tmp_path, facexlib_network):
    path = tmp_path / "parsing_bisenet.pth"
    torch.save(facexlib_network.state_dict(), path)
    parser = BiSeNetParser.from_file(path, device="cpu")
    images = pictures(1, 300, 300)
    # the recipe of zllrunning's and facexlib's own scripts: PIL resize, ToTensor, Normalize, argmax of the first output
    pixels = ((images[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    resized = np.asarray(Image.fromarray(pixels).resize((512, 512), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    normalised = (resized - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = facexlib_network(torch.from_numpy(normalised).float().permute(2, 0, 1)[None])[0]
        at_512 = torch.nn.functional.interpolate(expected, (300, 300), mode="bilinear", antialias=True).argmax(1)
    agreement = (parser.labels(images) == at_512).float().mean()
    assert agreement > 0.99
    assert len(at_512.unique()) > 3


def test_at_its_own_size_the_parser_is_normalisation_and_network(small, small_state):
    network = BiSeNet(width=SMALL.width).eval()
    network.load_state_dict({k: v.half().float() if v.ndim > 1 else v for k, v in small_state.items()})
    images = pictures(2, 64, 64)
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (SMALL.mean, SMALL.std))
    with torch.no_grad():
        expected = network(((images + 1) / 2 - mean) / std)[0]
    assert_close(small.probabilities(images), expected.softmax(1), rtol=1e-4, atol=1e-5)
    assert torch.equal(small.labels(images), expected.argmax(1))


# --- answers


@pytest.mark.parametrize("size", [(64, 64), (50, 90), (128, 128)])
def test_labels_probabilities_and_masks_have_the_images_size(small, size):
    images = pictures(2, *size)
    labels = small.labels(images)
    assert labels.dtype == torch.int64
    assert labels.shape == (2, *size)
    chances = small.probabilities(images)
    assert chances.shape == (2, 19, *size)
    assert_close(chances.sum(1), torch.ones(2, *size))
    assert torch.equal(chances.argmax(1), labels)


def test_a_hard_mask_is_where_the_labels_are_and_a_soft_one_their_chance(small):
    images = pictures(2, 64, 64)
    labels, chances = small.labels(images), small.probabilities(images)
    present = labels.unique().tolist()
    assert len(present) >= 2
    names = [small.parts[present[0]], small.parts[present[-1]]]
    expected = (labels == present[0]) | (labels == present[-1])
    mask = small.mask(images, names)
    assert mask.shape == (2, 1, 64, 64)
    assert torch.equal(mask[:, 0], expected.float())
    soft = small.mask(images, names, soft=True)
    assert_close(soft[:, 0], chances[:, present[0]] + chances[:, present[-1]])
    everything = small.mask(images, small.parts, soft=True)
    assert_close(everything, torch.ones_like(everything))


def test_tables_are_looked_up_at_every_pixel(small):
    images = pictures(2, 64, 64).requires_grad_()
    tables = torch.randn(3, len(small.parts), generator=torch.Generator().manual_seed(3))
    labels, found = small.labels(images), small.looked_up(images, tables)
    assert found.shape == (2, 3, 64, 64)
    assert not found.requires_grad
    for row, values in enumerate(tables.tolist()):
        assert found[:, row].flatten().tolist() == pytest.approx([values[label] for label in labels.flatten().tolist()])
    assert small.looked_up(images.double(), tables).dtype == torch.float64


def test_groups_and_single_names_are_understood(small):
    images = pictures(1, 64, 64)
    assert torch.equal(small.mask(images, "lips"), small.mask(images, ["upper_lip", "lower_lip"]))


def test_gradients_of_probabilities_and_soft_masks_are_finite(small):
    images = pictures(2, 80, 80).requires_grad_()
    small.mask(images, ["hair", "skin"], soft=True).square().sum().backward()
    assert images.grad.isfinite().all()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in small.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_of_the_images_is_kept(small, dtype):
    images = pictures(1, 64, 64).to(dtype)
    assert small.probabilities(images).dtype == dtype
    assert small.mask(images, ["hair"]).dtype == dtype
    assert small.mask(images, ["hair"], soft=True).dtype == dtype


def test_one_picture_gives_the_same_alone_and_in_a_batch(small):
    images = pictures(3, 64, 64)
    assert_close(small.probabilities(images)[1:2], small.probabilities(images[1:2]), rtol=1e-4, atol=1e-6)


def test_values_outside_the_range_are_seen_as_a_saved_picture_shows_them(small):
    images = pictures(1, 64, 64) * 3
    assert torch.equal(small.probabilities(images), small.probabilities(images.clamp(-1, 1)))


def test_the_parser_is_frozen_and_stays_in_eval_mode(small):
    assert not any(parameter.requires_grad for parameter in small.parameters())
    small.train()
    assert not any(module.training for module in small.modules())
    before = small.probabilities(pictures(2, 64, 64))
    assert torch.equal(small.probabilities(pictures(2, 64, 64)), before)


def test_loading_draws_nothing_from_torchs_generator(small_file):
    before = torch.random.get_rng_state()
    BiSeNetParser.from_file(small_file, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


# --- our own file


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_writing_and_reading_keeps_weights_and_config(tmp_path, small_state, dtype):
    path = write_parser(tmp_path / "p.safetensors", SMALL, small_state, dtype=dtype)
    config, read = read_parser(path)
    assert config == SMALL
    for key, value in small_state.items():
        assert read[key].dtype == value.dtype
        assert torch.equal(read[key], value.to(dtype).to(value.dtype) if value.ndim > 1 else value), key
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["eclipsed"])
        assert file.get_tensor("cp.resnet.conv1.weight").dtype == dtype
    assert header["kind"] == "parser"
    assert header["version"] == 1
    assert header["config"] == {"width": 8, "size": 64, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}


def test_writing_a_state_of_another_width_is_refused(tmp_path, small_state):
    with pytest.raises(CheckpointError, match=r"has the shape \(8, 3, 7, 7\); expected \(16, 3, 7, 7\)"):
        write_parser(tmp_path / "p.safetensors", ParserConfig(width=16, size=64), small_state)
    assert list(tmp_path.iterdir()) == []


# --- errors


@pytest.mark.parametrize("key", [None, "state_dict", "model", "params_ema", "net", "any"])
@pytest.mark.parametrize("prefix", ["", "module.", "net.", "parser.model."])
def test_a_parser_is_found_in_whatever_it_was_saved_in(tmp_path, small_state, key, prefix):
    state = {f"{prefix}{k}": v for k, v in small_state.items() if not k.endswith("num_batches_tracked")}
    content = {**state, "epoch": 3} if key is None else {key: state, "epoch": np.float64(3), "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "p.pth")
    read = read_parser(tmp_path / "p.pth")[1]
    assert read.keys() == small_state.keys()
    assert all(torch.equal(read[k], v) for k, v in small_state.items() if not k.endswith("num_batches_tracked"))


def test_a_missing_key_an_extra_key_and_a_wrong_shape_are_named(tmp_path, small_state):
    path = tmp_path / "p.pth"

    def message(state):
        torch.save(state, path)
        with pytest.raises(CheckpointError) as caught:
            BiSeNetParser.from_file(path, device="cpu")
        return str(caught.value)

    less = {key: value for key, value in small_state.items() if key != "ffm.conv1.weight"}
    assert message(less) == f"{path} lacks ffm.conv1.weight; expected the 191 keys of a BiSeNet"
    assert (
        message({**small_state, "fc.bias": torch.zeros(2)}) == f"{path} has keys that a BiSeNet does not have: fc.bias"
    )
    assert message({**small_state, "ffm.conv1.weight": torch.zeros(3, 4)}) == (
        f"{path}: ffm.conv1.weight has the shape (3, 4); expected (8, 32, 1, 1)"
    )
    assert "ffm.conv2.weight holds values that are not finite" in message(
        {**small_state, "ffm.conv2.weight": torch.full((32, 8, 1, 1), float("nan"))}
    )
    assert "tells 7 classes apart; expected the 19" in message(random_state(BiSeNet(7, 8)))
    assert "is not a BiSeNet" in message({"weight": torch.zeros(3)})
    assert "'ffm.conv1.weight' holds int, not a tensor" in message({**small_state, "ffm.conv1.weight": 3})
    assert message({"weight": torch.zeros(3)}) == f"{path} is not a BiSeNet, a face parser: keys seen: weight"
    assert "holds no state dict but list" in message([torch.zeros(3)])


class Trap:
    """Something that opens a file for writing when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_wants_to_run_code_runs_nothing(tmp_path, small_state):
    opened = tmp_path / "opened"
    pickle.loads(pickle.dumps(Trap(opened))).close()
    assert opened.exists()  # the trap works
    opened.unlink()
    for name, content in {"zip.pth": {**small_state, "trap": Trap(opened)}, "plain.pth": Trap(opened)}.items():
        path = tmp_path / name
        if name == "zip.pth":
            torch.save(content, path)
        else:
            path.write_bytes(pickle.dumps(content, protocol=2))
        with pytest.raises(CheckpointError, match="nothing was run"):
            BiSeNetParser.from_file(path, device="cpu")
    assert not opened.exists()


@pytest.mark.parametrize("name", ["p.safetensors", "p.pth"])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.99])
def test_a_file_cut_short_is_one_clear_error(tmp_path, small_state, name, share):
    path = tmp_path / name
    if name == "p.pth":
        torch.save(small_state, path)
    else:
        write_parser(path, SMALL, small_state)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=name):
        BiSeNetParser.from_file(path, device="cpu")


def test_other_files_are_refused(tmp_path, small_state):
    missing = tmp_path / "none.pth"
    with pytest.raises(MissingModelError, match="does not exist"):
        BiSeNetParser.from_file(missing, device="cpu")
    with pytest.raises(CheckpointError, match="cannot be read"):
        BiSeNetParser.from_file(tmp_path, device="cpu")
    text = tmp_path / "notes.txt"
    text.write_text("not a checkpoint at all")
    with pytest.raises(CheckpointError, match=r"notes\.txt"):
        BiSeNetParser.from_file(text, device="cpu")

    path = tmp_path / "other.safetensors"
    for header, expected in {
        '{"kind": "generator", "version": 1}': "holds no face parser but 'generator'",
        '{"kind": "parser", "version": 9, "config": {}}': "is a parser of format 9; this eclipsed reads format 1",
        '{"kind": "parser", "version": 1}': "has no config",
        '{"kind": "parser", "version": 1, "config": {"size": 70}}': "a multiple of 32 pixels; got 70",
        '{"kind": "parser", "version": 1, "config": {"size": "big"}}': "size must be a whole number above 0; got 'big'",
        '{"kind": "parser", "version": 1, "config": {"mean": [1]}}': "mean must be three numbers",
        '{"kind": "parser", "version": 1, "config": {"std": [0, 1, 1]}}': "std must be above 0",
        '{"kind": "parser", "version": 1, "config": {"depth": 3}}': "bad config",
        "[1]": "holds no face parser",
        "{nonsense": "damaged",
    }.items():
        save_file(small_state, path, metadata={"eclipsed": header})
        with pytest.raises(CheckpointError) as caught:
            BiSeNetParser.from_file(path, device="cpu")
        assert expected in str(caught.value)


def test_bad_images_and_parts_are_refused(small):
    with pytest.raises(InputError, match=r"\(N, 3, H, W\)"):
        small.labels(torch.zeros(3, 64, 64))
    with pytest.raises(InputError, match="float"):
        small.labels(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with pytest.raises(InputError, match="unknown part 'whiskers'"):
        small.mask(pictures(1, 64, 64), ["whiskers"])
    with pytest.raises(InputError, match="at least one part"):
        small.mask(pictures(1, 64, 64), [])


def test_an_unknown_device_is_refused(small_file):
    with pytest.raises(InputError, match="abacus"):
        BiSeNetParser.from_file(small_file, device="abacus")
