"""The generator as everything above it sees it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_files import random_generator
from safetensors.torch import load_file
from torch.testing import assert_close

from eclipsed.checkpoints.generators import read_generator
from eclipsed.compute.devices import as_device, default_device, pinned, send
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
FILES = ["nvidia-pytorch.pkl", "nvidia-tf.pkl", "rosinality.pt"]
CONDITIONAL = GeneratorConfig(
    z_dim=5, w_dim=7, resolution=8, channels=((4, 6), (8, 5)), c_dim=3, mapping_layers=2, conv_clamp=4.0
)


@pytest.fixture(scope="module")
def generator():
    return Generator.from_file(FIXTURES / "nvidia-pytorch.pkl", device="cpu")


@pytest.fixture(scope="module")
def reference():
    return load_file(FIXTURES / "reference.safetensors")


@pytest.mark.parametrize("name", FILES)
def test_images_equal_the_reference(name, reference):
    generator = Generator.from_file(FIXTURES / name, device="cpu")
    assert_close(generator.mapping(reference["z"], 0.7), reference["ws_psi07"], rtol=0, atol=1e-4)
    assert_close(generator.synthesis(reference["ws"]).image, reference["image_const"], rtol=0, atol=1e-4)
    image = generator.synthesis(reference["ws"], SynthesisOptions(noise_mode="none")).image
    assert_close(image, reference["image_no_noise"], rtol=0, atol=1e-4)


def test_what_it_says_of_itself(generator):
    assert (generator.z_dim, generator.w_dim, generator.num_ws, generator.resolution) == (32, 32, 8, 32)
    assert generator.name == "nvidia-pytorch"
    assert generator.device == torch.device("cpu")
    assert generator.w_avg.shape == (32,)
    assert generator.style_names == tuple(layer.name for layer in generator.layers)
    assert len(generator.layers) == 11
    assert sum(not layer.is_rgb for layer in generator.layers) == 7
    assert generator.layer("b8.conv0").row == 1
    assert Generator.from_file(FIXTURES / "rosinality.pt", device="cpu", name="small").name == "small"


def test_seeds_are_the_public_ones(generator):
    z = generator.z([3, 1])
    assert z.dtype == torch.float32
    for row, seed in zip(z, [3, 1], strict=True):
        assert_close(row, torch.tensor(np.random.RandomState(seed).randn(32), dtype=torch.float32), rtol=0, atol=0)
    assert torch.equal(generator.z(1), z[1:])
    assert torch.equal(generator.z(range(2)), generator.z(np.arange(2)))


def test_mapping_accepts_the_truncation_by_place_and_by_name(generator):
    z = generator.z([0])
    assert torch.equal(generator.mapping(z, 0.5), generator.mapping(z, truncation_psi=0.5))
    assert torch.equal(generator.mapping(z), generator.mapping(z, 1))
    assert_close(generator.mapping(z, 0), generator.w_avg.expand(1, 8, 32))


def test_weights_are_frozen_and_gradients_reach_ws(generator):
    assert not any(p.requires_grad for p in generator.network.parameters())
    assert not generator.network.training
    ws = generator.mapping(generator.z([0, 1])).requires_grad_()
    generator.synthesis(ws, SynthesisOptions(resolution=16)).image.square().mean().backward()
    assert ws.grad.isfinite().all()
    assert (ws.grad[:, :6].abs().amax((0, 2)) > 0).all()
    assert (ws.grad[:, 6:] == 0).all()  # rows of the layers above 16 px


def test_styles_put_in_give_the_image(generator, reference):
    ws = reference["ws"]
    styles = generator.styles(ws)
    assert torch.equal(generator.synthesis_from_styles(styles).image, generator.synthesis(ws).image)
    options = SynthesisOptions(resolution=8, features=("b8.conv1",), noise_mode="none")
    drawn, wanted = generator.synthesis_from_styles(styles, options), generator.synthesis(ws, options)
    assert drawn.image.shape == (3, 3, 8, 8)
    assert torch.equal(drawn.image, wanted.image)
    assert torch.equal(drawn.features["b8.conv1"], wanted.features["b8.conv1"])


def test_random_noise_can_be_repeated(generator, reference):
    first, second = (
        generator.synthesis(
            reference["ws"], SynthesisOptions(noise_mode="random", rng=torch.Generator().manual_seed(s))
        ).image
        for s in (5, 5)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, generator.synthesis(reference["ws"]).image)


def test_other_float_types_are_taken(generator, reference):
    drawn = generator.synthesis(reference["ws"].double()).image
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, generator.synthesis(reference["ws"]).image)


def test_equal_latents_give_equal_images_wherever_they_lie_in_memory(generator, reference):
    ws = reference["ws"]
    wanted, shelf = generator.synthesis(ws.clone()).image, torch.empty(ws.numel() + 16)
    for offset in (0, 1, 2, 3, 5):
        moved = shelf[offset : offset + ws.numel()].view_as(ws).copy_(ws)
        assert torch.equal(generator.synthesis(moved).image, wanted)
    spread = ws.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert torch.equal(generator.synthesis(spread).image, wanted)


@pytest.mark.parametrize("name", FILES)
def test_saved_and_read_again_it_is_the_same(name, reference, tmp_path):
    generator = Generator.from_file(FIXTURES / name, device="cpu")
    again = Generator.from_file(generator.save(tmp_path / "again.safetensors"), device="cpu")
    assert torch.equal(again.synthesis(reference["ws"]).image, generator.synthesis(reference["ws"]).image)
    assert again.fingerprint == generator.fingerprint


def test_the_fingerprint_is_that_of_the_numbers(generator, tmp_path):
    prints = {Generator.from_file(FIXTURES / name, device="cpu").fingerprint for name in FILES}
    assert prints == {generator.fingerprint}  # one generator, whatever the layout
    assert len(generator.fingerprint) == 64
    config, state = read_generator(FIXTURES / "rosinality.pt")
    backwards = Generator(config, dict(reversed(state.items())), device="cpu")
    assert backwards.fingerprint == generator.fingerprint
    half = generator.save(tmp_path / "half.safetensors", dtype=torch.float16)
    first = Generator.from_file(half, device="cpu")
    again = Generator.from_file(first.save(tmp_path / "full.safetensors"), device="cpu")
    assert again.fingerprint == first.fingerprint != generator.fingerprint


def test_the_fingerprint_sees_every_change():
    state = random_generator(CONDITIONAL)
    prints = {Generator(CONDITIONAL, state, device="cpu").fingerprint}
    for key in state:
        changed = {**state, key: state[key] + 1e-3}
        prints.add(Generator(CONDITIONAL, changed, device="cpu").fingerprint)
    values = {**vars(CONDITIONAL), "conv_clamp": 5.0}
    prints.add(Generator(GeneratorConfig(**values), state, device="cpu").fingerprint)
    assert len(prints) == len(state) + 2


def test_a_class_conditional_generator():
    generator = Generator(CONDITIONAL, random_generator(CONDITIONAL), device="cpu")
    z, c = generator.z([0, 1]), torch.eye(3)[:2]
    assert not torch.equal(generator.mapping(z, c=c), generator.mapping(z, c=c.flip(0)))
    with pytest.raises(InputError, match=r"class-conditional: c must be \(N, 3\); got none"):
        generator.mapping(z)
    with pytest.raises(InputError, match=r"c must have shape \(N, 3\); got \(2, 2\)"):
        generator.mapping(z, c=c[:, :2])


def test_building_draws_no_random_numbers_and_copies_the_state():
    state = random_generator(CONDITIONAL)
    before = torch.get_rng_state()
    generator = Generator(CONDITIONAL, state, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)
    print_before = generator.fingerprint
    state["mapping.w_avg"].add_(1)
    again = Generator(CONDITIONAL, generator.network.state_dict(), device="cpu")
    assert again.fingerprint == print_before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.z([]), "at least one seed"),
        (lambda g: g.z([1.5]), r"whole number from 0 to 4294967295; got 1\.5"),
        (lambda g: g.z([-1]), "got -1"),
        (lambda g: g.z([2**32]), "got 4294967296"),
        (lambda g: g.z([True]), "got True"),
        (lambda g: g.z(["1"]), "got '1'"),
        (lambda g: g.mapping(torch.zeros(1, 31)), r"z must have shape \(N, 32\); got \(1, 31\)"),
        (lambda g: g.mapping("noise"), r"z must be a tensor of shape \(N, 32\); got str"),
        (lambda g: g.mapping(torch.zeros(1, 32, dtype=torch.int64)), "floating-point numbers; got torch.int64"),
        (lambda g: g.mapping(torch.full((1, 32), float("inf"))), "z holds numbers that are not finite"),
        (lambda g: g.mapping(torch.zeros(1, 32), float("nan")), "truncation_psi must be a number; got nan"),
        (lambda g: g.mapping(torch.zeros(1, 32), "0.7"), "truncation_psi must be a number; got '0.7'"),
        (lambda g: g.mapping(torch.zeros(1, 32), True), "truncation_psi must be a number; got True"),
        (lambda g: g.synthesis(torch.zeros(1, 7, 32)), r"ws must have shape \(N, 8, 32\); got \(1, 7, 32\)"),
        (lambda g: g.synthesis(torch.full((1, 8, 32), float("nan"))), "ws holds numbers that are not finite"),
        (lambda g: g.synthesis(torch.zeros(1, 8, 32), SynthesisOptions(resolution=64)), "resolution must be one of"),
        (lambda g: g.synthesis(torch.zeros(1, 8, 32), SynthesisOptions(features=["b9"])), r"no features \['b9'\]"),
        (lambda g: g.styles(torch.zeros(8, 32)), r"ws must have shape"),
        (lambda g: g.synthesis_from_styles({}), "missing"),
        (
            lambda g: g.synthesis_from_styles({"b4.conv1": torch.zeros(1, 3)}),
            r"style b4.conv1 must have shape \(N, 32\)",
        ),
        (lambda g: g.synthesis_from_styles({"b3": torch.zeros(1, 3)}), r"unknown \['b3'\]"),
        (lambda g: g.layer("b4.conv0"), "unknown layer 'b4.conv0'; known: b4.conv1, b4.torgb, b8.conv0"),
        (lambda g: g.save("x.safetensors", dtype=torch.int32), "dtype must be one of"),
    ],
)
def test_bad_input_is_named(generator, call, message):
    with pytest.raises(InputError, match=message):
        call(generator)


def test_a_state_that_does_not_fit():
    state = random_generator(CONDITIONAL)
    del state["mapping.w_avg"]
    with pytest.raises(InputError, match=r"does not fit the generator's config(.|\n)*mapping\.w_avg"):
        Generator(CONDITIONAL, state, device="cpu")


def test_files_that_are_no_rgb_generator(tmp_path):
    from eclipsed.checkpoints.native import write_generator

    config = GeneratorConfig(z_dim=4, w_dim=4, resolution=8, channels=((4, 2), (8, 2)), img_channels=1)
    path = write_generator(tmp_path / "grey.safetensors", config, random_generator(config))
    with pytest.raises(CheckpointError, match=r"grey.safetensors: expected a generator of RGB images; .* 1 channels"):
        Generator.from_file(path)
    with pytest.raises(MissingModelError, match="is not there"):
        Generator.from_file(tmp_path / "nothing.pkl")


def test_devices():
    assert as_device("cpu") == torch.device("cpu")
    assert as_device(torch.device("cpu")) == torch.device("cpu")
    assert as_device() == default_device()
    assert default_device().type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "meta", 3.5, "cpu:7"])
def test_devices_that_are_not_there(device):
    with pytest.raises(InputError, match="device"):
        as_device(device)


def test_what_stays_on_the_processor_is_neither_copied_nor_pinned():
    numbers = torch.arange(3.0)
    assert send(numbers, torch.device("cpu")) is numbers
    assert pinned(numbers, torch.device("cpu")) is numbers
    assert send(numbers, torch.device("cpu"), torch.float16).dtype == torch.float16


def test_only_what_leaves_for_a_gpu_is_pinned(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: asked.append(self) or self.clone())
    numbers, elsewhere = torch.arange(3.0), torch.empty(3, device="meta")
    assert torch.equal(pinned(numbers, torch.device("cuda")), numbers)
    assert pinned(elsewhere, torch.device("cuda")) is elsewhere
    assert len(asked) == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_what_was_sent_arrives_whatever_happens_to_the_source():
    device, numbers = torch.device("cuda"), torch.arange(1000.0)
    assert pinned(numbers, device).is_pinned()
    sent = [send(numbers + k, device) for k in range(200)]  # the pinned memory of each is free again at once
    for k, one in enumerate(sent):
        assert torch.equal(one.cpu(), numbers + k)
    with pytest.raises(InputError, match="device"):
        Generator.from_file(FIXTURES / "rosinality.pt", device=device)
